"""The client commands of `longhaul`: start, status, watch, cancel, tasks, logs."""

import fcntl
import json
import os
import re
import struct
import termios

import pytest

from command_line import CommandLine
from cutting_proxy import cutting_proxy
from longhaul_server import running_server
from waiting import readable, wait_until

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
UNKNOWN_ID = "01a20000-0000-7000-8000-000000000000"
CONFIG = """
[tasks.read]
command = ["cat"]
[tasks.fail]
command = ["/bin/sh", "-c", "echo it is broken >&2; exit 65"]
[tasks.step]
command = ["/bin/sh", "-c", "echo '{\\"percent\\": 40, \\"message\\": \\"half-way\\"}' >&3; exec sleep 600"]
[tasks.deaf]
command = ["/bin/sh", "-c", "trap '' TERM; echo ready >&2; while :; do sleep 600; done"]
grace_seconds = 2
[tasks.wild]
command = ["/bin/sh", "-c", "printf 'a\\\\033[31mb\\\\n' >&2; printf '\\"\\\\\\\\u001b[0m\\"'"]
[tasks.cut]
command = ["/bin/sh", "-c", "echo kept >&2; yes | head -n 100 >&2"]
max_log_bytes = 200
[tasks.slow]
command = ["/bin/sh", "-c", "echo one >&2; read -r path; while [ ! -e go ]; do sleep 0.05; done; echo two >&2; rm go"]
"""


@pytest.fixture(scope="module")
def server():
    with running_server(config=CONFIG) as running:
        yield running


@pytest.fixture
def cli(server, tmp_path):
    return CommandLine(server.url(), folder=tmp_path)


def value_of(block, name):
    """The value of one line in the block that `status` prints."""
    match = re.search(rf"^{name} +(.*)$", block, re.MULTILINE)
    assert match, f"no {name} in:\n{block}"
    return match[1]


# ---- start

def test_start_prints_the_id_and_nothing_else(cli, client):
    result = cli.expect(0, "start", "echo")
    assert UUID.fullmatch(result.stdout.strip()) and result.stdout.endswith("\n") and result.stderr == ""
    assert client.finished(result.stdout.strip())["status"] == "succeeded"


def test_the_payload_goes_out_with_its_digits(cli, client):
    payload = '{"a": 1.10, "big": 123456789012345678901234567890, "e": 1e5}'
    task_id = cli.start("read", "--payload", payload)
    assert client.finished(task_id)["status"] == "succeeded"
    compact = payload.replace(" ", "")
    assert f'"payload":{compact}' in client.get(f"/tasks/{task_id}").text
    assert value_of(cli.expect(0, "status", task_id).stdout, "result") == compact


def test_the_payload_from_a_file_or_stdin(cli, client, tmp_path):
    (tmp_path / "in.json").write_text('["from a file"]')
    assert client.finished(cli.start("echo", "--payload", "@in.json"))["result"] == ["from a file"]
    task_id = cli.expect(0, "start", "echo", "--payload", "-", text='["from stdin"]').stdout.strip()
    assert client.finished(task_id)["result"] == ["from stdin"]


@pytest.mark.parametrize("arguments, said", [
    (["--payload", "{not json}"], "--payload is not JSON"),
    (["--payload", '1, "queue": "sneaked in"'], "--payload is not JSON"),
    (["--payload", "@no-such-file"], "cannot read the file 'no-such-file'"),
    (["--tag", "no-equals-sign"], "--tag must be NAME=VALUE"),
    (["--priority", "high"], "priority must be a number, not 'high'"),
    (["--timeout", "soon"], "timeout_seconds must be a number"),
    (["--wait", "-1"], "--wait"),
    (["--queue", b"\xff"], "not UTF-8"),
])
def test_what_cannot_be_sent_is_refused_here(cli, client, arguments, said):
    before = client.get("/stats").json["tasks"]
    result = cli.expect(2, "start", "echo", *arguments)
    assert said in result.stderr and result.stdout == ""
    assert client.get("/stats").json["tasks"] == before


def test_every_option_of_start_arrives(cli, client):
    task_id = cli.start("echo", "--queue", "slow", "--priority", "-5", "--delay", "1000.5", "--timeout", "7", "--deadline",
                        "2000", "--expires", "30", "--max-attempts", "4", "--tag", "a=1", "--tag", "b=x=y")
    task = client.detail(task_id)
    assert (task["queue"], task["max_attempts"], task["tags"]) == ("slow", 4, {"a": "1", "b": "x=y"})
    assert task["status"] == "scheduled" and task["deadline_at"] is not None and task["run_at"] > task["created_at"]
    client.cancel(task_id).expect(200)
    dated = cli.start("echo", "--run-at", "2099-01-31T12:00:00Z", "--deadline", "2099-02-01T00:00:00.5Z")
    task = client.detail(dated)
    assert (task["run_at"], task["deadline_at"]) == ("2099-01-31T12:00:00.000Z", "2099-02-01T00:00:00.500Z")
    client.cancel(dated).expect(200)


