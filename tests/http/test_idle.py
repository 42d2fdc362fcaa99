"""Idle is idle: no wake-ups, little memory; and many idle connections cost little."""

import resource
import socket
import threading

import pytest

from longhaul_server import running_server
from raw_http import get_bytes
from waiting import SANITIZED, wait_until
from webhook_receiver import WebhookReceiver

measured = pytest.mark.skipif(SANITIZED, reason="a sanitizer has threads and memory of its own")


def measured_pause(seconds):
    """The time over which something is counted: the one thing here that is time and nothing else."""
    threading.Event().wait(seconds)


@measured
def test_an_idle_server_sleeps():
    config = '[webhooks]\nallow_addresses = ["127.0.0.0/8"]\nretry_seconds = [3600]\n'
    with running_server(tasks={"true": "true"}, config=config) as server, server.client() as client, WebhookReceiver() as receiver:
        receiver.plan("/owed", 500)  # one callback is done, the other is tried again in an hour
        for type_ in ("echo", "true"):
            for _ in range(20):
                client.run(type_)
        for path in ("/done", "/owed"):
            client.start("echo", callback_url=receiver.url(path))
            receiver.wait_for(1, path)
        scheduled = client.start("echo", delay_seconds=3600, deadline_seconds=7200)["task_id"]
        # What is done for the tasks above (a checkpoint, threads that end) is over when nothing switches any more.
        def quiet():
            before = server.context_switches()
            measured_pause(1)
            return server.context_switches() == before

        wait_until(quiet, "the work to be over", seconds=90)
        with server.raw():  # one that says nothing
            before = server.context_switches()
            measured_pause(10)
            switches = server.context_switches_since(before)
        assert switches <= 20, f"{switches} context switches in ten seconds"
        assert server.resident_bytes() < 25 * 1024 * 1024, f"{server.resident_bytes()} bytes resident"
        client.close()
        client.cancel(scheduled).expect(200)


@measured
def test_ten_thousand_idle_connections():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = min(10_000, hard - 500)
    with running_server() as server, server.client() as client:
        client.run("echo")
        threads, resident = server.threads(), server.resident_bytes()
        idle = []
        try:
            for i in range(wanted):
                # One source address has 28,000 ports: others leave room for tests that run beside this one.
                connection = socket.create_connection(("127.0.0.1", server.port), source_address=(f"127.0.0.{2 + i // 2000}", 0))
                idle.append(connection)
                if i % 2 == 0:  # half of them have asked something before
                    connection.sendall(get_bytes("/livez").encode())
                    assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            stats = wait_until(lambda: (lambda s: s if s["connections"] >= wanted else None)(client.get("/stats").json),
                               "all to be connected")
            assert stats["connections"] >= wanted
            each = (server.resident_bytes() - resident) / wanted
            assert each <= 6 * 1024, f"{each:.0f} bytes for each connection"
            assert server.threads() <= threads
            assert client.run("echo")["status"] == "succeeded"
        finally:
            for connection in idle:
                connection.close()
        wait_until(lambda: client.get("/stats").json["connections"] == 1, "all to be closed")
        wait_until(lambda: server.descriptors() < 100, "their descriptors to be closed")


def test_five_hundred_commands_leave_nothing():
    with running_server(tasks={"true": "true"}) as server, server.client() as client:
        for _ in range(20):
            client.run("true")
        descriptors = server.descriptors()
        ids = [client.start("true", queue=f"q{i % 4}")["task_id"] for i in range(500)]
        for task_id in ids:
            assert client.finished(task_id, seconds=60)["status"] == "succeeded"
        wait_until(lambda: server.descriptors() <= descriptors, "descriptors to be as before")
        wait_until(lambda: len(server.descendants()) == 1, "all but the spawner to be gone")
