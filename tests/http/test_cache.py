"""Kept results: fresh ones are answered with, old ones stand in for what is late or fails."""

import signal
import sqlite3
import threading
import time

import pytest

import gated_task
from gated_task import Gate
from longhaul_server import running_server
from waiting import wait_until


@pytest.fixture(scope="module")
def server():
    with running_server(config=gated_task.CONFIG) as running:
        yield running


def start(client, gate, key, fresh, stale, wait=None, headers=None, **fields):
    query = None if wait is None else {"wait": wait}
    value = {"type": "gated", "payload": gate.payload, "cache": {"key": key, "fresh_seconds": fresh, "stale_seconds": stale}, **fields}
    return client.post("/start-task", value, query=query, headers=headers)


def keep(client, gate, key, result="1", stale=600, **fields):
    """Has a result kept, and closes the gate again."""
    gate.open(result)
    answer = start(client, gate, key, 0, stale, 20, **fields).expect(200)
    assert answer.json["cache"] is False and answer.header("Age") is None
    gate.close()
    return answer.json


def task_count(client):
    return sum(client.get("/stats").expect(200).json["tasks"].values())


# ---- fresh

def test_a_fresh_result_starts_nothing(client, gate):
    made = keep(client, gate, "fresh", '{"n":1.50}')
    before = task_count(client)
    for wait in (None, 0, 5):
        hit = start(client, gate, "fresh", 600, 600, wait, unique_key="fresh", callback_url="https://example.com/").expect(200)
        assert '"result":{"n":1.50}' in hit.text
        assert int(hit.header("Age")) <= 60 and hit.header("Location") is None and hit.header("Retry-After") is None
        assert hit.json == {**made, "cache": True, "cached_at": made["finished_at"]}
    assert task_count(client) == before


def test_not_fresh_any_more(client, gate):
    keep(client, gate, "aged", "1")
    gate.open("2")
    answer = start(client, gate, "aged", 0, 600, 20).expect(200)
    assert answer.json["result"] == 2 and answer.json["cache"] is False
    assert answer.header("Preference-Applied") == "wait=20"
    assert start(client, gate, "aged", 600, 600).expect(200).json["result"] == 2, "a success refreshes"


def test_the_age_counts_whole_seconds(client, gate):
    keep(client, gate, "age")

    def age():
        return int(start(client, gate, "age", 600, 600).expect(200).header("Age"))

    first = age()
    wait_until(lambda: age() > first, "it to age")


def test_types_and_keys_are_apart(client, gate):
    keep(client, gate, "apart")
    start(client, gate, "apart ", 600, 600).expect(202)
    value = {"type": "echo", "payload": 5, "cache": {"key": "apart", "fresh_seconds": 600, "stale_seconds": 600}}
    assert client.post("/start-task?wait=20", value).expect(200).json["cache"] is False
    assert client.post("/start-task", value).expect(200).json["cache"] is True
    assert client.post("/start-task", {"type": "echo", "payload": 5}).expect(202).json["cache"] is False


# ---- stale

def test_without_a_wait_an_old_result_is_there_at_once(client, gate):
    made = keep(client, gate, "at-once", '"old"')
    answer = start(client, gate, "at-once", 0, 600, tags={"set": "live"}).expect(200)
    live = answer.json
    assert live["result"] == "old" and live["cache"] is True and live["cached_at"] == made["finished_at"]
    assert live["task_id"] != made["task_id"] and live["status"] in ("queued", "running") and live["tags"] == {"set": "live"}
    assert answer.header("Age") is not None and answer.header("Retry-After") == "1" and answer.header("Preference-Applied") is None
    gate.open('"new"')
    assert client.finished(live["task_id"])["result"] == "new"
    assert start(client, gate, "at-once", 600, 600).expect(200).json["result"] == "new"


def test_with_nothing_kept_it_is_accepted(client, gate):
    for wait in (None, 0, 0.2):
        answer = start(client, gate, f"nothing-{wait}", 600, 600, wait).expect(202)
        assert answer.json["cache"] is False and "cached_at" not in answer.json and answer.header("Location")


def test_late(client, gate):
    keep(client, gate, "late", '"old"')
    began = time.monotonic()
    live = start(client, gate, "late", 0, 600, 0.3).expect(200).json
    assert time.monotonic() - began >= 0.3
    assert live["result"] == "old" and live["cache"] is True and live["status"] in ("queued", "running")
    assert client.status(live["task_id"])["status"] in ("queued", "running"), "it goes on"


