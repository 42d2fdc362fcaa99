"""Accept: text/event-stream on a status, and GET /events."""

import random
import signal
import threading
import time

import pytest

from event_stream import EventStream
from longhaul_server import running_server
from waiting import PATIENCE, SANITIZED, wait_until

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
FINAL = ("succeeded", "failed", "cancelled", "timed_out")


def status_path(task_id):
    return f"/task-status/{task_id}"


def is_final(event):
    return event.data.startswith("{") and event.json.get("status") in FINAL


# ---- one task


def test_a_task_from_snapshot_to_end(server, client):
    task = client.start("sleep", {"seconds": 2.5})
    with EventStream(server.port, status_path(task["task_id"])) as stream:
        assert stream.status == 200 and stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["cache-control"] == "private, no-cache" and "content-length" not in stream.headers
        assert stream.headers["vary"] == "Accept" and stream.headers["x-request-id"]
        events = stream.rest()  # the stream closes by itself
    assert stream.retry == 2000
    assert events[0].name == "snapshot" and {event.name for event in events[1:]} <= {"state", "progress"}
    assert events[-1].name == "state" and events[-1].json["status"] == "succeeded"
    final = client.status(task["task_id"])
    assert events[-1].json == final
    for event in events:
        server.check.check_value("TaskStatus", event.json)
        assert event.id
    revisions = [event.json["revision"] for event in events]
    assert revisions == sorted(revisions)
    states = [event.json["revision"] for event in events if event.name != "progress"]
    assert len(set(states)) == len(states), "a state came twice"
    assert any(event.name == "progress" and event.json["progress"]["percent"] > 0 for event in events)


def test_a_final_task_is_a_snapshot_and_an_end(server, client):
    task = client.run("echo", {"n": 1.50})
    with EventStream(server.port, status_path(task["task_id"])) as stream:
        events = stream.rest()
    assert [event.name for event in events] == ["snapshot"] and events[0].json == task
    # Who has seen that does not get it again.
    with EventStream(server.port, status_path(task["task_id"]), last_event_id=events[0].id) as again:
        assert again.status == 204
    # The end is known again by a later server.
    server.restart()
    with EventStream(server.port, status_path(task["task_id"]), last_event_id=events[0].id) as again:
        assert again.status == 204


def test_the_final_event_is_known_again(server, client):
    task_id = client.start("sleep", {"seconds": 0.2})["task_id"]
    with EventStream(server.port, status_path(task_id)) as stream:
        last = stream.rest()[-1]
    with EventStream(server.port, status_path(task_id), last_event_id=last.id) as again:
        assert again.status == 204 and again.body() == b""


def test_a_client_that_comes_back_gets_what_it_missed_and_no_snapshot(server, client):
    task_id = client.start("sleep", {"seconds": 600})["task_id"]
    with EventStream(server.port, status_path(task_id)) as stream:
        seen = stream.until(lambda event: event.json["status"] == "running")
    client.cancel(task_id, wait=30).expect(200)
    with EventStream(server.port, status_path(task_id), last_event_id=seen[-1].id) as again:
        missed = again.rest()
    assert "snapshot" not in {event.name for event in missed} and "reset" not in {event.name for event in missed}
    states = [event.json["status"] for event in missed if event.name == "state"]
    assert states == ["cancelling", "cancelled"]
    assert missed[0].json["revision"] in (seen[-1].json["revision"], seen[-1].json["revision"] + 1)


@pytest.mark.parametrize("stranger", ["x", "1", "0-0-0", "ffffffff-1-1", "0-99999999-3", "-", "1-2-3-4"])
def test_an_id_that_is_not_known_gets_a_reset_and_a_snapshot(server, client, stranger):
    task_id = client.start("sleep", {"seconds": 600})["task_id"]
    with EventStream(server.port, status_path(task_id), last_event_id=stranger) as stream:
        first, second = stream.next(), stream.next()
    assert first.name == "reset" and first.json["reason"]
    assert second.name == "snapshot" and second.json["task_id"] == task_id
    client.cancel(task_id, wait=30).expect(200)


