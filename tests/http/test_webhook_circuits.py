"""Circuits of callbacks, which are one endpoint for each origin: what opens one, and who waits then. And what metrics say of it."""

import pytest

from longhaul_server import running_server
from metrics import scrape
from test_webhook_delivery import config
from waiting import wait_until
from webhook_calls import change, deliveries_of, register, until_disabled
from webhook_receiver import Reply, WebhookReceiver

FAILURES = 5  # in a row, then a circuit opens
LONG = "[600]"
SHORT = "[" + ", ".join(["0.05"] * 100) + "]"


@pytest.fixture
def client():
    """Whatever fails is tried again in ten minutes, and a circuit that opens stays so."""
    with running_server(config=config(LONG, timeout_seconds=1)) as server, server.client() as connected:
        yield connected


@pytest.fixture
def receiver():
    with WebhookReceiver() as listening:
        yield listening


@pytest.fixture
def other():
    with WebhookReceiver() as listening:
        yield listening


def circuits_open(client):
    return scrape(client).value("longhaul_webhook_circuits_open")


def call_back(client, url, times=1):
    """The ids of tasks that have ended, each with a callback to this URL."""
    return [client.run("echo", callback_url=url)["task_id"] for _ in range(times)]


def delivery_of(client, task_id):
    (one,) = deliveries_of(client, task_id)
    return one


def until_tried(client, task_ids):
    wait_until(lambda: all(delivery_of(client, task_id)["attempts"] for task_id in task_ids), "an attempt for each")


def until_delivered(client, task_ids):
    wait_until(lambda: all(one["status"] == "delivered" for task_id in task_ids for one in deliveries_of(client, task_id)),
               "everything to be delivered")


@pytest.mark.parametrize("status", [302, 400, 404, 410])
def test_what_one_url_says_of_itself_holds_up_no_other(client, receiver, status):
    receiver.plan("/odd", status)
    until_tried(client, call_back(client, receiver.url("/odd"), 2 * FAILURES))
    assert circuits_open(client) == 0
    until_delivered(client, call_back(client, receiver.url("/fine")))
    assert len(receiver.received("/odd")) == 2 * FAILURES


@pytest.mark.parametrize("reply", [Reply(408), Reply(429), Reply(500), Reply(503), Reply(hangs=True)],
                         ids=["408", "429", "500", "503", "none"])
def test_what_says_that_the_origin_fails_holds_up_all_of_it(client, receiver, other, reply):
    receiver.plan("/broken", reply)
    broken = call_back(client, receiver.url("/broken"), FAILURES)
    wait_until(lambda: circuits_open(client) == 1, "an open circuit")
    until_tried(client, broken)
    (waiting,) = call_back(client, receiver.url("/fine"))
    hook = register(client, receiver.url("/hook"), types=["sleep"])["webhook_id"]
    elsewhere = [client.run("sleep", {"seconds": 0}, callback_url=other.url())["task_id"] for _ in range(FAILURES)]
    # What comes later is delivered: to another origin, and to a webhook of the same, which is an endpoint by itself.
    other.wait_for(FAILURES)
    receiver.wait_for(FAILURES, "/hook")
    until_delivered(client, elsewhere)
    held = delivery_of(client, waiting)
    assert (held["status"], held["attempts"]) == ("pending", 0) and not receiver.received("/fine")
    assert circuits_open(client) == 1
    assert client.get(f"/webhooks/{hook}").expect(200).json["circuit"] == "closed"


def test_refused_connections_hold_up_all_of_an_origin(client, other):
    with WebhookReceiver(refuses=True) as receiver:
        until_tried(client, call_back(client, receiver.url("/a"), FAILURES))
        wait_until(lambda: circuits_open(client) == 1, "an open circuit")
        (waiting,) = call_back(client, receiver.url("/b"))
        call_back(client, other.url())
        other.wait_for(1)
        assert delivery_of(client, waiting)["attempts"] == 0


def test_a_success_lets_through_what_waited(receiver):
    with running_server(config=config(SHORT)) as server, server.client() as client:
        receiver.plan("/broken", 500)
        broken = call_back(client, receiver.url("/broken"), FAILURES)
        wait_until(lambda: circuits_open(client) == 1, "an open circuit")
        fine = call_back(client, receiver.url("/fine"), FAILURES)
        receiver.plan("/broken", 204)
        until_delivered(client, broken + fine)
        wait_until(lambda: circuits_open(client) == 0, "a closed circuit")


def test_webhooks_are_counted_by_their_state(client, receiver):
    def states():
        metrics = scrape(client)
        return tuple(metrics.value("longhaul_webhooks", state=state) for state in ("enabled", "disabled"))

    assert states() == (0, 0)
    first, second, gone = (register(client, receiver.url(path), types=[type_])["webhook_id"]
                           for path, type_ in (("/a", "x"), ("/b", "x"), ("/gone", "echo")))
    assert states() == (3, 0)
    change(client, first, disabled=True)
    assert states() == (2, 1)
    receiver.plan("/gone", 410)
    client.run("echo")
    until_disabled(client, gone)
    assert states() == (1, 2)
    change(client, first, disabled=False)
    client.delete(f"/webhooks/{gone}").expect(204)
    assert states() == (2, 0)
    client.delete(f"/webhooks/{second}").expect(204)
    assert states() == (1, 0)
