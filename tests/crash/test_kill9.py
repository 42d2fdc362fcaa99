"""kill -9 of the real server under load, again and again on one database: whatever a client was told stays true."""

import collections
import os
import random
import sqlite3
import sys
import uuid

from http_client import FINAL
from killed_server import MARK, KilledServer, Load, Record, marked_processes, pause
from waiting import SANITIZED, wait_until

ROUNDS = 10 if SANITIZED else 50
STARTS_A_ROUND_MAX = 50
RUN_OUT_SECONDS = 60

# Each attempt of a command writes down that it runs: the task, the attempt's number and its token.
COMMANDS = {
    "quick": "exit 0",
    "failing": "exit 1",
    "suicidal": "kill -9 $$",
    "flaky": "test $LONGHAUL_ATTEMPT -ge 3",
    "lingering": "trap '' TERM; setsid sleep 600 & (trap '' TERM; sleep 600) & sleep 0.4",
    "long": "sleep 600",
}


def config(runs, mark):
    text = "[queues.default]\nconcurrency = 12\n"
    for name, script in COMMANDS.items():
        note = f'echo "$LONGHAUL_TASK_ID $LONGHAUL_ATTEMPT $LONGHAUL_TOKEN" >> {runs}'
        text += f"""
            [tasks.{name}]
            command = ["/bin/sh", "-c", '''{note}; {script}''']
            max_attempts = 4
            retry_base_seconds = 0.02
            retry_cap_seconds = 0.1
            grace_seconds = 0.2
            environment = {{ {MARK} = "{mark}", PATH = "/usr/bin:/bin" }}
            """
    return text


def wishes(dice):
    """The body of a start: mostly short work, some that comes later, is late, or cannot end by itself."""
    kind = dice.choice(["echo", "echo", "sleep", "quick", "quick", "failing", "flaky", "suicidal", "lingering", "long"])
    wanted = {"type_": kind, "payload": dice.randrange(1000)}
    if kind == "sleep":
        wanted["payload"] = {"seconds": dice.choice([0, 0.05, 0.3, 30])}
    if kind == "long" or wanted["payload"] == {"seconds": 30}:
        wanted[dice.choice(["deadline_seconds", "timeout_seconds"])] = dice.choice([0.1, 0.5, 1])
        wanted["max_attempts"] = dice.choice([1, 2])
    if dice.random() < 0.2:
        wanted["delay_seconds"] = dice.choice([0.05, 0.3, 1])
    if dice.random() < 0.1:
        wanted["deadline_seconds"] = dice.choice([0.05, 0.5, 2])
    return wanted


def look_again(server, record, dice, recent):
    """After a start: what was accepted last is there, keys are still bound, and what was final is as it was."""
    with record.lock:
        finals, keys = list(record.finals), list(record.keys)
    with server.client() as client:
        for task_id in {*recent, *dice.sample(finals, min(len(finals), 15))}:
            record.look(client, task_id)
        for key in keys[-2:]:
            wanted, task_id = record.keys[key]
            again = client.start(headers={"Idempotency-Key": key}, **wanted)
            assert again["task_id"] == task_id, f"{key} was bound to {task_id} and now is to {again}"


def end_of_round(server, dice):
    choice = dice.random()
    if choice < 0.4:
        server.kill_and_start_at_once()
        return
    server.kill_and_look()
    if choice < 0.6:
        server.kill_while_it_starts(dice.uniform(0, 0.08))
    server.start()


def all_final(client):
    counts = client.get("/stats").expect(200).json["tasks"]
    return not [state for state, count in counts.items() if count and state not in FINAL]


def runs_by_task(path):
    """(attempt, token) of each attempt that has really run, in the order in which they wrote themselves down."""
    found = collections.defaultdict(list)
    for line in path.read_text().splitlines() if path.exists() else []:
        task_id, attempt, token = line.split()
        found[task_id].append((int(attempt), int(token)))
    return found


def check_task(detail, runs):
    """One final state, told the same way by the task and by its attempts; and no attempt that ran is left out."""
    attempts = detail["attempts"]
    outcomes = [attempt["outcome"] for attempt in attempts]
    assert detail["status"] in FINAL, detail
    assert detail["attempt"] == len(attempts) <= detail["max_attempts"], detail
    assert all(attempt["finished_at"] for attempt in attempts) and "running" not in outcomes, detail
    assert "succeeded" not in outcomes[:-1], detail
    assert (detail["status"] == "succeeded") == (outcomes[-1:] == ["succeeded"]) or detail["status"] == "cancelled" \
        or detail["status"] == "timed_out", detail
    starts = [attempt["started_at"] for attempt in attempts]
    assert starts == sorted(starts), detail
    numbers = [attempt for attempt, _ in runs]
    assert len(set(numbers)) == len(numbers), f"two runs of one attempt: {runs} of {detail}"
    assert not numbers or max(numbers) <= len(attempts), f"a run that was not counted: {runs} of {detail}"
    by_attempt = [token for _, token in sorted(runs)]
    assert by_attempt == sorted(set(by_attempt)), f"tokens do not grow: {runs} of {detail}"


def check_everything(server, record, runs):
    seen = collections.Counter()
    with server.client() as client:
        wait_until(lambda: all_final(client), lambda: f"all to be final: {client.get('/stats').text}", RUN_OUT_SECONDS)
        for task_id in record.accepted:
            known = record.before(task_id)
            detail = client.detail(task_id)
            status = {name: value for name, value in detail.items() if name not in ("payload", "attempts", "deliveries")}
            record.after(status, known)
            check_task(detail, runs[task_id])
            assert detail["payload"] == record.accepted[task_id]["payload"], detail
            seen[detail["status"]] += 1
            for attempt in detail["attempts"]:
                seen[f"attempts {attempt['outcome']}"] += 1
    tokens = [token for one in runs.values() for _, token in one]
    assert len(set(tokens)) == len(tokens), "one token for two attempts"
    return seen


def check_database(server):
    with sqlite3.connect(server.folder / "longhaul.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()


def test_killed_again_and_again(tmp_path):
    seed = int(os.environ.get("LONGHAUL_TEST_SEED") or random.randrange(2**32))
    mark, runs = uuid.uuid4().hex, tmp_path / "runs"
    print(f"seed {seed}")
    dice = random.Random(seed)
    record = Record()
    server = KilledServer(mark, config=config(runs, mark))
    try:
        server.start()
        for number in range(ROUNDS):
            known = set(record.accepted)
            with Load(server, record, f"{seed}-{number}", wishes) as load:
                load.until_accepted(dice.randint(1, STARTS_A_ROUND_MAX))
                pause(dice.uniform(0, 0.1))
                end_of_round(server, dice)
            assert not record.faults, f"round {number}: {record.faults}"
            look_again(server, record, dice, set(record.accepted) - known)
        seen = check_everything(server, record, runs_by_task(runs))
        print(f"{len(record.accepted)} tasks accepted; {dict(seen)}", file=sys.stderr)
        assert seen["attempts lost"] > 0 and seen["succeeded"] > 0, "the load was no load"
        server.stop()
        assert not marked_processes(mark)
        check_database(server)
    except BaseException:
        print(f"---- server log\n{server.log()}")
        raise
    finally:
        server.remove()
