"""?wait= on a status: long polls."""

import socket
import struct
import threading
import time

import pytest

from longhaul_server import running_server
from raw_http import get_bytes
from waiting import PATIENCE, wait_until

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


def test_answers_when_the_task_is_final(client):
    task_id = client.start("sleep", {"seconds": 0.2})["task_id"]
    began = time.monotonic()
    answer = client.get(f"/task-status/{task_id}?wait=60").expect(200)
    assert answer.json["status"] == "succeeded" and time.monotonic() - began < 30
    assert answer.header("ETag") == f'"{answer.json["revision"]}"' and answer.header("Cache-Control")


def test_answers_with_the_present_state_at_its_end(client):
    task_id = client.start("sleep", {"seconds": 600})["task_id"]
    began = time.monotonic()
    answer = client.get(f"/task-status/{task_id}?wait=0.3").expect(200)
    assert 0.3 <= time.monotonic() - began
    assert answer.json["status"] in ("queued", "running") and answer.header("Retry-After") == "1"
    etag = client.get(f"/task-status/{task_id}").header("ETag")
    client.get(f"/task-status/{task_id}?wait=0.1", headers={"If-None-Match": etag}).expect(304)
    client.cancel(task_id, wait=10).expect(200)


def test_a_final_task_is_not_waited_for(client):
    task = client.run("echo")
    began = time.monotonic()
    answer = client.get(f"/task-status/{task['task_id']}?wait=300").expect(200)
    assert answer.json == task and time.monotonic() - began < 20 * PATIENCE
    client.get(f"/task-status/{task['task_id']}?wait=300", headers={"If-None-Match": "*"}).expect(304)


def test_an_unknown_task_is_not_waited_for(client):
    client.get(f"/task-status/{UNKNOWN}?wait=300").expect(404, "TASK_NOT_FOUND")


@pytest.mark.parametrize("wait", ["301", "300.001", "-1", "x", "", "1e2", "nan", "1,5", "0x1"])
def test_what_cannot_be_waited(client, wait):
    task_id = client.run("echo")["task_id"]
    assert client.get(f"/task-status/{task_id}?wait={wait}").expect(422).pointers == ["?wait"]
    assert client.delete(f"/tasks/{task_id}?wait={wait}").expect(422).pointers == ["?wait"]


def test_given_twice(client):
    task_id = client.run("echo")["task_id"]
    assert client.get(f"/task-status/{task_id}?wait=1&wait=2").expect(422).pointers == ["?wait"]


def test_many_wait_and_hold_no_thread(server, client):
    task_id = client.start("sleep", {"seconds": 600})["task_id"]
    client.until(task_id, "running")
    threads = server.threads()
    waiting = [server.raw() for _ in range(500)]
    target = f"/task-status/{task_id}?wait=300"
    for connection in waiting:
        connection.send(get_bytes(target))
    wait_until(lambda: client.get("/stats").json["connections"] >= 501, "all to be connected")
    assert client.status(task_id)["status"] == "running", "the next request is not held up"
    assert server.threads() <= threads
    client.cancel(task_id).expect(202)
    for connection in waiting:
        with connection:
            answer = connection.read(target=target)
            assert answer.status == 200 and b'"status":"cancelled"' in answer.body


def test_who_hangs_up_is_forgotten(server, client):
    task_id = client.start("sleep", {"seconds": 600})["task_id"]
    client.until(task_id, "running")
    before = server.descriptors()
    gone = [server.raw().send(get_bytes(f"/task-status/{task_id}?wait=300")) for _ in range(50)]
    wait_until(lambda: server.descriptors() >= before + 50, "all to be connected")
    for connection in gone:
        # As a client's kernel does for a process that has died with something unread. A mere close() looks like a half-close.
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    wait_until(lambda: server.descriptors() <= before, "their descriptors to be closed")
    client.cancel(task_id, wait=10).expect(200)


def test_a_half_close_is_no_hang_up(server, client):
    task_id = client.start("sleep", {"seconds": 600})["task_id"]
    with server.raw() as connection:
        connection.send(get_bytes(f"/task-status/{task_id}?wait=300"))
        connection.socket.shutdown(socket.SHUT_WR)
        client.until(task_id, "running")
        client.cancel(task_id).expect(202)
        assert b'"status":"cancelled"' in connection.read(target=f"/task-status/{task_id}").body


def test_no_wait_is_missed(server):
    """Waits that begin just as the task ends: each is answered by the end of the task, none by the end of the wait."""
    def poll(count, failures):
        with server.client() as own:
            for _ in range(count):
                task_id = own.start("echo")["task_id"]
                began = time.monotonic()
                answer = own.get(f"/task-status/{task_id}?wait=120", timeout=100)
                if answer.json["status"] != "succeeded" or time.monotonic() - began > 60 * PATIENCE:
                    failures.append(answer.text)

    failures = []
    threads = [threading.Thread(target=poll, args=(100, failures)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_those_who_wait_are_answered_when_the_server_stops():
    with running_server() as server:
        with server.client() as client:
            task_id = client.start("sleep", {"seconds": 600})["task_id"]
            client.until(task_id, "running")
        target = f"/task-status/{task_id}?wait=300"
        with server.raw() as connection:
            connection.send(get_bytes(target))
            with server.client() as client:  # a later request: the wait has begun when it is answered
                client.status(task_id)
            server.stop()
            assert connection.read(target=target).status == 200
            assert connection.is_closed()
        server.start()
        with server.client() as client:
            client.cancel(task_id, wait=10).expect(200)


def test_who_hangs_up_right_behind_the_request_is_not_waited_for(server, client):
    """By a reset, which may come before the wait has begun."""
    task_id = client.start("sleep", {"seconds": 600})["task_id"]
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", server.port)) as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            gone.sendall(get_bytes(f"/task-status/{task_id}?wait=300").encode())

    def long_polls():
        return [line for line in client.get("/metrics").text.splitlines()
                if line.startswith('longhaul_waiting_clients{kind="long_poll"}')]

    wait_until(lambda: long_polls() == ['longhaul_waiting_clients{kind="long_poll"} 0'], long_polls)
    client.cancel(task_id, wait=10).expect(200)
