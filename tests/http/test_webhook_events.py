"""What registered webhooks are told: of what passes their filters, each with its own secret."""

import pytest

from longhaul_server import running_server
from test_webhook_delivery import SECRET, config
from waiting import wait_until
from webhook_calls import change, deliveries_of, deliveries_to, over, register, webhook
from webhook_fixtures import client, receiver  # noqa: F401: pytest finds them by name
from webhook_receiver import check_signature, signature

EVERY_EVENT = ["task.started", "task.retrying", "task.started", "task.failed"]
TASKS = """
[tasks.fail]
command = ["/bin/sh", "-c", "exit 3"]
max_attempts = 2
retry_base_seconds = 0.01
retry_cap_seconds = 0.01
"""


@pytest.fixture(scope="module")
def server():
    with running_server(config=config() + TASKS) as running:
        yield running


def told(client, webhook_id):
    """(event, task) of all that it is owed or was sent, the oldest first."""
    return [(one["event"], one["task_id"]) for one in reversed(deliveries_to(client, webhook_id))]


def events_told(client, webhook_id):
    return [event for event, _ in told(client, webhook_id)]


def test_what_is_sent_is_what_a_callback_gets(client, receiver):
    made = register(client, receiver.url("/hook"))
    task_id = client.start("echo", {"a": 1.50}, callback_url=receiver.url("/callback"), tags={"x": "y"})["task_id"]
    (one,), (other,) = receiver.wait_for(1, "/hook"), receiver.wait_for(1, "/callback")
    check_signature(made["secret"], one)
    check_signature(SECRET, other)
    assert one.body == other.body and one.id != other.id
    assert one.json["type"] == "task.succeeded" and one.json["data"] == client.status(task_id)
    (sent,) = deliveries_to(client, made["webhook_id"])
    assert (sent["delivery_id"], sent["webhook_id"], sent["task_id"], sent["url"]) == (
        one.id, made["webhook_id"], task_id, receiver.url("/hook"))
    assert over(client, one.id)["status"] == "delivered"


def test_two_webhooks_and_a_callback_for_one_task(client, receiver):
    first, second = register(client, receiver.url("/first")), register(client, receiver.url("/second"))
    task_id = client.run("echo", callback_url=receiver.url("/callback"))["task_id"]
    secrets = {"/first": first["secret"], "/second": second["secret"], "/callback": SECRET}
    ids = set()
    for path, secret in secrets.items():
        (one,) = receiver.wait_for(1, path)
        check_signature(secret, one)
        with pytest.raises(AssertionError):
            check_signature(next(other for other in secrets.values() if other != secret), one)
        ids.add(one.id)
    listed = deliveries_of(client, task_id)
    assert {one["delivery_id"] for one in listed} == ids and len(ids) == 3
    assert {one["webhook_id"] for one in listed} == {None, first["webhook_id"], second["webhook_id"]}
    assert {one["task_id"] for one in listed} == {task_id}
    wait_until(lambda: client.detail(task_id)["deliveries"] == {"pending": 0, "delivered": 3, "exhausted": 0}, "all to be delivered")
    assert len(receiver.received()) == 3


# ---- filters

def test_the_ends_of_tasks_unless_it_asks_for_more(client, receiver):
    final, every = register(client, receiver.url()), register(client, receiver.url(), events=["*"])
    chosen = register(client, receiver.url(), events=["task.retrying", "task.started"])
    task_id = client.run("fail")["task_id"]
    assert told(client, final["webhook_id"]) == [("task.failed", task_id)]
    assert told(client, every["webhook_id"]) == [(event, task_id) for event in EVERY_EVENT]
    assert events_told(client, chosen["webhook_id"]) == EVERY_EVENT[:3]


def test_every_end(client, receiver):
    hook = register(client, receiver.url())["webhook_id"]
    ends = [("task.succeeded", client.run("echo")["task_id"]), ("task.failed", client.run("sleep", "x", max_attempts=1)["task_id"]),
            ("task.timed_out", client.run("sleep", {"seconds": 600}, deadline_seconds=0.05)["task_id"])]
    waiting = client.start("echo", delay_seconds=600)["task_id"]
    client.cancel(waiting).expect(200)
    assert told(client, hook) == [*ends, ("task.cancelled", waiting)]
    receiver.wait_for(4)


def test_types_and_queues(client, receiver):
    all_of_them = register(client, receiver.url())["webhook_id"]
    of_type = register(client, receiver.url(), types=["sleep", "nothing.yet"])["webhook_id"]
    of_queue = register(client, receiver.url(), queues=["slow", "slower"])["webhook_id"]
    of_both = register(client, receiver.url(), types=["sleep"], queues=["slow"], events=["task.started"])["webhook_id"]
    tasks = {(type_, queue): client.run(type_, {"seconds": 0}, queue=queue)["task_id"]
             for type_ in ("echo", "sleep") for queue in ("default", "slow")}
    assert [task for _, task in told(client, all_of_them)] == list(tasks.values())
    assert [task for _, task in told(client, of_type)] == [tasks["sleep", "default"], tasks["sleep", "slow"]]
    assert [task for _, task in told(client, of_queue)] == [tasks["echo", "slow"], tasks["sleep", "slow"]]
    assert told(client, of_both) == [("task.started", tasks["sleep", "slow"])]


def test_a_changed_filter_counts_from_then_on(client, receiver):
    hook = register(client, receiver.url(), types=["sleep"])["webhook_id"]
    client.run("echo")
    assert told(client, hook) == []
    change(client, hook, types=None)
    task_id = client.run("echo")["task_id"]
    assert told(client, hook) == [("task.succeeded", task_id)]
    change(client, hook, events=["task.failed"])
    client.run("echo")
    assert told(client, hook) == [("task.succeeded", task_id)]


