"""POST /start-task: every field and its faults."""

import datetime
import json
import re

import pytest

from longhaul_server import running_server

LATER_FIELDS = ("replaces", "concurrency_key", "depends_on", "on_dependency_failure")


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def from_now(**delta):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_type_is_all_that_is_needed(client):
    answer = client.post("/start-task", {"type": "echo"}).expect(202)
    task = answer.json
    assert answer.header("Location") == f"/task-status/{task['task_id']}" == task["status_url"]
    assert answer.header("Retry-After") == "1"
    assert (task["type"], task["queue"], task["tags"], task["result"]) == ("echo", "default", {}, None)
    assert task["deadline_at"] is None and task["cache"] is False
    assert client.finished(task["task_id"])["status"] == "succeeded"
    assert client.detail(task["task_id"])["payload"] is None


def test_what_is_given_is_kept(client):
    task = client.start("echo", {"a": [1, None, "ä"]}, queue="slow.lane", priority=-100, delay_seconds=600,
                        timeout_seconds=1.5, deadline_seconds=900, expires_seconds=700, max_attempts=100,
                        tags={"customer": "7", "größe": "XL"})
    detail = client.detail(task["task_id"])
    assert detail["payload"] == {"a": [1, None, "ä"]}
    assert detail["queue"] == "slow.lane" and detail["max_attempts"] == 100
    assert detail["tags"] == {"customer": "7", "größe": "XL"}
    assert detail["status"] == "scheduled" and detail["attempts"] == []
    assert detail["waiting_for"]["reason"] == "not_due"
    created = time_of(detail["created_at"])
    assert time_of(detail["run_at"]) - created == datetime.timedelta(seconds=600)
    assert time_of(detail["deadline_at"]) - created == datetime.timedelta(seconds=900)


def test_dates_are_kept_to_the_millisecond(client):
    task = client.start("echo", run_at="2199-12-31T23:59:59.123456+02:00", deadline_at="2200-01-01T00:00:00Z")
    assert task["run_at"] == "2199-12-31T21:59:59.123Z"
    assert task["deadline_at"] == "2200-01-01T00:00:00.000Z"
    assert task["status"] == "scheduled"


def test_a_run_at_in_the_past_is_due_now(client):
    task = client.run("echo", run_at="2001-01-01T00:00:00Z")
    assert task["status"] == "succeeded"
    assert time_of(task["run_at"]).year > 2001, "else it would go before everything that waits"


@pytest.mark.parametrize("field, value, pointer", [
    ("type", None, "#/type"), ("type", 7, "#/type"), ("type", "", "#/type"), ("type", "a b", "#/type"),
    ("type", "x" * 101, "#/type"),
    ("queue", "", "#/queue"), ("queue", "a/b", "#/queue"), ("queue", "q" * 101, "#/queue"), ("queue", None, "#/queue"),
    ("priority", 101, "#/priority"), ("priority", -101, "#/priority"), ("priority", 1.5, "#/priority"),
    ("priority", "1", "#/priority"), ("priority", 10 ** 30, "#/priority"),
    ("delay_seconds", -1, "#/delay_seconds"), ("delay_seconds", "5", "#/delay_seconds"),
    ("delay_seconds", 1e12, "#/delay_seconds"), ("delay_seconds", True, "#/delay_seconds"),
    ("run_at", "tomorrow", "#/run_at"), ("run_at", "2026-13-01T00:00:00Z", "#/run_at"),
    ("run_at", "2026-01-01 00:00:00", "#/run_at"), ("run_at", 5, "#/run_at"),
    ("timeout_seconds", 0, "#/timeout_seconds"), ("timeout_seconds", -0.5, "#/timeout_seconds"),
    ("timeout_seconds", None, "#/timeout_seconds"),
    ("deadline_seconds", 0, "#/deadline_seconds"), ("deadline_seconds", [], "#/deadline_seconds"),
    ("deadline_at", "2001-01-01T00:00:00Z", "#/deadline_at"), ("deadline_at", "soon", "#/deadline_at"),
    ("expires_seconds", 0, "#/expires_seconds"), ("expires_seconds", -1, "#/expires_seconds"),
    ("max_attempts", 0, "#/max_attempts"), ("max_attempts", 101, "#/max_attempts"), ("max_attempts", 2.5, "#/max_attempts"),
    ("tags", [], "#/tags"), ("tags", {"a": 1}, "#/tags/a"), ("tags", {"": "x"}, "#/tags/"),
    ("tags", {"n" * 65: "x"}, "#/tags/" + "n" * 65), ("tags", {"a": "v" * 257}, "#/tags/a"),
    ("tags", {"a/b~c": None}, "#/tags/a~1b~0c"), ("tags", {str(i): "" for i in range(17)}, "#/tags"),
    *[(name, "x", f"#/{name}") for name in LATER_FIELDS],
    ("paylaod", 1, "#/paylaod"),
])
def test_a_wrong_field_is_refused_by_name(client, field, value, pointer):
    answer = client.post("/start-task", {"type": "echo", **{field: value}}).expect(422, "VALIDATION_FAILED")
    assert answer.pointers == [pointer]


def test_the_edges_are_allowed(client):
    for fields in ({"priority": 100}, {"priority": -100}, {"priority": 5.0}, {"max_attempts": 1}, {"max_attempts": 100},
                   {"delay_seconds": 0}, {"timeout_seconds": 0.001}, {"queue": "q" * 100}, {"queue": "A-z_0.9:"},
                   {"tags": {}}, {"tags": {str(i): "" for i in range(16)}}, {"tags": {"n" * 64: "ü" * 256}},
                   {"deadline_seconds": 316224000}, {"run_at": "9999-12-31T23:59:59.999Z"}):
        client.start("echo", **fields)


