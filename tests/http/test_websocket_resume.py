"""WebSockets that are dropped and resumed at random moments see every event once, in order."""

import os
import random
import threading

from longhaul_server import running_server
from waiting import PATIENCE
from websocket_client import WebSocket

CLIENTS = 30
TASKS = 300
EVENTS = 3 * TASKS


class ResumingClient(threading.Thread):
    def __init__(self, server, seed):
        super().__init__()
        self.server, self.random = server, random.Random(seed)
        self.seen, self.drops = [], 0
        self.ready = threading.Event()
        self.fault = None

    def run(self):
        try:
            self._follow()
        except BaseException as fault:  # pylint: disable=broad-except
            self.fault = fault
            self.ready.set()

    def _follow(self):
        last = None
        while len(self.seen) < EVENTS:
            with WebSocket(self.server, checks_messages=False) as ws:
                again = {} if last is None else {"last_event_id": last}
                last = ws.ok("subscribe", tags={"run": "resumed"}, **again)["last_event_id"]
                self.ready.set()
                for _ in range(self.random.randint(1, 150)):
                    event = ws.next_event()
                    assert event["type"] == "state", event
                    last = event["id"]
                    self.seen.append((event["data"]["task_id"], event["data"]["revision"], event["data"]["status"]))
                    if len(self.seen) == EVENTS:
                        return
            self.drops += 1


def test_every_event_once_and_in_order():
    seed = int(os.environ.get("LONGHAUL_TEST_SEED") or random.randrange(2**32))
    print(f"seed {seed}")
    with running_server() as server:
        clients = [ResumingClient(server, seed + number) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            assert client.ready.wait(60 * PATIENCE)
        with WebSocket(server, checks_messages=False) as starter:
            for number in range(TASKS):
                starter.ok("start", task={"type": "echo", "payload": number, "tags": {"run": "resumed"}})
        for client in clients:
            client.join(120 * PATIENCE)
        faults = [client.fault or "did not end" for client in clients if client.fault or client.is_alive()]
        assert not faults, faults[:3]
    expected = clients[0].seen
    assert len(set(expected)) == EVENTS
    assert all(client.seen == expected for client in clients)
    for task_id in {task_id for task_id, _, _ in expected}:
        own = [(revision, status) for which, revision, status in expected if which == task_id]
        assert own == [(1, "queued"), (2, "running"), (3, "succeeded")]
    assert sum(client.drops for client in clients) > CLIENTS
