"""The server's log: what is in it can be followed and cannot be forged; what is secret is not in it."""

import json
import re
import uuid

import pytest
from longhaul_server import running_server
from waiting import wait_until
from webhook_receiver import WebhookReceiver

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) (.+)$")
FIELD = re.compile(r' ([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"=]+)')
KEY = "key-" + "0123456789abcdef" * 2
SECRET = "whsec_" + "c2VjcmV0LXRoYXQtbXVzdC1ub3QtYmUtbG9nZ2Vk"
PROGRAM = """sh -c 'cat >&2; echo from-the-program-2c1; echo "{\\"said\\": \\"result-marker-77\\"}"; exit 65'"""


def read_text(line):
    match = LINE.match(line)
    assert match, line
    first = re.search(r" [a-z_]+=", match[2])
    event = match[2][:first.start()] if first else match[2]
    rest = match[2][len(event):]
    assert FIELD.sub("", rest) == "", line
    fields = {name: value for name, value in FIELD.findall(rest)}
    return {"level": match[1], "message": event, **{k: v[1:-1] if v.startswith('"') else v for k, v in fields.items()}}


def read_json(line):
    event = json.loads(line)
    assert list(event)[:3] == ["time", "level", "message"], line
    return event


READERS = {"text": read_text, "json": read_json}


def events(server, log_format):
    # A line that is being written has no end yet.
    return [READERS[log_format](line) for line in server.whole_log().splitlines(keepends=True) if line.endswith("\n")]


def wait_for(server, log_format, **wanted):
    def find():
        return [event for event in events(server, log_format)
                if all(str(event.get(key)) == str(value) for key, value in wanted.items())]
    return wait_until(find, lambda: f"a line with {wanted} in\n{server.whole_log()[-3000:]}")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_nothing_secret_is_in_the_log(log_format):
    markers = {name: f"{name}-{uuid.uuid4().hex}" for name in
               ("payload", "tag", "path", "query", "user", "reason", "idempotency", "cookie", "header", "type")}
    with WebhookReceiver() as receiver:
        receiver.plan(f"/{markers['path']}?token={markers['query']}", 500)
        config = f'[webhooks]\ncallback_secret = "{SECRET}"\nallow_addresses = ["127.0.0.1"]\nretry_seconds = [0.05]\n'
        arguments = ["--log-level", "debug", "--log-format", log_format]
        with running_server(key=KEY, tasks={"tell": PROGRAM}, config=config, arguments=arguments) as server, \
                server.client() as client:
            callback = receiver.url(f"/{markers['path']}") + f"?token={markers['query']}"
            task_id = client.start("tell", {"marker": markers["payload"]}, tags={"name": markers["tag"]}, callback_url=callback,
                                   headers={"Idempotency-Key": markers["idempotency"], "Cookie": markers["cookie"],
                                            "X-Something": markers["header"]})["task_id"]
            assert client.finished(task_id)["status"] == "failed"
            result = client.run("echo", {"marker": markers["payload"]})
            assert result["result"] == {"marker": markers["payload"]}
            slow = client.start("sleep", {"seconds": 600})["task_id"]
            client.cancel(slow, wait=20, reason=markers["reason"]).expect(200)
            client.get("/tasks", query={"tag.name": markers["tag"]}).expect(200)
            client.post("/start-task", {"type": "echo", "payload": 1, "callback_url": f"https://{markers['user']}:pw@example.com/"})
            client.post("/start-task", {"type": markers["type"], "payload": markers["payload"]}).expect(422)
            client.post("/start-task", body='{"type": "' + markers["payload"]).expect(400)
            client.get("/stats", headers={"Authorization": f"Bearer {KEY}x"}).expect(401)
            with server.raw() as raw:
                raw.send(f"GET http://{markers['user']}:pw@127.0.0.1/stats HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").read()
            receiver.wait_for(2)
            wait_for(server, log_format, message="a delivery is given up", origin=receiver.url("").rstrip("/"))
            # All of it, the end of the server too, before its folder is gone.
            client.close()
            server.stop()
            log = server.whole_log()
    lines = [READERS[log_format](line) for line in log.splitlines()]
    assert len(lines) > 20 and {"debug", "info", "warning"} <= {line["level"] for line in lines}
    for name, marker in markers.items():
        assert marker not in log, f"the {name} is in the log: {[line for line in log.splitlines() if marker in line][:3]}"
    for secret in (KEY, SECRET, SECRET.removeprefix("whsec_"), "result-marker-77", "from-the-program-2c1"):
        assert secret not in log, [line for line in log.splitlines() if secret in line][:3]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_from_a_request_to_its_task(log_format):
    with running_server(arguments=["--log-level", "debug", "--log-format", log_format]) as server, server.client() as client:
        answer = client.post("/start-task", {"type": "echo", "payload": 1}, headers={"X-Request-Id": "my own id"}).expect(202)
        task_id = answer.json["task_id"]
        client.finished(task_id)
        [request] = wait_for(server, log_format, message="request", request_id="my own id")
        assert request["task_id"] == task_id and request["method"] == "POST" and request["path"] == "/start-task"
        assert str(request["status"]) == "202" and float(request["duration_ms"]) >= 0
        wait_for(server, log_format, message="task changed", task_id=task_id, to="succeeded")
        changes = [(event["from"], event["to"]) for event in events(server, log_format)
                   if event["message"] == "task changed" and event["task_id"] == task_id]
        assert changes == [("none", "queued"), ("queued", "running"), ("running", "succeeded")]
        cancelled = client.delete(f"/tasks/{task_id}", headers={"X-Request-Id": "late"}).expect(409)
        assert cancelled.json["task_id"] == task_id
        [request] = wait_for(server, log_format, message="request", request_id="late")
        assert request["task_id"] == task_id and request["path"] == f"/tasks/{task_id}"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_client_cannot_forge_a_line(log_format):
    forged = '%0A2026-01-01T00:00:00.000Z%20error%20broken%20task_id=1%1B[31m%22%5C%C2%85%E2%80%A8'
    with running_server(arguments=["--log-level", "debug", "--log-format", log_format]) as server, server.client() as client:
        for header in ('" level=error', 'a\\" b=c', '{"level":"error"}'):
            client.get(f"/no{forged}where", headers={"X-Request-Id": header}).expect(404)
            [line] = wait_for(server, log_format, message="request", status=404,
                              request_id=header if log_format == "json" else header.replace("\\", "\\\\").replace('"', '\\"'))
            assert "task_id" not in line and line["level"] == "debug"
        log = server.whole_log()
        assert "\x1b" not in log and "\x85" not in log if log_format == "text" else True
        assert all(READERS[log_format](line)["level"] != "error" for line in log.split("\n")[:-1])


