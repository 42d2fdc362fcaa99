"""How a server stops: what it still answers, how long it takes, and what a second signal does."""

import pathlib
import signal

import pytest

from longhaul_server import is_alive, running_server
from waiting import PATIENCE, wait_until

CONFIG = """
[tasks.stubborn]
command = ["/bin/sh", "-c", "trap '' TERM; echo up >&2; while :; do sleep 0.05; done"]
grace_seconds = 600
"""


def is_pending(pid, number):
    """Sent to the process and not taken yet."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("ShdPnd:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    raise AssertionError("no ShdPnd")


@pytest.fixture
def stopping():
    """A server that was told to stop and waits for a program that does not."""
    with running_server(config=CONFIG) as server:
        with server.client() as client:
            task_id = client.start("stubborn")["task_id"]
            wait_until(lambda: client.log_texts(task_id), "the program to run")
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: client.get("/readyz").status == 503, "the server to begin to stop")
            yield server, client, task_id
        server.kill()


def test_no_new_work_but_the_rest_goes_on(stopping):
    _, client, task_id = stopping
    refused = client.post("/start-task", {"type": "echo"}).expect(503, "NOT_READY")
    assert int(refused.header("Retry-After")) > 0
    client.post(f"/tasks/{task_id}/retry").expect(503, "NOT_READY")
    client.get("/readyz").expect(503, "NOT_READY")
    client.get("/livez").expect(200)
    client.get("/openapi.json").expect(200)
    assert client.status(task_id)["status"] == "running"
    assert client.get("/tasks").expect(200).json["tasks"]
    # A wait ends at once: nobody is kept from noticing.
    assert client.get(f"/task-status/{task_id}?wait=300").expect(200).json["status"] == "running"
    client.cancel(task_id).expect(202)


def test_a_third_signal_ends_it_at_once(stopping):
    server, client, _ = stopping
    before = server.descendants()
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not is_pending(server.pid, signal.SIGTERM), "the second one to be seen")
    client.get("/livez").expect(200)  # it stops already, and goes on to do so
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20 * PATIENCE) == -signal.SIGTERM
    wait_until(lambda: not [pid for pid in before if is_alive(pid)], "its programs to die")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_both_signals_stop_it(how):
    with running_server() as server:
        server.process.send_signal(how)
        assert server.process.wait(20 * PATIENCE) == 0
        server.kill()
