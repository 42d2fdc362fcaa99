"""Accept: text/event-stream on /tasks/{id}/logs."""

import random
import signal

import pytest

from event_stream import EventStream
from longhaul_server import running_server
from waiting import SANITIZED, wait_until

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
LINES = 5000
WIDE_LINES = 1500
# `counted` writes lines until the file that its payload names is there; `wide` writes more than any socket takes.
CONFIG = """
[tasks.talk]
command = ["/bin/sh", "-c", "echo one >&2; echo two >&2; printf three >&2"]
[tasks.counted]
command = ["/bin/sh", "-c", "read -r p; p=${p#?}; p=${p%?}; i=0; while [ ! -e \\"$p\\" ]; do i=$((i+1)); echo line $i >&2; [ $((i % 50)) -eq 0 ] && sleep 0.01; done"]
max_log_bytes = 10000000
[tasks.flood]
command = ["/bin/sh", "-c", "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo line $i >&2; done"]
max_log_bytes = 1000000
[tasks.wide]
command = ["/usr/bin/python3", "-c", "import sys\\nfor i in range(1500): sys.stderr.write('%06d' % i + 'x' * 7000 + '\\\\n')"]
max_log_bytes = 50000000
[tasks.cut]
command = ["/bin/sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done"]
max_log_bytes = 5000
"""


@pytest.fixture(scope="module")
def server():
    with running_server(config=CONFIG) as running:
        yield running


def log_path(task_id):
    return f"/tasks/{task_id}/logs"


def texts(events):
    return [event.json["text"] for event in events if event.name == "log"]


def test_a_log_that_is_whole(server, client):
    task_id = client.run("talk")["task_id"]
    with EventStream(server.port, log_path(task_id)) as stream:
        assert stream.status == 200 and stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["cache-control"] == "private, no-cache" and "content-length" not in stream.headers
        events = stream.rest()  # the stream closes by itself
    assert stream.retry == 2000
    assert [(event.name, event.id) for event in events] == [("log", "1"), ("log", "2"), ("log", "3"), ("end", "3")]
    assert [event.json for event in events[:3]] == client.get(log_path(task_id)).expect(200).json["lines"]
    for event in events[:3]:
        server.check.check_value("LogLine", event.json)
    assert events[3].json == {"truncated": False}
    with EventStream(server.port, log_path(task_id) + "?after=2") as stream:
        assert [event.id for event in stream.rest()] == ["3", "3"]
    with EventStream(server.port, log_path(task_id) + "?after=2", last_event_id="1") as stream:
        assert [event.id for event in stream.rest()] == ["2", "3", "3"]  # where it left counts more


def test_who_has_seen_the_end_does_not_get_it_again(server, client):
    task_id = client.run("talk")["task_id"]
    for last in ("3", "99"):
        with EventStream(server.port, log_path(task_id), last_event_id=last) as stream:
            assert stream.status == 204 and stream.body() == b""
    # The same for a log without lines.
    task_id = client.run("echo")["task_id"]
    with EventStream(server.port, log_path(task_id)) as stream:
        events = stream.rest()
    assert [(event.name, event.id) for event in events] == [("end", "0")]
    with EventStream(server.port, log_path(task_id), last_event_id="0") as stream:
        assert stream.status == 204
    # Who names no line of ours is told all.
    with EventStream(server.port, log_path(task_id), last_event_id="x") as stream:
        assert [event.name for event in stream.rest()] == ["end"]


def test_lines_come_while_the_task_runs(server, client):
    gate = server.temporary / "gate"
    task_id = client.start("counted", str(gate))["task_id"]
    with EventStream(server.port, log_path(task_id)) as stream:
        assert texts([stream.next() for _ in range(500)]) == [f"line {n}" for n in range(1, 501)]
        assert client.status(task_id)["status"] == "running"
        gate.touch()
        rest = stream.rest()
    gate.unlink()
    client.finished(task_id)
    assert rest[-1].name == "end" and not rest[-1].json["truncated"]
    assert texts(rest) == client.log_texts(task_id)[500:]