def test_behind_what_is_kept_comes_a_reset():
    with running_server(arguments=["--kept-events", "100"]) as server, server.client() as client:
        task_id = client.start("sleep", {"seconds": 600})["task_id"]
        with EventStream(server.port, status_path(task_id)) as stream:
            seen = stream.until(lambda event: event.json["status"] == "running")[-1]
        for _ in range(60):
            client.run("echo")
        with EventStream(server.port, status_path(task_id), last_event_id=seen.id) as again:
            first, second = again.next(), again.next()
        assert first.name == "reset" and second.name == "snapshot" and second.json["status"] == "running"
        with EventStream(server.port, "/events", last_event_id=seen.id) as again:
            assert again.next().name == "reset"


def test_unknown_and_refused(server, client):
    with EventStream(server.port, status_path(UNKNOWN)) as stream:
        assert stream.status == 404 and b"TASK_NOT_FOUND" in stream.body()
    with EventStream(server.port, "/events?nonsense=1") as stream:
        assert stream.status == 422 and b"?nonsense" in stream.body()
    with EventStream(server.port, "/events?page_size=1") as stream:
        assert stream.status == 422
    with EventStream(server.port, "/events", headers={"Origin": "https://elsewhere.example"}) as stream:
        assert stream.status == 403
    task_id = client.run("echo")["task_id"]
    for accept in ("application/json", "*/*", "text/*", "text/event-streams", "text/event-stream;q=0",
                   "text/event-stream; x=1; Q=0.00, */*"):
        assert client.get(status_path(task_id), headers={"Accept": accept}).expect(200).json["task_id"] == task_id


def test_any_of_the_accepted_types(server, client):
    task_id = client.run("echo")["task_id"]
    for accept in ("text/event-stream, */*", "Text/Event-Stream;q=0.9", "application/json;q=0.1 , text/event-stream ; x=y"):
        with EventStream(server.port, status_path(task_id), headers={"Accept": accept}) as stream:
            assert stream.headers["content-type"] == "text/event-stream", accept


def test_a_retry_by_a_user_is_seen_by_who_comes_back(server, client):
    task_id = client.start("sleep", {"seconds": 600})["task_id"]
    client.cancel(task_id, wait=30).expect(200)
    with EventStream(server.port, status_path(task_id)) as stream:
        end = stream.rest()[-1]
    client.post(f"/tasks/{task_id}/retry").expect(202)
    with EventStream(server.port, status_path(task_id), last_event_id=end.id) as again:
        assert again.next().json["status"] == "queued"
    client.cancel(task_id, wait=30).expect(200)


# ---- many tasks


def test_events_by_filter(server, client):
    with EventStream(server.port, "/events?type=echo&tag.kind=wanted") as stream, \
            EventStream(server.port, "/events?status=succeeded") as ended:
        assert stream.status == 200
        client.run("echo", tags={"kind": "other"})
        client.run("sleep", {"seconds": 0}, tags={"kind": "wanted"})
        wanted = client.run("echo", {"a": 1}, tags={"kind": "wanted", "more": "x"})
        events = stream.until(is_final)
        assert {event.json["task_id"] for event in events} == {wanted["task_id"]}
        assert [event.json["status"] for event in events] == ["queued", "running", "succeeded"]
        assert {event.name for event in events} == {"state"} and events[-1].json == wanted
        assert [event.json["status"] for event in ended.until(lambda e: e.json["task_id"] == wanted["task_id"])] == ["succeeded"] * 3


def test_a_place_is_known_before_the_first_event(server, client):
    """A client that was away before it saw any event misses none."""
    with EventStream(server.port, "/events?type=echo") as quiet, EventStream(server.port, "/events?type=echo") as stream:
        quiet.read_place()
        quiet.close()
        task = client.run("echo")
        events = stream.until(is_final)
    with EventStream(server.port, "/events?type=echo", last_event_id=quiet.last_id) as again:
        assert [(e.id, e.data) for e in again.until(is_final)] == [(e.id, e.data) for e in events]
    assert [event.json["task_id"] for event in events] == [task["task_id"]] * 3


