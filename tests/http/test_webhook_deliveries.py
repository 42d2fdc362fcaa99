"""What became of deliveries to registered webhooks: lists and details, and when a webhook is sent no more."""

import datetime

import pytest

from longhaul_server import running_server
from test_webhook_delivery import config
from waiting import wait_until
from webhook_calls import (UNKNOWN_ID, change, deliveries_of, deliveries_to, delivery, over, recover, redeliver, register,
                           time_of, told_of, tried, until_disabled, webhook)
from webhook_fixtures import client, patient, patient_server, receiver, server  # noqa: F401: pytest finds them by name
from webhook_receiver import Canary, Reply, check_signature

MANY_RETRIES = "[" + ", ".join(["0.05"] * 100) + "]"


# ---- lists and details

def test_one_delivery_with_each_attempt(client, receiver):
    receiver.plan("/", Reply(500, body=b"not now\xff"), Reply(404), Reply(201, body=b"y" * 5000))
    hook = register(client, receiver.url("/"))["webhook_id"]
    owed = told_of(client, hook)
    detail = over(client, owed["delivery_id"])
    assert (detail["status"], detail["exhausted_cause"], detail["next_attempt_at"]) == ("delivered", None, None)
    assert (detail["webhook_id"], detail["task_id"], detail["event"]) == (hook, owed["task_id"], "task.succeeded")
    assert [one["response_status"] for one in detail["attempts"]] == [500, 404, 201]
    assert [one["error"] for one in detail["attempts"]] == ["BAD_STATUS", "BAD_STATUS", None]
    assert [one["response_body"] for one in detail["attempts"]] == ["not now\ufffd", "", "y" * 4096]
    assert {one["remote_address"] for one in detail["attempts"]} == {f"127.0.0.1:{receiver.port}"}
    starts = [one["started_at"] for one in detail["attempts"]]
    assert starts == sorted(starts) and detail["created_at"] <= starts[0] and starts[-1] <= detail["finished_at"]
    assert all(one["duration_seconds"] >= 0 for one in detail["attempts"]) and "last_attempt" not in detail
    (listed,) = deliveries_to(client, hook)
    assert (listed["attempts"], listed["last_attempt"]) == (3, detail["attempts"][-1])
    assert {**detail, "attempts": 3, "last_attempt": listed["last_attempt"]} == listed
    assert deliveries_of(client, owed["task_id"]) == [listed]


def test_nobody_is_there(client):
    with Canary() as canary:
        port = canary.port
    hook = register(client, f"http://127.0.0.1:{port}/")["webhook_id"]
    detail = over(client, told_of(client, hook)["delivery_id"])
    assert (detail["status"], detail["exhausted_cause"]) == ("exhausted", "attempts")
    assert [(one["error"], one["remote_address"], one["response_status"]) for one in detail["attempts"]] == [("CONNECT_FAILED", None, None)] * 3
    assert webhook(client, hook)["failing_since"] is not None


def test_a_callback_of_a_task_is_a_delivery_too(client, receiver):
    receiver.plan("/", 500, 200)
    task_id = client.run("echo", callback_url=receiver.url("/"))["task_id"]
    (listed,) = deliveries_of(client, task_id)
    detail = over(client, listed["delivery_id"])
    assert (detail["webhook_id"], detail["task_id"], len(detail["attempts"])) == (None, task_id, 2)
    assert redeliver(client, listed["delivery_id"])["status"] == "pending"
    assert len({one.id for one in receiver.wait_for(3)}) == 1


def test_the_newest_first_page_by_page(client, receiver):
    hook, other = register(client, receiver.url("/"))["webhook_id"], register(client, receiver.url("/other"))["webhook_id"]
    assert deliveries_to(client, hook) == []
    tasks = [client.run("echo")["task_id"] for _ in range(7)]
    receiver.wait_for(14)
    wait_until(lambda: len(deliveries_to(client, hook, status="delivered")) == 7, "all to be delivered")
    for size in (1, 3, 7, 500):
        assert [one["task_id"] for one in deliveries_to(client, hook, page_size=size)] == tasks[::-1], size
    path = f"/webhooks/{hook}/deliveries"
    first = client.get(path, query={"page_size": 3}).expect(200).json
    assert len(first["deliveries"]) == 3 and first["next_page_token"]
    newer = client.run("echo")["task_id"]
    rest = client.get(path, query={"page_token": first["next_page_token"]}).expect(200).json
    assert [one["task_id"] for one in first["deliveries"] + rest["deliveries"]] == tasks[::-1] and rest["next_page_token"] == ""
    assert deliveries_to(client, hook)[0]["task_id"] == newer
    assert client.get(path, query={"page_size": 8}).json["next_page_token"] == "", "the last page, although it is full"
    # A token belongs to the webhook and the status.
    for path_, query in ((f"/webhooks/{other}/deliveries", {}), (path, {"status": "delivered"}), (path, {"status": "pending"})):
        answer = client.get(path_, query={**query, "page_token": first["next_page_token"]}).expect(422, "VALIDATION_FAILED")
        assert answer.pointers == ["?page_token"]
    for token in ("nonsense", first["next_page_token"][:-1], first["next_page_token"][::-1]):
        client.get(path, query={"page_token": token}).expect(422)
    token = client.get("/tasks", query={"page_size": 1}).json["next_page_token"]
    client.get(path, query={"page_token": token}).expect(422)


