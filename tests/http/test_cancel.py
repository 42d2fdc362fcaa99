"""DELETE /tasks/{id}: the whole table of its answers."""

import time

import pytest

from longhaul_server import running_server
from waiting import PATIENCE, wait_until

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"

STUBBORN = """
[tasks.stubborn]
command = ["/bin/sh", "-c", "trap '' TERM; echo up >&2; while :; do sleep 0.05; done"]
grace_seconds = 1
[tasks.polite]
command = ["sleep", "600"]
"""


@pytest.fixture(scope="module")
def server():
    with running_server(config=STUBBORN) as running:
        yield running


def error_of(answer):
    return answer.json["error"]


def test_before_its_start(client):
    for fields in ({"delay_seconds": 600}, {"run_at": "2199-01-01T00:00:00Z"}):
        task = client.start("echo", **fields)
        answer = client.cancel(task["task_id"]).expect(200)
        assert answer.json["status"] == "cancelled" and answer.json["attempt"] == 0
        assert error_of(answer)["code"] == "CANCELLED" and "reason" not in error_of(answer)
        assert client.status(task["task_id"]) == answer.json


def test_again_says_the_same(client):
    task_id = client.start("echo", delay_seconds=600)["task_id"]
    first = client.cancel(task_id, reason="no need").expect(200)
    assert error_of(first)["reason"] == "no need"
    for query in ({}, {"reason": "another"}, {"wait": 5}):
        assert client.cancel(task_id, **query).expect(200).body == first.body


def test_queued(client):
    holder = client.start("sleep", {"seconds": 600}, queue="narrow", priority=100)["task_id"]
    others = [client.start("sleep", {"seconds": 600}, queue="narrow")["task_id"] for _ in range(8)]
    queued = client.until(others[-1], "queued")["task_id"]
    assert client.cancel(queued).expect(200).json["status"] == "cancelled"
    for task_id in [holder, *others[:-1]]:
        client.cancel(task_id, wait=20).expect(200)


@pytest.mark.parametrize("type_", ["sleep", "polite"])
def test_running(client, type_):
    task_id = client.start(type_, {"seconds": 600})["task_id"]
    client.until(task_id, "running")
    answer = client.cancel(task_id, reason="später").expect(202)
    assert answer.json["status"] == "cancelling" and answer.header("Retry-After") == "1"
    done = client.finished(task_id)
    assert done["status"] == "cancelled" and done["error"]["reason"] == "später" and done["result"] is None
    assert client.detail(task_id)["attempts"][0]["outcome"] == "cancelled"


def test_wait_answers_when_it_has_stopped(server, client):
    task_id = client.start("stubborn")["task_id"]
    wait_until(lambda: client.log_texts(task_id), "its first line")
    began = time.monotonic()
    answer = client.cancel(task_id, wait=60).expect(200)
    assert answer.json["status"] == "cancelled" and 0.9 <= time.monotonic() - began < 30 * PATIENCE
    assert client.detail(task_id)["attempts"][0]["signal"] == 9
    assert not server.programs()


def test_a_wait_that_ends_first(client):
    task_id = client.start("stubborn")["task_id"]
    wait_until(lambda: client.log_texts(task_id), "its first line")
    answer = client.cancel(task_id, wait=0.1).expect(202)
    assert answer.json["status"] == "cancelling"
    again = client.cancel(task_id, reason="later ones do not count").expect(202)
    assert again.json["status"] == "cancelling"
    assert client.cancel(task_id, wait=60).expect(200).json["status"] == "cancelled"
    assert "reason" not in client.status(task_id)["error"]


def test_over_already(client):
    config_free = client.run("echo")
    refused = client.cancel(config_free["task_id"]).expect(409, "TASK_ALREADY_FINAL")
    assert refused.json["task_status"] == "succeeded" and refused.json["task_id"] == config_free["task_id"]
    timed_out = client.run("sleep", {"seconds": 600}, timeout_seconds=0.05, max_attempts=1)
    assert client.cancel(timed_out["task_id"], wait=5).expect(409).json["task_status"] == "timed_out"
    assert client.status(config_free["task_id"]) == config_free


def test_unknown(client):
    client.cancel(UNKNOWN).expect(404, "TASK_NOT_FOUND")
    client.cancel(UNKNOWN, wait=300).expect(404, "TASK_NOT_FOUND")


def test_reasons(client):
    task_id = client.start("echo", delay_seconds=600)["task_id"]
    assert client.cancel(task_id, reason="x" * 501).expect(422).pointers == ["?reason"]
    assert client.delete(f"/tasks/{task_id}?reason=%00").expect(422).pointers == ["?reason"]
    assert client.delete(f"/tasks/{task_id}?reason=a&reason=b").expect(422).pointers == ["?reason"]
    assert client.delete(f"/tasks/{task_id}?cause=a").expect(422).pointers == ["?cause"]
    assert client.status(task_id)["status"] == "scheduled"
    reason = "ü" * 498 + "\"\n"
    assert client.cancel(task_id, reason=reason).expect(200).json["error"]["reason"] == reason


def test_waiting_for_a_retry(client):
    task_id = client.start("sleep", "not an object", max_attempts=5)["task_id"]
    status = client.until(task_id, "scheduled", "failed")
    if status["status"] == "scheduled":
        assert client.cancel(task_id).expect(200).json["status"] == "cancelled"


def test_the_process_is_gone_when_it_reads_cancelled(server, client):
    for _ in range(10):
        task_id = client.start("polite")["task_id"]
        client.until(task_id, "running")
        client.cancel(task_id, wait=30).expect(200)
        assert not server.programs()
