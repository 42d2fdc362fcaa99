"""With much owed to one endpoint, deliveries are read ahead of their turn. What changes before that turn counts all the same."""

import threading

import pytest

from waiting import wait_until
from webhook_calls import change, deliveries_of, register
from webhook_fixtures import client, receiver, server  # noqa: F401: pytest finds them by name
from webhook_receiver import signature

IN_FLIGHT = 8  # to one endpoint
OWED = 40


class HeldReceiver:
    """Answers so many requests as it is told to, and no more."""

    def __init__(self, receiver):
        self.receiver = receiver
        self._answers = threading.Semaphore(0)
        receiver.before_answer = lambda received, reply: self._answers.acquire(timeout=20)

    def answer(self, count):
        self._answers.release(count)


@pytest.fixture
def held(receiver):
    holding = HeldReceiver(receiver)
    yield holding
    holding.answer(10 * OWED)


class Owed:
    """A webhook that is owed more than may be under way, of which one was taken: so what comes next was read."""

    def __init__(self, client, receiver):
        self.client = client
        made = register(client, receiver.url("/first"))
        self.id, self.secret = made["webhook_id"], made["secret"]
        self.task_ids = [client.run("echo")["task_id"] for _ in range(OWED)]

    def all_over(self):
        """What became of them."""
        def over():
            found = [one for task_id in self.task_ids for one in deliveries_of(self.client, task_id)]
            return found if all(one["status"] != "pending" for one in found) else None
        return wait_until(over, "the end of all deliveries")


@pytest.fixture
def owed(client, held):
    webhook = Owed(client, held.receiver)
    held.receiver.wait_for(IN_FLIGHT)
    held.answer(1)
    held.receiver.wait_for(IN_FLIGHT + 1)
    return webhook


def test_nothing_is_sent_to_one_that_is_disabled(client, owed, held):
    change(client, owed.id, disabled=True)
    held.answer(OWED)
    causes = [one["exhausted_cause"] for one in owed.all_over()]
    assert causes.count("webhook_disabled") == OWED - IN_FLIGHT - 1
    assert len(held.receiver.received()) == IN_FLIGHT + 1


def test_nothing_is_sent_to_one_that_is_removed(client, owed, held):
    client.delete(f"/webhooks/{owed.id}").expect(204)
    held.answer(OWED)
    causes = [one["exhausted_cause"] for one in owed.all_over()]
    assert causes.count("webhook_removed") == OWED - IN_FLIGHT - 1
    assert len(held.receiver.received()) == IN_FLIGHT + 1


def test_it_is_sent_to_the_new_url(client, owed, held):
    change(client, owed.id, url=held.receiver.url("/second"))
    held.answer(OWED)
    assert all(one["status"] == "delivered" for one in owed.all_over())
    assert len(held.receiver.received("/first")) == IN_FLIGHT + 1
    assert len(held.receiver.received("/second")) == OWED - IN_FLIGHT - 1


def test_it_is_signed_with_the_new_secret(client, owed, held):
    new_secret = client.post(f"/webhooks/{owed.id}/rotate-secret").expect(200).json["secret"]
    held.answer(OWED)
    for number, one in enumerate(held.receiver.wait_for(OWED)):
        signed = one.headers["webhook-signature"].split(" ")
        secrets = [owed.secret] if number <= IN_FLIGHT else [new_secret, owed.secret]
        assert signed == [signature(secret, one.id, one.headers["webhook-timestamp"], one.body) for secret in secrets]
