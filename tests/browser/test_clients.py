"""Clients that are not ours, or that anybody could write in an hour: Python's own library, Node's fetch, the package ws."""

import json
import os
import pathlib
import subprocess

import pytest

from longhaul_server import running_server
from waiting import PATIENCE

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
PACKAGES = pathlib.Path(os.environ.get("LONGHAUL_DEPS_PREFIX") or "/opt/longhaul-deps") / "node/node_modules"
KEY = "lh_0123456789abcdef"
TASK = json.dumps({"type": "sleep", "payload": {"seconds": 1.5}})


@pytest.fixture(scope="module")
def server():
    with running_server() as running:
        yield running


def run(*command, key=None):
    environment = {"PATH": os.environ["PATH"], "LONGHAUL_NODE_PACKAGES": str(PACKAGES)}
    if key is not None:
        environment["LONGHAUL_API_KEY"] = key
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60 * PATIENCE, env=environment,
                          check=False)


def check_states(states):
    assert states[-1] == "succeeded" and "running" in states, states


@pytest.mark.parametrize("program", ["watch_events.py", "watch_socket.py"])
@pytest.mark.parametrize("key", [None, KEY])
def test_python(program, key):
    with running_server(key=key) as server:
        result = run("/usr/bin/python3", EXAMPLES / program, "--server", server.url(), "sleep", '{"seconds": 1.5}', key=key)
        assert (result.returncode, result.stderr) == (0, ""), result
        lines = [line.split() for line in result.stdout.splitlines()]
        assert lines[0][0] == "snapshot" and {line[0] for line in lines[1:]} == {"state", "progress"}, lines
        check_states([line[1] for line in lines])
        failed = run("/usr/bin/python3", EXAMPLES / program, "--server", server.url(), "sleep", '"wrong"', key=key)
        assert failed.returncode == 1 and failed.stdout.split()[-1] == "failed", failed


def test_node_by_fetch(server):
    result = run("node", HERE / "watch_events.mjs", server.url(), TASK)
    assert (result.returncode, result.stderr) == (0, ""), result
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert events[0]["type"] == "snapshot" and len({event["id"] for event in events}) == len(events)
    check_states([event["data"]["status"] for event in events])


@pytest.mark.parametrize("key", [None, KEY])
def test_node_by_ws(key):
    assert (PACKAGES / "ws").is_dir(), f"no ws in {PACKAGES}: run scripts/setup"
    with running_server(key=key) as server:
        result = run("node", HERE / "watch_socket.mjs", server.url(), TASK, key=key)
        assert (result.returncode, result.stderr) == (0, ""), result
        *events, end = [json.loads(line) for line in result.stdout.splitlines()]
        assert end == {"code": 1000, "pongs": 1, "protocol": "longhaul.v1"}
        assert events[0]["type"] == "snapshot"
        check_states([event["data"]["status"] for event in events])
