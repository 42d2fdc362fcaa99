"""The Idempotency-Key header."""

import json
import threading

import pytest

from longhaul_server import running_server


def start(client, key, value=None, body=None):
    value = {"type": "echo", "payload": 1} if value is None and body is None else value
    return client.post("/start-task", body=body if body is not None else json.dumps(value), headers={"Idempotency-Key": key})


def test_the_same_request_twice(client):
    first = start(client, "once").expect(202)
    assert first.header("Idempotent-Replayed") is None
    task_id = first.json["task_id"]
    client.finished(task_id)
    again = start(client, "once").expect(202)
    assert again.header("Idempotent-Replayed") == "true" and again.header("Location") == f"/task-status/{task_id}"
    assert again.json["task_id"] == task_id and again.json["status"] == "succeeded", "as it is now"
    assert len(client.detail(task_id)["attempts"]) == 1


def test_another_body(client):
    task = start(client, "reused").expect(202).json
    for body in ('{"type":"echo","payload":2}', '{"type": "echo","payload": 1} ', '{"payload": 1,"type": "echo"}'):
        refused = start(client, "reused", body=body).expect(422, "IDEMPOTENCY_KEY_REUSED")
        assert refused.pointers == ["Idempotency-Key"]
    assert start(client, "reused").expect(202).json["task_id"] == task["task_id"]


def test_quoted_and_bare_are_one_key(client):
    task_id = start(client, '"a \\"b\\" \\\\c"').expect(202).json["task_id"]
    assert start(client, 'a "b" \\c').expect(202).json["task_id"] == task_id
    assert start(client, "A \"b\" \\c").expect(202).json["task_id"] != task_id


@pytest.mark.parametrize("key", ["", '""', '"open', '"a"b"', '"a\\n"', "x" * 256, '"' + "x" * 256 + '"', "t\tb", "\u00fc"])
def test_what_cannot_be_a_key(client, key):
    assert start(client, key).expect(422, "VALIDATION_FAILED").pointers == ["Idempotency-Key"]


def test_the_longest_key(client):
    key = "k" * 255
    task_id = start(client, key).expect(202).json["task_id"]
    assert start(client, f'"{key}"').expect(202).json["task_id"] == task_id


def test_given_twice(server):
    body = b'{"type":"echo"}'
    head = (f"POST /start-task HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nIdempotency-Key: a\r\n"
            f"Idempotency-Key: b\r\nContent-Length: {len(body)}\r\n\r\n")
    with server.raw() as connection:
        assert connection.exchange(head.encode() + body, "POST", "/start-task").status == 422


def test_a_refused_request_binds_nothing(client):
    start(client, "refused", {"type": "nosuch"}).expect(422, "UNKNOWN_TASK_TYPE")
    start(client, "refused", {"type": "echo", "priority": 1000}).expect(422, "VALIDATION_FAILED")
    start(client, "refused").expect(202)


def test_many_at_once_make_one_task(server):
    answers = []

    def ask():
        with server.client() as client:
            answers.append(start(client, "race").expect(202))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.json["task_id"] for answer in answers}) == 1
    assert sum(answer.header("Idempotent-Replayed") is None for answer in answers) == 1


def test_keys_outlive_the_server():
    with running_server() as server:
        with server.client() as client:
            task_id = start(client, "kept").expect(202).json["task_id"]
        server.restart(kill=True)
        with server.client() as client:
            again = start(client, "kept").expect(202)
            assert again.json["task_id"] == task_id and again.header("Idempotent-Replayed") == "true"
            start(client, "kept", {"type": "echo"}).expect(422, "IDEMPOTENCY_KEY_REUSED")