def test_a_task_that_has_not_begun(server, client):
    task_id = client.start("talk", delay_seconds=1)["task_id"]
    with EventStream(server.port, log_path(task_id)) as stream:
        assert [event.name for event in stream.rest()] == ["log", "log", "log", "end"]


def test_every_line_once_and_in_order_over_many_breaks(server, client):
    task_id = client.start("flood")["task_id"]
    seed = random.randrange(2 ** 32)
    chance = random.Random(seed)
    seen, last, is_over = [], None, False
    while not is_over:
        with EventStream(server.port, log_path(task_id), last_event_id=last) as stream:
            for _ in range(chance.randrange(1, 900)):
                event = stream.next()
                if event.name == "end":
                    is_over = True
                    break
                seen.append(event)
                last = event.id
    assert [int(event.id) for event in seen] == list(range(1, LINES + 1)), f"seed {seed}"
    assert texts(seen) == [f"line {n}" for n in range(1, LINES + 1)]


def test_a_cut_log_says_so(server, client):
    task_id = client.run("cut")["task_id"]
    with EventStream(server.port, log_path(task_id)) as stream:
        assert stream.rest()[-1].json == {"truncated": True}


def test_readers_that_stand_still_cost_nothing_and_miss_nothing(server, client):
    task_id = client.run("wide")["task_id"]  # 10 MB
    before = server.resident_bytes()
    streams = [EventStream(server.port, log_path(task_id), receive_buffer=4096) for _ in range(40)]
    try:
        # Each has as much as its socket takes, and none is read.
        wait_until(lambda: all(len(stream.file.peek(1)) for stream in streams), "the first lines of each")
        client.run("echo")
        # A sanitizer keeps what was given back.
        assert SANITIZED or server.resident_bytes() - before < 40 * 1024 * 1024, "what nobody reads piles up"
        events = streams[0].rest()
        assert [int(event.id) for event in events] == [*range(1, WIDE_LINES + 1), WIDE_LINES]
        assert events[-1].json == {"truncated": False}
    finally:
        for stream in streams:
            stream.close()


def test_many_readers_of_one_log(server, client):
    gate = server.temporary / "many"
    task_id = client.start("counted", str(gate))["task_id"]
    threads = server.threads()
    streams = [EventStream(server.port, log_path(task_id)) for _ in range(150)]
    assert server.threads() == threads
    for stream in streams:
        stream.next()
    gate.touch()
    client.finished(task_id)
    expected = client.log_texts(task_id)[1:]
    for stream in streams:
        assert texts(stream.rest()) == expected
        stream.close()
    gate.unlink()


def test_refusals(server, client):
    with EventStream(server.port, log_path(UNKNOWN)) as stream:
        assert stream.status == 404 and b"TASK_NOT_FOUND" in stream.body()
    with EventStream(server.port, log_path("x")) as stream:
        assert stream.status == 404
    task_id = client.run("echo")["task_id"]
    for query in ("after=-1", "after=x", "after=1&after=2", "before=1"):
        with EventStream(server.port, f"{log_path(task_id)}?{query}") as stream:
            assert stream.status == 422
    answer = client.request("HEAD", log_path(task_id), headers={"Accept": "text/event-stream"}).expect(200)
    assert answer.header("Content-Type") == "text/event-stream"
    assert client.get(log_path(task_id)).expect(200).header("Vary") == "Accept"


def test_a_server_that_stops_says_so():
    with running_server(config=CONFIG) as server, server.client() as client:
        task_id = client.start("sleep", {"seconds": 600})["task_id"]
        client.until(task_id, "running")
        with EventStream(server.port, log_path(task_id)) as stream:
            server.process.send_signal(signal.SIGTERM)
            assert stream.next().name == "closing"
            assert stream.next() is None