def test_late_and_cancelled(client, gate):
    keep(client, gate, "cancelled", '"old"')
    answer = start(client, gate, "cancelled", 0, 600, 0.3, on_timeout="cancel").expect(200)
    assert answer.json["result"] == "old" and answer.json["status"] in ("cancelling", "cancelled")
    assert client.finished(answer.json["task_id"])["error"]["reason"] == "wait_ended"
    refused = start(client, gate, "cancelled-none", 0, 600, 0.3, on_timeout="cancel").expect(504, "TASK_TIMED_OUT")
    assert client.finished(refused.json["task_id"])["status"] == "cancelled"
    task = start(client, gate, "cancelled", 0, 600, on_timeout="cancel").expect(200).json
    assert client.status(task["task_id"])["status"] in ("queued", "running"), "no wait, no cancel"


def test_failed(client, gate):
    keep(client, gate, "failed", '"old"')
    gate.open("")
    answer = start(client, gate, "failed", 0, 600, 60, max_attempts=1).expect(200)
    assert answer.json["status"] == "failed" and answer.json["error"]["code"] == "EXIT_CODE"
    assert answer.json["result"] == "old" and answer.json["cache"] is True and answer.header("Age")
    assert answer.header("Retry-After") is None
    plain = start(client, gate, "failed-none", 0, 600, 60, max_attempts=1).expect(200)
    assert plain.json["status"] == "failed" and plain.json["cache"] is False and plain.header("Preference-Applied") == "wait=60"
    assert start(client, gate, "failed", 600, 600).expect(200).json["result"] == "old", "a failure refreshes nothing"


def test_too_old(client, gate):
    keep(client, gate, "old", stale=600)
    wait_until(lambda: int(start(client, gate, "old", 600, 600).expect(200).header("Age")) >= 1, "a second")
    start(client, gate, "old", 0, 0.5, 0.1).expect(202)
    start(client, gate, "old", 0, 600, 0.1).expect(200)


def test_replays_and_deduplicated_starts_fall_back_too(client, gate):
    keep(client, gate, "same", '"old"')
    key = {"Idempotency-Key": "same"}
    first = start(client, gate, "same", 0, 600, headers=key, unique_key="same").expect(200)
    replay = start(client, gate, "same", 0, 600, 0.1, headers=key, unique_key="same").expect(200)
    assert replay.header("Idempotent-Replayed") == "true" and "deduplicated" not in replay.json
    same = start(client, gate, "same", 0, 600, 0.1, unique_key="same").expect(200)
    assert same.json["deduplicated"] is True and same.header("Idempotent-Replayed") is None
    for answer in (first, replay, same):
        assert answer.json["task_id"] == first.json["task_id"] and answer.json["result"] == "old"
    gate.open('"new"')
    client.finished(first.json["task_id"])
    again = start(client, gate, "same", 600, 600, headers=key, unique_key="same")
    assert again.expect(422, "IDEMPOTENCY_KEY_REUSED"), "another body"
    replay = start(client, gate, "same", 0, 600, headers=key, unique_key="same").expect(200)
    assert replay.json["result"] == "new" and replay.json["cache"] is False and replay.header("Idempotent-Replayed") == "true"


# ---- what is refused

@pytest.mark.parametrize("cache, pointers", [
    ({}, ["#/cache/key", "#/cache/fresh_seconds", "#/cache/stale_seconds"]),
    ([], ["#/cache"]), (None, ["#/cache"]), ("key", ["#/cache"]),
    ({"key": "", "fresh_seconds": 0, "stale_seconds": 0}, ["#/cache/key"]),
    ({"key": 7, "fresh_seconds": -1, "stale_seconds": "1"}, ["#/cache/key", "#/cache/fresh_seconds", "#/cache/stale_seconds"]),
    ({"key": "x" * 256, "fresh_seconds": 0, "stale_seconds": 0}, ["#/cache/key"]),
    ({"key": "a\0", "fresh_seconds": 0, "stale_seconds": 0}, ["#/cache/key"]),
    ({"key": "k", "fresh_seconds": 2, "stale_seconds": 1}, ["#/cache/fresh_seconds"]),
    ({"key": "k", "fresh_seconds": 0, "stale_seconds": 316224001}, ["#/cache/stale_seconds"]),
    ({"key": "k", "fresh_seconds": 0, "stale_seconds": 0, "a/b": 1}, ["#/cache/a~1b"]),
])
def test_what_cannot_be(client, cache, pointers):
    assert client.post("/start-task", {"type": "echo", "cache": cache}).expect(422, "VALIDATION_FAILED").pointers == pointers