class ResumingReader(threading.Thread):
    """Reads events of its filter, dropping the connection at random moments and coming back."""

    def __init__(self, port, path, seed, enough):
        super().__init__()
        self.port, self.path, self.random, self.enough = port, path, random.Random(seed), enough
        self.seen, self.resets, self.drops = [], 0, 0
        self.fault = None
        self.ready = threading.Event()

    def run(self):
        try:
            self._read()
        except BaseException as fault:  # pylint: disable=broad-except
            self.fault = fault
            self.ready.set()

    def _read(self):
        last = None
        while len(self.seen) < self.enough:
            with EventStream(self.port, self.path, last_event_id=last) as stream:
                assert stream.status == 200, stream.status
                if last is None:
                    stream.read_place()  # from here on nothing is missed
                    self.ready.set()
                for _ in range(self.random.randint(1, 400)):
                    event = stream.next()
                    assert event is not None, "the stream ended"
                    last = event.id
                    if event.name == "reset":
                        self.resets += 1
                    else:
                        self.seen.append((event.json["task_id"], event.json["revision"], event.json["status"]))
                    if len(self.seen) >= self.enough:
                        return
            self.drops += 1


def test_a_hundred_streams_that_come_and_go_see_every_event_once_and_in_order():
    tasks, streams = (250, 25) if SANITIZED else (1000, 100)
    with running_server() as server, server.client() as client:
        readers = [ResumingReader(server.port, "/events?tag.run=resumed", seed, 3 * tasks)
                   for seed in range(streams)]
        for reader in readers:
            reader.start()
        for reader in readers:
            assert reader.ready.wait(60 * PATIENCE)
        for n in range(tasks):
            client.start("echo", {"n": n}, tags={"run": "resumed"})
        for reader in readers:
            reader.join(240 * PATIENCE)
        faults = [reader.fault for reader in readers if reader.fault or reader.is_alive()]
        assert not faults, faults[:3]
    expected = readers[0].seen
    assert len(expected) == 3 * tasks and len(set(expected)) == 3 * tasks
    for reader in readers:
        assert reader.resets == 0
        assert reader.seen == expected
    for task in {task for task, _, _ in expected}:
        own = [(revision, status) for which, revision, status in expected if which == task]
        assert own == [(1, "queued"), (2, "running"), (3, "succeeded")]
    assert sum(reader.drops for reader in readers) > 2 * streams


# ---- who does not behave, and the end


def test_a_slow_reader_is_cut_with_a_reason_and_nobody_else_notices():
    with running_server() as server, server.client() as client:
        slow = EventStream(server.port, "/events", receive_buffer=4096)
        good = EventStream(server.port, "/events")
        seen = []
        reader = threading.Thread(target=lambda: seen.extend(event.json["task_id"] for event in good.until(is_stop)))
        reader.start()
        payload = {"text": "x" * 100_000}
        started = [client.start("echo", payload)["task_id"] for _ in range(120)]
        client.start("echo", tags={"stop": "yes"})

        def metrics():
            return client.get("/metrics").text

        # More and more of them, until more waits for it than the server keeps for anybody.
        def cut_so_far():
            for _ in range(50):
                client.start("echo", payload)
            return slow_streams_cut(metrics()) == 1

        wait_until(cut_so_far, "the slow reader to be cut", seconds=120)
        reader.join(120 * PATIENCE)
        assert not reader.is_alive() and set(started) <= set(seen)
        last = None
        for event in iter(slow.next, None):
            last = event
        assert last.name == "closing" and last.json == {"reason": "too_slow"}
        assert client.run("echo")["status"] == "succeeded"
        slow.close()
        good.close()


