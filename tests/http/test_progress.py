"""Progress of commands and of built-ins: in the status, and how often it is written down."""

import json
import time

import pytest

from event_stream import EventStream
from longhaul_server import running_server
from metrics import scrape
from waiting import wait_until

# `chatter` says 10,000 lines a second for two seconds, as fast as it may, and `last` when it stops.
CHATTER = """
import json, os, sys, time
out = os.fdopen(int(os.environ["LONGHAUL_PROGRESS_FD"]), "w", buffering=1)
begin, n = time.monotonic(), 0
while n < 20000:
    n += 1
    out.write(json.dumps({"percent": n / 200, "message": f"line {n}"}) + chr(10))
    ahead = n / 10000 - (time.monotonic() - begin)
    if ahead > 0.005: time.sleep(ahead)
print(json.dumps({"seconds": time.monotonic() - begin}))
"""
CONFIG = """
[tasks.chatter]
command = ["/usr/bin/python3", "-c", %s]
[tasks.steps]
command = ["/bin/sh", "-c", "for i in 1 2 3; do echo '{\\"percent\\": '$i'0, \\"message\\": \\"step '$i'\\"}' >&$LONGHAUL_PROGRESS_FD; sleep 0.5; done"]
[tasks.last_words]
command = ["/bin/sh", "-c", "echo '{\\"percent\\": 1}' >&3; echo '{\\"percent\\": 99, \\"message\\": \\"last words\\"}' >&3; exit 3"]
max_attempts = 1
[tasks.stubborn]
command = ["/bin/sh", "-c", "trap 'echo {\\\\\\"message\\\\\\": \\\\\\"tidied up\\\\\\"} >&3; exit 0' TERM; echo '{\\"percent\\": 5}' >&3; while :; do sleep 0.05; done"]
""" % json.dumps(CHATTER)


@pytest.fixture(scope="module")
def server():
    with running_server(config=CONFIG) as running:
        yield running


def written(client):
    """Requests that the store has committed so far."""
    return scrape(client).value("longhaul_commit_requests_total")


def test_ten_thousand_lines_a_second(server, client):
    before = written(client)
    task = client.run("chatter", seconds=60)
    assert task["progress"]["message"] == "line 20000" and task["progress"]["percent"] == 100
    writes = written(client) - before
    # The start, the claim, the process, the end; all else is progress.
    seconds = task["result"]["seconds"]
    assert 4 < writes <= 4 + 6 * (seconds + 1), f"{writes} writes in {seconds:.1f} s"


def test_in_order_and_the_latest_is_kept(server, client):
    task_id = client.start("steps")["task_id"]
    with EventStream(server.port, f"/task-status/{task_id}") as stream:
        events = stream.rest()
    seen = [event.json["progress"] for event in events if event.name == "progress"]
    assert [progress["message"] for progress in seen] == [f"step {n}" for n in range(1, 4)][:len(seen)] and len(seen) >= 2
    assert [progress["percent"] for progress in seen] == sorted(progress["percent"] for progress in seen)
    assert events[-1].json["progress"]["message"] == "step 3"
    assert client.status(task_id)["progress"] == events[-1].json["progress"]
    # Progress is no new revision.
    revisions = {event.json["revision"] for event in events if event.json["status"] == "running"}
    assert len(revisions) == 1


def test_what_is_said_right_before_the_end(client):
    task = client.run("last_words")
    assert task["status"] == "failed"
    assert (task["progress"]["percent"], task["progress"]["message"]) == (99, "last words")


def test_what_is_said_while_it_stops(client):
    task_id = client.start("stubborn")["task_id"]
    wait_until(lambda: client.status(task_id)["progress"], "its progress")
    client.cancel(task_id, wait=20).expect(200)
    task = client.status(task_id)
    assert task["status"] == "cancelled" and task["progress"]["message"] == "tidied up"


def test_a_builtin(server, client):
    before = written(client)
    begin = time.monotonic()
    task_id = client.start("sleep", {"seconds": 2})["task_id"]
    with EventStream(server.port, f"/task-status/{task_id}") as stream:
        events = stream.rest()
    seconds = time.monotonic() - begin
    percents = [event.json["progress"]["percent"] for event in events if event.name == "progress"]
    assert percents and percents == sorted(percents) and 0 < percents[0] <= 100
    assert written(client) - before <= 4 + 6 * (seconds + 1)


def test_it_survives_a_restart():
    with running_server(config=CONFIG) as server, server.client() as client:
        task = client.run("last_words")
        server.restart(kill=True)
        client.close()
        with server.client() as again:
            assert again.status(task["task_id"])["progress"] == task["progress"]
