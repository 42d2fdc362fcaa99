"""POST /tasks/{id}/retry."""

import datetime

import pytest

from longhaul_server import running_server
from waiting import wait_until

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    gate = tmp_path_factory.mktemp("gate") / "open"
    config = f"""
    [tasks.gated]
    command = ["/bin/sh", "-c", "test -e {gate} && echo through || exit 1"]
    max_attempts = 2
    retry_base_seconds = 0.01
    retry_cap_seconds = 0.02
    """
    with running_server(config=config) as running:
        running.gate = gate
        yield running


def retry(client, task_id, *body):
    return client.post(f"/tasks/{task_id}/retry", *body)


def test_a_failed_task_gets_a_fresh_budget(server, client):
    task = client.run("gated")
    assert task["status"] == "failed" and task["attempt"] == 2 and task["error"]["code"] == "EXIT_CODE"
    server.gate.touch()
    answer = retry(client, task["task_id"]).expect(202)
    assert answer.json["status"] in ("queued", "running") and answer.header("Retry-After") == "1"
    assert answer.json["revision"] > task["revision"] and answer.json["error"] is None
    done = client.finished(task["task_id"])
    assert (done["status"], done["result"].rstrip("\n"), done["attempt"]) == ("succeeded", "through", 1)
    outcomes = [attempt["outcome"] for attempt in client.detail(task["task_id"])["attempts"]]
    assert outcomes == ["failed", "failed", "succeeded"], "history keeps what was before"
    server.gate.unlink()


def test_cancelled_and_timed_out_tasks(client):
    cancelled = client.start("echo", 1, delay_seconds=600)["task_id"]
    client.cancel(cancelled).expect(200)
    assert retry(client, cancelled).expect(202).json["finished_at"] is None
    assert client.finished(cancelled)["status"] == "succeeded"
    late = client.run("sleep", {"seconds": 0.5}, timeout_seconds=0.05, max_attempts=1)
    assert late["status"] == "timed_out" and late["error"]["code"] == "ATTEMPT_TIMED_OUT"
    retry(client, late["task_id"]).expect(202)
    assert client.finished(late["task_id"])["status"] == "timed_out"


def test_what_cannot_be_tried_again(client):
    done = client.run("echo")["task_id"]
    refused = retry(client, done).expect(409, "TASK_NOT_RETRYABLE")
    assert refused.json["task_status"] == "succeeded" and refused.json["task_id"] == done
    waiting = client.start("echo", delay_seconds=600)["task_id"]
    assert retry(client, waiting).expect(409, "TASK_NOT_RETRYABLE").json["task_status"] == "scheduled"
    client.cancel(waiting).expect(200)
    retry(client, UNKNOWN).expect(404, "TASK_NOT_FOUND")


def test_a_relative_deadline_starts_anew(client):
    task = client.run("sleep", {"seconds": 600}, deadline_seconds=0.3)
    assert task["status"] == "timed_out" and task["error"]["code"] == "DEADLINE_EXCEEDED"
    again = retry(client, task["task_id"]).expect(202).json
    assert again["deadline_at"] > task["deadline_at"]
    assert client.finished(task["task_id"])["status"] == "timed_out"


def test_a_passed_date_needs_another(client):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=400)
    task = client.run("sleep", {"seconds": 600}, deadline_at=soon.isoformat())
    assert task["error"]["code"] == "DEADLINE_EXCEEDED"
    refused = retry(client, task["task_id"]).expect(409, "DEADLINE_PASSED")
    assert refused.json["task_status"] == "timed_out"
    past = retry(client, task["task_id"], {"deadline_at": "2001-01-01T00:00:00Z"}).expect(422, "VALIDATION_FAILED")
    assert past.pointers == ["#/deadline_at"]
    both = retry(client, task["task_id"], {"deadline_at": "2199-01-01T00:00:00Z", "deadline_seconds": 5}).expect(422)
    assert set(both.pointers) <= {"#/deadline_at", "#/deadline_seconds"}
    again = retry(client, task["task_id"], {"deadline_at": "2199-01-01T00:00:00Z"}).expect(202).json
    assert again["deadline_at"] == "2199-01-01T00:00:00.000Z"
    client.until(task["task_id"], "running")
    client.cancel(task["task_id"], wait=20).expect(200)
    shorter = retry(client, task["task_id"], {"deadline_seconds": 0.2}).expect(202).json
    assert shorter["deadline_at"] < "2199"
    assert client.finished(task["task_id"])["error"]["code"] == "DEADLINE_EXCEEDED"


def test_wrong_bodies(client):
    task_id = client.start("echo", delay_seconds=600)["task_id"]
    for body, pointer in (({"deadline_seconds": 0}, "#/deadline_seconds"), ({"x": 1}, "#/x"), ({"deadline_at": 1}, "#/deadline_at")):
        assert retry(client, task_id, body).expect(422).pointers == [pointer]
    client.cancel(task_id).expect(200)


def test_a_waiter_sees_the_new_end(client):
    task_id = client.start("echo", delay_seconds=600)["task_id"]
    client.cancel(task_id).expect(200)
    retry(client, task_id).expect(202)
    wait_until(lambda: client.get(f"/task-status/{task_id}?wait=10").json["status"] == "succeeded", "the second end")