def test_a_task_is_told_of_by_who_is_there_when_it_ends(client, receiver):
    early = register(client, receiver.url("/early"))["webhook_id"]
    task_id = client.start("echo", delay_seconds=600)["task_id"]
    client.delete(f"/webhooks/{early}").expect(204)
    late = register(client, receiver.url("/late"))["webhook_id"]
    client.cancel(task_id).expect(200)
    assert told(client, late) == [("task.cancelled", task_id)]
    assert [one["webhook_id"] for one in deliveries_of(client, task_id)] == [late]
    assert not receiver.received("/early")


def test_a_retry_tells_anew(client, receiver):
    hook = register(client, receiver.url())["webhook_id"]
    task_id = client.run("fail")["task_id"]
    client.post(f"/tasks/{task_id}/retry").expect(202)
    client.finished(task_id)
    assert told(client, hook) == [("task.failed", task_id)] * 2
    assert len({one.id for one in receiver.wait_for(2)}) == 2


def test_filters_outlive_the_server(receiver):
    with running_server(config=config() + TASKS) as server:
        with server.client() as client:
            hook = register(client, receiver.url(), types=["sleep"], events=["task.started"])
        server.restart(kill=True)
        with server.client() as client:
            client.run("echo")
            task_id = client.run("sleep", {"seconds": 0})["task_id"]
            assert told(client, hook["webhook_id"]) == [("task.started", task_id)]
            (one,) = receiver.wait_for(1)
            check_signature(hook["secret"], one)
            assert over(client, one.id)["status"] == "delivered"


# ---- disabled ones

def test_a_disabled_one_is_sent_nothing(client, receiver):
    disabled = register(client, receiver.url("/disabled"))
    register(client, receiver.url("/enabled"))
    change(client, disabled["webhook_id"], disabled=True)
    task_id = client.run("echo")["task_id"]
    receiver.wait_for(1, "/enabled")
    (kept,) = deliveries_to(client, disabled["webhook_id"])
    assert (kept["task_id"], kept["status"], kept["exhausted_cause"]) == (task_id, "exhausted", "webhook_disabled")
    assert kept["attempts"] == 0 and kept["last_attempt"] is None and kept["next_attempt_at"] is None and kept["finished_at"]
    change(client, disabled["webhook_id"], disabled=False)
    again = client.run("echo")["task_id"]
    (one,) = receiver.wait_for(1, "/disabled")
    assert one.task_id == again, "what came before is sent only when it is asked for"


def test_what_is_pending_when_it_is_disabled(receiver):
    receiver.plan("/", 500)
    with running_server(config=config("[" + ", ".join(["0.05"] * 100) + "]")) as server, \
            server.client() as client:
        hook = register(client, receiver.url("/"))["webhook_id"]
        client.run("echo")
        receiver.wait_for(1)
        change(client, hook, disabled=True)
        (sent,) = deliveries_to(client, hook)
        ended = over(client, sent["delivery_id"])
        assert (ended["status"], ended["exhausted_cause"]) == ("exhausted", "webhook_disabled")
        assert webhook(client, hook)["disabled_reason"] == "On request."


# ---- secrets

def signatures(received):
    return received.headers["webhook-signature"].split(" ")


def signed(secret, received):
    return signature(secret, received.id, received.headers["webhook-timestamp"], received.body)


def test_while_a_secret_is_rotated_both_sign(client, receiver):
    made = register(client, receiver.url("/rotated"))
    rotated = client.post(f"/webhooks/{made['webhook_id']}/rotate-secret").expect(200).json
    client.run("echo")
    (one,) = receiver.wait_for(1, "/rotated")
    assert signatures(one) == [signed(rotated["secret"], one), signed(made["secret"], one)]
    third = client.post(f"/webhooks/{made['webhook_id']}/rotate-secret").expect(200).json
    client.run("echo")
    _, two = receiver.wait_for(2, "/rotated")
    assert signatures(two) == [signed(secret, two) for secret in (third["secret"], rotated["secret"], made["secret"])]


def test_a_secret_that_is_rotated_on_and_on(client, receiver):
    """Only so many of the old ones sign."""
    made = register(client, receiver.url("/many"))
    secrets = [made["secret"]] + [client.post(f"/webhooks/{made['webhook_id']}/rotate-secret").expect(200).json["secret"] for _ in range(14)]
    assert len(set(secrets)) == 15
    client.run("echo")
    (one,) = receiver.wait_for(1, "/many")
    assert signatures(one) == [signed(secret, one) for secret in secrets[:-11:-1]]


def test_retries_are_signed_with_the_secrets_of_now(receiver):
    receiver.plan("/", 500, 200)
    with running_server(config=config("[600]")) as server, server.client() as client:
        made = register(client, receiver.url("/"))
        client.run("echo")
        (first,) = receiver.wait_for(1)
        assert signatures(first) == [signed(made["secret"], first)]
        rotated = client.post(f"/webhooks/{made['webhook_id']}/rotate-secret").expect(200).json
        (sent,) = deliveries_to(client, made["webhook_id"])
        wait_until(lambda: deliveries_to(client, made["webhook_id"])[0]["attempts"] == 1, "the attempt to be written down")
        client.post(f"/deliveries/{sent['delivery_id']}/redeliver").expect(202)
        _, second = receiver.wait_for(2)
        assert signatures(second) == [signed(rotated["secret"], second), signed(made["secret"], second)]
        assert second.id == first.id and second.body == first.body


def test_callbacks_know_nothing_of_rotation(client, receiver):
    register(client, receiver.url("/hook"))
    client.run("echo", callback_url=receiver.url("/callback"))
    (one,) = receiver.wait_for(1, "/callback")
    check_signature(SECRET, one)
