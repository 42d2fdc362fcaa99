"""Timeouts of attempts, deadlines of tasks, expiry of what never started."""

import datetime

import pytest

from longhaul_server import running_server
from waiting import wait_until

CONFIG = """
[queues.one]
concurrency = 1
[tasks.slow]
command = ["/bin/sh", "-c", "echo try $LONGHAUL_ATTEMPT >&2; exec sleep 600"]
timeout_seconds = 0.2
max_attempts = 2
retry_base_seconds = 0.01
retry_cap_seconds = 0.02
[tasks.second_time]
command = ["/bin/sh", "-c", "test $LONGHAUL_ATTEMPT = 2 && echo 2 || exec sleep 600"]
timeout_seconds = 0.5
max_attempts = 3
retry_base_seconds = 0.01
retry_cap_seconds = 0.02
[tasks.stubborn]
command = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"]
grace_seconds = 0.3
[tasks.told]
command = ["/bin/sh", "-c", "printf %s \\"$LONGHAUL_DEADLINE\\""]
result = "text"
"""


@pytest.fixture(scope="module")
def server():
    with running_server(config=CONFIG) as running:
        yield running


def test_an_attempt_that_times_out_is_tried_again(client):
    task = client.run("slow")
    assert task["status"] == "timed_out" and task["error"]["code"] == "ATTEMPT_TIMED_OUT" and task["attempt"] == 2
    attempts = client.detail(task["task_id"])["attempts"]
    assert [attempt["outcome"] for attempt in attempts] == ["timed_out", "timed_out"]
    assert {attempt["error"]["message"] for attempt in attempts} == {"the attempt took longer than its limit of 0.2 s"}
    assert [text for text in client.log_texts(task["task_id"]) if text.startswith("try")] == ["try 1", "try 2"]


def test_the_next_attempt_may_succeed(client):
    task = client.run("second_time")
    assert (task["status"], task["result"], task["attempt"]) == ("succeeded", 2, 2)


def test_the_request_sets_its_own(client):
    task = client.run("sleep", {"seconds": 600}, timeout_seconds=0.1, max_attempts=1)
    assert task["status"] == "timed_out"
    assert client.run("sleep", {"seconds": 0.05}, timeout_seconds=30)["status"] == "succeeded"


def test_a_stubborn_program_is_killed(server, client):
    task = client.run("stubborn", timeout_seconds=0.2, max_attempts=1)
    assert task["status"] == "timed_out" and client.detail(task["task_id"])["attempts"][0]["signal"] == 9
    assert not server.programs()


def test_a_deadline_ends_a_running_task(client):
    task = client.run("stubborn", deadline_seconds=0.4)
    assert task["status"] == "timed_out" and task["error"]["code"] == "DEADLINE_EXCEEDED" and task["attempt"] == 1
    assert task["finished_at"] >= task["deadline_at"]


def test_a_deadline_ends_a_waiting_task(client):
    task = client.run("echo", delay_seconds=600, deadline_seconds=0.2)
    assert task["status"] == "timed_out" and task["error"]["code"] == "DEADLINE_EXCEEDED" and task["started_at"] is None


def test_a_deadline_ends_the_wait_for_another_attempt(client):
    with running_server(config="""
        [tasks.failing]
        command = ["false"]
        retry_base_seconds = 3600
        retry_cap_seconds = 3600
        """) as server, server.client() as own:
        task = own.run("failing", deadline_seconds=3, max_attempts=100)
        assert task["status"] == "timed_out" and task["error"]["code"] == "DEADLINE_EXCEEDED"
        attempts = own.detail(task["task_id"])["attempts"]
        assert attempts and {attempt["error"]["code"] for attempt in attempts} == {"EXIT_CODE"}


def test_a_deadline_as_a_date(client):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=500)
    task = client.run("sleep", {"seconds": 600}, deadline_at=soon.isoformat())
    assert task["error"]["code"] == "DEADLINE_EXCEEDED"


def test_the_work_is_told_its_deadline(client):
    assert client.run("told")["result"] == ""
    task = client.run("told", deadline_seconds=600)
    assert task["result"] == task["deadline_at"]


def test_what_has_not_started_in_time_expires(client):
    holder = client.start("sleep", {"seconds": 600}, queue="one")["task_id"]
    client.until(holder, "running")
    task = client.run("echo", queue="one", expires_seconds=0.3)
    assert task["status"] == "timed_out" and task["error"]["code"] == "EXPIRED_BEFORE_START" and task["attempt"] == 0
    client.cancel(holder, wait=20).expect(200)


def test_expiry_counts_from_run_at(client):
    task = client.run("echo", delay_seconds=0.5, expires_seconds=20)
    assert task["status"] == "succeeded"


def test_what_has_started_does_not_expire(client):
    task = client.run("sleep", {"seconds": 0.8}, expires_seconds=0.4)
    assert task["status"] == "succeeded"


def test_the_first_cause_is_kept(client):
    task_id = client.start("stubborn", timeout_seconds=600)["task_id"]
    client.until(task_id, "running")
    client.cancel(task_id, reason="first").expect(202)
    assert client.finished(task_id)["error"]["reason"] == "first"
    late = client.start("stubborn", deadline_seconds=0.2)["task_id"]
    client.until(late, "cancelling", "timed_out")
    client.delete(f"/tasks/{late}", query={"reason": "too late"})
    done = client.finished(late)
    assert done["status"] == "timed_out" and "reason" not in done["error"]


def test_many_at_once(client):
    ids = [client.start("echo", delay_seconds=600, deadline_seconds=0.2)["task_id"] for _ in range(300)]
    for task_id in ids:
        assert client.finished(task_id)["error"]["code"] == "DEADLINE_EXCEEDED"
    wait_until(lambda: client.get("/stats").json["tasks"]["scheduled"] == 0, "all to be counted out")