def test_at_info_only_what_matters():
    tasks = {"fail": "sh -c 'exit 65'"}
    with running_server(tasks=tasks) as server, server.client() as client:
        for _ in range(5):
            client.run("echo")
        failed = client.run("fail")["task_id"]
        late = client.run("sleep", {"seconds": 600}, deadline_seconds=0.05)["task_id"]
        wait_for(server, "text", message="task failed", task_id=failed, code="EXIT_CODE", exit_code=65)
        wait_for(server, "text", message="task timed out", task_id=late, code="DEADLINE_EXCEEDED")
        assert {event["message"] for event in events(server, "text")} <= {"task failed", "task timed out", "the server takes requests"}


def test_refusals_of_the_servers_own_making_are_told_but_not_each():
    with running_server(arguments=["--max-open-tasks", "1"]) as server, server.client() as client:
        client.start("echo", delay_seconds=3600)
        for _ in range(60):
            client.post("/start-task", {"type": "echo", "payload": 1}).expect(503, "QUEUE_FULL")
        wait_for(server, "text", message="request", status=503, level="info")
        lines = [event for event in events(server, "text") if event["message"] == "request"]
        assert len(lines) < 60 and all(line["status"] == "503" for line in lines)


def test_many_ends_at_once_do_not_fill_the_log():
    with running_server() as server, server.client() as client:
        ids = [client.start("echo", delay_seconds=3600, deadline_seconds=1.5)["task_id"] for _ in range(200)]
        for task_id in ids:
            assert client.finished(task_id)["status"] == "timed_out"
        lines = [event for event in events(server, "text") if event["message"] == "task timed out"]
        assert 1 <= len(lines) < 150


def test_off_is_silent():
    with running_server(arguments=["--log-level", "off"], tasks={"fail": "sh -c 'exit 65'"}) as server, server.client() as client:
        client.run("fail")
        client.close()
        server.stop()
        assert server.whole_log() == ""


def test_an_unknown_format_is_refused():
    with pytest.raises(AssertionError, match="must be one of text, json"):
        with running_server(arguments=["--log-format", "xml"]):
            pass
