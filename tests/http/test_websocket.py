"""What a client does on its WebSocket: subscribe, unsubscribe, start, cancel. Each message of the server is held against the
description."""

import json

import pytest

from longhaul_server import running_server
from waiting import wait_until
from websocket_client import TEXT, Closed, WebSocket, frame

UNKNOWN_ID = "01a20000-0000-7000-8000-000000000000"


@pytest.fixture
def ws(server):
    with WebSocket(server) as connected:
        yield connected


def sleeping(client, **fields):
    """A task that runs until it is cancelled."""
    task_id = client.start("sleep", {"seconds": 600}, **fields)["task_id"]
    client.until(task_id, "running")
    return task_id


def states(events):
    return [event["data"]["status"] for event in events]


def pointers(problem):
    return [error["pointer"] for error in problem["errors"]]


# ---- messages

@pytest.mark.parametrize("text,code", [("{", "MALFORMED_JSON"), ("", "MALFORMED_JSON"), ("[]", "VALIDATION_FAILED"),
                                       ('{"op": "x", "op": "y"}', "MALFORMED_JSON"), ("[" * 65 + "]" * 65, "MALFORMED_JSON")])
def test_what_is_no_request_gets_a_problem_and_the_connection_stays(ws, text, code):
    ws.send(TEXT, text)
    message = ws.read()
    assert message["ref"] is None and message["problem"]["code"] == code
    assert ws.ok("unsubscribe", ref="x") == {"unsubscribed": []}


def test_problems_carry_the_request_id_of_the_handshake(server):
    with WebSocket(server, extra=("X-Request-Id: my-page",)) as ws:
        assert ws.problem("dance")["request_id"] == "my-page"


def test_every_fault_is_named(ws):
    assert pointers(ws.problem("subscribe", typ="x", status="lost", tags={"a": 1})) == ["#/typ", "#/tags/a", "#/status"]
    assert pointers(ws.problem("start", task={"type": "", "prority": 1}, idempotency_key="")) == ["#/idempotency_key"]
    assert sorted(pointers(ws.problem("start", task={"type": "", "prority": 1}))) == ["#/task/prority", "#/task/type"]
    assert pointers(ws.problem("start", task={"type": "ecko"})) == ["#/task/type"]
    assert pointers(ws.problem("cancel", id="x")) == ["#/id", "#/task_id"]


@pytest.mark.parametrize("ref", [1, "a", None, 1.5, [1, {"b": None}], {"deep": ["er"]}, True])
def test_any_ref(ws, ref):
    assert ws.ok("subscribe", ref=ref, queue="nobody")["subscription"] == "1"
    assert ws.problem("dance", ref=ref)["code"] == "VALIDATION_FAILED"


# ---- subscribe to a task

def test_a_task_seen_through(ws, client):
    started = client.start("echo", {"a": 1.50}, delay_seconds=0.3)
    ok = ws.ok("subscribe", task_id=started["task_id"])
    assert set(ok) == {"subscription", "last_event_id"}
    events = ws.events_to_the_end()
    assert events[0]["type"] == "snapshot" and {event["type"] for event in events[1:]} == {"state"}
    assert states(events)[-3:] == ["queued", "running", "succeeded"]
    assert len({event["id"] for event in events}) == len(events)
    final = client.status(started["task_id"])
    assert events[-1]["data"] == final
    # It is over: nothing has to be unsubscribed, and nothing more comes.
    assert ws.ok("unsubscribe", subscription=ok["subscription"]) == {"unsubscribed": []}
    assert ws.ok("subscribe", task_id=started["task_id"], last_event_id=events[-1]["id"]) == {"subscription": "2", "ended": True}


def test_a_task_that_is_over_shows_its_end(ws, client):
    final = client.run("echo", 1)
    ws.ok("subscribe", task_id=final["task_id"])
    event = ws.next_event()
    assert event["type"] == "snapshot" and event["data"] == final
    assert ws.ok("unsubscribe", ref="x") == {"unsubscribed": []} and not ws.events


@pytest.mark.parametrize("task_id", [UNKNOWN_ID, "nonsense", ""])
def test_unknown_tasks(ws, task_id):
    assert ws.problem("subscribe", task_id=task_id)["code"] == "TASK_NOT_FOUND"
    assert ws.problem("cancel", task_id=task_id)["code"] == "TASK_NOT_FOUND"


