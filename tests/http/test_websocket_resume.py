"""WebSockets that are dropped and resumed at random moments see every event once, in order; subscriptions that resume together,
and ids of those that begin behind others."""

import json
import os
import random
import threading

import pytest

from longhaul_server import running_server
from waiting import PATIENCE, wait_until
from websocket_client import TEXT, WebSocket, frame

CLIENTS = 30
TASKS = 300
EVENTS = 3 * TASKS


class ResumingClient(threading.Thread):
    def __init__(self, server, seed):
        super().__init__()
        self.server, self.random = server, random.Random(seed)
        self.seen, self.drops = [], 0
        self.ready = threading.Event()
        self.fault = None

    def run(self):
        try:
            self._follow()
        except BaseException as fault:  # pylint: disable=broad-except
            self.fault = fault
            self.ready.set()

    def _follow(self):
        last = None
        while len(self.seen) < EVENTS:
            with WebSocket(self.server, checks_messages=False) as ws:
                again = {} if last is None else {"last_event_id": last}
                last = ws.ok("subscribe", tags={"run": "resumed"}, **again)["last_event_id"]
                self.ready.set()
                for _ in range(self.random.randint(1, 150)):
                    event = ws.next_event()
                    assert event["type"] == "state", event
                    last = event["id"]
                    self.seen.append((event["data"]["task_id"], event["data"]["revision"], event["data"]["status"]))
                    if len(self.seen) == EVENTS:
                        return
            self.drops += 1


