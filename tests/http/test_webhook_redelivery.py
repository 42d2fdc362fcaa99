"""Deliveries of registered webhooks that are asked for: tests, sending again, and recovering what was missed."""

import datetime

from longhaul_server import running_server
from test_webhook_delivery import config
from waiting import wait_until
from webhook_calls import (change, deliveries_to, delivery, over, recover, redeliver, register, time_of, told_of, tried)
from webhook_fixtures import client, patient, patient_server, receiver, server  # noqa: F401: pytest finds them by name
from webhook_receiver import Reply, check_signature


# ---- the test event

def test_a_test_event(client, receiver):
    receiver.plan("/", 500, 204)
    made = register(client, receiver.url("/"), events=["task.failed"], types=["nothing"], queues=["nothing"])
    answer = client.post(f"/webhooks/{made['webhook_id']}/test").expect(202)
    owed = answer.json
    assert answer.header("Location") == f"/deliveries/{owed['delivery_id']}"
    assert (owed["event"], owed["status"], owed["task_id"], owed["webhook_id"]) == ("webhook.test", "pending", None, made["webhook_id"])
    first, second = receiver.wait_for(2)
    for one in (first, second):
        check_signature(made["secret"], one)
        assert one.id == owed["delivery_id"] and one.body == first.body
        assert one.json == {"type": "webhook.test", "timestamp": owed["created_at"], "data": {"webhook_id": made["webhook_id"]}}
    assert over(client, owed["delivery_id"])["status"] == "delivered"
    assert [one["delivery_id"] for one in deliveries_to(client, made["webhook_id"])] == [owed["delivery_id"]]


def test_only_the_last_tests_are_kept(client, receiver):
    hook = register(client, receiver.url("/"))["webhook_id"]
    ids = []
    for _ in range(14):
        ids.append(client.post(f"/webhooks/{hook}/test").expect(202).json["delivery_id"])
        over(client, ids[-1])
    kept = [one["delivery_id"] for one in deliveries_to(client, hook)]
    assert kept == ids[:-len(kept) - 1:-1] and 10 <= len(kept) <= 11
    client.get(f"/deliveries/{ids[0]}").expect(404, "DELIVERY_NOT_FOUND")


def test_who_is_disabled_is_not_tested(client, receiver):
    hook = register(client, receiver.url("/"))["webhook_id"]
    change(client, hook, disabled=True)
    client.post(f"/webhooks/{hook}/test").expect(409, "WEBHOOK_DISABLED")
    client.post(f"/webhooks/{hook}/recover", {"since": "2000-01-01T00:00:00Z"}).expect(409, "WEBHOOK_DISABLED")
    assert deliveries_to(client, hook) == []


# ---- sending again

def test_what_was_delivered_can_be_sent_again(client, receiver):
    made = register(client, receiver.url("/"))
    sent = told_of(client, made["webhook_id"])
    over(client, sent["delivery_id"])
    for count in (2, 3):
        again = redeliver(client, sent["delivery_id"])
        assert (again["delivery_id"], again["status"], again["attempts"]) == (sent["delivery_id"], "pending", count - 1)
        assert again["next_attempt_at"] and again["finished_at"] is None and again["created_at"] == sent["created_at"]
        received = receiver.wait_for(count)
        detail = over(client, sent["delivery_id"])
        assert detail["status"] == "delivered" and len(detail["attempts"]) == count
    assert len({one.id for one in received}) == 1 and len({one.body for one in received}) == 1
    for one in received:
        check_signature(made["secret"], one)


def test_what_was_given_up_is_sent_again_on_a_fresh_schedule(client, receiver):
    receiver.plan("/", 500, 500, 500, 500, 500, 200)
    hook = register(client, receiver.url("/"))["webhook_id"]
    sent = told_of(client, hook)["delivery_id"]
    detail = over(client, sent)
    assert (detail["status"], detail["exhausted_cause"], len(detail["attempts"])) == ("exhausted", "attempts", 3)
    again = redeliver(client, sent)
    assert (again["status"], again["attempts"], again["exhausted_cause"], again["finished_at"]) == ("pending", 3, None, None)
    detail = over(client, sent)
    assert (detail["status"], len(detail["attempts"])) == ("delivered", 6)
    assert len({one.body for one in receiver.received()}) == 1 == len({one.id for one in receiver.received()})