# ---- bounds and restarts

def echo(client, payload, key="k", stale=600):
    cache = {"key": key, "fresh_seconds": stale, "stale_seconds": stale}
    return client.post("/start-task?wait=20", {"type": "echo", "payload": payload, "cache": cache}).expect(200).json


@pytest.mark.parametrize("kill", [False, True])
def test_kept_results_outlive_the_server(kill):
    with running_server() as server:
        with server.client() as client:
            assert echo(client, "before")["cache"] is False
        server.restart(kill=kill)
        with server.client() as client:
            hit = echo(client, "after")
            assert hit["cache"] is True and hit["result"] == "before"


def test_kept_results_outlive_their_tasks():
    with running_server(arguments=["--retention-succeeded-seconds", "0.2"]) as server, server.client() as client:
        task_id = echo(client, "kept")["task_id"]
        wait_until(lambda: client.get(f"/task-status/{task_id}").status == 404, "the task to go")
        hit = echo(client, "new")
        assert (hit["result"], hit["cache"], hit["task_id"]) == ("kept", True, task_id)


def test_the_oldest_go_first_and_the_limit_is_live():
    with running_server(config="[cache]\nmax_bytes = 400000\n") as server, server.client() as client:
        big = "x" * 90_000
        for number in range(4):
            assert echo(client, [number, big], f"k{number}")["cache"] is False
        assert echo(client, [], "k0")["result"][0] == 0
        echo(client, [4, big], "k4")
        assert echo(client, "again", "k0")["cache"] is False
        assert echo(client, [], "k2")["result"][0] == 2
        echo(client, "x" * 200_000, "too-big")
        assert echo(client, "x", "too-big")["cache"] is False
        wait_until(lambda: "too big to be kept" in server.whole_log(), "the log to say so")

        server.config = "[cache]\nmax_bytes = 100000\n"
        (server.folder / "longhaul.toml").write_text(server.config)
        server.process.send_signal(signal.SIGHUP)

        def is_kept(number):
            cache = {"key": f"k{number}", "fresh_seconds": 600, "stale_seconds": 600}
            return client.post("/start-task", {"type": "echo", "delay_seconds": 600, "cache": cache}).status == 200

        wait_until(lambda: not any(map(is_kept, (1, 2, 3))), "the others to go")
        assert is_kept(4)


def test_expired_results_go_from_the_disk():
    with running_server() as server, server.client() as client:
        echo(client, "x" * 100_000, stale=1)
        database = sqlite3.connect(f"file:{server.folder / 'longhaul.db'}?mode=ro", uri=True, timeout=20)
        assert database.execute("SELECT count(*), (SELECT bytes FROM cache_size) > 100000 FROM cached_results").fetchone() == (1, 1)
        wait_until(lambda: database.execute("SELECT count(*) FROM cached_results").fetchone() == (0,), "it to go", 60)
        assert database.execute("SELECT bytes FROM cache_size").fetchone() == (0,)
        database.close()


def test_a_hundred_callers_of_one_key_cause_one_run(server, tmp_path):
    """All at once: each is answered with the result of the one run, or with what it kept."""
    gate = Gate(tmp_path)
    answers = []

    def ask():
        with server.client() as own:
            answers.append(start(own, gate, "hundred", 600, 600, 60, unique_key="hundred", tags={"set": "hundred"}).expect(200))

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    with server.client() as client:
        wait_until(lambda: client.get("/stats").json["connections"] > 60, "many to be there")
        gate.open('{"once":1}')
        for thread in threads:
            thread.join()
        assert len(client.get("/tasks?tag.set=hundred").json["tasks"]) == 1
    assert len({answer.json["task_id"] for answer in answers}) == 1
    assert all(answer.json["result"] == {"once": 1} for answer in answers) and len(answers) == 100