def test_resuming_goes_on_behind_the_last_event(server, client):
    task_id = client.start("sleep", {"seconds": 600}, delay_seconds=600)["task_id"]
    with WebSocket(server) as first:
        first.ok("subscribe", task_id=task_id)
        last = first.next_event()["id"]
    client.cancel(task_id).expect(200)
    with WebSocket(server) as second:
        assert second.ok("subscribe", task_id=task_id, last_event_id=last)["last_event_id"] == last
        event = second.next_event()
        assert event["type"] == "state" and event["data"]["status"] == "cancelled"


@pytest.mark.parametrize("last", ["nonsense", "", "0-1-1", "ffffffff-5-1"])
def test_resuming_from_nowhere_says_so(server, client, last):
    task_id = client.start("sleep", {"seconds": 600}, delay_seconds=600)["task_id"]
    with WebSocket(server) as ws:
        ws.ok("subscribe", task_id=task_id, last_event_id=last)
        reset, snapshot = ws.next_event(), ws.next_event()
        assert reset["type"] == "reset" and reset["data"] == {"reason": "events_not_kept"}
        assert snapshot["type"] == "snapshot" and snapshot["data"]["task_id"] == task_id
    client.cancel(task_id).expect(200)


def test_the_end_is_known_again_after_a_restart():
    with running_server() as server:
        with server.client() as client, WebSocket(server) as ws:
            started = client.start("echo", 1)["task_id"]
            ws.ok("subscribe", task_id=started)
            last = ws.events_to_the_end()[-1]["id"]
        server.restart()
        with WebSocket(server) as ws:
            assert ws.ok("subscribe", task_id=started, last_event_id=last)["ended"] is True
            ws.ok("subscribe", task_id=started)
            assert ws.next_event()["data"]["status"] == "succeeded"


# ---- subscribe with filters

def test_filters(server):
    with running_server() as server, server.client() as client, WebSocket(server) as ws:
        ws.ok("subscribe", queue="a", tags={"customer": "17"}, type="echo")
        client.run("echo", 1, queue="b", tags={"customer": "17"})
        client.run("echo", 2, queue="a", tags={"customer": "18"})
        wanted = client.run("echo", 3, queue="a", tags={"customer": "17", "more": "x"})
        events = ws.events_to_the_end()
        assert {event["data"]["task_id"] for event in events} == {wanted["task_id"]}
        assert states(events) == ["queued", "running", "succeeded"]


def test_by_state():
    with running_server() as server, server.client() as client, WebSocket(server) as ws:
        ws.ok("subscribe", status="failed")
        client.run("echo", 1)
        failed = client.run("sleep", "wrong")
        event = ws.next_event()
        assert event["data"]["status"] == "failed" and event["data"]["task_id"] == failed["task_id"]


def test_resuming_a_filter():
    with running_server() as server, server.client() as client:
        with WebSocket(server) as ws:
            begins = ws.ok("subscribe", type="echo")["last_event_id"]
            client.run("echo", 1)
            first = ws.events_to_the_end()
        client.run("echo", 2)
        with WebSocket(server) as ws:
            ws.ok("subscribe", type="echo", last_event_id=first[0]["id"])
            missed = ws.events_to_the_end() + ws.events_to_the_end()
            assert missed[:2] == first[1:] and states(missed[2:]) == ["queued", "running", "succeeded"]
        with WebSocket(server) as ws:
            ws.ok("subscribe", type="echo", last_event_id=begins)
            assert [ws.next_event() for _ in range(6)] == first[:1] + missed
        with WebSocket(server) as ws:
            ws.ok("subscribe", type="echo", last_event_id="f-1-1")
            assert ws.next_event()["type"] == "reset"


