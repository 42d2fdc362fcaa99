"""Starts that wait for the end of their task: Prefer: wait and ?wait, and on_timeout."""

import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import gated_task
from gated_task import Gate
from longhaul_server import running_server
from raw_http import post_bytes
from waiting import PATIENCE, wait_until


@pytest.fixture(scope="module")
def server():
    with running_server(config=gated_task.CONFIG) as running:
        yield running


def start(client, gate, wait=None, headers=None, **fields):
    query = None if wait is None else {"wait": wait}
    value = {"type": "gated", "payload": gate.payload, **fields}
    return client.post("/start-task", value, query=query, headers=headers)


def sole_task(client, **filters):
    """The only task with these tags, once it is there."""
    query = {f"tag.{name}": value for name, value in filters.items()}
    return wait_until(lambda: client.get("/tasks", query=query).expect(200).json["tasks"], f"a task {filters}")[0]


# ---- how to ask

@pytest.mark.parametrize("prefer", [["wait=20"], ["WAIT = 20"], ['wait="20"'], ["respond-async, wait=20"], ["return=minimal", "wait=20"],
                                    ['foo; bar="a,wait=1\\"", wait=20; x=y ;, baz'], ["wait=20, wait=0"], ["broken \", ", "wait=20"]])
def test_prefer(server, prefer):
    body = b'{"type":"echo","payload":[1]}'
    with server.raw() as connection:
        answer = connection.exchange(post_bytes("/start-task", body, *(f"Prefer: {line}" for line in prefer)), "POST", "/start-task")
    assert answer.status == 200 and b'"status":"succeeded"' in answer.body
    assert answer.header("Preference-Applied") == "wait=20"


@pytest.mark.parametrize("prefer", ["wait=301", "wait=-1", "wait=1.5", "wait=x", "wait", "wait=", "wait=99999999999999999999", "wait=5 6",
                                    'wait="5', "respond-async", "awaiting=5", "wait=0", "wait=301, wait=5"])
def test_what_is_no_wait_is_ignored(client, gate, prefer):
    answer = start(client, gate, headers={"Prefer": prefer}).expect(202)
    assert answer.header("Preference-Applied") is None and answer.header("Location")


def test_the_parameter_counts_instead_of_the_preference(client, gate):
    began = time.monotonic()
    start(client, gate, 0.2, headers={"Prefer": "wait=200"}).expect(202)
    assert time.monotonic() - began < 60 * PATIENCE
    start(client, gate, 0, headers={"Prefer": "wait=200"}).expect(202)


@pytest.mark.parametrize("wait", ["301", "300.001", "-1", "x", "", "1e2"])
def test_what_cannot_be_waited(client, wait):
    refused = client.post(f"/start-task?wait={wait}", {"type": "echo", "prority": 1}, headers={"Prefer": "wait=5"}).expect(422)
    assert sorted(refused.pointers) == ["#/prority", "?wait"]
    assert client.post("/start-task?waiting=1", {"type": "echo"}).expect(422).pointers == ["?waiting"]


# ---- answers

def test_final_in_time(client):
    answer = client.post("/start-task?wait=20.5", {"type": "echo", "payload": {"n": 1.50}}).expect(200)
    task = answer.json
    assert task["status"] == "succeeded" and task["result"] == {"n": 1.5} and task["cache"] is False
    assert answer.header("Preference-Applied") == "wait=20.5"
    assert answer.header("Location") is None and answer.header("Retry-After") is None and answer.header("Age") is None
    assert client.status(task["task_id"]) == task


def test_a_failure_in_time_is_final_too(client, gate):
    gate.open("")
    answer = start(client, gate, 20, max_attempts=1).expect(200)
    assert answer.json["status"] == "failed" and answer.json["error"]["code"] == "EXIT_CODE"


def test_a_retry_to_come_is_not_final(client):
    answer = client.post("/start-task?wait=0.5", {"type": "gated", "payload": "/dev/null/nowhere", "timeout_seconds": 0.1,
                                                  "max_attempts": 100}).expect(202)
    assert answer.json["status"] in ("scheduled", "queued", "running")
    client.cancel(answer.json["task_id"], wait=20).expect(200)


def test_not_in_time(client, gate):
    began = time.monotonic()
    answer = start(client, gate, 0.3).expect(202)
    assert time.monotonic() - began >= 0.3
    assert answer.header("Location") == f"/task-status/{answer.json['task_id']}" and answer.header("Retry-After") == "1"
    assert answer.header("Preference-Applied") is None
    gate.open("7")
    assert client.finished(answer.json["task_id"])["result"] == 7, "it goes on"


