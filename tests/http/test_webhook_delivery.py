"""Callbacks of tasks, received by a real receiver: what is sent, when it is sent again, and that nobody waits for others."""

import contextlib
import json
import os
import threading

import pytest

from longhaul_server import running_server
from waiting import wait_until
from webhook_receiver import Canary, Reply, WebhookReceiver, check_signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def config(retries="[0.05, 0.05, 0.05]", **others):
    settings = {"allow_addresses": '["127.0.0.0/8"]', "callback_secret": f'"{SECRET}"', "retry_seconds": retries, **others}
    return "[webhooks]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())


@pytest.fixture(scope="module")
def server():
    with running_server(config=config()) as running:
        yield running


@pytest.fixture
def client(server):
    with server.client() as connected:
        yield connected


@pytest.fixture
def receiver():
    with WebhookReceiver() as listening:
        yield listening


def deliveries(client, task_id):
    return client.get(f"/tasks/{task_id}/deliveries").expect(200).json["deliveries"]


def ended(client, task_id):
    """The task's only delivery, once it is over."""
    def over():
        (one,) = deliveries(client, task_id)
        return one if one["status"] != "pending" else None
    client.finished(task_id)
    return wait_until(over, lambda: f"the end of {deliveries(client, task_id)}")


def test_what_is_sent(client, receiver):
    task_id = client.start("echo", {"a": 1.5}, callback_url=receiver.url("/hook?a=b"), tags={"x": "y"})["task_id"]
    (one,) = receiver.wait_for(1)
    assert receiver.methods == {"POST"} and one.path == "/hook?a=b"
    assert one.headers["content-type"] == "application/json"
    assert one.headers["user-agent"].startswith("longhaul/")
    assert one.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert not {"expect", "accept", "traceparent", "authorization", "transfer-encoding"} & set(one.headers), one.headers
    check_signature(SECRET, one)
    assert one.json["type"] == "task.succeeded"
    status = client.status(task_id)
    assert one.json["data"] == status and one.json["timestamp"] == status["finished_at"]
    delivery = ended(client, task_id)
    assert delivery["delivery_id"] == one.id and delivery["status"] == "delivered" and delivery["attempts"] == 1
    last = delivery["last_attempt"]
    assert (last["response_status"], last["error"]) == (204, None)
    assert last["remote_address"] == f"127.0.0.1:{receiver.port}"


def test_every_final_state_is_told(client, receiver):
    ids = {
        client.start("echo", callback_url=receiver.url("/succeeded"))["task_id"]: "succeeded",
        client.start("sleep", {"seconds": 600}, callback_url=receiver.url("/timed_out"), deadline_seconds=0.05)["task_id"]:
            "timed_out",
        client.start("echo", callback_url=receiver.url("/cancelled"), delay_seconds=600)["task_id"]: "cancelled",
        client.start("sleep", "nonsense", callback_url=receiver.url("/failed"), max_attempts=1)["task_id"]: "failed",
    }
    for task_id, state in ids.items():
        if state == "cancelled":
            client.cancel(task_id).expect(200)
        (one,) = receiver.wait_for(1, f"/{state}")
        assert one.json["type"] == f"task.{state}" and one.task_id == task_id
        assert one.json["data"] == client.status(task_id)