def test_an_event_for_two_subscriptions_is_told_once(server, client):
    with WebSocket(server) as ws:
        task_id = client.start("sleep", {"seconds": 600}, delay_seconds=600, queue="twice")["task_id"]
        ws.ok("subscribe", queue="twice")
        ws.ok("subscribe", task_id=task_id)
        ws.ok("subscribe", type="sleep", queue="twice")
        assert ws.next_event()["type"] == "snapshot"
        client.cancel(task_id).expect(200)
        assert ws.next_event()["data"]["status"] == "cancelled"
        assert ws.ok("unsubscribe", ref="none") == {"unsubscribed": []} and not ws.events


# ---- unsubscribe

def test_unsubscribing_by_name_and_by_ref(server, client):
    with WebSocket(server) as ws:
        ws.ok("subscribe", ref="mine", queue="quiet")
        ws.ok("subscribe", ref="mine", queue="quiet")
        third = ws.ok("subscribe", ref="other", queue="quiet")["subscription"]
        assert ws.ok("unsubscribe", ref="mine") == {"unsubscribed": ["1", "2"]}
        client.run("echo", 1, queue="quiet")
        assert ws.events_to_the_end()[-1]["data"]["status"] == "succeeded"
        assert ws.ok("unsubscribe", subscription=third) == {"unsubscribed": [third]}
        client.run("echo", 2, queue="quiet")
        assert ws.ok("unsubscribe", subscription=third) == {"unsubscribed": []} and not ws.events
        for unknown in ("4", "0", "", "x", "-1", "1 ", "99999999999999999999999"):
            assert ws.problem("unsubscribe", subscription=unknown)["code"] == "NOT_FOUND"


def test_a_connection_has_so_many_subscriptions(ws):
    for number in range(100):
        ws.ok("subscribe", queue=f"q{number}")
    assert "100" in ws.problem("subscribe")["errors"][0]["detail"]
    ws.ok("unsubscribe", subscription="7")
    ws.ok("subscribe", queue="another")


# ---- start, cancel

def test_start_and_cancel(ws, client):
    ws.ok("subscribe", queue="by-socket")
    started = ws.ok("start", task={"type": "sleep", "payload": {"seconds": 600}, "queue": "by-socket"})
    assert started["status"] == "queued"
    client.until(started["task_id"], "running")
    cancelled = ws.ok("cancel", task_id=started["task_id"], reason="ü not needed")
    assert cancelled["status"] in ("cancelling", "cancelled")
    events = ws.events_to_the_end()
    assert states(events)[0] == "queued" and states(events)[-1] == "cancelled"
    assert events[-1]["data"]["error"]["reason"] == "ü not needed"
    assert ws.ok("cancel", task_id=started["task_id"])["status"] == "cancelled"


def test_what_is_over_is_not_cancelled(ws, client):
    final = client.run("echo", 1)
    problem = ws.problem("cancel", task_id=final["task_id"])
    assert problem["code"] == "TASK_ALREADY_FINAL" and problem["task_status"] == "succeeded"


def test_a_start_is_kept_digit_for_digit(ws, client):
    ws.send(TEXT, '{"op": "start", "ref": 1, "task": {"type": "echo", "payload": [1.0, 1e400, 12345678901234567890123]}}')
    task_id = ws.answer(1)["ok"]["task_id"]
    client.finished(task_id)
    assert '"result":[1.0,1e400,12345678901234567890123]' in client.get(f"/task-status/{task_id}").text


@pytest.mark.parametrize("key", ["plain", '"quoted"', '"', "back\\slash", " blank ", "k" * 255])
def test_idempotency_keys(server, ws, key):
    key = f"{key[:200]}{key[200:]}"
    first = ws.ok("start", task={"type": "echo", "payload": 1}, idempotency_key=key)
    with WebSocket(server) as other:
        assert other.ok("start", task={"payload": 1, "type": "echo"}, idempotency_key="x" + key[1:])["task_id"] != first["task_id"]
        again = other.ok("start", task={"type": "echo", "payload": 1}, idempotency_key=key)
        assert again["task_id"] == first["task_id"]
        problem = other.problem("start", task={"type": "echo", "payload": 2}, idempotency_key=key)
        assert problem["code"] == "IDEMPOTENCY_KEY_REUSED" and pointers(problem) == ["#/idempotency_key"]


def test_the_keys_are_those_of_post_start_task(ws, client):
    body = '{"type":"echo","payload":"both"}'
    first = client.post("/start-task", body=body, headers={"Idempotency-Key": "both ways"}).expect(202).json
    assert ws.ok("start", task=json.loads(body), idempotency_key="both ways")["task_id"] == first["task_id"]


