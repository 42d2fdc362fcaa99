"""What runs when: concurrency by queue and type, priorities, delays, and waiting_for."""

import pytest

from longhaul_server import running_server
from waiting import wait_until

CONFIG = """
[queues.one]
concurrency = 1
[queues.three]
concurrency = 3
[tasks.pair]
command = ["sleep", "600"]
concurrency = 2
[tasks.mark]
command = ["/bin/sh", "-c", "echo $LONGHAUL_TASK_ID >&2"]
"""
HOLD = {"seconds": 600}


@pytest.fixture(scope="module")
def server():
    with running_server(config=CONFIG) as running:
        yield running


def release(client, *task_ids):
    for task_id in task_ids:
        client.cancel(task_id, wait=30).expect(200)


def running(client, queue):
    return len(client.get("/tasks", query={"queue": queue, "status": "running"}).json["tasks"])


def test_a_queue_runs_as_many_as_it_may(client):
    ids = [client.start("sleep", HOLD, queue="three")["task_id"] for _ in range(5)]
    for task_id in ids[:3]:
        client.until(task_id, "running")
    waiting = client.status(ids[3])
    assert waiting["status"] == "queued" and waiting["waiting_for"]["reason"] == "queue_concurrency"
    assert running(client, "three") == 3
    release(client, ids[0])
    client.until(ids[3], "running")
    assert client.status(ids[4])["status"] == "queued" and running(client, "three") == 3
    release(client, *ids[1:])


def test_a_type_runs_as_many_as_it_may_over_all_queues(client):
    ids = [client.start("pair", queue=f"other{i}")["task_id"] for i in range(3)]
    for task_id in ids[:2]:
        client.until(task_id, "running")
    waiting = client.status(ids[2])
    assert waiting["status"] == "queued" and waiting["waiting_for"]["reason"] == "type_concurrency"
    types = {entry["name"]: entry for entry in client.get("/task-types").json["task_types"]}
    assert types["pair"]["running"] == 2 and types["pair"]["concurrency"] == 2
    release(client, ids[0])
    client.until(ids[2], "running")
    release(client, *ids[1:])


def test_priority_then_age(client):
    holder = client.start("sleep", HOLD, queue="one")["task_id"]
    client.until(holder, "running")
    ids = {name: client.start("echo", queue="one", priority=priority)["task_id"]
           for name, priority in (("low", -5), ("first", 0), ("second", 0), ("high", 7), ("highest", 100))}
    # The dispatcher hears of a start when its commit is answered, which may be a moment after the client does.
    wait_until(lambda: client.status(ids["low"])["waiting_for"] ==
               {"reason": "behind_others", "detail": "4 tasks are ahead in this queue"}, "four to be ahead")
    release(client, holder)
    started = {name: client.finished(task_id)["started_at"] for name, task_id in ids.items()}
    in_order = [started[name] for name in ("highest", "high", "first", "second", "low")]
    assert in_order == sorted(in_order)
    revisions = [client.detail(ids[name])["attempts"][0]["started_at"] for name in ("highest", "high", "first", "second", "low")]
    assert revisions == sorted(revisions)


def test_a_delayed_task_waits_for_its_time(client):
    task = client.start("echo", delay_seconds=0.4)
    assert task["status"] == "scheduled" and task["waiting_for"]["reason"] == "not_due"
    assert task["waiting_for"]["detail"] == f"due at {task['run_at']}"
    done = client.finished(task["task_id"])
    assert done["status"] == "succeeded" and done["started_at"] >= task["run_at"] > task["created_at"]


def test_a_failed_attempt_waits_for_the_next(client):
    with running_server(config="""
        [tasks.failing]
        command = ["false"]
        retry_base_seconds = 1000
        retry_cap_seconds = 1000
        """) as server, server.client() as own:
        for _ in range(20):  # the wait is random, from 0 up
            task_id = own.start("failing", max_attempts=2)["task_id"]
            status = own.until(task_id, "scheduled", "failed")
            if status["status"] == "scheduled":
                break
        assert status["waiting_for"]["reason"] == "retry_backoff" and status["attempt"] == 1
        own.cancel(task_id).expect(200)


def test_a_type_that_is_no_longer_there():
    with running_server(tasks={"old": "true"}) as server:
        with server.client() as client:
            task_id = client.start("old", delay_seconds=1)["task_id"]
        server.stop()
        server.tasks = {}
        server.start()
        with server.client() as client:
            status = client.until(task_id, "queued")
            assert status["waiting_for"]["reason"] == "no_worker_for_type" and "old" in status["waiting_for"]["detail"]
            client.post("/start-task", {"type": "old"}).expect(422, "UNKNOWN_TASK_TYPE")
        server.stop()
        server.tasks = {"old": "true"}
        server.start()
        with server.client() as client:
            assert client.finished(task_id)["status"] == "succeeded"


def test_five_hundred_tasks_all_run_once(client):
    ids = [client.start("echo", i, queue=f"many{i % 7}", priority=i % 3)["task_id"] for i in range(500)]
    for i, task_id in enumerate(ids):
        done = client.finished(task_id, seconds=60)
        assert (done["status"], done["result"], done["attempt"]) == ("succeeded", i, 1)
