"""unique_key: one unfinished task of a type for each key."""

import threading

import pytest

import gated_task
from longhaul_server import running_server


@pytest.fixture(scope="module")
def server():
    with running_server(config=gated_task.CONFIG + "[tasks.deaf]\n" + """
command = ["/bin/sh", "-c", "trap '' TERM; echo up >&2; while :; do sleep 0.05; done"]
grace_seconds = 600
""") as running:
        yield running
        # It would be given its grace.
        running.kill()
        running.start()


def start(client, key, type_="gated", payload=None, **fields):
    return client.post("/start-task", {"type": type_, "payload": payload, "unique_key": key, **fields})


def test_the_same_task_until_it_ends(client, gate):
    first = start(client, "same", payload=gate.payload, tags={"a": "b"}).expect(202)
    assert "deduplicated" not in first.json
    again = start(client, "same", payload="other", priority=7).expect(202)
    assert again.json["deduplicated"] is True and again.json["task_id"] == first.json["task_id"]
    assert again.header("Location") == first.header("Location") and again.json["tags"] == {"a": "b"}
    assert "deduplicated" not in client.status(first.json["task_id"])
    gate.open("1")
    client.finished(first.json["task_id"])
    assert start(client, "same", payload=gate.payload).expect(202).json["task_id"] != first.json["task_id"]


def test_one_that_waits_counts(client):
    first = start(client, "later", "echo", delay_seconds=600).expect(202).json
    assert start(client, "later", "echo").expect(202).json["task_id"] == first["task_id"]
    client.cancel(first["task_id"]).expect(200)
    assert "deduplicated" not in start(client, "later", "echo").expect(202).json


def test_one_that_is_cancelling_does_not(client):
    first = start(client, "deaf", "deaf").expect(202).json
    client.until(first["task_id"], "running")
    client.cancel(first["task_id"]).expect(202)
    assert client.status(first["task_id"])["status"] == "cancelling"
    second = start(client, "deaf", "deaf", delay_seconds=600).expect(202).json
    assert second["task_id"] != first["task_id"] and "deduplicated" not in second
    client.cancel(second["task_id"]).expect(200)


def test_types_are_apart(client):
    echo = start(client, "type", "echo", delay_seconds=600).expect(202).json
    sleep = start(client, "type", "sleep", {"seconds": 0}, delay_seconds=600).expect(202).json
    assert echo["task_id"] != sleep["task_id"]


@pytest.mark.parametrize("key", ["", "x" * 256, 7, None, ["a"], "a\0b"])
def test_what_cannot_be_a_key(client, key):
    assert start(client, key, "echo").expect(422, "VALIDATION_FAILED").pointers == ["#/unique_key"]


def test_the_longest_key(client):
    key = "\u00fc" * 255
    first = start(client, key, "echo", delay_seconds=600).expect(202).json
    assert start(client, key, "echo").expect(202).json["task_id"] == first["task_id"]


def test_a_hundred_at_once_make_one_run(server, client, gate):
    answers = []

    def ask():
        with server.client() as own:
            value = {"type": "gated", "payload": gate.payload, "unique_key": "hundred", "tags": {"set": "hundred"}}
            answers.append(own.post("/start-task?wait=60", value).expect(200))

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    gate_opener = threading.Timer(0.3, gate.open, ["5"])
    gate_opener.start()
    for thread in threads:
        thread.join()
    gate_opener.join()
    made = [answer for answer in answers if "deduplicated" not in answer.json]
    assert len(client.get("/tasks?tag.set=hundred").json["tasks"]) == len(made)
    assert all(answer.json["result"] == 5 for answer in answers) and len(answers) == 100


def test_a_retry_needs_the_key(client):
    first = start(client, "retried", "echo", delay_seconds=600).expect(202).json["task_id"]
    client.cancel(first).expect(200)
    second = start(client, "retried", "echo", delay_seconds=600).expect(202).json["task_id"]
    refused = client.post(f"/tasks/{first}/retry").expect(409, "UNIQUE_KEY_TAKEN")
    assert refused.json["task_id"] == first and refused.json["task_status"] == "cancelled" and second in refused.json["detail"]
    client.cancel(second).expect(200)
    client.post(f"/tasks/{first}/retry").expect(202)


def test_with_no_room_the_task_that_is_there_is_answered_with():
    with running_server(arguments=["--max-open-tasks", "1"]) as server, server.client() as client:
        first = start(client, "full", "echo", delay_seconds=600).expect(202).json
        start(client, "another", "echo").expect(503, "QUEUE_FULL")
        client.post("/start-task", {"type": "echo"}).expect(503, "QUEUE_FULL")
        assert start(client, "full", "echo").expect(202).json["task_id"] == first["task_id"]


def test_an_idempotency_key_comes_first(client, gate):
    def keyed(**fields):
        value = {"type": "gated", "payload": gate.payload, **fields}
        return client.post("/start-task", value, headers={"Idempotency-Key": "ordered"})

    first = keyed(unique_key="ordered").expect(202)
    again = keyed(unique_key="ordered").expect(202)
    assert again.header("Idempotent-Replayed") == "true" and "deduplicated" not in again.json
    keyed(unique_key="ordered", priority=1).expect(422, "IDEMPOTENCY_KEY_REUSED")
    assert first.json["task_id"] == again.json["task_id"]


@pytest.mark.parametrize("kill", [False, True])
def test_keys_outlive_the_server(kill):
    with running_server() as server:
        with server.client() as client:
            first = start(client, "kept", "echo", delay_seconds=600).expect(202).json
        server.restart(kill=kill)
        with server.client() as client:
            assert start(client, "kept", "echo").expect(202).json["task_id"] == first["task_id"]
