"""How much is under way at once: in all, to one host, and to one endpoint; and that who is slow leaves places for others."""

import collections
import contextlib
import threading

from longhaul_server import running_server
from test_webhook_delivery import config
from waiting import wait_until
from webhook_calls import register
from webhook_receiver import WebhookReceiver

EACH = 10   # deliveries owed to each endpoint
STEPS = 12  # requests that are answered one by one
# Nobody waits so long: what is held is no failure.
PATIENT = {"timeout_seconds": 300}


class Held:
    """The requests that receivers have at once: counted when they come, answered when a test lets them go."""

    def __init__(self):
        self._changed = threading.Condition()
        self._now = collections.Counter()
        self._permits = 0
        self._open = False
        self.quick = set()  # paths that are answered at once
        self.came = 0
        self.most = collections.Counter()  # at once: by port, by port and path, and in all (None)

    def hold(self, receiver):
        receiver.before_answer = lambda received, _: self._hold(receiver.port, received.path)
        return receiver

    def _hold(self, port, path):
        if path in self.quick:
            return
        places = (None, port, (port, path))
        with self._changed:
            self.came += 1
            for place in places:
                self._now[place] += 1
                self.most[place] = max(self.most[place], self._now[place])
            self._changed.wait_for(lambda: self._open or self._permits > 0)
            self._permits -= 1
            for place in places:
                self._now[place] -= 1

    def answer_one(self):
        with self._changed:
            self._permits += 1
            self._changed.notify()

    def answer_all(self):
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def wait_for(self, count):
        """That so many have come; and none more."""
        wait_until(lambda: self.came >= count, lambda: f"{count} requests, there are {self.came}")
        assert self.came == count

    def check_limit(self, limit, in_all):
        """Of so many that are owed, as many as may are there at once; and for each that is answered one more comes."""
        assert in_all >= limit + STEPS
        self.wait_for(limit)
        for step in range(STEPS):
            self.answer_one()
            self.wait_for(limit + step + 1)
        self.answer_all()
        wait_until(lambda: self.came >= in_all, lambda: f"{in_all} requests, there are {self.came}")
        assert self.came == in_all


@contextlib.contextmanager
def holding_server(receivers=1, **settings):
    """A client, what holds, and receivers that are held. What is still held at the end is let go."""
    with contextlib.ExitStack() as stack:
        held = Held()
        found = [held.hold(stack.enter_context(WebhookReceiver())) for _ in range(receivers)]
        server = stack.enter_context(running_server(config=config(**PATIENT, **settings)))
        client = stack.enter_context(server.client())
        stack.callback(held.answer_all)
        yield client, held, *found


def owe(client, *urls):
    """So many deliveries to each of these as webhooks, all at once."""
    for url in urls:
        register(client, url, events=["task.succeeded"])
    for _ in range(EACH):
        client.run("echo")


def test_no_more_than_the_limit_in_all():
    with holding_server(3, max_in_flight=5) as (client, held, *receivers):
        owe(client, *(receiver.url(path) for receiver in receivers for path in ("/a", "/b")))
        held.check_limit(5, 6 * EACH)
        assert held.most[None] == 5


def test_no_more_than_the_limit_to_one_host():
    """One webhook has at most half of it."""
    with holding_server(max_in_flight_per_host=4) as (client, held, receiver):
        paths = [f"/{number}" for number in range(5)]  # more than places: the last ones are for who has none
        owe(client, *(receiver.url(path) for path in paths))
        held.check_limit(4, 5 * EACH)
        assert held.most[receiver.port] == 4
        assert max(held.most[receiver.port, path] for path in paths) <= 2


def test_hosts_do_not_share_their_places():
    """Nor do two ports of one address."""
    with holding_server(2, max_in_flight_per_host=2) as (client, held, one, other):
        owe(client, *(receiver.url(path) for receiver in (one, other) for path in ("/a", "/b")))
        held.check_limit(4, 4 * EACH)
        assert (held.most[None], held.most[one.port], held.most[other.port]) == (4, 2, 2)


def test_one_endpoint_has_half_of_its_host():
    """At most, but one in any case."""
    for limit, half in ((6, 3), (5, 2), (3, 1), (1, 1)):
        with holding_server(max_in_flight_per_host=limit) as (client, held, receiver):
            register(client, receiver.url("/"), events=["task.succeeded"])
            for _ in range(half + STEPS):
                client.run("echo")
            held.check_limit(half, half + STEPS)
            assert held.most[None] == half


def test_callbacks_of_one_origin_are_one_endpoint():
    with holding_server(max_in_flight_per_host=4) as (client, held, receiver):
        for number in range(2 + STEPS):
            client.run("echo", callback_url=receiver.url(f"/{number}"))
        held.check_limit(2, 2 + STEPS)
        assert held.most[receiver.port] == 2


def test_who_is_slow_leaves_places_for_others_of_its_host():
    with holding_server(max_in_flight_per_host=4) as (client, held, receiver):
        held.quick.add("/quick")
        owe(client, receiver.url("/slow"), receiver.url("/quick"))
        receiver.wait_for(EACH, "/quick")
        for _ in range(EACH):
            client.run("echo", callback_url=receiver.url("/quick"))
        receiver.wait_for(3 * EACH, "/quick")
        held.wait_for(2)


def test_who_is_slow_leaves_places_for_others_of_other_hosts():
    """The last places of all are for endpoints that have nothing under way."""
    with holding_server(3, max_in_flight=8, max_in_flight_per_host=8) as (client, held, quick, *slow):
        held.quick.add("/quick")
        owe(client, quick.url("/quick"), *(receiver.url("/slow") for receiver in slow))
        quick.wait_for(EACH, "/quick")
        assert held.most[None] < 8
