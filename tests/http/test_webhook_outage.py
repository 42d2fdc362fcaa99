"""An endpoint that is down for ten thousand events, and then back: few attempts meanwhile, everything afterwards, and nobody else waits."""

import concurrent.futures
import datetime
import http.client
import json
import sys

import pytest

from longhaul_server import running_server
from metrics import scrape
from test_webhook_delivery import config
from waiting import PATIENCE, SANITIZED, wait_until
from webhook_calls import deliveries_to, delivery, register, time_of, webhook
from webhook_receiver import Reply, WebhookReceiver

MANY = 1_000 if SANITIZED else 10_000
FEWER = 200 if SANITIZED else 1_000
STARTERS = 4
PAGE = 500

# The circuit waits 0.05 s, and twice as long each time, to 1 s; each up to a fifth shorter by chance.
FIRST_WAIT, LONGEST_WAIT, SHORTEST = 0.05, 1.0, 0.8
RETRIES = f"[{FIRST_WAIT}" + f", {LONGEST_WAIT}" * 30 + "]"
RETRY_AFTER = 1
CLOCK_STEP = 0.01  # what times are rounded by, and more
# One endpoint has eight requests under way, and five failures open its circuit: so many attempts there are at most until then.
UNTIL_OPEN = 4 + 8
# Seen before anything is said of how they are spread.
ATTEMPTS = UNTIL_OPEN + 4


def start_many(server, count):
    """Starts of echo over some connections at once; the ids of the tasks."""
    body = json.dumps({"type": "echo", "payload": "x"}).encode()

    def start_share(_):
        connection = http.client.HTTPConnection(server.address, server.port, timeout=60 * PATIENCE)
        found = []
        for _ in range(count // STARTERS):
            connection.request("POST", "/start-task", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 202, text
            found.append(json.loads(text)["task_id"])
        connection.close()
        return found

    with concurrent.futures.ThreadPoolExecutor(STARTERS) as pool:
        return {task_id for share in pool.map(start_share, range(STARTERS)) for task_id in share}


def attempts_at(client, webhook_id):
    """When each attempt to tell it began that is written down, the first first."""
    tried = [one["delivery_id"] for one in deliveries_to(client, webhook_id, page_size=PAGE) if one["attempts"]]
    return sorted(time_of(attempt["started_at"]) for one in tried for attempt in delivery(client, one)["attempts"])


def check_spread(times, shortest_wait):
    """Once the circuit is open, each attempt is at least so long after the one before: a slow machine only makes it longer."""
    for number in range(UNTIL_OPEN, len(times) - 1):
        least = datetime.timedelta(seconds=shortest_wait(number - UNTIL_OPEN + 1) - CLOCK_STEP)
        assert times[number + 1] - times[number] >= least, f"attempt {number + 1} of {[str(at - times[0]) for at in times]}"


def doubling(trial):
    return SHORTEST * min(FIRST_WAIT * 2 ** trial, LONGEST_WAIT)


def as_asked(_):
    return RETRY_AFTER


def told(receiver):
    """The tasks whose webhooks it took."""
    return {one.task_id for one in receiver.received() if one.answered == 204}


def wait_until_all_told(receiver, task_ids):
    wait_until(lambda: len(told(receiver)) >= len(task_ids), lambda: f"{len(task_ids)} to arrive, there are {len(told(receiver))}", 180)
    assert told(receiver) == task_ids


@pytest.mark.parametrize("events, down_with, shortest_wait, settings", [
    pytest.param(MANY, Reply(500), doubling, {}, id="failing"),
    pytest.param(MANY, Reply(503, {"Retry-After": str(RETRY_AFTER)}), as_asked, {}, id="overloaded"),
    pytest.param(FEWER, None, doubling, {}, id="refusing"),
    pytest.param(FEWER, Reply(hangs=True), doubling, {"timeout_seconds": PATIENCE}, id="silent"),
])
def test_an_endpoint_that_is_down_and_comes_back(events, down_with, shortest_wait, settings):
    with WebhookReceiver(refuses=down_with is None) as down, WebhookReceiver() as well, \
            running_server(config=config(RETRIES, **settings)) as server, server.client() as client:
        if down_with is not None:
            down.plan("/", down_with)
        well_id, down_id = (register(client, one.url(), events=["task.succeeded"])["webhook_id"] for one in (well, down))
        task_ids = start_many(server, events)
        wait_until_all_told(well, task_ids)
        # The circuit is known at once, a failure when it is written down.
        found = wait_until(lambda: next((one for one in [webhook(client, down_id)] if one["circuit"] == "open" and one["failing_since"]), None),
                           "an open circuit")
        assert found["next_attempt_at"] and not found["disabled"]
        wait_until(lambda: scrape(client).value("longhaul_webhook_deliveries_owed") == events, "what is owed to one of them only")
        times = wait_until(lambda: next((at for at in [attempts_at(client, down_id)] if len(at) >= ATTEMPTS), None),
                           f"{ATTEMPTS} attempts", 120)
        check_spread(times, shortest_wait)
        still = webhook(client, down_id)
        assert still["circuit"] == "open" and not still["disabled"] and webhook(client, well_id)["circuit"] == "closed"
        for status in ("delivered", "exhausted"):
            assert not deliveries_to(client, down_id, status=status)

        if down_with is None:
            down.listen()
        else:
            down.plan("/", 204)
        wait_until_all_told(down, task_ids)
        wait_until(lambda: scrape(client).value("longhaul_webhook_deliveries_owed") == 0, "everything to be written down")
        assert {one["status"] for one in deliveries_to(client, down_id, page_size=PAGE)} == {"delivered"}
        back = webhook(client, down_id)
        assert (back["circuit"], back["failing_since"]) == ("closed", None)
        print(f"{events} events: {len(times)} attempts in {times[-1] - times[0]} while down", file=sys.stderr)