def test_limits_of_starts_hold():
    config = "[server]\nmax_open_tasks = 1\n[tasks.small]\ncommand = [\"true\"]\nmax_body_bytes = 100\n"
    with running_server(config=config) as server, WebSocket(server) as ws:
        assert ws.problem("start", task={"type": "small", "payload": "x" * 100})["code"] == "BODY_TOO_LARGE"
        open_one = ws.ok("start", task={"type": "sleep", "payload": {"seconds": 600}})
        assert ws.problem("start", task={"type": "echo"})["code"] == "QUEUE_FULL"
        ws.ok("cancel", task_id=open_one["task_id"])


def test_many_starts_in_flight_are_answered_or_refused(ws, client):
    ws.raw.send(b"".join(bytes_of_start(n) for n in range(300)))
    answers = [ws.read() for _ in range(300)]
    assert sorted(answer["ref"] for answer in answers) == list(range(300))
    refusals = {answer["problem"]["code"] for answer in answers if "problem" in answer}
    assert refusals <= {"OVERLOADED"}
    accepted = [answer for answer in answers if "ok" in answer]
    assert len(accepted) >= 64
    for answer in accepted:
        client.finished(answer["ok"]["task_id"])


def bytes_of_start(number):
    return frame(TEXT, json.dumps({"op": "start", "ref": number, "task": {"type": "echo", "payload": number}}))


# ---- together

def test_two_clients_see_the_same(server):
    with WebSocket(server) as one, WebSocket(server) as two:
        for ws in (one, two):
            ws.ok("subscribe", queue="shared")
        one.ok("start", task={"type": "echo", "queue": "shared"})
        assert one.events_to_the_end() == two.events_to_the_end()


def test_a_client_that_reads_nothing_harms_nobody():
    """Its events are bounded, it is cut, and another is told all of them in time."""
    with running_server() as server, server.client() as client:
        slow = WebSocket(server, receive_buffer=4096)
        slow.ok("subscribe")
        with WebSocket(server) as quick:
            quick.ok("subscribe")
            for number in range(60):
                final = client.run("echo", "x" * 900_000)
                assert quick.events_to_the_end()[-1]["data"]["task_id"] == final["task_id"], number
        code = None
        try:
            while True:
                slow.read()
        except Closed as closed:
            code = closed.code
        except (ConnectionResetError, EOFError):
            pass  # it took nothing for too long even to be told
        assert code in (1013, None)
        slow.raw.close()


def test_threads_do_not_grow_with_clients(server, client):
    client.run("echo", 1)
    before = server.threads()
    clients = [WebSocket(server) for _ in range(100)]
    for ws in clients:
        ws.ok("subscribe", queue="crowd")
    final = client.run("echo", 1, queue="crowd")
    for ws in clients:
        assert ws.events_to_the_end()[-1]["data"]["task_id"] == final["task_id"]
    assert server.threads() <= before
    for ws in clients:
        ws.raw.close()


# ---- the server stops

def test_drain():
    """While the server drains, subscriptions live on and starts are refused; at its end it closes with 1001."""
    with running_server(arguments=["--drain-seconds", "20"]) as server:
        with server.client() as client:
            task_id = sleeping(client)
        with WebSocket(server) as ws:
            ws.ok("subscribe", task_id=task_id)
            assert ws.next_event()["type"] == "snapshot"
            server.process.terminate()
            wait_until(lambda: ws.ask("start", task={"type": "echo"}).get("problem", {}).get("code") == "NOT_READY",
                       "starts to be refused")
            ws.ok("cancel", task_id=task_id)
            assert ws.events_to_the_end()[-1]["data"]["status"] == "cancelled"
            with pytest.raises(Closed) as closed:
                ws.read()
            assert closed.value.code == 1001


def test_stop_closes_what_is_idle():
    with running_server() as server:
        clients = [WebSocket(server) for _ in range(20)]
        for ws in clients:
            ws.ok("subscribe")
        server.stop()
        for ws in clients:
            assert ws.read_close()[0] == 1001
