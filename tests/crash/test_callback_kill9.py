"""kill -9 of the server between the commit of a final state and its POST, again and again: each final state's callback
arrives, with one id and the same bytes."""

import collections
import random
import sys
import uuid

from killed_server import KilledServer, marked_processes, pause
from waiting import SANITIZED, wait_until
from webhook_receiver import Reply, WebhookReceiver, check_signature

ROUNDS = 10 if SANITIZED else 50
# More than are sent at once to one receiver: while that is silent, the others are between commit and POST.
STARTS_A_ROUND = 25
AT_ONCE = 8
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONFIG = f"""
[server]
log_level = "warning"
[queues.default]
concurrency = 12
[webhooks]
callback_secret = "{SECRET}"
allow_addresses = ["127.0.0.0/8"]
retry_seconds = [{", ".join(["0.05"] * 40)}]
"""


def start_some(client, receiver, dice):
    """Tasks that end at once, each in a way of its own. Returns the state that each will end in, by id."""
    wanted = {}
    for _ in range(STARTS_A_ROUND):
        state = dice.choice(["succeeded", "succeeded", "failed", "cancelled"])
        fields = {"callback_url": receiver.url(f"/{dice.choice(['steady', 'steady', 'flaky'])}")}
        if state == "succeeded":
            task_id = client.start("echo", dice.random(), **fields)["task_id"]
        elif state == "failed":
            task_id = client.start("sleep", "nonsense", max_attempts=1, **fields)["task_id"]
        else:
            task_id = client.start("echo", delay_seconds=600, **fields)["task_id"]
            client.cancel(task_id).expect(200)
        wanted[task_id] = state
    return wanted


def test_each_final_state_is_told_of(tmp_path):
    del tmp_path
    seed, mark = random.randrange(2**32), uuid.uuid4().hex
    print(f"seed {seed}")
    dice = random.Random(seed)
    wanted, owed_at_a_kill = {}, 0
    server = KilledServer(mark, config=CONFIG)
    try:
        with WebhookReceiver() as receiver:
            receiver.plan("/flaky", *[Reply(dice.choice([200, 200, 500, 503])) for _ in range(ROUNDS * STARTS_A_ROUND)], 200)
            server.start()
            for _ in range(ROUNDS):
                receiver.silent = True
                with server.client() as client:
                    started = start_some(client, receiver, dice)
                    wanted.update(started)
                    for task_id in started:
                        client.finished(task_id)
                server.kill_now()
                told = {one.task_id for one in receiver.received()}
                between = len(set(started) - told)
                assert between >= STARTS_A_ROUND - AT_ONCE, f"only {between} were committed and not yet sent"
                owed_at_a_kill += between
                receiver.silent = False
                server.start()
                pause(dice.choice([0, dice.uniform(0, 0.05)]))  # some are sent before the next round
                if dice.random() < 0.3:
                    server.kill_now()
                    server.start()
            with server.client() as client:
                wait_until(lambda: all_over(client, wanted), "all deliveries to be over", 120)
                check(client, receiver, wanted)
        print(f"{len(wanted)} tasks, {owed_at_a_kill} of them killed between commit and POST", file=sys.stderr)
        server.stop()
        assert not marked_processes(mark)
    except BaseException:
        print(f"---- server log\n{server.log()}")
        raise
    finally:
        server.remove()


def all_over(client, wanted):
    for task_id in list(wanted):
        deliveries = client.get(f"/tasks/{task_id}/deliveries").expect(200).json["deliveries"]
        if not deliveries or deliveries[0]["status"] == "pending":
            return False
    return True


def check(client, receiver, wanted):
    by_task = collections.defaultdict(list)
    for one in receiver.received():
        check_signature(SECRET, one)
        by_task[one.task_id].append(one)
    assert set(by_task) == set(wanted), "a callback that never came, or of a task that nobody started"
    for task_id, state in wanted.items():
        sent = by_task[task_id]
        (delivery,) = client.get(f"/tasks/{task_id}/deliveries").expect(200).json["deliveries"]
        assert {one.id for one in sent} == {delivery["delivery_id"]}, sent
        assert len({one.body for one in sent}) == 1, sent
        assert sent[0].json["type"] == f"task.{state}" and sent[0].json["data"]["status"] == state
        assert sent[0].json["data"] == client.status(task_id)
        assert delivery["status"] == "delivered", delivery
