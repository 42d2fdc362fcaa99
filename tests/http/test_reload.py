"""Changed settings in a running server: by SIGHUP and by `longhaul reload`. And `serve --check`, which starts none."""

import signal

import pytest

from command_line import CommandLine
from longhaul_server import running_server
from waiting import PATIENCE, wait_until

GATED = '["/bin/sh", "-c", "while [ ! -e go ]; do sleep 0.02; done; echo 1"]'
BEFORE = f"""
[queues.default]
concurrency = 1
[tasks.gated]
command = {GATED}
[tasks.leaving]
command = ["echo", "1"]
"""
AFTER = f"""
[server]
max_open_tasks = 4
[queues.default]
concurrency = 3
[tasks.gated]
command = {GATED}
[tasks.coming]
command = ["echo", "2"]
"""


@pytest.fixture
def server():
    with running_server(config=BEFORE) as running:
        yield running
        (running.folder / "go").unlink(missing_ok=True)


@pytest.fixture
def cli(server):
    return CommandLine(folder=server.folder)


def write(server, text):
    server.config = text
    (server.folder / "longhaul.toml").write_text(text)


def reload(server, text, code=0):
    write(server, text)
    # Without a configuration of its own the command finds the server by the database.
    return CommandLine(folder=server.folder).expect(code, "reload", "--database", "longhaul.db")


def types_of(client):
    return [one["name"] for one in client.get("/task-types").json["task_types"]]


def end_without_error_check(server):
    """The log holds an error that the test has asked for."""
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20 * PATIENCE) == 0
    server.kill()


def test_types_and_limits_are_taken_up(server):
    with server.client() as client:
        running = [client.start("gated")["task_id"] for _ in range(3)]
        client.until(running[0], "running")
        waiting = client.start("leaving", priority=-1)["task_id"]
        assert client.status(running[1])["status"] == "queued"
        said = reload(server, AFTER).stdout
        assert said == "changed: server.max_open_tasks, tasks.leaving, tasks.coming, queues.default\n"
        for task_id in running:  # more room, without anything else having happened
            client.until(task_id, "running")
        assert types_of(client) == ["coming", "echo", "gated", "sleep"]
        assert client.status(waiting)["waiting_for"]["reason"] == "no_worker_for_type"
        client.post("/start-task", {"type": "leaving"}).expect(422, "UNKNOWN_TASK_TYPE")
        client.post("/start-task", {"type": "coming"}).expect(503, "QUEUE_FULL")  # the fifth of four
        (server.folder / "go").touch()
        for task_id in running:
            assert client.finished(task_id)["status"] == "succeeded"
        assert client.run("coming")["result"] == 2
        assert client.status(waiting)["status"] == "queued"
        assert reload(server, BEFORE).stdout.startswith("changed: ")
        assert client.finished(waiting)["result"] == 1  # its type is back


def test_what_runs_goes_on_by_what_it_was_started_with(server):
    with server.client() as client:
        task_id = client.start("gated", timeout_seconds=60)["task_id"]
        client.until(task_id, "running")
        assert reload(server, "[tasks.gated]\ncommand = [\"false\"]\nmax_attempts = 1\n").returncode == 0
        (server.folder / "go").touch()
        assert client.finished(task_id)["result"] == 1
        assert client.run("gated")["error"]["code"] == "EXIT_CODE"


def test_a_signal_does_it_too(server):
    with server.client() as client:
        write(server, AFTER)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "coming" in types_of(client), "the new type")
        server.process.send_signal(signal.SIGHUP)  # nothing new: nothing happens
        wait_until(lambda: "nothing has changed" in server.log(), "the second look")
        client.get("/readyz").expect(200)


def test_a_fault_changes_nothing(server):
    with server.client() as client:
        told = reload(server, AFTER + "[tasks.broken]\nmax_attempst = 3\n", code=2)
        assert "longhaul.toml:11: unknown setting 'tasks.broken.max_attempst'; did you mean" in told.stderr
        assert "the server goes on with those it has" in told.stderr
        assert types_of(client) == ["echo", "gated", "leaving", "sleep"]
        assert "coming" not in types_of(client)
        assert reload(server, AFTER).returncode == 0
        assert "coming" in types_of(client)
    end_without_error_check(server)


def test_what_cannot_be_taken_up_is_named(server):
    said = reload(server, BEFORE + '[server]\nlisten = "127.0.0.1:1"\nallowed_hosts = ["a.example"]\n[webhooks]\nallow_ports = [1]\n')
    # The address was given as a flag, which comes before the file.
    assert said.stdout == ("nothing has changed; waiting for the next start: server.allowed_hosts, webhooks.allow_ports\n")
    assert "waiting for the next start: server.allowed_hosts" in server.log()


def test_a_greater_body_is_taken(server):
    with server.client() as client:
        body = {"type": "echo", "payload": "x" * (3 << 20)}
        client.post("/start-task", body).expect(413)
        reload(server, BEFORE + "[tasks.big]\ncommand = [\"wc\", \"-c\"]\nmax_body_bytes = 8388608\n")
        answer = client.post("/start-task", {**body, "type": "big"}).expect(202)
        assert client.finished(answer.json["task_id"])["result"] == (3 << 20) + 2
        # The others keep their own limit.
        client.post("/start-task", body).expect(413, "BODY_TOO_LARGE")


def test_retention_is_taken_up(server):
    with server.client() as client:
        task_id = client.run("echo", 1)["task_id"]
        reload(server, BEFORE + "[retention]\nsucceeded_seconds = 0.001\n")
        wait_until(lambda: client.get(f"/task-status/{task_id}").status == 404, "the task to go")


def test_with_nobody_there(tmp_path):
    cli = CommandLine(folder=tmp_path)
    told = cli.expect(4, "reload", "--database", "nobody.db").stderr
    assert "no server uses the database nobody.db" in told
    (tmp_path / "bad.toml").write_text("[servr]\n")
    assert "servr" in cli.expect(2, "reload", "--config", "bad.toml").stderr


def test_a_dead_server_is_not_told(server, cli):
    server.kill()
    assert "no server uses" in cli.expect(4, "reload", "--database", "longhaul.db").stderr
    server.start()


def test_check_says_whether_it_could_start(tmp_path):
    cli = CommandLine(folder=tmp_path)
    (tmp_path / "good.toml").write_text(AFTER)
    assert cli.expect(0, "serve", "--check", "--config", "good.toml", "--listen", "127.0.0.1:0").stdout == (
        "the settings are fine: 4 task types, 1 configured queue, database longhaul.db, listening on 127.0.0.1:0\n")
    (tmp_path / "bad.toml").write_text(AFTER + "[storage]\ndatabse = 'x'\n")
    assert "bad.toml:11: unknown setting 'storage.databse'; did you mean 'storage.database'?" in cli.expect(
        2, "serve", "--check", "--config", "bad.toml").stderr
    told = cli.expect(0, "serve", "--check", "--task", "gone=/no/such/program")
    assert "its program '/no/such/program' is not there" in told.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.toml", "good.toml"]  # nothing was started
