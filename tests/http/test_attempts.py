"""Programs: what they are given, what comes back, how they fail."""

import json

import pytest

from longhaul_server import running_server


def program(name, script, **settings):
    lines = [f"[tasks.{name}]", f"command = {json.dumps(['/bin/sh', '-c', script])}"]
    settings = {"retry_base_seconds": 0.01, "retry_cap_seconds": 0.02, **settings}
    return "\n".join(lines + [f"{key} = {toml(value)}" for key, value in settings.items()])


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(inner)}" for name, inner in value.items()) + "}"
    return json.dumps(value)


CONFIG = "\n".join([
    program("copy", "cat"),
    program("text", "cat", result="text"),
    program("json", "cat", result="json"),
    program("plain", "printf 'not json'"),
    program("not_json", "printf '{'", result="json"),
    program("silent", "true"),
    program("environment", "env | sort", result="text", environment={"COLOUR": "blue"}),
    program("exit", "read code; exit $code", max_attempts=3),
    program("signal", "kill -9 $$", max_attempts=1),
    program("large", "head -c 200000 /dev/zero | tr '\\0' x", max_result_bytes=100000, max_attempts=1),
    program("large_enough", "head -c 100000 /dev/zero | tr '\\0' x", max_result_bytes=100000),
    '[tasks.missing]\ncommand = ["/no/such/program"]',
    program("unread", "exec <&-; echo 1"),
    program("pipe_kept", "sleep 600 & echo 7"),
    program("bytes", "printf '\\377'", result="text"),
])


@pytest.fixture(scope="module")
def server():
    with running_server(config=CONFIG) as running:
        yield running


@pytest.mark.parametrize("type_, payload, result", [
    ("copy", {"a": [1, "ä"]}, {"a": [1, "ä"]}), ("copy", None, None), ("copy", "x" * 500_000, "x" * 500_000),
    ("text", [1], "[1]"), ("json", {"b": 2}, {"b": 2}), ("plain", None, "not json"), ("silent", None, ""),
    ("unread", "x" * 500_000, 1), ("pipe_kept", None, 7),
])
def test_payload_in_result_out(client, type_, payload, result):
    task = client.run(type_, payload, timeout_seconds=60)
    assert task["status"] == "succeeded" and task["error"] is None
    got = task["result"].rstrip("\n") if isinstance(task["result"], str) else task["result"]
    assert got == result or (type_ == "silent" and got is None)


def test_digits_go_through_a_program(client):
    raw = '{"x":1.0000000000000000000000001,"y":1e999}'
    task_id = client.post("/start-task", body='{"type":"copy","payload":' + raw + "}").expect(202).json["task_id"]
    client.finished(task_id)
    assert f'"result":{raw}' in client.get(f"/task-status/{task_id}").text


def test_the_environment_is_what_is_configured(client):
    task_id = client.start("environment", deadline_seconds=600)["task_id"]
    lines = client.finished(task_id)["result"].split("\n")
    variables = dict(line.split("=", 1) for line in lines if "=" in line)
    for name in ("PWD", "_", "SHLVL", "OLDPWD"):  # the shell's own
        variables.pop(name, None)
    assert variables.pop("LONGHAUL_TASK_ID") == task_id and variables.pop("COLOUR") == "blue"
    assert variables.pop("LONGHAUL_ATTEMPT") == "1" and int(variables.pop("LONGHAUL_TOKEN")) > 0
    assert variables.pop("LONGHAUL_DEADLINE") and int(variables.pop("LONGHAUL_PROGRESS_FD")) > 2
    assert set(variables) <= {"PATH"}, variables


@pytest.mark.parametrize("code, attempts, outcome", [(1, 3, "failed"), (75, 3, "failed"), (65, 1, "failed"), (127, 3, "failed")])
def test_exit_codes(client, code, attempts, outcome):
    task = client.run("exit", code)
    assert task["status"] == "failed" and task["attempt"] == attempts
    assert task["error"]["code"] == "EXIT_CODE" and task["error"]["exit_code"] == code
    history = client.detail(task["task_id"])["attempts"]
    assert [(attempt["outcome"], attempt["exit_code"]) for attempt in history] == [(outcome, code)] * attempts
    assert history[0]["peak_memory_bytes"] > 0 and history[0]["cpu_seconds"] >= 0


def test_max_attempts_of_the_request(client):
    assert client.run("exit", 1, max_attempts=1)["attempt"] == 1
    assert client.run("exit", 1, max_attempts=5)["attempt"] == 5


def test_death_by_a_signal(client):
    task = client.run("signal")
    assert task["status"] == "failed" and task["error"]["code"] == "KILLED_BY_SIGNAL" and task["error"]["signal"] == 9
    assert client.detail(task["task_id"])["attempts"][0]["signal"] == 9


@pytest.mark.parametrize("type_, code", [("not_json", "RESULT_INVALID"), ("large", "RESULT_TOO_LARGE"), ("missing", "START_FAILED")])
def test_other_causes(client, type_, code):
    task = client.run(type_, max_attempts=1)
    assert task["status"] == "failed" and task["error"]["code"] == code and task["result"] is None


def test_a_result_at_its_limit(client):
    assert len(client.run("large_enough")["result"]) == 100_000


def test_a_result_that_is_no_text(client):
    task = client.run("bytes", max_attempts=1)
    assert task["status"] == "succeeded" and task["result"] == "\ufffd" or task["error"]["code"] == "RESULT_INVALID"


def test_builtins(client):
    assert client.run("echo", {"x": []})["result"] == {"x": []}
    assert client.run("sleep", {"seconds": 0.01})["status"] == "succeeded"
    wrong = client.run("sleep", {"minutes": 1})
    assert wrong["status"] == "failed" and wrong["error"]["code"] == "PAYLOAD_INVALID" and wrong["attempt"] == 1
