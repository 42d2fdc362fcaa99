"""A disk that is full: starts are refused and say so, all else goes on, and space is enough for it to be over."""

import contextlib
import os
import subprocess

import pytest

from client_threads import ClientThreads
from longhaul_server import LonghaulServer
from openapi_check import OpenApiCheck
from waiting import wait_until
from webhook_receiver import WebhookReceiver

DISK_BYTES = 32 * 1024 * 1024
RESERVE_MB = 4
WEBHOOKS = '[webhooks]\nallow_addresses = ["127.0.0.0/8"]\nretry_seconds = [1, 1, 1]\n'


@contextlib.contextmanager
def small_disk(folder):
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", str(folder)],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def server():
    """A server whose folder is a disk of its own."""
    server = LonghaulServer(tasks={"cat": "cat"}, arguments=["--min-free-disk-mb", str(RESERVE_MB)])
    try:
        with small_disk(server.folder):
            server.temporary.mkdir()
            try:
                yield server
            finally:
                server.kill()
    finally:
        server.remove()


def free_bytes(folder):
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


class Filler:
    """A file that takes the disk until so much is left."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "tmp" / "filler"

    def leave(self, bytes_left):
        with open(self.path, "ab", buffering=0) as file:
            with contextlib.suppress(OSError):
                while (more := free_bytes(self.folder) - bytes_left) > 0:
                    file.write(bytes(min(more, 1024 * 1024)))

    def remove(self):
        self.path.unlink()


def refused(client):
    answer = client.post("/start-task", {"type": "echo"}).expect(503, "STORAGE_FULL")
    assert int(answer.header("Retry-After")) >= 1
    return answer


@pytest.fixture
def receiver():
    with WebhookReceiver() as listening:
        yield listening


def test_a_nearly_full_disk_refuses_starts_and_nothing_else(server, receiver):
    server.config = WEBHOOKS
    server.start()
    filler = Filler(server.folder)
    with server.client() as client:
        waiting = [client.start("echo", delay_seconds=3600, callback_url=receiver.url())["task_id"] for _ in range(20)]
        running = [client.start("sleep", {"seconds": 600})["task_id"] for _ in range(4)]
        for task_id in running:
            client.until(task_id, "running")
        filler.leave(RESERVE_MB * 1024 * 1024 - 256 * 1024)
        for _ in range(5):
            refused(client)
        client.get("/livez").expect(200)
        client.get("/readyz").expect(200)
        for task_id in waiting:
            assert client.cancel(task_id).expect(200).json["status"] == "cancelled"
        for task_id in running:
            assert client.cancel(task_id, wait=20).expect(200).json["status"] == "cancelled"
        assert len(client.get("/tasks").json["tasks"]) == len(waiting) + len(running)
        assert {one.task_id for one in receiver.wait_for(len(waiting))} == set(waiting), "callbacks go on"
        filler.remove()
        assert client.run("echo", 1)["result"] == 1
    server.stop()


def test_a_full_disk_loses_nothing_and_is_over_when_there_is_space(server, receiver):
    gate = server.temporary / "gate"
    os.mkfifo(gate)
    server.config = WEBHOOKS + f'[tasks.held]\ncommand = ["sh", "-c", "cat > /dev/null; cat {gate}"]\n'
    server.start()
    filler = Filler(server.folder)
    with server.client() as client:
        finished = client.run("cat", "before")["task_id"]
        held = client.start("held", callback_url=receiver.url("/held"))["task_id"]
        client.until(held, "running")
        later = client.start("echo", delay_seconds=3600, callback_url=receiver.url("/later"))["task_id"]
        filler.leave(0)
        assert free_bytes(server.folder) < 4096
        for _ in range(5):
            refused(client)
        for task_id in (finished, held, later):
            client.get(f"/tasks/{task_id}").expect(200)
        client.get("/livez").expect(200)
        assert client.get("/tasks").expect(200).json["tasks"]
        # Whether there is still room for this in what the log has already, the answer says; and it is the truth.
        answer = client.cancel(later)
        assert answer.status in (200, 503), answer.text
        if answer.status == 503:
            assert answer.code == "STORAGE_FULL"
        state = client.status(later)["status"]
        assert state == ("cancelled" if answer.status == 200 else "scheduled")
        # A task ends while nothing, or hardly anything, can be written.
        with open(gate, "w") as opened:
            opened.write("done")
        filler.remove()
        assert client.finished(held, seconds=60)["result"] == "done"
        new = wait_until(lambda: (lambda a: a.json["task_id"] if a.status == 202 else None)(
            client.post("/start-task", {"type": "echo", "payload": 2})), "starts to be taken again")
        assert client.finished(new)["result"] == 2
        assert receiver.wait_for(1, "/held")[0].json["data"]["result"] == "done", "its callback is made up for"
        wait_until(lambda: not client.detail(held)["deliveries"]["pending"], "the delivery to be written down")
    gate.unlink()
    server.restart(kill=True)
    with server.client() as client:
        assert client.status(finished)["result"] == "before"
        assert client.status(held)["result"] == "done"
        assert client.status(later)["status"] == state
        if state == "cancelled":
            assert receiver.wait_for(1, "/later")[0].json["type"] == "task.cancelled"
        assert len(receiver.received("/held")) == 1
    server.stop()


def test_what_ends_while_nothing_can_be_written_is_written_later(server, receiver):
    """A dozen tasks end with results that the disk has no room for."""
    hold = server.folder / "tmp" / "hold"
    program = f"cat > /dev/null; while [ -e {hold} ]; do sleep 0.05; done; echo \\\"$LONGHAUL_TASK_ID; head -c 600000 /dev/zero | tr '\\\\0' x; echo \\\""
    server.config = WEBHOOKS + f'[queues.default]\nconcurrency = 12\n[tasks.big]\ncommand = ["sh", "-c", "{program}"]\nresult = "text"\n'
    server.start()
    hold.touch()
    filler = Filler(server.folder)
    with server.client() as client:
        ids = [client.start("big", callback_url=receiver.url())["task_id"] for _ in range(12)]
        for task_id in ids:
            client.until(task_id, "running")
        later = client.start("echo", delay_seconds=3600)["task_id"]
        filler.leave(0)
        hold.unlink()
        wait_until(lambda: not server.programs(), "the programs to end")
        filler.leave(0)  # what they had open is gone
        unwritten = [task_id for task_id in ids if client.status(task_id)["finished_at"] is None]
        assert len(unwritten) > 3, "there was room for it"
        for _ in range(3):
            refused(client)
        assert len(client.get("/tasks").expect(200).json["tasks"]) == 13
        client.cancel(later).expect(503, "STORAGE_FULL")
        assert client.status(later)["status"] == "scheduled"
        client.get("/readyz").expect(200)
        assert [task_id for task_id in unwritten if client.status(task_id)["finished_at"] is None] == unwritten
        filler.remove()
        for task_id in ids:
            task = client.finished(task_id, seconds=60)
            assert task["status"] == "succeeded" and task["attempt"] == 1 and task_id in task["result"]
        assert sorted(one.task_id for one in receiver.wait_for(12)) == sorted(ids), "each is told of, once"
        assert client.cancel(later).expect(200).json["status"] == "cancelled"
    server.stop()


class Starts(ClientThreads):
    """Clients that start tasks with callbacks all the time, and keep what they were told."""

    def __init__(self, server, receiver):
        super().__init__()
        self.server, self.url = server, receiver.url()
        self.accepted, self.refused, self.faults = [], 0, []

    def run_client(self, _):
        with self.server.client() as client:
            client.check = OpenApiCheck(self.server.check.document)  # it keeps state of its own
            while not self.stopping.is_set():
                answer = client.post("/start-task", {"type": "echo", "payload": "x" * 2000, "callback_url": self.url})
                if answer.status == 202:
                    self.accepted.append(answer.json["task_id"])
                elif (answer.status, answer.code) == (503, "STORAGE_FULL"):
                    self.refused += 1
                    self.stopping.wait(0.005)
                else:
                    self.faults.append(answer.text)
                    return


def test_what_was_accepted_while_the_disk_filled_up_is_done_and_told(server, receiver):
    """Three times full and empty under load; the server is not restarted, and nothing that was answered 202 is lost."""
    server.config = WEBHOOKS
    server.start()
    filler = Filler(server.folder)
    with Starts(server, receiver) as starts:
        for left in (RESERVE_MB * 1024 * 1024 // 2, 0, 0):
            wait_until(lambda n=len(starts.accepted): len(starts.accepted) > n + 50 or starts.faults, "starts to be taken")
            filler.leave(left)
            wait_until(lambda n=starts.refused: starts.refused > n + 10 or starts.faults, "starts to be refused")
            filler.leave(left)
            filler.remove()
    assert not starts.faults, starts.faults[0]
    with server.client() as client:
        for task_id in starts.accepted:
            assert client.finished(task_id)["status"] == "succeeded"
        wait_until(lambda: {one.task_id for one in receiver.received()} == set(starts.accepted), "every callback")
    server.restart(kill=True)
    with server.client() as client:
        for task_id in starts.accepted:
            assert client.status(task_id)["status"] == "succeeded"
        assert client.get("/stats").json["tasks"]["succeeded"] == len(starts.accepted)
    server.stop()