def test_a_heartbeat_does_not_run_ahead_of_what_is_still_to_be_told():
    """Its id is where a client comes back to: an event behind it that comes later would be left out."""
    with running_server() as server, server.client() as client:
        with EventStream(server.port, "/events?type=echo", receive_buffer=4096) as slow, \
                EventStream(server.port, "/events?type=none") as clock:
            slow.read_place()
            clock.read_place()
            tags = {f"tag{n}": "v" * 250 for n in range(15)}
            for _ in range(400):
                client.start("echo", tags=tags)
            client.start("echo", tags={"stop": "yes"})
            while clock.comments == 0:  # opened behind the other one, so that has had its heartbeat too
                field, _, _ = clock.file.readline().partition(b":")
                clock.comments += not field.strip() and field == b""
            slow.until(is_stop)
            numbers = [int(place.split("-")[1]) for place in slow.ids]
            assert numbers == sorted(numbers)


def test_a_result_of_any_size_can_be_streamed(server, client):
    task = client.run("echo", "x" * 1_048_400)
    with EventStream(server.port, status_path(task["task_id"])) as stream:
        events = stream.rest()
    assert [event.name for event in events] == ["snapshot"] and events[0].json == task


def is_stop(event):
    return is_final(event) and event.json["tags"].get("stop") == "yes"


def slow_streams_cut(text):
    for line in text.splitlines():
        if line.startswith("longhaul_streams_cut_total "):
            return float(line.split()[1])
    raise AssertionError("no longhaul_streams_cut_total")


def test_streams_whose_clients_go_are_forgotten(server, client):
    task_id = client.start("sleep", {"seconds": 600})["task_id"]
    before = server.descriptors()
    streams = [EventStream(server.port, status_path(task_id)) for _ in range(50)]
    for stream in streams:
        assert stream.next().name == "snapshot"
    for stream in streams:
        stream.close()
    wait_until(lambda: server.descriptors() <= before + 1, "the connections to be closed")
    client.cancel(task_id, wait=30).expect(200)


def test_a_server_that_stops_says_so_on_every_stream():
    with running_server(arguments=["--drain-seconds", "30"]) as server, server.client() as client:
        task_id = client.start("sleep", {"seconds": 1.5})["task_id"]
        with EventStream(server.port, status_path(task_id)) as one, EventStream(server.port, "/events?type=none") as all_:
            one.until(lambda event: event.json["status"] == "running")
            server.process.send_signal(signal.SIGTERM)
            # Streams go on while the task has its time, and see its end.
            assert one.rest()[-1].json["status"] == "succeeded"
            events = all_.rest()
            assert [event.name for event in events] == ["closing"] and events[0].json == {"reason": "server_stopping"}
        server.stop()


def test_a_stream_over_a_restart():
    with running_server() as server, server.client() as client:
        task_id = client.start("sleep", {"seconds": 600})["task_id"]
        with EventStream(server.port, status_path(task_id)) as stream:
            last = stream.until(lambda event: event.json["status"] == "running")[-1]
            server.restart()
            assert stream.rest()[-1].name in ("closing", "state", "progress")
        with EventStream(server.port, status_path(task_id), last_event_id=last.id) as again:
            assert again.next().name == "reset"
            assert again.next().name == "snapshot"


def test_long_poll_by_revision(client):
    task = client.start("sleep", {"seconds": 600}, delay_seconds=600)
    task_id, revision = task["task_id"], task["revision"]
    began = time.monotonic()
    answer = client.get(f"/task-status/{task_id}?wait=300&revision={revision - 1}").expect(200)
    assert answer.json["revision"] == revision and time.monotonic() - began < 20 * PATIENCE
    client.get(f"/task-status/{task_id}?wait=0.2&revision={revision}").expect(200)
    threading.Timer(0.2, lambda: client_of(client).delete(f"/tasks/{task_id}")).start()
    answer = client.get(f"/task-status/{task_id}?wait=300&revision={revision}").expect(200)
    assert answer.json["revision"] > revision and answer.json["status"] == "cancelled"
    for wrong in ("-1", "x", "", "1.5", "99999999999999999999"):
        assert client.get(f"/task-status/{task_id}?revision={wrong}").expect(422).pointers == ["?revision"]


def client_of(client):
    return type(client)(client.address, client.port, client.check, client.key)