def test_a_refused_start_names_every_faulty_field(cli):
    result = cli.expect(3, "start", "echo", "--priority", "1000", "--timeout", "0")
    assert "422 VALIDATION_FAILED" in result.stderr
    assert "#/priority: " in result.stderr and "#/timeout_seconds: " in result.stderr
    assert "UNKNOWN_TASK_TYPE" in cli.expect(3, "start", "ecoh").stderr


def test_an_idempotency_key_starts_once(cli):
    first = cli.start("echo", "--payload", "1", "--idempotency-key", "cli-1")
    assert cli.start("echo", "--payload", "1", "--idempotency-key", "cli-1") == first
    assert "IDEMPOTENCY_KEY_REUSED" in cli.expect(3, "start", "echo", "--payload", "2", "--idempotency-key", "cli-1").stderr


def test_start_and_wait(cli, client):
    block = cli.expect(0, "start", "echo", "--payload", "[1]", "--wait", "20").stdout
    assert (value_of(block, "status"), value_of(block, "result")) == ("succeeded", "[1]")
    block = cli.expect(1, "start", "fail", "--wait", "20").stdout
    assert value_of(block, "status") == "failed" and "it is broken" in value_of(block, "error")
    running = cli.expect(6, "start", "step", "--wait", "0.2", "--json")
    client.cancel(json.loads(running.stdout)["task_id"], wait=20).expect(200)


# ---- status

def test_status_for_people(cli, client):
    task_id = cli.start("step", "--tag", "customer=17")
    wait_until(lambda: client.status(task_id)["progress"], "the progress")
    block = cli.expect(0, "status", task_id).stdout
    assert value_of(block, "task") == task_id and value_of(block, "status") == "running"
    assert value_of(block, "progress") == "40 %  half-way" and value_of(block, "tags") == "customer=17"
    assert value_of(block, "attempt") == "1 of 3" and "result" not in block and "error" not in block
    client.cancel(task_id, wait=20).expect(200)


def test_json_is_the_servers_own(cli, client):
    task_id = client.run("echo", {"a": [1.10, "é"]})["task_id"]
    result = cli.expect(0, "status", task_id, "--json")
    assert result.stdout == client.get(f"/task-status/{task_id}").text + "\n" and result.stderr == ""


@pytest.mark.parametrize("command", ["status", "watch", "cancel", "logs"])
@pytest.mark.parametrize("task_id", [UNKNOWN_ID, "not-an-id", "../stats", "a b?c#d", "%2e"])
def test_no_such_task(cli, command, task_id):
    result = cli.expect(5, command, task_id)
    assert "TASK_NOT_FOUND" in result.stderr and result.stdout == ""


def test_a_refusal_is_json_too(cli):
    assert json.loads(cli.expect(5, "status", UNKNOWN_ID, "--json").stdout)["code"] == "TASK_NOT_FOUND"


# ---- watch

def test_watch_ends_with_the_final_state(cli, client):
    task_id = client.run("echo", 5)["task_id"]
    assert value_of(cli.expect(0, "watch", task_id).stdout, "result") == "5"
    failed = client.run("fail")["task_id"]
    assert value_of(cli.expect(1, "watch", failed).stdout, "error").startswith("EXIT_CODE: ")
    assert json.loads(cli.expect(1, "watch", failed, "--json").stdout)["status"] == "failed"


def test_watch_in_a_pipe_prints_a_line_for_each_change(cli, client):
    task_id = cli.start("step")
    with cli.running("watch", task_id) as watch:
        seen = ""
        while "40 %  half-way" not in seen:
            line = watch.stdout.readline()
            assert line, f"ended early: {seen}"
            seen += line
        client.cancel(task_id, reason="enough", wait=20).expect(200)
        rest, _ = watch.communicate(timeout=60)
    assert watch.returncode == 1 and "\r" not in seen + rest
    assert value_of(rest, "status") == "cancelled" and "enough" in value_of(rest, "error")


