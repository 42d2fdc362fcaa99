"""A server that gets killed, and a load that does not mind: what clients were told by it is kept, over all its lives."""

import contextlib
import http.client
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

from client_threads import ClientThreads
from http_client import FINAL, ApiClient
from longhaul_server import LonghaulServer, descendants_of, is_alive, process_line
from openapi_check import OpenApiCheck
from waiting import PATIENCE, deadline_in, wait_until

GONE_WITHIN_SECONDS = 5
MARK = "KILL9_MARK"


def pause(seconds):
    """Lets a random moment come; nothing is waited for."""
    threading.Event().wait(seconds)


def start_ticks(pid):
    """With the id, names a process for good; nothing if there is none."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return None


def marked_processes(mark):
    """Living processes with this mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if wanted in pathlib.Path(f"/proc/{entry}/environ").read_bytes().split(b"\0") and is_alive(int(entry)):
                    found.append(int(entry))
    return found


class KilledServer(LonghaulServer):
    def __init__(self, mark, **options):
        super().__init__(**options)
        self.mark = mark

    def kill_and_look(self):
        """kill -9; then everything that it had started must be gone within five seconds."""
        tree = self._tree()
        end = time.monotonic() + GONE_WITHIN_SECONDS * PATIENCE
        self.kill(seconds=GONE_WITHIN_SECONDS)
        self._wait_for_end_of(tree, end)
        wait_until(lambda: not marked_processes(self.mark), lambda: self._say(marked_processes(self.mark)), self._left(end))

    def kill_and_start_at_once(self):
        """kill -9 and a new start, which finds what the old one has left still at work; then as above."""
        tree = self._tree()
        end = time.monotonic() + GONE_WITHIN_SECONDS * PATIENCE
        self.kill_now()
        self.start()
        self._wait_for_end_of(tree, end)

    def kill_while_it_starts(self, after_seconds):
        """Starts a server and kills it before, or a little after, it is ready."""
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            cwd=self.folder, env=self.environment)
        pause(after_seconds)
        tree = self._tree()
        end = time.monotonic() + GONE_WITHIN_SECONDS * PATIENCE
        self.kill_now()
        self._wait_for_end_of(tree, end)

    def kill_now(self):
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        self._forget()

    def _tree(self):
        return [(pid, start_ticks(pid)) for pid in descendants_of(self.pid)]

    def _wait_for_end_of(self, tree, end):
        def living():
            return [pid for pid, ticks in tree if ticks is not None and start_ticks(pid) == ticks and is_alive(pid)]
        wait_until(lambda: not living(), lambda: self._say(living()), self._left(end))

    @staticmethod
    def _left(end):
        return max(0.0, end - time.monotonic()) / PATIENCE

    @staticmethod
    def _say(pids):
        return f"{[(pid, process_line(pid)) for pid in pids]} to end"


class Record:
    """What clients were told. One lock, for all threads of the load."""

    def __init__(self):
        self.lock = threading.Lock()
        self.accepted = {}  # task id -> what was asked for
        self.keys = {}      # Idempotency-Key -> (body, task id)
        self.finals = {}    # task id -> the final status, whole
        self.attempts = {}  # task id -> greatest attempt seen
        self.faults = []

    def accept(self, status, wanted, key):
        with self.lock:
            self.accepted[status["task_id"]] = wanted
            if key is not None:
                self.keys[key] = (wanted, status["task_id"])

    def before(self, task_id):
        """What is known of a task before it is asked for: the answer may say no less."""
        with self.lock:
            return self.finals.get(task_id), self.attempts.get(task_id, 0)

    def after(self, status, known):
        final, attempt = known
        task_id = status["task_id"]
        assert final is None or status == final, f"a final state has changed: {final} to {status}"
        assert status["attempt"] >= attempt, f"attempt {attempt} is not counted any more: {status}"
        with self.lock:
            self.attempts[task_id] = max(self.attempts.get(task_id, 0), status["attempt"])
            if status["status"] in FINAL:
                self.finals[task_id] = status

    def look(self, client, task_id):
        """Polls a task and holds the answer against what is known of it."""
        known = self.before(task_id)
        status = client.status(task_id)
        self.after(status, known)
        return status


class Load(ClientThreads):
    """Clients in threads, until the server dies under them. `wishes(random)` makes the body of a start."""

    def __init__(self, server, record, seed, wishes, threads=4):
        super().__init__(threads)
        self.server, self.record, self.seed, self.wishes = server, record, seed, wishes
        self.accepted = 0

    def until_accepted(self, count, seconds=30):
        end = deadline_in(seconds)
        wait_until(lambda: self.accepted >= count or self.record.faults or time.monotonic() > end, "starts", seconds * 2)
        assert self.accepted >= count or self.record.faults, f"only {self.accepted} starts in {seconds} s"

    def run_client(self, number):
        dice = random.Random(f"{self.seed}-{number}")
        # The check keeps state of its own, so each thread has one.
        check = OpenApiCheck(self.server.check.document)
        own = []
        with ApiClient(self.server.address, self.server.port, check) as client:
            try:
                while not self.stopping.is_set():
                    self._one(client, dice, own)
            except (OSError, http.client.HTTPException):
                return  # the server is dead
            except Exception as fault:  # pylint: disable=broad-except
                self.record.faults.append(f"{type(fault).__name__}: {fault}")

    def _one(self, client, dice, own):
        choice = dice.random()
        if choice < 0.6 or not own:
            own.append(self._start(client, dice))
        elif choice < 0.75:
            self._cancel(client, dice.choice(own))
        else:
            self.record.look(client, dice.choice(own))

    def _start(self, client, dice):
        wanted = self.wishes(dice)
        key = f"key-{dice.getrandbits(64):x}" if dice.random() < 0.3 else None
        status = client.start(headers={"Idempotency-Key": key} if key else None, **wanted)
        self.record.accept(status, wanted, key)
        with self.record.lock:
            self.accepted += 1
        return status["task_id"]

    def _cancel(self, client, task_id):
        known = self.record.before(task_id)
        answer = client.cancel(task_id, reason="enough")
        if answer.status in (200, 202):
            self.record.after(answer.json, known)
        else:
            answer.expect(409, "TASK_ALREADY_FINAL")
