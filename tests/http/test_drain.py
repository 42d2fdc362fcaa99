"""The drain: a server that was told to stop takes no new work, lets what runs come to its end, and cuts nobody off."""

import collections
import contextlib
import http.client
import json
import signal
import threading

import pytest

from client_threads import ClientThreads
from http_client import FINAL
from longhaul_server import running_server
from waiting import PATIENCE, wait_until

# Works until the test says so, or until it is told to stop.
CONFIG = """
[server]
drain_seconds = {drain}
[queues.default]
concurrency = 3
[tasks.until]
command = ["/bin/sh", "-c", "echo up >&2; while [ ! -e go ]; do sleep 0.02; done; echo 42"]
[tasks.quick]
command = ["/bin/sh", "-c", "sleep 0.0$(od -An -N1 -tu1 /dev/urandom | tr -d ' ' | cut -c1); echo 1"]
max_attempts = 5
"""
LONG = 600


def draining(client):
    return client.get("/readyz").status == 503


@contextlib.contextmanager
def drained_server(drain):
    with running_server(config=CONFIG.format(drain=drain)) as server:
        yield server
        (server.folder / "go").unlink(missing_ok=True)


def begin_task(client):
    task_id = client.start("until")["task_id"]
    wait_until(lambda: client.log_texts(task_id), "the program to run")
    return task_id


def restarted(server):
    server._forget()  # it has ended by itself
    (server.folder / "go").touch()
    return server.start()


def test_what_runs_comes_to_its_end():
    with drained_server(LONG) as server:
        with server.client() as client, server.client() as other:
            running, cancelled = begin_task(client), begin_task(client)
            waiting = client.start("echo", delay_seconds=3600)["task_id"]
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: draining(client), "the drain")
            refused = client.post("/start-task", {"type": "echo"}).expect(503, "NOT_READY")
            assert int(refused.header("Retry-After")) > 0
            assert refused.header("Connection") == "close"
            assert other.get("/livez").expect(200).header("Connection") == "close"
            # On new connections too: who comes now is answered.
            assert client.status(running)["status"] == "running"
            assert client.delete(f"/tasks/{cancelled}", query={"wait": "30"}).expect(200).json["status"] == "cancelled"
            assert client.delete(f"/tasks/{waiting}").expect(200).json["status"] == "cancelled"
            assert server.process.poll() is None
            (server.folder / "go").touch()
            assert client.finished(running)["result"] == 42
        assert server.process.wait(20 * PATIENCE) == 0
        restarted(server)
        with server.client() as client:
            assert client.status(running)["result"] == 42
            assert client.status(cancelled)["status"] == "cancelled"


def test_who_waits_is_answered_when_the_task_ends_or_the_server_stops():
    with drained_server(LONG) as server:
        with server.client() as client:
            ends, stays = begin_task(client), client.start("sleep", {"seconds": 3600})["task_id"]
            answers = {}

            def wait_for(task_id):
                with server.client() as waiter:
                    answers[task_id] = waiter.get(f"/task-status/{task_id}", query={"wait": "300"}).expect(200).json["status"]

            waiters = [threading.Thread(target=wait_for, args=(task_id,)) for task_id in (ends, stays)]
            for waiter in waiters:
                waiter.start()
            wait_until(lambda: client.get("/stats").json["connections"] == 3, "both to wait")
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: draining(client), "the drain")
            (server.folder / "go").touch()
            waiters[0].join(20 * PATIENCE)
            assert answers == {ends: "succeeded"}
            server.process.send_signal(signal.SIGTERM)
            waiters[1].join(20 * PATIENCE)
            assert answers[stays] in ("running", "queued")
        assert server.process.wait(20 * PATIENCE) == 0
        restarted(server)
        with server.client() as client:
            client.delete(f"/tasks/{stays}", query={"wait": "30"}).expect(200)


