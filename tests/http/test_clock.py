"""The wall clock is set an hour forward, an hour back, or both, under a server at work: what counts in durations ends neither
early nor late. Only the server sees the step: a library put before its own says another time for the wall clock."""

import datetime
import mmap
import struct
import subprocess
import threading
import time

import pytest

from longhaul_server import running_server
from waiting import PATIENCE, SANITIZED
from webhook_receiver import WebhookReceiver

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer must be the first library of a program")

STEPPER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
/* The wall clock is so many seconds off as the file $CLOCK_STEP says, which may change at any time. */
static volatile int64_t* step;
static int (*real_clock)(clockid_t, struct timespec*);
__attribute__((constructor)) static void open_step(void) {
  const char* path = getenv("CLOCK_STEP");
  real_clock = dlsym(RTLD_NEXT, "clock_gettime");
  void* seen = path == NULL ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, open(path, O_RDONLY | O_CLOEXEC), 0);
  if (seen != MAP_FAILED) step = seen;
}
static int64_t off(void) { return step == NULL ? 0 : *step; }
int clock_gettime(clockid_t id, struct timespec* now) {
  /* An allocator may ask before anything of this library was set up. */
  const int result = real_clock == NULL ? (int)syscall(SYS_clock_gettime, id, now) : real_clock(id, now);
  if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) now->tv_sec += off();
  return result;
}
time_t time(time_t* at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at != NULL) *at = now.tv_sec;
  return now.tv_sec;
}
int gettimeofday(struct timeval* restrict at, void* restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}
"""

HOUR = 3600
CONFIG = """
[queues.one]
concurrency = 1
[retention]
succeeded_seconds = 10_800
[tasks.fail_soon]
command = ["/bin/sh", "-c", "exit 3"]
max_attempts = 2
retry_base_seconds = 3
retry_cap_seconds = 3
[tasks.fail_late]
command = ["/bin/sh", "-c", "exit 3"]
max_attempts = 2
retry_base_seconds = 86_400
retry_cap_seconds = 86_400
[webhooks]
allow_addresses = ["127.0.0.0/8"]
retry_seconds = [3, 3000]
"""
SECONDS = 3.0  # of each wait that is to end in the test
LATE = 1.5     # later than this is late, on a machine that has other things to do


class WallClock:
    """The wall clock as the server sees it."""

    def __init__(self, folder):
        self.path = folder / "step"
        self.path.write_bytes(bytes(8))
        with open(self.path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    def set_off(self, seconds):
        self._map[:8] = struct.pack("=q", seconds)


@pytest.fixture(scope="module")
def stepper(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stepper")
    (folder / "stepper.c").write_text(STEPPER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "stepper.so", "stepper.c", "-ldl"], cwd=folder, check=True)
    return folder / "stepper.so"


def hours_from_now(hours):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)).isoformat()


class Work:
    """Tasks that wait for something, in every way that there is."""

    def __init__(self, client, receiver):
        self.client = client
        self.began = time.monotonic()
        self.over = {}  # when each was seen to be over
        self.kept = client.run("echo", "kept")["task_id"]
        self.called = client.start("echo", callback_url=receiver.url("/soon"))["task_id"]
        self.holder = client.start("sleep", {"seconds": 600}, queue="one")["task_id"]
        client.until(self.holder, "running")
        self.soon = {name: client.start(*arguments, **fields)["task_id"] for name, arguments, fields in (
            ("delay", ["echo"], {"delay_seconds": SECONDS}),
            ("timeout", ["sleep", {"seconds": 600}], {"timeout_seconds": SECONDS, "max_attempts": 1}),
            ("deadline of a running task", ["sleep", {"seconds": 600}], {"deadline_seconds": SECONDS}),
            ("deadline of a waiting task", ["echo"], {"deadline_seconds": SECONDS, "delay_seconds": 600}),
            ("expiry", ["echo"], {"expires_seconds": SECONDS, "queue": "one"}),
            ("work", ["sleep", {"seconds": SECONDS}], {}),
            ("retry", ["fail_soon"], {}),
        )}
        self.later = [client.start(*arguments, **fields)["task_id"] for arguments, fields in (
            (["echo"], {"delay_seconds": HOUR / 2}),
            (["sleep", {"seconds": 600}], {"timeout_seconds": HOUR / 2}),
            (["sleep", {"seconds": 600}], {"deadline_seconds": HOUR / 2}),
            (["echo"], {"expires_seconds": HOUR / 2, "queue": "one"}),
            (["fail_late"], {}),
            (["echo"], {"run_at": hours_from_now(2)}),
            (["echo"], {"delay_seconds": 600, "deadline_at": hours_from_now(2)}),
        )]

    def set(self, clock, seconds):
        """And has the server look at its clocks, for there is something to do."""
        clock.set_off(seconds)
        self.client.run("echo")

    def watch(self, steps):
        """Until all that is to end has ended; meanwhile the clock is set, at the given times."""
        while self.over.keys() != self.soon.keys() and self.age() < 30 * PATIENCE:
            while steps and self.age() > steps[0][0]:
                steps.pop(0)[1]()
            for name, task_id in self.soon.items():
                if name not in self.over and self.client.status(task_id)["finished_at"] is not None:
                    self.over[name] = self.age()
            threading.Event().wait(0.01)  # until the next look
        assert not steps

    def age(self):
        return time.monotonic() - self.began


@pytest.mark.parametrize("hours", [[1], [-1], [1, 0], [-1, 0], [1, -1, 1]], ids=str)
def test_durations_do_not_follow_the_wall_clock(stepper, tmp_path, hours):
    clock = WallClock(tmp_path)
    environment = {"LD_PRELOAD": str(stepper), "CLOCK_STEP": str(clock.path)}
    with WebhookReceiver() as receiver, running_server(config=CONFIG, environment=environment) as server, server.client() as client:
        receiver.plan("/soon", 500, 500, 200)
        work = Work(client, receiver)
        receiver.wait_for(1)
        set_up = work.age()
        assert set_up < SECONDS / 2 * PATIENCE
        work.watch([(set_up + 0.3 * (i + 1), lambda off=off: work.set(clock, off * HOUR)) for i, off in enumerate(hours)])
        for name, age in work.over.items():
            earliest = 0 if name == "retry" else SECONDS  # which is drawn from nothing to that
            assert earliest <= age < set_up + SECONDS + LATE * PATIENCE, f"{name}: over after {age:.2f} s"
        first, second = receiver.wait_for(2, "/soon")
        assert 0.8 * SECONDS <= second.at - first.at < 1.2 * SECONDS + LATE * PATIENCE
        # Time as the server tells it has changed, and nothing else.
        told = datetime.datetime.fromisoformat(client.start("echo")["created_at"]).timestamp()
        assert abs(told - time.time() - hours[-1] * HOUR) < 5
        for task_id in work.later:
            assert client.status(task_id)["finished_at"] is None, client.detail(task_id)
        assert client.status(work.kept)["result"] == "kept"
        assert len(receiver.received()) == 2


def test_durations_go_on_over_a_restart_under_another_clock(stepper, tmp_path):
    clock = WallClock(tmp_path)
    environment = {"LD_PRELOAD": str(stepper), "CLOCK_STEP": str(clock.path)}
    with WebhookReceiver() as receiver, running_server(config=CONFIG, environment=environment) as server:
        receiver.plan("/soon", 500, 200)
        for off in (HOUR, -HOUR):
            began = time.monotonic()
            with server.client() as client:
                soon = client.start("echo", delay_seconds=SECONDS)["task_id"]
                ends = client.start("echo", deadline_seconds=SECONDS, delay_seconds=600)["task_id"]
                later = client.start("echo", delay_seconds=HOUR / 2)["task_id"]
                client.start("echo", callback_url=receiver.url("/soon"))
                (first,) = receiver.wait_for(1, "/soon")
            clock.set_off(off)
            server.restart(kill=True)
            with server.client() as client:
                assert client.finished(soon)["status"] == "succeeded"
                assert client.finished(ends)["error"]["code"] == "DEADLINE_EXCEEDED"
                assert SECONDS <= time.monotonic() - began < SECONDS + LATE * PATIENCE
                _, second = receiver.wait_for(2, "/soon")
                assert second.at - first.at < 1.2 * SECONDS + LATE * PATIENCE
                assert client.status(later)["finished_at"] is None
            receiver.forget()
            receiver.plan("/soon", 500, 200)