def test_by_status(patient, receiver):
    hook = register(patient, receiver.url("/"))["webhook_id"]
    delivered = [told_of(patient, hook)["delivery_id"] for _ in range(2)]
    for one in delivered:
        over(patient, one)
    change(patient, hook, disabled=True)
    exhausted = [told_of(patient, hook)["delivery_id"] for _ in range(3)]
    change(patient, hook, disabled=False)
    receiver.plan("/", 500)
    pending = told_of(patient, hook)["delivery_id"]
    for status, ids in (("pending", [pending]), ("delivered", delivered), ("exhausted", exhausted)):
        for size in (1, 50):
            found = deliveries_to(patient, hook, status=status, page_size=size)
            assert [one["delivery_id"] for one in found] == ids[::-1] and {one["status"] for one in found} == {status}
    assert [one["delivery_id"] for one in deliveries_to(patient, hook, page_size=4)] == [*delivered, *exhausted, pending][::-1]


# ---- what disables one

def test_who_is_gone_is_disabled(receiver):
    receiver.plan("/gone", 500, 500, 500, Reply(410, body=b"bye"))
    with running_server(config=config(MANY_RETRIES)) as server, server.client() as client:
        hook = register(client, receiver.url("/gone"), events=["*"])["webhook_id"]
        client.run("echo")
        shown = until_disabled(client, hook)
        assert shown["disabled_reason"] == "It answered 410 Gone." and shown["disabled_at"] >= shown["created_at"]
        ended = [over(client, one["delivery_id"]) for one in deliveries_to(client, hook)]
        assert {one["status"] for one in ended} == {"exhausted"}
        # The other one may have been under way when the first was answered.
        causes = [one["exhausted_cause"] for one in ended]
        assert "gone" in causes and set(causes) <= {"gone", "webhook_disabled"}
        told = len(receiver.received("/gone"))
        assert told_of_all(client, hook) == ["webhook_disabled"] * 2
        assert len(receiver.received("/gone")) == told
        receiver.plan("/gone", 200)
        change(client, hook, disabled=False)
        assert recover(client, hook, "2000-01-01T00:00:00Z") == 4
        for one in deliveries_to(client, hook):
            assert over(client, one["delivery_id"])["status"] == "delivered"
        assert webhook(client, hook)["failing_since"] is None


def told_of_all(client, hook):
    """Why nothing was sent of the events of one more task."""
    task_id = client.run("echo")["task_id"]
    return [one["exhausted_cause"] for one in deliveries_to(client, hook) if one["task_id"] == task_id]


def test_a_callback_to_who_is_gone_disables_nobody(client, receiver):
    receiver.plan("/gone", 410)
    hook = register(client, receiver.url("/hook"))["webhook_id"]
    task_id = client.run("echo", callback_url=receiver.url("/gone"))["task_id"]
    (callback,) = [one for one in deliveries_of(client, task_id) if one["webhook_id"] is None]
    detail = over(client, callback["delivery_id"])
    assert (detail["status"], detail["exhausted_cause"], len(detail["attempts"])) == ("exhausted", "gone", 1)
    assert not webhook(client, hook)["disabled"]


def test_who_fails_for_too_long_is_disabled(receiver):
    receiver.plan("/failing", 500)
    with running_server(config=config(MANY_RETRIES, disable_after_seconds=1)) as server, server.client() as client:
        hook, other = register(client, receiver.url("/failing"))["webhook_id"], register(client, receiver.url("/fine"))["webhook_id"]
        client.run("echo")
        shown = until_disabled(client, hook)
        assert shown["disabled_reason"].startswith("Every attempt failed for ") and "second" in shown["disabled_reason"]
        sent = deliveries_to(client, hook)[0]["delivery_id"]
        ended = over(client, sent)
        assert (ended["status"], ended["exhausted_cause"]) == ("exhausted", "webhook_disabled")
        assert time_of(shown["disabled_at"]) - time_of(ended["attempts"][0]["started_at"]) >= datetime.timedelta(seconds=1)
        assert not webhook(client, other)["disabled"]
        # Enabled again, it begins anew: one more failure disables nobody.
        assert change(client, hook, disabled=False)["failing_since"] is None
        redeliver(client, sent)
        tried(client, sent, len(ended["attempts"]) + 1)
        receiver.plan("/failing", 200)
        assert over(client, sent)["status"] == "delivered"
        assert not webhook(client, hook)["disabled"]


