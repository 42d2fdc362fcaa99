"""A disk that is full: starts are refused and say so, all else goes on, and space is enough for it to be over."""

import contextlib
import os
import subprocess

import pytest

from longhaul_server import LonghaulServer
from waiting import wait_until

DISK_BYTES = 32 * 1024 * 1024
RESERVE_MB = 4


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


def test_a_nearly_full_disk_refuses_starts_and_nothing_else(server):
    server.start()
    filler = Filler(server.folder)
    with server.client() as client:
        waiting = [client.start("echo", delay_seconds=3600)["task_id"] for _ in range(20)]
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
        filler.remove()
        assert client.run("echo", 1)["result"] == 1
    server.stop()


def test_a_full_disk_loses_nothing_and_is_over_when_there_is_space(server):
    gate = server.temporary / "gate"
    os.mkfifo(gate)
    server.config = f'[tasks.held]\ncommand = ["sh", "-c", "cat > /dev/null; cat {gate}"]\n'
    server.start()
    filler = Filler(server.folder)
    with server.client() as client:
        finished = client.run("cat", "before")["task_id"]
        held = client.start("held")["task_id"]
        client.until(held, "running")
        later = client.start("echo", delay_seconds=3600)["task_id"]
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
    gate.unlink()
    server.restart(kill=True)
    with server.client() as client:
        assert client.status(finished)["result"] == "before"
        assert client.status(held)["result"] == "done"
        assert client.status(later)["status"] == state
    server.stop()
