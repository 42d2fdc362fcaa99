"""Callbacks of tasks: the fields of a start, what is refused, and the list of deliveries. Nothing listens where they lead; what
arrives at a receiver is tested in test_webhook_delivery.py."""

import json

import pytest

from longhaul_server import running_server
from waiting import wait_until

RECEIVER = "http://127.0.0.9:9/hook?who=me"
EVENTS = ["task.started", "task.retrying", "task.succeeded", "task.failed", "task.cancelled", "task.timed_out"]
UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"

CONFIG = """
[webhooks]
allow_addresses = ["127.0.0.9"]
[tasks.fail]
command = ["/bin/sh", "-c", "exit 3"]
max_attempts = 2
retry_base_seconds = 0.01
retry_cap_seconds = 0.01
"""


@pytest.fixture(scope="module")
def server():
    with running_server(config=CONFIG) as running:
        yield running


def deliveries(client, task_id):
    return client.get(f"/tasks/{task_id}/deliveries").expect(200).json["deliveries"]


def events(client, task_id):
    return [delivery["event"] for delivery in deliveries(client, task_id)]


def refused(client, **fields):
    return client.post("/start-task", {"type": "echo", **fields}).expect(422, "VALIDATION_FAILED")


def test_a_final_state_owes_a_delivery(client):
    task = client.run("echo", 1, callback_url=RECEIVER)
    delivery, = deliveries(client, task["task_id"])
    assert (delivery["event"], delivery["url"], delivery["status"]) == ("task.succeeded", RECEIVER, "pending")
    assert delivery["created_at"] == task["finished_at"] and delivery["finished_at"] is None
    assert delivery["next_attempt_at"] is not None
    assert client.detail(task["task_id"])["deliveries"] == {"pending": 1, "delivered": 0, "exhausted": 0}


def test_what_became_of_it_is_shown(client):
    task_id = client.run("echo", callback_url=RECEIVER)["task_id"]
    tried = wait_until(lambda: [delivery for delivery in deliveries(client, task_id) if delivery["attempts"]], "an attempt")[0]
    assert (tried["status"], tried["last_attempt"]["error"]) == ("pending", "CONNECT_FAILED")
    assert tried["last_attempt"]["response_status"] is None and tried["last_attempt"]["response_body"] == ""
    assert tried["next_attempt_at"] > tried["last_attempt"]["started_at"] >= tried["created_at"]


def test_without_a_callback_there_is_nothing_to_tell(client):
    task_id = client.run("echo")["task_id"]
    assert deliveries(client, task_id) == []
    assert client.detail(task_id)["deliveries"] == {"pending": 0, "delivered": 0, "exhausted": 0}


def test_only_what_was_asked_for(client):
    task_id = client.run("echo", callback_url=RECEIVER, callback_events=["task.failed"])["task_id"]
    assert events(client, task_id) == []
    task_id = client.run("echo", callback_url=RECEIVER, callback_events=["task.succeeded", "task.succeeded"])["task_id"]
    assert events(client, task_id) == ["task.succeeded"]


def test_every_event(client):
    task_id = client.run("fail", callback_url=RECEIVER, callback_events=EVENTS)["task_id"]
    assert events(client, task_id) == ["task.started", "task.retrying", "task.started", "task.failed"]


def test_a_cancel_before_the_start(client):
    task_id = client.start("echo", delay_seconds=3600, callback_url=RECEIVER)["task_id"]
    assert events(client, task_id) == []
    client.cancel(task_id).expect(200)
    assert events(client, task_id) == ["task.cancelled"]


def test_a_retry_tells_anew(client):
    task_id = client.run("fail", callback_url=RECEIVER)["task_id"]
    client.post(f"/tasks/{task_id}/retry").expect(202)
    client.finished(task_id)
    first, second = deliveries(client, task_id)
    assert first["event"] == second["event"] == "task.failed"
    assert first["delivery_id"] != second["delivery_id"]


def test_the_same_start_twice_is_told_of_once(client):
    body = json.dumps({"type": "echo", "callback_url": RECEIVER})
    ids = set()
    for _ in range(3):
        answer = client.post("/start-task", body=body, headers={"Idempotency-Key": "told once"}).expect(202)
        ids.add(answer.json["task_id"])
        client.finished(answer.json["task_id"])
    task_id, = ids
    assert events(client, task_id) == ["task.succeeded"]