def test_a_success_ends_a_failing(receiver):
    receiver.plan("/", 500, 500, 200)
    with running_server(config=config("[0.3, 0.3]")) as server, server.client() as client:
        hook = register(client, receiver.url("/"))["webhook_id"]
        sent = told_of(client, hook)["delivery_id"]
        tried(client, sent, 1)
        assert webhook(client, hook)["failing_since"] is not None
        assert over(client, sent)["status"] == "delivered"
        assert webhook(client, hook)["failing_since"] is None


# ---- what a receiver asks for

@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_is_asked_for_is_kept(client, receiver, status):
    receiver.plan("/", Reply(status, {"Retry-After": "1"}), 200)
    hook = register(client, receiver.url("/"))["webhook_id"]
    sent = told_of(client, hook)["delivery_id"]
    first, second = receiver.wait_for(2)
    assert second.at - first.at >= 0.99
    assert over(client, sent)["status"] == "delivered"
    assert webhook(client, hook)["circuit"] == "closed"


def test_while_it_asks_to_wait_others_wait_with_it(client, receiver):
    """They lose no attempts by it; and it may ask for five minutes at most."""
    receiver.plan("/", Reply(429, {"Retry-After": "86400"}))
    hook, other = register(client, receiver.url("/"))["webhook_id"], register(client, receiver.url("/other"))["webhook_id"]
    first = tried(client, told_of(client, hook)["delivery_id"], 1)
    shown = wait_until(lambda: next((one for one in [webhook(client, hook)] if one["circuit"] == "open"), None), "the circuit to open")
    wait = time_of(shown["next_attempt_at"]) - time_of(first["attempts"][0]["started_at"])
    assert datetime.timedelta(minutes=4) < wait <= datetime.timedelta(minutes=6, seconds=5)
    waiting = told_of(client, hook)
    receiver.wait_for(2, "/other")
    assert len(receiver.received("/")) == 1
    now = delivery(client, waiting["delivery_id"])
    assert (now["status"], now["attempts"]) == ("pending", [])
    assert webhook(client, other)["circuit"] == "closed" and not webhook(client, hook)["disabled"]


# ---- what is changed meanwhile

def test_retries_go_to_the_url_of_now(receiver):
    receiver.plan("/old", 500)
    with running_server(config=config(MANY_RETRIES)) as server, server.client() as client:
        made = register(client, receiver.url("/old"))
        sent = told_of(client, made["webhook_id"])["delivery_id"]
        (first, *_) = receiver.wait_for(1, "/old")
        change(client, made["webhook_id"], url=receiver.url("/new"))
        (one,) = receiver.wait_for(1, "/new")
        assert one.id == first.id == sent and one.body == first.body
        check_signature(made["secret"], one)
        assert over(client, sent)["status"] == "delivered"
        assert webhook(client, made["webhook_id"])["failing_since"] is None


def test_what_a_removed_one_was_owed_is_given_up(receiver):
    receiver.plan("/", 500)
    with running_server(config=config(MANY_RETRIES)) as server, server.client() as client:
        hook = register(client, receiver.url("/"))["webhook_id"]
        sent = told_of(client, hook)
        test = client.post(f"/webhooks/{hook}/test").expect(202).json["delivery_id"]
        receiver.wait_for(2)
        client.delete(f"/webhooks/{hook}").expect(204)
        ended = over(client, sent["delivery_id"])
        assert (ended["status"], ended["exhausted_cause"], ended["webhook_id"]) == ("exhausted", "webhook_removed", hook)
        assert ended["attempts"] and ended["next_attempt_at"] is None and ended["finished_at"]
        (listed,) = deliveries_of(client, sent["task_id"])
        assert listed["delivery_id"] == sent["delivery_id"], "the record stays with its task"
        client.post(f"/deliveries/{sent['delivery_id']}/redeliver").expect(409, "WEBHOOK_REMOVED")
        client.get(f"/webhooks/{hook}/deliveries").expect(404, "WEBHOOK_NOT_FOUND")

        def test_is_over():
            answer = client.get(f"/deliveries/{test}")
            return answer.status == 404 or answer.json["status"] == "exhausted"
        wait_until(test_is_over, "the test to be given up")


def test_deliveries_that_are_not_there(client):
    client.get(f"/deliveries/{UNKNOWN_ID}").expect(404, "DELIVERY_NOT_FOUND")
    client.post(f"/deliveries/{UNKNOWN_ID}/redeliver").expect(404, "DELIVERY_NOT_FOUND")
    task_id = client.run("echo")["task_id"]
    client.get(f"/deliveries/{task_id}").expect(404, "DELIVERY_NOT_FOUND")
