"""Waiting for what a test waits for: a condition on real state, looked at again and again until a deadline. Never for time."""

import os
import select
import threading
import time

SANITIZED = os.environ.get("LONGHAUL_PRESET") in ("asan", "tsan")
# Deadlines say when a test gives up; a sanitizer makes everything slower.
PATIENCE = 4 if SANITIZED else 1

_never = threading.Event()


def deadline_in(seconds):
    return time.monotonic() + seconds * PATIENCE


def wait_until(condition, what, seconds=20):
    """Returns the first true value of condition(); fails when there is none in time. `what` says what was waited for
    (text, or a function that makes it)."""
    end = deadline_in(seconds)
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds * PATIENCE} s in vain for {what() if callable(what) else what}")
        _never.wait(pause)
        pause = min(pause * 1.5, 0.05)


def readable(descriptor, seconds):
    """Whether something can be read within that time."""
    return bool(select.select([descriptor], [], [], max(0.0, seconds))[0])