def test_what_waits_for_its_retry_is_sent_at_once(patient, receiver):
    receiver.plan("/", 500, 500, 200)
    hook = register(patient, receiver.url("/"))["webhook_id"]
    sent = told_of(patient, hook)["delivery_id"]
    waiting = tried(patient, sent, 1)
    assert waiting["status"] == "pending"
    wait = time_of(waiting["next_attempt_at"]) - time_of(waiting["attempts"][0]["started_at"])
    assert datetime.timedelta(minutes=7) < wait < datetime.timedelta(minutes=13)
    redeliver(patient, sent)
    receiver.wait_for(2)
    assert tried(patient, sent, 2)["status"] == "pending", "the first retry of a fresh schedule is still to come"
    redeliver(patient, sent)
    receiver.wait_for(3)
    assert over(patient, sent)["status"] == "delivered"


def test_of_a_disabled_webhook_nothing_is_sent_again(client, receiver):
    hook = register(client, receiver.url("/"))["webhook_id"]
    sent = told_of(client, hook)["delivery_id"]
    before = over(client, sent)
    change(client, hook, disabled=True)
    client.post(f"/deliveries/{sent}/redeliver").expect(409, "WEBHOOK_DISABLED")
    assert delivery(client, sent) == before
    change(client, hook, disabled=False)
    redeliver(client, sent)
    receiver.wait_for(2)


def test_what_is_owed_again_outlives_the_server(receiver):
    receiver.plan("/", 200, Reply(hangs=True), 200)
    with running_server(config=config("[600]", timeout_seconds=60)) as server:
        with server.client() as client:
            hook = register(client, receiver.url("/"))["webhook_id"]
            sent = told_of(client, hook)["delivery_id"]
            over(client, sent)
            redeliver(client, sent)
            receiver.wait_for(2)
        server.restart(kill=True)
        with server.client() as client:
            assert over(client, sent)["status"] == "delivered"
        assert len({(one.id, one.body) for one in receiver.received()}) == 1 and len(receiver.received()) == 3


# ---- recovering

def test_what_was_missed_since_a_time_is_sent(client, receiver):
    hook = register(client, receiver.url("/"))["webhook_id"]
    delivered = told_of(client, hook)["delivery_id"]
    over(client, delivered)
    change(client, hook, disabled=True)
    missed = [told_of(client, hook) for _ in range(5)]
    change(client, hook, disabled=False)
    assert recover(client, hook, "2999-01-01T00:00:00Z") == 0
    since = missed[2]["created_at"]
    wanted = [one["delivery_id"] for one in missed if one["created_at"] >= since]
    receiver.forget()
    assert recover(client, hook, since) == len(wanted)
    assert {one.id for one in receiver.wait_for(len(wanted))} == set(wanted)
    for one in wanted:
        assert over(client, one)["status"] == "delivered"
    assert recover(client, hook, since) == 0, "nothing is left"
    rest = [one["delivery_id"] for one in missed if one["created_at"] < since]
    assert recover(client, hook, "2000-01-01T00:00:00+02:00") == len(rest)
    assert {one.id for one in receiver.wait_for(5)} == {one["delivery_id"] for one in missed}
    assert delivered not in {one.id for one in receiver.received()}


def test_what_was_given_up_is_recovered_too_and_nobody_elses(client, receiver):
    receiver.plan("/first", 500, 500, 500, 200)
    first, second = (register(client, receiver.url(path))["webhook_id"] for path in ("/first", "/second"))
    client.run("echo")
    (sent,), (others,) = deliveries_to(client, first), deliveries_to(client, second)
    assert over(client, sent["delivery_id"])["exhausted_cause"] == "attempts"
    over(client, others["delivery_id"])
    assert recover(client, second, sent["created_at"]) == 0
    assert recover(client, first, sent["created_at"]) == 1
    assert over(client, sent["delivery_id"])["status"] == "delivered"
    assert len(receiver.received("/second")) == 1


def test_many_are_recovered(client, receiver):
    hook = register(client, receiver.url("/"), queues=["many"])["webhook_id"]
    change(client, hook, disabled=True)
    count = 1_200
    for _ in range(count):
        client.start("echo", queue="many")
    wait_until(lambda: len(deliveries_to(client, hook, page_size=500)) == count, "all of them to end", 60)
    change(client, hook, disabled=False)
    assert recover(client, hook, "2000-01-01T00:00:00Z") == count
    received = receiver.wait_for(count, seconds=60)
    assert len({one.id for one in received}) == count
    wait_until(lambda: len(deliveries_to(client, hook, status="delivered", page_size=500)) == count, "all to be delivered", 60)
    assert len(receiver.received()) == count