def test_every_event_once_and_in_order():
    seed = int(os.environ.get("LONGHAUL_TEST_SEED") or random.randrange(2**32))
    print(f"seed {seed}")
    with running_server() as server:
        clients = [ResumingClient(server, seed + number) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            assert client.ready.wait(60 * PATIENCE)
        with WebSocket(server, checks_messages=False) as starter:
            for number in range(TASKS):
                starter.ok("start", task={"type": "echo", "payload": number, "tags": {"run": "resumed"}})
        for client in clients:
            client.join(120 * PATIENCE)
        faults = [client.fault or "did not end" for client in clients if client.fault or client.is_alive()]
        assert not faults, faults[:3]
    expected = clients[0].seen
    assert len(set(expected)) == EVENTS
    assert all(client.seen == expected for client in clients)
    for task_id in {task_id for task_id, _, _ in expected}:
        own = [(revision, status) for which, revision, status in expected if which == task_id]
        assert own == [(1, "queued"), (2, "running"), (3, "succeeded")]
    assert sum(client.drops for client in clients) > CLIENTS


# ---- several on one connection

def number_of(event_id):
    return int(event_id.split("-")[1])


def run_many(ws, count, **fields):
    """Starts as many as may be in flight at a time, and waits for all events of all: needs a subscription to them."""
    for first in range(0, count, 50):
        refs = [ws.say("start", task={"type": "echo", **fields}) for _ in range(first, min(first + 50, count))]
        answered = 0
        while answered < len(refs):
            message = ws.read()
            assert "problem" not in message, message
            answered += "ok" in message


@pytest.fixture(scope="module")
def past():
    """A server with 2,400 events behind it, a place in front of them, and the last one's number."""
    with running_server() as server:
        with WebSocket(server, checks_messages=False) as ws:
            begins = ws.ok("subscribe", type="echo")["last_event_id"]
            run_many(ws, 800)
        with server.client() as client:
            for state in ("queued", "running"):
                wait_until(lambda: not client.get(f"/tasks?status={state}").expect(200).json["tasks"], "all to end")
        yield server, begins


def test_many_that_resume_together_lose_nothing(past):
    """Together they missed more than may wait for one client; each has its turn."""
    server, begins = past
    subscriptions = 10
    with WebSocket(server, checks_messages=False) as ws:
        ws.raw.send(b"".join(frame(TEXT, json.dumps({"op": "subscribe", "ref": ref, "type": "echo", "last_event_id": begins}))
                             for ref in range(subscriptions)))
        for ref in range(subscriptions):
            message = ws.read()
            assert message["ref"] == ref and message["ok"]["subscription"] == str(ref + 1), message
            numbers = [number_of(ws.next_event()["id"]) for _ in range(2400)]
            assert numbers == sorted(set(numbers)) and numbers[0] > number_of(begins)
        assert ws.ok("unsubscribe", ref="none") == {"unsubscribed": []} and not ws.events


def test_one_that_waits_for_its_turn_can_be_unsubscribed(past):
    server, begins = past
    with WebSocket(server, receive_buffer=4096, checks_messages=False) as ws:
        messages = [{"op": "subscribe", "ref": "a", "type": "echo", "last_event_id": begins},
                    {"op": "subscribe", "ref": "b", "type": "echo", "last_event_id": begins},
                    {"op": "unsubscribe", "ref": "b"}]
        ws.raw.send(b"".join(frame(TEXT, json.dumps(message)) for message in messages))
        answers, events = [], 0
        while events < 2400 or len(answers) < 3:
            message = ws.read()
            events += "event" in message
            answers += [] if "event" in message else [message]
        assert [answer["ok"] for answer in answers if answer["ref"] == "a"] == [{"subscription": "1", "last_event_id": begins}]
        assert [answer["ok"] for answer in answers if answer["ref"] == "b"] == [
            {"subscription": "2", "ended": True}, {"unsubscribed": ["2"]}]
        assert ws.ok("unsubscribe", ref="none") == {"unsubscribed": []} and not ws.events


def test_no_more_wait_for_their_turn_than_may_be_in_flight(past):
    server, begins = past
    with WebSocket(server, receive_buffer=4096, checks_messages=False) as ws:
        ws.raw.send(b"".join(frame(TEXT, json.dumps({"op": "subscribe", "ref": ref, **again})) for ref, again in
                             [(0, {"type": "echo", "last_event_id": begins})] + [(ref, {}) for ref in range(1, 80)]))
        answers = {}
        while len(answers) < 80:
            message = ws.read()
            if "event" not in message:
                answers[message["ref"]] = message
        assert [ref for ref in range(80) if "problem" in answers[ref]] == list(range(64, 80))
        assert answers[64]["problem"]["code"] == "OVERLOADED"


def test_a_later_subscription_names_no_place_in_front_of_what_is_on_its_way():
    """Its client may come back with that id: what the first subscription had not told yet must not be lost."""
    with running_server() as server, server.client() as client:
        with WebSocket(server, receive_buffer=4096, checks_messages=False) as slow:
            slow.ok("subscribe")
            tags = {f"t{number}": "v" * 250 for number in range(16)}
            task_ids = [client.start("echo", tags=tags)["task_id"] for _ in range(500)]
            last = client.finished(task_ids[-1])["task_id"]
            ref = slow.say("subscribe", task_id=last)
            told, place, snapshot = [], None, None
            while snapshot is None:
                message = slow.read()
                if message.get("ref") == ref:
                    place = number_of(message["ok"]["last_event_id"])
                    assert place <= told[-1]
                elif message["event"]["type"] == "snapshot":
                    snapshot = message["event"]["id"]
                else:
                    told.append(number_of(message["event"]["id"]))
            assert number_of(snapshot) <= told[-1] and snapshot.endswith("-3")
        with WebSocket(server, checks_messages=False) as again:
            again.ok("subscribe", last_event_id=snapshot)
            again.ok("subscribe", task_id=last, last_event_id=snapshot)


def test_the_end_of_one_task_is_told_behind_the_id_of_another(server, client):
    """Both ends have the same revision."""
    with WebSocket(server) as ws:
        ws.ok("subscribe", task_id=client.start("echo", 1)["task_id"])
        last = ws.events_to_the_end()[-1]["id"]
    other = client.run("echo", 2)
    with WebSocket(server) as ws:
        assert "ended" not in ws.ok("subscribe", task_id=other["task_id"], last_event_id=last)
        assert ws.events_to_the_end()[-1]["data"]["status"] == "succeeded"