def test_the_trace_goes_on(client, receiver):
    client.start("echo", callback_url=receiver.url(), headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    (one,) = receiver.wait_for(1)
    version, trace, span, flags = one.headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01") and span not in ("00f067aa0ba902b7", "0" * 16)


def test_a_big_result_is_left_out(client, receiver):
    client.start("echo", "x" * (300 * 1024), callback_url=receiver.url())
    (one,) = receiver.wait_for(1)
    assert one.json["data"]["result"] is None and one.json["data"]["result_omitted"] is True
    check_signature(SECRET, one)


# ---- answers

def test_what_fails_is_sent_again_with_one_id_and_the_same_bytes(client, receiver):
    receiver.plan("/flaky", 500, 404, Reply(200, body=b"y" * 5000))
    task_id = client.start("echo", "z", callback_url=receiver.url("/flaky"))["task_id"]
    delivery = ended(client, task_id)
    sent = receiver.received("/flaky")
    assert len(sent) == 3 and len({one.id for one in sent}) == 1 and len({one.body for one in sent}) == 1
    for one in sent:
        check_signature(SECRET, one)
    assert delivery["status"] == "delivered" and delivery["attempts"] == 3
    assert delivery["last_attempt"]["response_body"] == "y" * 4096


def test_after_the_last_retry_it_is_given_up(client, receiver):
    receiver.plan("/never", Reply(500, body=b"no"))
    task_id = client.start("echo", callback_url=receiver.url("/never"))["task_id"]
    delivery = ended(client, task_id)
    assert delivery["status"] == "exhausted" and delivery["attempts"] == 4 == len(receiver.received("/never"))
    assert delivery["next_attempt_at"] is None and delivery["finished_at"]
    assert delivery["last_attempt"]["error"] == "BAD_STATUS" and delivery["last_attempt"]["response_body"] == "no"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(client, receiver, status):
    receiver.plan("/moved", Reply(status, {"Location": receiver.url("/elsewhere")}))
    task_id = client.start("echo", callback_url=receiver.url("/moved"))["task_id"]
    delivery = ended(client, task_id)
    assert (delivery["status"], delivery["last_attempt"]["error"]) == ("exhausted", "REDIRECT")
    assert not receiver.received("/elsewhere") and receiver.methods == {"POST"}


def test_who_is_gone_is_not_asked_again(client, receiver):
    receiver.plan("/gone", 410)
    delivery = ended(client, client.start("echo", callback_url=receiver.url("/gone"))["task_id"])
    assert (delivery["status"], delivery["attempts"]) == ("exhausted", 1)


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_is_asked_for_is_kept(client, receiver, status):
    receiver.plan("/busy", Reply(status, {"Retry-After": "1"}), 200)
    task_id = client.start("echo", callback_url=receiver.url("/busy"))["task_id"]
    first, second = receiver.wait_for(2, "/busy")
    assert 0.99 <= second.at - first.at
    assert ended(client, task_id)["status"] == "delivered"


def test_a_wait_that_is_asked_for_with_another_answer_is_not(client, receiver):
    receiver.plan("/busy", Reply(500, {"Retry-After": "600"}), 200)
    assert ended(client, client.start("echo", callback_url=receiver.url("/busy"))["task_id"])["attempts"] == 2


def test_nobody_is_there(client, receiver):
    with Canary() as canary:
        port = canary.port
    delivery = ended(client, client.start("echo", callback_url=f"http://127.0.0.1:{port}/")["task_id"])
    assert delivery["status"] == "exhausted"
    last = delivery["last_attempt"]
    assert (last["error"], last["remote_address"], last["response_status"]) == ("CONNECT_FAILED", None, None)


def test_a_name_that_is_nobodys(client):
    delivery = ended(client, client.start("echo", callback_url="http://nobody.invalid/")["task_id"])
    assert delivery["last_attempt"]["error"] == "DNS_FAILED"


# ---- time

def test_who_does_not_answer_is_given_up():
    with WebhookReceiver() as receiver, running_server(config=config("[]", timeout_seconds=0.2)) as server, \
            server.client() as client:
        receiver.plan("/silent", Reply(hangs=True))
        delivery = ended(client, client.start("echo", callback_url=receiver.url("/silent"))["task_id"])
        assert (delivery["status"], delivery["attempts"]) == ("exhausted", 1)
        assert delivery["last_attempt"]["error"] == "TIMED_OUT"
        assert delivery["last_attempt"]["duration_seconds"] >= 0.2


def test_slow_ones_delay_nobody():
    """Twenty receivers that never answer, each owed a hundred; another one gets all of its own meanwhile, one by one."""
    with running_server(config=config(timeout_seconds=300)) as server, server.client() as client, contextlib.ExitStack() as stack:
        silent = [stack.enter_context(WebhookReceiver()) for _ in range(20)]
        quick = stack.enter_context(WebhookReceiver())
        for one in silent:
            one.plan("/", Reply(hangs=True))
            for _ in range(100):
                client.start("echo", callback_url=one.url("/"))

        def taken():
            return sum(len(one.received()) for one in silent)

        # Of the 128 places the last are for receivers that have none.
        wait_until(lambda: taken() >= 80, lambda: f"80 places to be taken, there are {taken()}")
        ids = [client.start("echo", callback_url=quick.url("/"))["task_id"] for _ in range(50)]
        quick.wait_for(50)
        assert sorted({one.task_id for one in quick.received()}) == sorted(ids)
        assert 80 <= taken() <= 128 - 8 and max(len(one.received()) for one in silent) <= 8
        server.kill()


def test_one_silent_receiver_takes_eight_places():
    with WebhookReceiver() as silent, WebhookReceiver() as quick, \
            running_server(config=config(timeout_seconds=300)) as server, server.client() as client:
        silent.plan("/", Reply(hangs=True))
        for _ in range(30):
            client.start("echo", callback_url=silent.url("/"))
        silent.wait_for(8)
        for _ in range(200):
            client.start("echo", callback_url=quick.url("/"))
        assert len({one.id for one in quick.wait_for(200)}) == 200
        assert len(silent.received()) == 8


def test_nothing_happens_when_nothing_is_owed(server, client, receiver):
    ended(client, client.start("echo", callback_url=receiver.url())["task_id"])
    (thread,) = [task for task in os.listdir(f"/proc/{server.pid}/task")
                 if open(f"/proc/{server.pid}/task/{task}/comm", encoding="utf-8").read().strip() == "webhooks"]

    def sleeps():
        before = server.context_switches()[thread]
        threading.Event().wait(1)
        return server.context_switches()[thread] == before

    wait_until(sleeps, "the thread to sleep")


# ---- lives

def test_what_is_owed_survives_a_crash(receiver):
    receiver.plan("/", 503, Reply(hangs=True), 200)
    with running_server(config=config("[0.05, 0.05]", timeout_seconds=60)) as server:
        with server.client() as client:
            task_id = client.start("echo", 7, callback_url=receiver.url("/"))["task_id"]
            receiver.wait_for(2)
        server.restart(kill=True)
        with server.client() as client:
            assert ended(client, task_id)["status"] == "delivered"
        first, second, third = receiver.received()
        assert first.id == second.id == third.id and first.body == second.body == third.body
        server.restart()
        with server.client() as client:
            client.run("echo", callback_url=receiver.url("/other"))
            receiver.wait_for(1, "/other")
        assert len(receiver.received("/")) == 3, "what was delivered is not sent again"


def test_a_server_stops_in_the_middle_of_a_delivery(receiver):
    receiver.plan("/", Reply(hangs=True), 200)
    with running_server(config=config(timeout_seconds=300)) as server:
        with server.client() as client:
            task_id = client.start("echo", callback_url=receiver.url("/"))["task_id"]
            receiver.wait_for(1)
        server.stop()
        server.start()
        with server.client() as client:
            delivery = ended(client, task_id)
        assert (delivery["status"], delivery["attempts"]) == ("delivered", 1), "an attempt that was cut off does not count"


# ---- what of the environment must not matter

def test_proxies_of_the_environment_are_not_used(receiver):
    with Canary() as canary:
        proxy = f"http://127.0.0.1:{canary.port}"
        names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        with running_server(config=config(), environment={name: proxy for name in names}) as server, \
                server.client() as client:
            client.start("echo", callback_url=receiver.url())
            receiver.wait_for(1)
        assert canary.visitors() == 0


def test_the_bodies_are_json_to_the_last_byte(client, receiver):
    text = 'quotes " and \\ and \u2028 and \U0001f600 and \x7f'
    client.start("echo", {text: text}, callback_url=receiver.url())
    (one,) = receiver.wait_for(1)
    assert json.loads(one.body.decode("utf-8"))["data"]["result"] == {text: text}
    check_signature(SECRET, one)