def on_a_terminal(cli, arguments, columns, wanted, then):
    """What `arguments` writes on a terminal that wide: it is read until `wanted` holds, then() is called, and then the rest is."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    seen = b""
    with cli.running(*arguments, stdout=theirs, stderr=theirs) as command:
        os.close(theirs)
        while not wanted(seen):
            assert readable(ours, 60), f"nothing more after {seen}"
            seen += os.read(ours, 4096)
        then()
        while command.poll() is None or readable(ours, 0):
            try:
                seen += os.read(ours, 4096) if readable(ours, 0.05) else b""
            except OSError:  # the other end is closed
                break
        code = command.wait(60)
    os.close(ours)
    lines = seen.decode().replace("\r\n", "\n").split("\n")
    shown = lines[0].split("\r\x1b[K")[:-1]  # behind the last is the block that stays
    assert all(len(text) < columns for text in shown), shown
    return code, [text for text in shown if text], lines[1:]


def test_watch_on_a_terminal_is_a_bar(cli, client):
    task_id = cli.start("step")
    code, shown, rest = on_a_terminal(cli, ["watch", task_id], 100, lambda seen: len(set(re.findall(rb"half-way  ([0-9:]+)", seen))) >= 2,
                                      lambda: client.cancel(task_id, wait=20).expect(200))
    bars = [text for text in shown if "half-way" in text]
    assert bars and all(re.fullmatch(r"running  \[#+-+\]   40 %  half-way  \d+:\d\d", text) for text in bars if text.startswith("running"))
    bar = re.search(r"\[(#+)(-+)\]", bars[0])
    assert len(bar[1]) == (len(bar[1]) + len(bar[2])) * 4 // 10 and len(bar[0]) > 20
    assert code == 1 and any(re.fullmatch(r"status +cancelled", line) for line in rest)


@pytest.mark.parametrize("columns", [20, 40])
def test_watch_fits_a_narrow_terminal(cli, client, columns):
    task_id = cli.start("step")
    _, shown, _ = on_a_terminal(cli, ["watch", task_id], columns, lambda seen: b"40 %" in seen,
                                lambda: client.cancel(task_id, wait=20).expect(200))
    assert any("40 %" in text for text in shown)


def test_watch_outlives_a_restart(tmp_path):
    with running_server(config=CONFIG) as server:
        cli = CommandLine(server.url(), folder=tmp_path)
        task_id = cli.start("step")
        with cli.running("watch", task_id) as watch:
            assert watch.stdout.readline()
            server.kill()
            assert "asking again" in watch.stderr.readline()
            server.start()
            with server.client() as client:
                client.cancel(task_id, wait=20).expect(200)
            out, _ = watch.communicate(timeout=60)
        assert watch.returncode == 1 and value_of(out, "status") == "cancelled"


def test_watch_takes_up_a_broken_stream_where_it_was(cli, client, server):
    task_id = cli.start("step")
    with cutting_proxy(server.port) as proxy, CommandLine(f"http://127.0.0.1:{proxy.port}", folder=cli.folder).running(
            "watch", task_id) as watch:
        while "half-way" not in watch.stdout.readline():
            pass
        proxy.cut()
        wait_until(lambda: len(proxy.heads) == 2, "the client to come back")
        client.cancel(task_id, wait=20).expect(200)
        out, errors = watch.communicate(timeout=60)
    assert watch.returncode == 1 and value_of(out, "status") == "cancelled"
    assert errors == ""
    assert b"Last-Event-ID: " not in proxy.heads[0] and re.search(rb"Last-Event-ID: [0-9a-f]+-\d+-\d+\r\n", proxy.heads[1])


# ---- cancel

def test_cancel_says_what_the_task_is_then(cli, client):
    waiting = cli.start("echo", "--delay", "1000")
    assert cli.expect(0, "cancel", waiting, "--reason", "changed my mind").stdout == "cancelled\n"
    assert client.status(waiting)["error"]["reason"] == "changed my mind"
    running = cli.start("step")
    client.until(running, "running")
    assert cli.expect(0, "cancel", running, "--wait", "20").stdout == "cancelled\n"
    assert cli.expect(0, "cancel", running).stdout == "cancelled\n"
    done = client.run("echo")["task_id"]
    assert "409 TASK_ALREADY_FINAL" in cli.expect(3, "cancel", done).stderr


def test_a_cancel_that_takes_longer_than_its_wait(cli, client):
    task_id = cli.start("deaf")
    wait_until(lambda: client.log_texts(task_id), "the program to ignore SIGTERM")
    assert cli.expect(6, "cancel", task_id, "--wait", "0.1").stdout == "cancelling\n"
    assert cli.expect(0, "cancel", task_id).stdout == "cancelling\n"
    assert json.loads(cli.expect(0, "cancel", task_id, "--wait", "30", "--json").stdout)["status"] == "cancelled"


# ---- tasks

def test_tasks_in_a_table(cli, client):
    ids = [cli.start("echo", "--tag", "set=table") for _ in range(3)]
    for task_id in ids:
        client.finished(task_id)
    rows = cli.expect(0, "tasks", "--tag", "set=table").stdout.splitlines()
    assert rows[0].split() == ["TASK", "STATUS", "TYPE", "QUEUE", "ATTEMPT", "CREATED"]
    assert [row.split()[0] for row in rows[1:]] == ids[::-1]
    assert all(row.split()[1:5] == ["succeeded", "echo", "default", "1/3"] for row in rows[1:])
    assert len({row.index("echo") for row in rows[1:]} | {rows[0].index("TYPE")}) == 1


def test_filters_and_pages(cli, client):
    ids = [cli.start("echo", "--tag", "set=pages", "--queue", "q-pages") for _ in range(3)]
    for task_id in ids:
        client.finished(task_id)
    first = cli.expect(0, "tasks", "--queue", "q-pages", "--page-size", "2")
    assert len(first.stdout.splitlines()) == 3
    token = re.search(r"--page-token (\S+)", first.stderr)[1]
    rest = cli.expect(0, "tasks", "--queue", "q-pages", "--page-size", "2", "--page-token", token)
    assert rest.stdout.splitlines()[1].split()[0] == ids[0] and rest.stderr == ""
    page = cli.expect(0, "tasks", "--tag", "set=pages", "--status", "succeeded", "--type", "echo", "--created-after",
                      "2020-01-01T00:00:00Z", "--created-before", "2099-01-01T00:00:00Z", "--json")
    assert [task["task_id"] for task in json.loads(page.stdout)["tasks"]] == ids[::-1]
    assert len(cli.expect(0, "tasks", "--type", "nothing-of-this").stdout.splitlines()) == 1
    assert "?status" in cli.expect(3, "tasks", "--status", "done").stderr
    assert "--tag must be NAME=VALUE" in cli.expect(2, "tasks", "--tag", "x").stderr


# ---- logs

def test_logs(cli, client):
    task_id = client.run("fail")["task_id"]
    assert cli.expect(0, "logs", task_id).stdout == "it is broken\n"
    assert cli.expect(0, "logs", task_id, "--after", "1").stdout == ""
    assert json.loads(cli.expect(0, "logs", task_id, "--json").stdout)["lines"][0]["text"] == "it is broken"


def test_text_of_a_task_cannot_steer_the_terminal(cli, client):
    task_id = client.run("wild")["task_id"]
    assert cli.expect(0, "logs", task_id).stdout == "a?[31mb\n"
    assert "\x1b" not in cli.expect(0, "status", task_id).stdout


def test_a_cut_log_is_told(cli, client):
    task_id = client.run("cut")["task_id"]
    result = cli.expect(0, "logs", task_id)
    assert result.stdout.startswith("kept\n") and "cut at the type's max_log_bytes" in result.stderr


def test_logs_are_followed_to_the_end(server, cli):
    task_id = cli.start("slow")
    with cli.running("logs", task_id, "--follow") as logs:
        assert logs.stdout.readline() == "one\n"
        (server.folder / "go").touch()
        out, errors = logs.communicate(timeout=60)
    assert (out, errors, logs.returncode) == ("two\n", "", 0)


def test_a_log_that_is_followed_is_taken_up_where_it_was(server, cli, client):
    (server.folder / "go").unlink(missing_ok=True)
    task_id = cli.start("slow")
    with cutting_proxy(server.port) as proxy, CommandLine(f"http://127.0.0.1:{proxy.port}", folder=cli.folder).running(
            "logs", task_id, "--follow") as logs:
        assert logs.stdout.readline() == "one\n"
        proxy.cut()
        wait_until(lambda: len(proxy.heads) == 2, "the client to come back")
        (server.folder / "go").touch()
        out, errors = logs.communicate(timeout=60)
    assert (out, errors, logs.returncode) == ("two\n", "", 0)
    assert b"Last-Event-ID: 1\r\n" in proxy.heads[1]


def test_following_a_log_of_no_task(cli):
    assert "TASK_NOT_FOUND" in cli.expect(5, "logs", UNKNOWN_ID, "--follow").stderr


def test_a_cut_log_is_told_when_it_is_followed(cli):
    result = cli.expect(0, "logs", cli.start("cut"), "--follow")
    assert result.stdout.startswith("kept\n") and "cut at the type's max_log_bytes" in result.stderr
