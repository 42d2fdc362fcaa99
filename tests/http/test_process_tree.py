"""The end of a task's process tree, whatever it does to live on."""

import datetime
import os
import pathlib
import signal
import textwrap

import pytest

from longhaul_server import is_alive, running_server
from waiting import PATIENCE, wait_until

# A grandchild that called setsid, forked twice, ignores SIGTERM and holds stdout open. Its process id is in the log before
# the leader goes on.
ESCAPER = textwrap.dedent("""
    import os, signal, sys
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        escaped = os.fork()
        if escaped:
            os.write(2, b"escaped %d\\n" % escaped)
            os._exit(0)
        while True:
            signal.pause()
    os.wait()
    if "leave" in sys.argv:
        sys.exit(0)
    if "ignore" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        signal.pause()
""")

GRACE = 0.5

STAY = """
[tasks.stay]
command = ["/bin/sh", "-c", "setsid env -i sleep 600 & trap '' TERM; while :; do sleep 0.1; done"]
grace_seconds = 0.3
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    script = tmp_path_factory.mktemp("programs") / "escaper.py"
    script.write_text(ESCAPER)
    config = f"""
    [tasks.escaper]
    command = ["/usr/bin/python3", "{script}"]
    grace_seconds = {GRACE}
    max_attempts = 1
    [tasks.stubborn]
    command = ["/usr/bin/python3", "{script}", "ignore"]
    grace_seconds = {GRACE}
    max_attempts = 1
    [tasks.leaver]
    command = ["/usr/bin/python3", "{script}", "leave"]
    grace_seconds = {GRACE}
    """
    with running_server(config=config) as running:
        yield running


def escaped_pid(client, task_id):
    def found():
        for text in client.log_texts(task_id):
            if text.startswith("escaped "):
                return int(text.split()[1])
        return None
    return wait_until(found, "the escaped process to say its id")


def test_two_at_once_each_takes_only_its_own(server, client):
    first = client.start("escaper")["task_id"]
    second = client.start("escaper")["task_id"]
    pids = [escaped_pid(client, first), escaped_pid(client, second)]
    assert all(is_alive(pid) for pid in pids)
    client.cancel(first, wait=30).expect(200)
    assert not is_alive(pids[0]) and is_alive(pids[1])
    assert client.status(second)["status"] == "running"
    client.cancel(second, wait=30).expect(200)
    assert not is_alive(pids[1])


def seconds_of(task):
    times = [datetime.datetime.fromisoformat(task[name].replace("Z", "+00:00")) for name in ("started_at", "finished_at")]
    return (times[1] - times[0]).total_seconds()


def test_timeout_grace_and_a_second(server, client):
    short = client.start("stubborn", timeout_seconds=3)["task_id"]
    long = client.start("stubborn", timeout_seconds=600)["task_id"]
    short_pid, long_pid = escaped_pid(client, short), escaped_pid(client, long)
    assert is_alive(short_pid) and is_alive(long_pid)
    late = client.finished(short)
    assert late["status"] == "timed_out" and late["error"]["code"] == "ATTEMPT_TIMED_OUT"
    # What was killed is gone by the time that the state changes, and what belongs to others is not touched.
    assert not is_alive(short_pid) and is_alive(long_pid)
    assert 3 + GRACE <= seconds_of(late) <= 3 + GRACE + 1 * PATIENCE
    assert client.status(long)["status"] == "running"
    client.cancel(long, wait=30).expect(200)
    assert not is_alive(long_pid)


def test_an_attempt_ends_with_its_leader_not_with_its_pipes(server, client):
    task_id = client.start("leaver")["task_id"]
    assert client.finished(task_id)["status"] == "succeeded"
    pid = escaped_pid(client, task_id)
    assert not is_alive(pid), "what the leader left behind dies with its task"


def is_spawner(pid):
    return b"spawner" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()


def is_running(pid, program):
    return pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == program


def kill_together(pids):
    """At once, for all that they can do about it: none of them sees another die."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, number)


def processes_of(server, tasks):
    """The spawner, and for each task its shim, its shell and the escaped sleep."""
    def all_of_them():
        pids = server.descendants()
        return pids if sum(is_running(pid, "sleep") and os.getsid(pid) == pid for pid in pids) == tasks else None
    return wait_until(all_of_them, "all processes to run")


@pytest.mark.parametrize("victim", ["server", "spawner", "spawner and shims"])
def test_all_die_when_those_who_watch_are_killed(victim):
    with running_server(config=STAY) as server:
        with server.client() as client:
            tasks = [client.start("stay")["task_id"] for _ in range(3)]
            for task_id in tasks:
                client.until(task_id, "running")
            before = processes_of(server, len(tasks))
            if victim == "server":
                server.kill(seconds=5)
            elif victim == "spawner":
                kill_together([pid for pid in before if is_spawner(pid)][:1])
            else:  # a shim is a fork of the spawner and bears its name
                kill_together([pid for pid in before if is_spawner(pid)])
            wait_until(lambda: not [pid for pid in before if is_alive(pid)], "all of them to die", seconds=5)
        if victim == "server":
            server.start()
        with server.client() as client:
            for task_id in tasks:
                lost = wait_until(lambda: client.detail(task_id)["attempts"][0]["error"], "the attempt to be lost", seconds=30)
                assert lost["code"] == "WORKER_LOST"
                client.until(task_id, "running", seconds=30)
                client.cancel(task_id, wait=30).expect(200)
