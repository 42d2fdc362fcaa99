"""What a new server makes of what an old one left."""

import datetime
import subprocess

import pytest

from longhaul_server import running_server
from waiting import PATIENCE, wait_until

CONFIG = """
[tasks.resume]
command = ["/bin/sh", "-c", "test $LONGHAUL_ATTEMPT -ge 2 && echo $LONGHAUL_ATTEMPT || exec sleep 600"]
max_attempts = 2
retry_base_seconds = 0.01
retry_cap_seconds = 0.02
[tasks.once]
command = ["sleep", "600"]
max_attempts = 1
[tasks.stubborn]
command = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"]
grace_seconds = 3
"""


@pytest.fixture
def server():
    with running_server(config=CONFIG) as running:
        yield running


def test_an_accepted_task_is_on_disk(server):
    with server.client() as client:
        ids = [client.start("echo", i, delay_seconds=0.5)["task_id"] for i in range(50)]
    server.restart(kill=True)
    with server.client() as client:
        assert [client.finished(task_id)["result"] for task_id in ids] == list(range(50))


def test_a_killed_server_counts_the_attempt(server):
    with server.client() as client:
        task_id = client.start("resume")["task_id"]
        last = client.start("once")["task_id"]
        thread = client.start("sleep", {"seconds": 600}, max_attempts=1)["task_id"]
        for running in (task_id, last, thread):
            client.until(running, "running")
    server.restart(kill=True)
    with server.client() as client:
        done = client.finished(task_id)
        assert (done["status"], done["result"], done["attempt"]) == ("succeeded", 2, 2)
        attempts = client.detail(task_id)["attempts"]
        assert [attempt["outcome"] for attempt in attempts] == ["lost", "succeeded"]
        assert attempts[0]["error"]["code"] == "WORKER_LOST"
        for task in (last, thread):
            failed = client.finished(task)
            assert failed["status"] == "failed" and failed["error"]["code"] == "WORKER_LOST"


def test_a_stopped_server_gives_the_attempt_back(server):
    with server.client() as client:
        task_id = client.start("once")["task_id"]
        client.until(task_id, "running")
    server.restart()
    with server.client() as client:
        status = client.until(task_id, "running")
        assert status["attempt"] == 1, "the first was given back unrun, and does not count"
        assert [attempt["outcome"] for attempt in client.detail(task_id)["attempts"]] == ["released", "running"]
        client.cancel(task_id, wait=20).expect(200)


def test_a_cancel_is_not_forgotten(server):
    with server.client() as client:
        task_id = client.start("stubborn")["task_id"]
        client.until(task_id, "running")
        client.cancel(task_id, reason="enough").expect(202)
    server.restart(kill=True)
    with server.client() as client:
        done = client.finished(task_id)
        assert done["status"] == "cancelled" and done["error"]["reason"] == "enough"


def test_deadlines_that_passed_meanwhile(server):
    with server.client() as client:
        waiting = client.start("echo", delay_seconds=600, deadline_seconds=1)["task_id"]
        running = client.start("resume", deadline_seconds=1)["task_id"]
        client.until(running, "running")
        deadline = client.status(running)["deadline_at"]
    server.kill()
    wait_for_wall_clock(deadline)
    server.start()
    with server.client() as client:
        for task_id in (waiting, running):
            status = client.status(task_id)
            assert status["status"] == "timed_out" and status["error"]["code"] == "DEADLINE_EXCEEDED", status


def wait_for_wall_clock(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    wait_until(lambda: datetime.datetime.now(datetime.timezone.utc) > moment, f"{text} to pass")


def test_final_states_stay(server):
    with server.client() as client:
        done = [client.run("echo", 1), client.run("sleep", "wrong"), client.run("sleep", {"seconds": 9}, timeout_seconds=0.05,
                                                                                  max_attempts=1)]
        cancelled = client.start("echo", delay_seconds=60)["task_id"]
        done.append(client.cancel(cancelled).expect(200).json)
    for kill in (True, False):
        server.restart(kill=kill)
        with server.client() as client:
            assert [client.status(task["task_id"]) for task in done] == done


def run_beside(server, option, value):
    """Runs a second server that differs in one option, to its end."""
    command = server.command()
    command[command.index(option) + 1] = value
    return subprocess.run(command, capture_output=True, text=True, timeout=60 * PATIENCE, env=server.environment,
                          cwd=server.folder, check=False)


def test_two_servers_do_not_share_a_database(server):
    second = run_beside(server, "--listen", "127.0.0.1:0")
    assert second.returncode == 1 and "longhaul.db" in second.stderr and second.stdout == ""
    with server.client() as client:
        client.get("/readyz").expect(200)


def test_a_port_in_use_is_said_so(server):
    second = run_beside(server, "--database", str(server.temporary / "other.db"))
    for path in server.temporary.iterdir():
        path.unlink()
    assert second.returncode == 1 and str(server.port) in second.stderr and second.stdout == ""
