"""kill -9 of the server between the commit of a final state and its POST, during the POST, and between the answer and its being
written down, again and again: each final state's callback arrives, with one id and the same bytes."""

import collections
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import uuid

from killed_server import KilledServer, marked_processes, pause
from waiting import PATIENCE, SANITIZED, wait_until
from webhook_receiver import Reply, WebhookReceiver, check_signature

ROUNDS = 10 if SANITIZED else 50
# More than are sent at once to one receiver: while that is silent, the others are between commit and POST.
STARTS_A_ROUND = 25
AT_ONCE = 8
TAKEN = (200, 204)
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


class Kills:
    """Kills at chosen moments of a delivery, and counts what they fell upon."""

    def __init__(self, server, receiver, dice):
        self.server, self.receiver, self.dice = server, receiver, dice
        self.hooks = receiver.before_answer, receiver.after_answer  # which do nothing
        self.counts = collections.Counter()
        self.bodies = {}  # of what was owed at a kill, by delivery id, as the dead server's database has them

    def between_commit_and_post(self, started):
        """The receiver takes requests and says nothing: of these tasks some are being sent, all others are not."""
        self.server.kill_now()
        told = {one.task_id for one in self.receiver.received()}
        unsent = len(set(started) - told)
        assert unsent >= STARTS_A_ROUND - AT_ONCE, f"only {unsent} were committed and not yet sent"
        self.counts["between commit and POST"] += unsent
        unanswered = sum(one.answered is None for one in self.receiver.received())
        assert unanswered > self.counts["during the POST"], "nobody was being told"
        self.counts["during the POST"] = unanswered
        owed = self._look_into_the_database()
        assert len(owed) >= STARTS_A_ROUND, "what nobody has answered is owed"

    def between_answer_and_record(self):
        """The server stands still while it is being answered, and dies so: the receiver has said 2xx, and nobody knows."""
        started, answered = threading.Event(), threading.Event()

        def stand_still(_, reply):
            started.wait()
            if victim and reply.status in TAKEN:
                os.kill(victim, signal.SIGSTOP)

        self.receiver.before_answer = stand_still
        self.receiver.after_answer = lambda received: answered.set() if received.answered in TAKEN else None
        victim = 0
        try:
            self.server.start()
            victim = self.server.pid
        finally:
            started.set()
        assert answered.wait(30 * PATIENCE), "nothing was sent"
        self.server.kill_now()
        self._note_answered_and_owed("between 2xx and record")

    def around_the_answer(self):
        """At any moment within some milliseconds of an answer."""
        answered = threading.Event()
        self.receiver.after_answer = lambda received: answered.set() if received.answered in TAKEN else None
        self.server.start()
        assert answered.wait(30 * PATIENCE), "nothing was sent"
        pause(self.dice.uniform(0, 0.004))
        self.server.kill_now()
        self._note_answered_and_owed("some time around the 2xx")

    def _note_answered_and_owed(self, name):
        self.receiver.before_answer, self.receiver.after_answer = self.hooks
        taken = {one.id for one in self.receiver.received() if one.answered in TAKEN}
        found = len(taken & self._look_into_the_database().keys())
        assert found > 0 or name != "between 2xx and record", "the kill came too late"
        self.counts[name] += found

    def _look_into_the_database(self):
        """What is owed, by id: from a copy, for the server is to find it as it was left."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("longhaul.db", "longhaul.db-wal"):
                if (self.server.folder / name).exists():
                    shutil.copy(self.server.folder / name, folder)
            with contextlib.closing(sqlite3.connect(f"{folder}/longhaul.db")) as database:
                rows = database.execute("SELECT id, body FROM deliveries JOIN delivery_bodies USING (seq) WHERE status = 'pending'")
                owed = {str(uuid.UUID(bytes=row_id)): body.encode() for row_id, body in rows}
        for delivery_id, body in owed.items():
            assert self.bodies.setdefault(delivery_id, body) == body
        return owed


def test_each_final_state_is_told_of():
    seed, mark = random.randrange(2**32), uuid.uuid4().hex
    print(f"seed {seed}")
    dice = random.Random(seed)
    wanted = {}
    server = KilledServer(mark, config=CONFIG)
    try:
        with WebhookReceiver() as receiver:
            receiver.plan("/flaky", *[Reply(dice.choice([200, 200, 500, 503])) for _ in range(ROUNDS * STARTS_A_ROUND)], 200)
            kills = Kills(server, receiver, dice)
            server.start()
            for number in range(ROUNDS):
                receiver.silent = True
                with server.client() as client:
                    started = start_some(client, receiver, dice)
                    wanted.update(started)
                    for task_id in started:
                        client.finished(task_id)
                kills.between_commit_and_post(started)
                receiver.silent = False
                if number % 3 == 1:
                    kills.between_answer_and_record()
                if number % 3 == 2:
                    kills.around_the_answer()
                server.start()
                pause(dice.choice([0, dice.uniform(0, 0.05)]))  # some are sent before the next round
            with server.client() as client:
                wait_until(lambda: all_over(client, wanted), "all deliveries to be over", 120)
                check(client, receiver, wanted, kills.bodies)
        print(f"{len(wanted)} tasks; killed {dict(kills.counts)}", file=sys.stderr)
        assert kills.counts["between 2xx and record"] >= ROUNDS // 3
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


def check(client, receiver, wanted, bodies):
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
        assert sent[0].body == bodies[delivery["delivery_id"]], "not what the dead server had written down"
        assert sent[0].json["type"] == f"task.{state}" and sent[0].json["data"]["status"] == state
        assert sent[0].json["data"] == client.status(task_id)
        assert delivery["status"] == "delivered", delivery