def test_a_replay_waits_for_itself(server, client, gate):
    key = {"Idempotency-Key": "waits"}
    first = start(client, gate, 0.05, headers=key).expect(202).json
    opener = threading.Timer(0.1, gate.open, ["8"])
    opener.start()
    answer = start(client, gate, 20, headers=key).expect(200)
    opener.join()
    assert answer.json["task_id"] == first["task_id"] and answer.json["result"] == 8
    assert answer.header("Idempotent-Replayed") == "true" and answer.header("Preference-Applied") == "wait=20"
    assert start(client, gate, headers=key).expect(202).json["status"] == "succeeded", "without a wait as ever"


def test_big_bodies_wait_too(client):
    payload = "x" * 200_000
    answer = client.post("/start-task?wait=20", {"type": "echo", "payload": payload}).expect(200)
    assert answer.json["result"] == payload and answer.header("Preference-Applied") == "wait=20"


def test_many_wait_and_hold_no_thread(server, client, gate):
    threads = server.threads()
    body = f'{{"type":"gated","payload":"{gate.payload}","unique_key":"many"}}'
    waiting = [server.raw(seconds=60).send(post_bytes("/start-task?wait=60", body)) for _ in range(300)]
    wait_until(lambda: client.get("/stats").json["connections"] >= 301, "all to be connected")
    assert client.get("/readyz").status == 200
    assert server.threads() <= threads
    gate.open("9")
    for connection in waiting:
        with connection:
            assert b'"result":9' in connection.read("POST", "/start-task").body


# ---- on_timeout

def test_cancelled_when_the_wait_is_over(client, gate):
    answer = start(client, gate, 0.3, on_timeout="cancel").expect(504, "TASK_TIMED_OUT")
    assert answer.json["task_status"] in ("cancelling", "cancelled")
    task = client.finished(answer.json["task_id"])
    assert task["status"] == "cancelled" and task["error"]["reason"] == "wait_ended"


def test_cancelled_before_it_could_start(client):
    answer = client.post("/start-task?wait=0.2", {"type": "echo", "delay_seconds": 600, "on_timeout": "cancel"})
    assert answer.expect(504).json["task_status"] == "cancelled"


def test_final_in_time_is_not_cancelled(client):
    assert client.post("/start-task?wait=20", {"type": "echo", "on_timeout": "cancel"}).expect(200).json["status"] == "succeeded"


def test_without_a_wait_it_means_nothing(client, gate):
    for wait in (None, 0):
        task = start(client, gate, wait, on_timeout="cancel").expect(202).json
        assert client.status(task["task_id"])["status"] in ("queued", "running")
    refused = start(client, gate, on_timeout="stop").expect(422)
    assert refused.pointers == ["#/on_timeout"]


def test_the_task_that_another_start_found_goes_on(client, gate, server):
    answers = []

    def ask():
        with server.client() as own:
            answers.append(start(own, gate, 1, on_timeout="cancel", unique_key="found", tags={"set": "found"}))

    asking = threading.Thread(target=ask)
    asking.start()
    task = sole_task(client, set="found")
    same = start(client, gate, unique_key="found").expect(202).json
    assert same["task_id"] == task["task_id"] and same["deduplicated"] is True
    asking.join()
    assert answers[0].expect(202).json["task_id"] == task["task_id"]
    assert "deduplicated" not in answers[0].json
    gate.open("10")
    assert client.finished(task["task_id"])["status"] == "succeeded"


def test_who_was_deduplicated_cancels_nothing(client, gate):
    task = start(client, gate, unique_key="other").expect(202).json
    same = start(client, gate, 0.1, unique_key="other", on_timeout="cancel").expect(202).json
    assert same["task_id"] == task["task_id"] and same["deduplicated"] is True
    assert client.status(task["task_id"])["status"] in ("queued", "running")


# ---- hang-ups

def reset(connection):
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def close(connection):
    connection.close()


def waiting_start(server, gate, tag, **fields):
    members = "".join(f',"{name}":"{value}"' for name, value in fields.items())
    body = f'{{"type":"gated","payload":"{gate.payload}","on_timeout":"cancel","tags":{{"set":"{tag}"}}{members}}}'
    return server.raw().send(post_bytes("/start-task?wait=300", body))