def test_every_fault_is_told_at_once(client):
    answer = client.post("/start-task", {"priority": 1000, "delay_seconds": -1, "run_at": "x", "tags": {"a": 1, "b": 2},
                                         "typ": "echo"}, headers={"Idempotency-Key": "ü" * 3}).expect(422, "VALIDATION_FAILED")
    assert set(answer.pointers) >= {"#/type", "#/priority", "#/delay_seconds", "#/run_at", "#/tags/a", "#/tags/b", "#/typ",
                                    "Idempotency-Key"}


@pytest.mark.parametrize("pair", [("delay_seconds", "run_at"), ("deadline_seconds", "deadline_at")])
def test_a_duration_and_a_date_for_the_same_thing(client, pair):
    duration, date = pair
    answer = client.post("/start-task", {"type": "echo", duration: 5, date: from_now(days=1)})
    assert answer.expect(422, "VALIDATION_FAILED").pointers and set(answer.pointers) <= {f"#/{duration}", f"#/{date}"}


@pytest.mark.parametrize("body", ["null", "[]", '"echo"', "7"])
def test_only_an_object_is_a_start(client, body):
    client.post("/start-task", body=body).expect(422, "VALIDATION_FAILED")


def test_an_unknown_type_names_the_nearest_and_the_way_to_add_one(client):
    answer = client.post("/start-task", {"type": "ehco"}).expect(422, "UNKNOWN_TASK_TYPE")
    assert answer.pointers == ["#/type"]
    assert '"echo"' in answer.json["detail"] and "--task" in answer.json["detail"]
    strange = client.post("/start-task", {"type": "transmogrify-everything"}).expect(422, "UNKNOWN_TASK_TYPE")
    assert "Did you mean" not in strange.json["detail"]


def test_query_parameters_are_refused(client):
    assert client.post("/start-task?delay=5", {"type": "echo"}).expect(422, "VALIDATION_FAILED").pointers == ["?delay"]


def test_ids_sort_by_creation(client):
    ids = [client.start("echo")["task_id"] for _ in range(200)]
    assert ids == sorted(ids) and len(set(ids)) == 200
    assert all(re.match(r"^[0-9a-f]{8}-[0-9a-f]{4}-7", task_id) for task_id in ids)


def test_a_type_sets_its_own_greatest_body():
    config = """
    [tasks.small]
    command = ["true"]
    max_body_bytes = 200
    [tasks.large]
    command = ["true"]
    max_body_bytes = 3000000
    """
    with running_server(config=config) as server, server.client() as client:
        client.start("small", "x" * 100)
        refused = client.post("/start-task", {"type": "small", "payload": "x" * 200}).expect(413, "BODY_TOO_LARGE")
        assert "tasks.small.max_body_bytes" in refused.json["detail"]
        client.start("large", "x" * 2_900_000)
        client.post("/start-task", {"type": "large", "payload": "x" * 3_000_000}).expect(413, "BODY_TOO_LARGE")
        default = client.post("/start-task", {"type": "echo", "payload": "x" * 1_048_576}).expect(413, "BODY_TOO_LARGE")
        assert "1048576" in default.json["detail"]
        # Only starts have such bodies.
        task = client.start("small")
        client.post(f"/tasks/{task['task_id']}/retry", {"x": "x" * 2_000_000}).expect(413, "BODY_TOO_LARGE")


def test_no_more_open_tasks_than_allowed():
    with running_server(arguments=["--max-open-tasks", "3"]) as server, server.client() as client:
        key = {"Idempotency-Key": "third"}
        tasks = [client.start("sleep", {"seconds": 600}, delay_seconds=600) for _ in range(2)]
        tasks.append(client.start("echo", delay_seconds=600, headers=key))
        refused = client.post("/start-task", {"type": "echo"}).expect(503, "QUEUE_FULL")
        assert int(refused.header("Retry-After")) > 0 and "max_open_tasks" in refused.json["detail"]
        # A task that is there already takes no room.
        body = json.dumps({"type": "echo", "payload": None, "delay_seconds": 600})
        replay = client.post("/start-task", body=body, headers=key).expect(202)
        assert replay.json["task_id"] == tasks[2]["task_id"] and replay.header("Idempotent-Replayed") == "true"
        client.post("/start-task", body=body, headers={"Idempotency-Key": "fourth"}).expect(503, "QUEUE_FULL")
        client.post("/start-task", body=body + " ", headers=key).expect(422, "IDEMPOTENCY_KEY_REUSED")
        client.cancel(tasks[0]["task_id"]).expect(200)
        fourth = client.post("/start-task", body=body, headers={"Idempotency-Key": "fourth"}).expect(202)
        assert fourth.header("Idempotent-Replayed") is None, "the refused request has bound nothing"
        client.post(f"/tasks/{tasks[0]['task_id']}/retry").expect(503, "QUEUE_FULL")
        server.restart()
        client.close()
        client.port = server.port
        client.post("/start-task", {"type": "echo"}).expect(503, "QUEUE_FULL")


def test_the_trace_is_handed_to_the_work():
    config = """
    [tasks.show]
    command = ["/bin/sh", "-c", "printf %s \\"$TRACEPARENT\\""]
    result = "text"
    """
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with running_server(config=config) as server, server.client() as client:
        def seen(**headers):
            return client.finished(client.start("show", headers=headers)["task_id"])["result"]
        assert seen(traceparent=trace) == trace
        assert seen(traceparent=trace.upper()) == ""
        assert seen(traceparent="00-" + "0" * 32 + "-b7ad6b7169203331-01") == ""
        assert seen() == ""