def test_what_is_owed_outlives_the_server():
    with running_server(config=CONFIG) as server:
        with server.client() as client:
            task_id = client.run("echo", callback_url=RECEIVER)["task_id"]
            before, = deliveries(client, task_id)
        server.restart(kill=True)
        with server.client() as client:
            after, = deliveries(client, task_id)
            assert after["delivery_id"] == before["delivery_id"] and after["created_at"] == before["created_at"]


@pytest.mark.parametrize("url", [
    "https://example.invalid", "http://example.invalid:80/", "HTTPS://EXAMPLE.invalid/%7Ea?b=c&d", "http://93.184.215.14/",
    "https://xn--bcher-kva.invalid/", "https://[2606:4700:4700::1111]/", "https://a_b.invalid?x=@y",
    "https://example.invalid/" + "x" * (2048 - 24)])
def test_urls_that_may_be_called(client, url):
    # It asks for an event that does not come: nothing is sent there.
    task_id = client.start("echo", delay_seconds=3600, callback_url=url, callback_events=["task.succeeded"])["task_id"]
    client.cancel(task_id).expect(200)
    assert deliveries(client, task_id) == []


@pytest.mark.parametrize("url", [
    None, 7, True, [], {}, "", "example.invalid", "/hook", "//example.invalid/", "ftp://example.invalid/", "file:///etc/passwd",
    "gopher://example.invalid/", "javascript:alert(1)", "http:example.invalid", "http:/example.invalid", "http://", "http:///hook",
    "http://?x", "https://:443/", "http://user@example.invalid/", "http://user:pass@example.invalid/", "http://@example.invalid/",
    "http://example.invalid\\@other.invalid/", "https://example.invalid/#part", "https://example.invalid#", "https://b\u00fccher.invalid/",
    "https://example.invalid/a b", " https://example.invalid/", "https://example.invalid/\n", "https://example.invalid/\u0000",
    "https://exa%6dple.invalid/", "https://example.invalid/%zz", "https://example.invalid/%2", "https://example.invalid:/",
    "https://example.invalid:0/", "https://example.invalid:080/", "https://example.invalid:65536/", "https://example.invalid:-1/",
    "https://example.invalid:80x/", "https://[::1/", "https://[::1]x/", "https://[fe80::1%25eth0]/", "https://[example.invalid]/",
    "https://a,b.invalid/", "https://example.invalid/" + "x" * (2049 - 24)])
def test_urls_that_may_not(client, url):
    assert refused(client, callback_url=url).pointers == ["#/callback_url"]


@pytest.mark.parametrize("url", [
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0/", "http://localhost/",
    "http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://[::]/",
    "http://[::ffff:127.0.0.1]/", "http://[fd00::1]/", "http://[64:ff9b::7f00:1]/", "http://93.184.215.14:22/"])
def test_addresses_that_are_known_to_be_refused(client, url):
    assert refused(client, callback_url=url).pointers == ["#/callback_url"]


@pytest.mark.parametrize("value, pointer", [
    ([], ""), (None, ""), ("task.failed", ""), ({"task.failed": True}, ""), (["task.gone"], "/0"), (["task.failed", 7], "/1"),
    (["Task.failed"], "/0"), (["*"], "/0"), ([None], "/0")])
def test_events_that_are_none(client, value, pointer):
    assert refused(client, callback_url=RECEIVER, callback_events=value).pointers == ["#/callback_events" + pointer]


def test_every_fault_is_told(client):
    answer = refused(client, callback_url="nowhere", callback_events=["a", "b"], priority=1000)
    assert sorted(answer.pointers) == ["#/callback_events/0", "#/callback_events/1", "#/callback_url", "#/priority"]
    assert refused(client, callback_events=["task.failed"]).pointers == ["#/callback_events"]


def test_deliveries_of_nothing(client):
    client.get(f"/tasks/{UNKNOWN_ID}/deliveries").expect(404, "TASK_NOT_FOUND")
    client.get("/tasks/nonsense/deliveries").expect(404, "TASK_NOT_FOUND")
    task_id = client.run("echo")["task_id"]
    assert client.get(f"/tasks/{task_id}/deliveries?page=1").expect(422).pointers == ["?page"]
    client.post(f"/tasks/{task_id}/deliveries", {}).expect(405)