@pytest.mark.parametrize("hang_up", [reset, close])
def test_cancelled_when_the_client_hangs_up(server, client, gate, hang_up):
    connection = waiting_start(server, gate, hang_up.__name__)
    task_id = sole_task(client, set=hang_up.__name__)["task_id"]
    hang_up(connection)
    task = client.finished(task_id)
    assert task["status"] == "cancelled" and task["error"]["reason"] == "client_gone"


@pytest.mark.parametrize("hang_up", [reset, close])
def test_cancelled_when_the_client_hangs_up_at_once(server, client, gate, hang_up):
    """Also before the task is on disk: whatever came of it, none runs in the end."""
    tag = f"at-once-{hang_up.__name__}"
    for _ in range(20):
        hang_up(waiting_start(server, gate, tag))
    query = {"tag.set": tag}

    def all_over():
        tasks = client.get("/tasks", query=query).json["tasks"]
        return all(task["status"] == "cancelled" and task["error"]["reason"] == "client_gone" for task in tasks)

    with server.client() as later:  # behind them all
        start(later, gate).expect(202)
    wait_until(all_over, "each to be cancelled")


def test_a_killed_curl_is_noticed(server, client, gate):
    body = f'{{"type":"gated","payload":"{gate.payload}","on_timeout":"cancel","tags":{{"set":"curl"}}}}'
    with subprocess.Popen(["curl", "-s", "--noproxy", "*", "--json", body, server.url("/start-task?wait=300")], stdout=subprocess.PIPE) as curl:
        task_id = sole_task(client, set="curl")["task_id"]
        curl.send_signal(signal.SIGKILL)
    assert client.finished(task_id)["error"]["reason"] == "client_gone"


def test_a_half_close_is_no_hang_up(server, client, gate):
    with waiting_start(server, gate, "half") as connection:
        task_id = sole_task(client, set="half")["task_id"]
        connection.socket.shutdown(socket.SHUT_WR)
        client.until(task_id, "running")
        gate.open("11")
        assert b'"result":11' in connection.read("POST", "/start-task").body
    assert client.status(task_id)["status"] == "succeeded"


def test_a_hang_up_does_not_end_what_others_were_answered_with(server, client, gate):
    connection = waiting_start(server, gate, "shared", unique_key="shared")
    task = sole_task(client, set="shared")
    assert start(client, gate, unique_key="shared").expect(202).json["task_id"] == task["task_id"]
    reset(connection)
    follower = server.raw().send(post_bytes("/start-task?wait=60", f'{{"type":"gated","payload":"{gate.payload}","unique_key":"shared"}}'))
    gate.open("12")
    with follower:
        assert b'"result":12' in follower.read("POST", "/start-task").body
    assert client.finished(task["task_id"])["status"] == "succeeded"


def test_a_hang_up_of_one_who_continues_ends_nothing(server, client, gate):
    body = f'{{"type":"gated","payload":"{gate.payload}","tags":{{"set":"continues"}}}}'
    connection = server.raw().send(post_bytes("/start-task?wait=300", body))
    task_id = sole_task(client, set="continues")["task_id"]
    reset(connection)
    client.until(task_id, "running")
    gate.open("13")
    assert client.finished(task_id)["status"] == "succeeded"


# ---- the server's own end

def test_those_who_wait_are_answered_when_the_server_stops(tmp_path):
    gate = Gate(tmp_path)
    with running_server(config=gated_task.CONFIG) as server:
        with server.client() as client:
            connection = waiting_start(server, gate, "stop")
            task_id = sole_task(client, set="stop")["task_id"]
            client.until(task_id, "running")
        server.stop()
        answer = connection.read("POST", "/start-task")
        assert answer.status == 202, "the wait was cut short, so nothing is cancelled for it"
        connection.close()
        server.start()
        gate.open("14")
        with server.client() as client:
            assert client.finished(task_id)["result"] == 14


def test_a_killed_server_cancels_nothing(tmp_path):
    gate = Gate(tmp_path)
    with running_server(config=gated_task.CONFIG) as server:
        with server.client() as client:
            connection = waiting_start(server, gate, "killed")
            task_id = sole_task(client, set="killed")["task_id"]
        server.restart(kill=True)
        connection.close()
        gate.open("15")
        with server.client() as client:
            assert client.finished(task_id)["status"] == "succeeded"
