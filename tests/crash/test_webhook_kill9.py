"""kill -9 of the server at any moment under load, again and again: each final state arrives at each webhook that wanted it, at least
once, with one id and the same bytes; and none of a state that was not reached."""

import collections
import json
import os
import random
import sys
import uuid

from http_client import FINAL
from killed_server import KilledServer, Load, Record, marked_processes, pause
from waiting import SANITIZED, wait_until
from webhook_receiver import Reply, WebhookReceiver, signature

ROUNDS = 8 if SANITIZED else 40
STARTS_A_ROUND_MAX = 60
RUN_OUT_SECONDS = 120
CONFIG = f"""
[server]
log_level = "warning"
[queues.default]
concurrency = 12
[webhooks]
allow_addresses = ["127.0.0.0/8"]
retry_seconds = [{", ".join(["0.05"] * 60)}]
"""
# Path, and what is wanted there: events, types.
WEBHOOKS = {
    "/steady": (None, None),
    "/flaky": (None, None),
    "/failed": (["task.failed"], None),
    "/echoes": (["task.succeeded", "task.cancelled"], ["echo"]),
}


def wishes(dice):
    """The body of a start: work that ends in one way or another, and soon."""
    kind = dice.choice(["echo", "echo", "echo", "nap", "fails", "late", "later"])
    if kind == "nap":
        return {"type_": "sleep", "payload": {"seconds": dice.choice([0, 0.01, 0.2])}}
    if kind == "fails":
        return {"type_": "sleep", "payload": "nonsense", "max_attempts": 1}
    if kind == "late":
        return {"type_": "sleep", "payload": {"seconds": 30}, "deadline_seconds": dice.choice([0.05, 0.5])}
    if kind == "later":
        return {"type_": "echo", "payload": dice.random(), "delay_seconds": dice.choice([0.05, 0.5])}
    return {"type_": "echo", "payload": dice.random()}


def register(client, receiver):
    """The secrets of each path, the newest last."""
    secrets = {}
    for path, (events, types) in WEBHOOKS.items():
        wanted = {"url": receiver.url(path), "types": types, **({"events": events} if events else {})}
        webhook = client.post("/webhooks", wanted).expect(201).json
        secrets[path] = webhook["webhook_id"], [webhook["secret"]]
    return secrets


def rotate(client, secrets):
    """A new secret for each, while nothing kills."""
    for webhook_id, known in secrets.values():
        known.append(client.post(f"/webhooks/{webhook_id}/rotate-secret").expect(200).json["secret"])


def all_tasks(client):
    """Every task that there is, also those whose acceptance nobody was told of, as their final status."""
    found, token = {}, ""
    while True:
        page = client.get("/tasks", query={"page_size": 500, "page_token": token}).expect(200).json
        found.update({task["task_id"]: task for task in page["tasks"]})
        token = page["next_page_token"]
        if not token:
            return found


def is_wanted(path, task):
    events, types = WEBHOOKS[path]
    return (events is None or f"task.{task['status']}" in events) and (types is None or task["type"] in types)


def nothing_is_owed(client, secrets):
    return all(client.get(f"/webhooks/{webhook_id}/deliveries", query={"status": "pending"}).expect(200).json["deliveries"] == []
               for webhook_id, _ in secrets.values())


def check_signature(received, secrets):
    """By the newest secret that there was then, and those before it."""
    given = received.headers["webhook-signature"].split(" ")
    known = [signature(secret, received.id, received.headers["webhook-timestamp"], received.body) for secret in secrets]
    assert any(given == known[:count][::-1] for count in range(1, len(known) + 1)), received


def check_path(path, tasks, received, secrets):
    by_task = collections.defaultdict(list)
    for one in received:
        check_signature(one, secrets)
        by_task[one.task_id].append(one)
    wanted = {task_id for task_id, task in tasks.items() if is_wanted(path, task)}
    assert set(by_task) == wanted, f"{path}: missing {wanted - set(by_task)}, not wanted {set(by_task) - wanted}"
    for task_id, sent in by_task.items():
        assert len({one.id for one in sent}) == 1, f"{path}: one event, several ids: {sent}"
        assert len({one.body for one in sent}) == 1, f"{path}: one event, several bodies: {sent}"
        event = sent[0].json
        assert event["type"] == f"task.{event['data']['status']}" and event["data"]["status"] in FINAL
        assert event["data"] == tasks[task_id], f"{path}: told of a state that was not reached"
        assert any(one.answered in (200, 204) for one in sent), f"{path}: nobody has taken {sent}"
    ids = [sent[0].id for sent in by_task.values()]
    assert len(set(ids)) == len(ids), f"{path}: one id for several events"
    return len(received) - len(by_task)


def run_rounds(server, receiver, record, dice, secrets, seed):
    for number in range(ROUNDS):
        if number % 10 == 5:
            with server.client() as client:
                rotate(client, secrets)
        receiver.silent = number % 4 == 3  # these kills fall on requests that nobody answers
        with Load(server, record, f"{seed}-{number}", wishes) as load:
            load.until_accepted(dice.randint(1, STARTS_A_ROUND_MAX))
            pause(dice.uniform(0, 0.05))
            server.kill_now()
        receiver.silent = False
        assert not record.faults, f"round {number}: {record.faults}"
        if dice.random() < 0.2:
            server.kill_while_it_starts(dice.uniform(0, 0.08))
        server.start()


def test_each_final_state_is_told_to_each_webhook():
    seed, mark = int(os.environ.get("LONGHAUL_TEST_SEED") or random.randrange(2**32)), uuid.uuid4().hex
    print(f"seed {seed}")
    dice = random.Random(seed)
    record = Record()
    server = KilledServer(mark, config=CONFIG)
    try:
        with WebhookReceiver() as receiver:
            receiver.plan("/flaky", *[Reply(dice.choice([200, 200, 500, 503])) for _ in range(ROUNDS * STARTS_A_ROUND_MAX // 2)], 204)
            server.start()
            with server.client() as client:
                secrets = register(client, receiver)
            run_rounds(server, receiver, record, dice, secrets, seed)
            with server.client() as client:
                wait_until(lambda: all(task["status"] in FINAL for task in all_tasks(client).values()), "all to be final", RUN_OUT_SECONDS)
                wait_until(lambda: nothing_is_owed(client, secrets), "everything to be told", RUN_OUT_SECONDS)
                tasks = {task_id: client.status(task_id) for task_id in all_tasks(client)}
            assert set(record.accepted) <= set(tasks)
            again = {path: check_path(path, tasks, receiver.received(path), known) for path, (_, known) in secrets.items()}
            ends = collections.Counter(task["status"] for task in tasks.values())
        print(f"{len(tasks)} tasks, {len(record.accepted)} known: {dict(ends)}; told again: {json.dumps(again)}", file=sys.stderr)
        assert again["/steady"] > 0 and all(ends[state] for state in FINAL), "the load was no load"
        server.stop()
        assert not marked_processes(mark)
    except BaseException:
        print(f"---- server log\n{server.log()}")
        raise
    finally:
        server.remove()