@pytest.mark.parametrize("how", ["its time is over", "a second signal"])
def test_what_still_runs_is_stopped_and_put_back_refunded(how):
    with drained_server(0.3 if how == "its time is over" else LONG) as server:
        with server.client() as client:
            task_id = begin_task(client)
            server.process.send_signal(signal.SIGTERM)
            if how == "a second signal":
                wait_until(lambda: draining(client), "the drain")
                assert server.process.poll() is None
                server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20 * PATIENCE) == 0
        restarted(server)
        with server.client() as client:
            final = client.finished(task_id)
            assert (final["status"], final["attempt"]) == ("succeeded", 1)
            outcomes = [attempt["outcome"] for attempt in client.detail(task_id)["attempts"]]
            assert outcomes == ["released", "succeeded"]


def test_a_request_on_its_way_is_answered():
    with drained_server(0) as server:
        body = json.dumps({"type": "echo", "payload": "x" * 3000})
        head = f"POST /start-task HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        with server.client() as client, server.raw() as half, server.raw() as begun, server.raw() as idle:
            big = client.run("echo", "y" * 900_000)["task_id"]
            begin_task(client)  # what keeps the server from being gone at once
            half.send(head + body[:1000])
            begun.send("GET /livez HT")
            with server.raw() as slow:
                slow.send(f"GET /task-status/{big} HTTP/1.1\r\nHost: localhost\r\n\r\n")
                wait_until(lambda: client.get("/stats").json["connections"] == 5, "all to be seen")
                idle.exchange("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                server.process.send_signal(signal.SIGTERM)
                wait_until(lambda: server.process.poll() is not None or draining_raw(server), "the drain")
                half.send(body[1000:])
                begun.send("TP/1.1\r\nHost: localhost\r\n\r\n")
                assert half.read("POST").status == 503
                assert begun.read().status == 200
                assert len(slow.read().body) > 900_000
                for connection in (half, begun, idle, slow):
                    assert connection.is_closed()
        assert server.process.wait(20 * PATIENCE) == 0
        restarted(server)


def draining_raw(server):
    with contextlib.suppress(OSError, EOFError), server.raw() as probe:
        return probe.exchange("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 503
    return True


class Load(ClientThreads):
    """Clients that start tasks as fast as they are answered, and note what they were told."""

    def __init__(self, server, keep_alive):
        super().__init__()
        self.server, self.keep_alive = server, keep_alive
        self.accepted, self.seen, self.cut = [], collections.Counter(), []

    def run_client(self, _):
        body = json.dumps({"type": "quick"})
        connection = None
        while not self.stopping.is_set():
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20 * PATIENCE)
                try:
                    connection.connect()
                except OSError:
                    return  # nobody takes connections any more
            try:
                connection.request("POST", "/start-task", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.cut.append(repr(error))
                return
            self.seen[answer.status] += 1
            if answer.status == 202:
                self.accepted.append(json.loads(text)["task_id"])
            if answer.will_close or not self.keep_alive:
                connection.close()
                connection = None


@pytest.mark.parametrize("keep_alive", [True, False])
def test_under_load_nothing_is_lost_and_nobody_is_cut_off(keep_alive):
    with drained_server(0.4) as server:
        (server.folder / "go").touch()
        with Load(server, keep_alive) as load:
            wait_until(lambda: len(load.accepted) > 200, "some load", 60)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30 * PATIENCE) == 0
        assert set(load.seen) == {202, 503}, load.seen
        # A connection that is made in the very moment in which the listener closes is reset by the system.
        assert len(load.cut) <= (0 if keep_alive else 1), load.cut
        restarted(server)
        with server.client() as client:
            assert len(set(load.accepted)) == len(load.accepted)
            for task_id in load.accepted:
                status = client.finished(task_id, 120)
                assert status["status"] == "succeeded", status
                # What the drain put back was refunded.
                assert status["attempt"] == 1, status
            counts = client.get("/stats").json["tasks"]
            assert sum(counts[state] for state in FINAL) == len(load.accepted)
