"""`longhaul start` and what may be answered in the place of a new task: --unique-key, --cache-key, --on-timeout."""

import json
import re

import pytest

import gated_task
from command_line import CommandLine
from longhaul_server import running_server


@pytest.fixture(scope="module")
def server():
    with running_server(config=gated_task.CONFIG) as running:
        yield running


@pytest.fixture
def cli(server, tmp_path):
    return CommandLine(server.url(), folder=tmp_path)


def value_of(block, name):
    match = re.search(rf"^{name} +(.*)$", block, re.MULTILINE)
    return match[1] if match else None


def gated(gate, *arguments):
    return ["start", "gated", "--payload", json.dumps(gate.payload), *arguments]


def test_a_unique_key_starts_once(cli, gate):
    first = cli.expect(0, *gated(gate, "--unique-key", "cli")).stdout
    assert cli.expect(0, *gated(gate, "--unique-key", "cli")).stdout == first


def test_a_kept_result_is_printed(cli, client, gate):
    cached = ["--cache-key", "cli", "--stale", "600"]
    assert len(cli.expect(0, *gated(gate, *cached)).stdout.strip()) == 36, "nothing is kept: an id, as ever"
    gate.open('"old"')
    block = cli.expect(0, *gated(gate, *cached, "--wait", "20")).stdout
    assert value_of(block, "result") == '"old"' and value_of(block, "cached") is None
    gate.close()
    block = cli.expect(0, *gated(gate, *cached, "--fresh", "600")).stdout
    assert value_of(block, "result") == '"old"' and value_of(block, "cached") and value_of(block, "status") == "succeeded"
    late = json.loads(cli.expect(0, *gated(gate, *cached, "--wait", "0.2", "--json")).stdout)
    assert late["result"] == "old" and late["cache"] is True and late["status"] in ("queued", "running")
    gate.open("")
    block = cli.expect(0, *gated(gate, *cached, "--wait", "20", "--max-attempts", "1")).stdout
    assert value_of(block, "status") == "failed" and value_of(block, "result") == '"old"'


def test_fresh_alone_is_stale_too(cli):
    echo = ["start", "echo", "--payload", "1", "--cache-key", "alone", "--fresh", "600", "--wait", "20"]
    assert value_of(cli.expect(0, *echo).stdout, "cached") is None
    assert value_of(cli.expect(0, *echo).stdout, "cached")


def test_cancelled_when_the_wait_is_over(cli, client, gate):
    result = cli.expect(6, *gated(gate, "--wait", "0.2", "--on-timeout", "cancel", "--tag", "set=cancel"))
    assert "TASK_TIMED_OUT" in result.stderr and not result.stdout
    task_id = client.get("/tasks?tag.set=cancel").json["tasks"][0]["task_id"]
    assert client.finished(task_id)["error"]["reason"] == "wait_ended"
    assert value_of(cli.expect(0, "start", "echo", "--wait", "20", "--on-timeout", "cancel").stdout, "status") == "succeeded"


def test_continued_when_the_wait_is_over(cli, client, gate):
    block = cli.expect(6, *gated(gate, "--wait", "0.2", "--on-timeout", "continue")).stdout
    assert client.status(value_of(block, "task"))["status"] in ("queued", "running")
    shown = json.loads(cli.expect(6, *gated(gate, "--wait", "0.2", "--cache-key", "none", "--stale", "1", "--json")).stdout)
    assert shown["cache"] is False


@pytest.mark.parametrize("arguments", [["--fresh", "1"], ["--stale", "1"], ["--on-timeout", "cancel"],
                                       ["--on-timeout", "cancel", "--wait", "301"], ["--cache-key", "k", "--wait", "301"],
                                       ["--cache-key", "k", "--fresh", "soon"], ["--cache-key", "k", "--stale", ""]])
def test_what_cannot_be_asked(cli, arguments):
    cli.expect(2, "start", "echo", *arguments)


@pytest.mark.parametrize("arguments, pointer", [(["--on-timeout", "stop", "--wait", "1"], "#/on_timeout"), (["--unique-key", ""], "#/unique_key"),
                                                (["--cache-key", "k", "--fresh", "2", "--stale", "1"], "#/cache/fresh_seconds")])
def test_what_the_server_refuses(cli, arguments, pointer):
    assert pointer in cli.expect(3, "start", "echo", *arguments).stderr
