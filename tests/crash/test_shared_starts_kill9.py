"""kill -9 under starts that wait, share a task, are answered from the cache and hang up: kept results are those of tasks that
succeeded, a unique key has one unfinished task, and no task is stopped for the start that made it once another was told of it."""

import http.client
import json
import os
import random
import socket
import sqlite3
import struct
import sys
import threading
import uuid

from client_threads import ClientThreads
from http_client import ApiClient
from killed_server import KilledServer, pause
from openapi_check import OpenApiCheck
from waiting import SANITIZED, wait_until

ROUNDS = 6 if SANITIZED else 25
KEYS = 6
ABANDONED = ("wait_ended", "client_gone")
CONFIG = "[queues.default]\nconcurrency = 12\n[queues.other]\nconcurrency = 4\n"


def wishes(dice):
    wanted = {"type": "sleep", "payload": {"seconds": dice.choice([0, 0, 0.05, 0.2, 5])}, "queue": dice.choice(["default", "other"])}
    if dice.random() < 0.6:
        wanted["unique_key"] = f"u{dice.randrange(KEYS)}"
    if dice.random() < 0.6:
        fresh, stale = dice.choice([(0, 0.5), (0, 600), (0.1, 600), (600, 600)])
        wanted["cache"] = {"key": f"c{dice.randrange(KEYS)}", "fresh_seconds": fresh, "stale_seconds": stale}
    if dice.random() < 0.6:
        wanted["on_timeout"] = "cancel"
    return wanted


class Callers(ClientThreads):
    def __init__(self, server, seed, told, threads=8):
        super().__init__(threads)
        self.server, self.seed, self.told = server, seed, told
        self.answered = 0
        self.lock = threading.Lock()

    def run_client(self, number):
        dice = random.Random(f"{self.seed}-{number}")
        with ApiClient(self.server.address, self.server.port, OpenApiCheck(self.server.check.document)) as client:
            try:
                while not self.stopping.is_set():
                    self._one(client, dice)
            except (OSError, http.client.HTTPException):
                return  # the server is dead
            except Exception as fault:  # pylint: disable=broad-except
                self.told["faults"].append(f"{type(fault).__name__}: {fault}")

    def _one(self, client, dice):
        wanted = wishes(dice)
        wait = dice.choice([None, 0, 0.01, 0.1, 1])
        if wait and dice.random() < 0.3:
            return self._hang_up(wanted, dice)
        answer = client.post("/start-task", wanted, query=None if wait is None else {"wait": wait})
        with self.lock:
            self.answered += 1
            self._note(answer)
        return None

    def _note(self, answer):
        value = answer.json
        if answer.status == 504:
            self.told["timed out"].add(value["task_id"])
            return
        answer.expect(200 if answer.status == 200 else 202)
        if value.get("deduplicated"):
            self.told["shared"].add(value["task_id"])
        elif value["cache"] is False and value["status"] == "succeeded":
            self.told["succeeded"].add(value["task_id"])

    def _hang_up(self, wanted, dice):
        body = json.dumps(wanted).encode()
        head = (f"POST /start-task?wait=60 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        with socket.create_connection((self.server.address, self.server.port), timeout=60) as connection:
            connection.sendall(head + body)
            pause(dice.choice([0, 0.001, 0.02]))
            if dice.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def rows(server, statement):
    database = sqlite3.connect(server.folder / "longhaul.db")
    found = database.execute(statement).fetchall()
    database.close()
    return found


def check_told(server, told):
    tasks = {str(uuid.UUID(bytes=task_id)): (state, json.loads(error or "{}").get("reason"))
             for task_id, state, error in rows(server, "SELECT id, state, error FROM tasks")}
    for task_id in told["succeeded"]:
        assert tasks[task_id][0] == "succeeded"
    for task_id in told["timed out"]:
        assert tasks[task_id][0] in ("cancelling", "cancelled"), tasks[task_id]
    for task_id in told["shared"]:
        assert tasks[task_id][1] not in ABANDONED, f"{task_id} was stopped for one of those who were told of it"


def check_kept(server):
    succeeded = {str(uuid.UUID(bytes=task_id)): (key, queue, finished_at, stale) for task_id, key, queue, finished_at, stale in rows(
        server, "SELECT id, cache_key, queue, finished_at, cache_stale_ms FROM tasks WHERE state = 'succeeded' AND cache_key IS NOT NULL")}
    kept = {}
    for key, queue, text in rows(server, "SELECT key, queue, status FROM cached_results"):
        status = json.loads(text)
        assert status["status"] == "succeeded" and status["cache"] is True and status["cached_at"] == status["finished_at"]
        assert succeeded[status["task_id"]][:2] == (key, queue) == (key, status["queue"])
        kept[key, queue] = succeeded[status["task_id"]][2]
    for key, queue, finished_at, stale in succeeded.values():
        same = [times[2] for times in succeeded.values() if times[:2] == (key, queue)]
        # Of several that ended in one millisecond it is not known which was the last.
        if finished_at == max(same) and same.count(finished_at) == 1 and stale >= 600_000:
            assert kept.get((key, queue)) == finished_at, f"a success of {key} in {queue} is not kept"
    assert rows(server, "SELECT (SELECT coalesce(sum(bytes), 0) FROM cached_results) - bytes FROM cache_size") == [(0,)]
    assert rows(server, "PRAGMA integrity_check") == [("ok",)]


def test_killed_again_and_again():
    seed = int(os.environ.get("LONGHAUL_TEST_SEED") or random.randrange(2**32))
    print(f"seed {seed}")
    dice = random.Random(seed)
    told = {"faults": [], "timed out": set(), "shared": set(), "succeeded": set()}
    server = KilledServer(uuid.uuid4().hex, config=CONFIG)
    try:
        server.start()
        for number in range(ROUNDS):
            with Callers(server, f"{seed}-{number}", told) as callers:
                wanted = dice.randint(5, 200)
                wait_until(lambda: callers.answered >= wanted or told["faults"], "answers", 60)
                pause(dice.uniform(0, 0.05))
                server.kill_now()
            assert not told["faults"], told["faults"][:3]
            check_told(server, told)
            check_kept(server)
            server.start()
        server.stop()
        check_told(server, told)
        check_kept(server)
        print({name: len(those) for name, those in told.items()}, file=sys.stderr)
        assert all(told[name] for name in ("timed out", "shared", "succeeded")), "the load was no load"
    except BaseException:
        print(f"---- server log\n{server.log()}")
        raise
    finally:
        server.remove()
