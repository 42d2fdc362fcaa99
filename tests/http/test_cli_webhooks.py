"""`longhaul webhooks ...`: registering, testing and looking after webhooks from the command line."""

import json
import re

import pytest

from command_line import CommandLine
from longhaul_server import running_server
from waiting import wait_until
from webhook_receiver import Canary, Reply, WebhookReceiver, check_signature, signature

UNKNOWN_ID = "01a20000-0000-7000-8000-000000000000"
CONFIG = '[webhooks]\nallow_addresses = ["127.0.0.0/8"]\nretry_seconds = [0.05, 0.05]\n'


@pytest.fixture(scope="module")
def server():
    with running_server(config=CONFIG) as running:
        yield running


@pytest.fixture
def client(server):
    """Whatever webhooks a test leaves are removed."""
    with server.client() as connected:
        yield connected
        for webhook in connected.get("/webhooks").expect(200).json["webhooks"]:
            connected.delete(f"/webhooks/{webhook['webhook_id']}").expect(204)


@pytest.fixture
def cli(server, client, tmp_path):
    return CommandLine(server.url(), folder=tmp_path)


@pytest.fixture
def receiver():
    with WebhookReceiver() as listening:
        yield listening


def values_of(block):
    """The lines of a block as a dict."""
    return {line[:12].rstrip(): line[12:] for line in block.splitlines()}


def rows_of(table):
    """The rows of a table as dicts by its head."""
    head, *rows = [re.split(r"\s{2,}", line) for line in table.splitlines()]
    return [dict(zip(head, row)) for row in rows]


def add(cli, receiver, *arguments, path="/"):
    """Id and secret of a new webhook."""
    values = values_of(cli.expect(0, "webhooks", "add", receiver.url(path), *arguments).stdout)
    return values["webhook"], values["secret"]


# ---- registering

def test_add_prints_the_secret_once(cli, client, receiver):
    result = cli.expect(0, "webhooks", "add", receiver.url("/hook"))
    values = values_of(result.stdout)
    assert values["url"] == receiver.url("/hook") and values["status"] == "enabled"
    assert (values["types"], values["queues"]) == ("all", "all")
    assert values["events"] == "task.succeeded, task.failed, task.cancelled, task.timed_out"
    assert values["secret"].startswith("whsec_") and "this once" in result.stderr
    shown = cli.expect(0, "webhooks", "show", values["webhook"])
    assert "whsec_" not in shown.stdout and shown.stderr == ""
    assert "whsec_" not in cli.expect(0, "webhooks", "list", "--json").stdout
    client.start("echo", 5)
    (one,) = receiver.wait_for(1, "/hook")
    check_signature(values["secret"], one)


def test_every_option_of_add_arrives(cli, client, receiver):
    webhook_id, _ = add(cli, receiver, "--event", "task.failed", "--event", "task.retrying", "--type", "echo", "--type", "sleep",
                        "--queue", "slow", "--description", "for \"bills\", ä")
    webhook = client.get(f"/webhooks/{webhook_id}").expect(200).json
    assert sorted(webhook["events"]) == ["task.failed", "task.retrying"]
    assert (webhook["types"], webhook["queues"], webhook["description"]) == (["echo", "sleep"], ["slow"], "for \"bills\", ä")
    everything, _ = add(cli, receiver, "--event", "*")
    assert client.get(f"/webhooks/{everything}").expect(200).json["events"] == ["*"]
    assert values_of(cli.expect(0, "webhooks", "show", everything).stdout)["events"] == "all"


def test_json_is_the_servers_own(cli, client, receiver):
    result = cli.expect(0, "webhooks", "add", receiver.url(), "--json")
    webhook = json.loads(result.stdout)
    secret = webhook.pop("secret")
    assert secret.startswith("whsec_") and result.stderr == ""
    webhook_id = webhook["webhook_id"]
    for arguments, path in ((["show", webhook_id], f"/webhooks/{webhook_id}"), (["list"], "/webhooks"),
                            (["deliveries", webhook_id], f"/webhooks/{webhook_id}/deliveries")):
        assert cli.expect(0, "webhooks", *arguments, "--json").stdout == client.get(path).expect(200).text + "\n"
    assert client.get(f"/webhooks/{webhook_id}").json == webhook
    assert json.loads(cli.expect(0, "webhooks", "disable", webhook_id, "--json").stdout)["disabled"] is True
    assert json.loads(cli.expect(0, "webhooks", "enable", webhook_id, "--json").stdout)["disabled"] is False
    assert json.loads(cli.expect(0, "webhooks", "recover", webhook_id, "--since", "2026-01-01T00:00:00Z", "--json").stdout) == {"matched": 0}
    assert cli.expect(0, "webhooks", "remove", webhook_id, "--json").stdout == ""


def test_list(cli, receiver):
    assert cli.expect(0, "webhooks", "list").stdout.split() == ["WEBHOOK", "STATUS", "TYPES", "QUEUES", "URL"]
    first, _ = add(cli, receiver, path="/1")
    second, _ = add(cli, receiver, "--type", "a", "--type", "b", "--queue", "q", path="/2")
    cli.expect(0, "webhooks", "disable", first)
    assert rows_of(cli.expect(0, "webhooks", "list").stdout) == [
        {"WEBHOOK": first, "STATUS": "disabled", "TYPES": "all", "QUEUES": "all", "URL": receiver.url("/1")},
        {"WEBHOOK": second, "STATUS": "enabled", "TYPES": "a, b", "QUEUES": "q", "URL": receiver.url("/2")}]


def test_change_changes_what_is_given(cli, client, receiver):
    webhook_id, _ = add(cli, receiver, "--event", "task.failed", "--type", "echo", "--type", "sleep", "--queue", "slow", "--description", "old")
    expected = client.get(f"/webhooks/{webhook_id}").expect(200).json
    for arguments, changed in (
            (["--url", receiver.url("/new")], {"url": receiver.url("/new")}),
            (["--event", "task.succeeded", "--event", "task.failed"], {"events": ["task.succeeded", "task.failed"]}),
            (["--event", "*"], {"events": ["*"]}),
            (["--type", "a", "--type", "b"], {"types": ["a", "b"]}),
            (["--queue", "q"], {"queues": ["q"]}),
            (["--all-types"], {"types": None}),
            (["--description", "new, ä"], {"description": "new, ä"}),
            (["--description", ""], {"description": ""}),
            (["--type", "echo", "--all-queues", "--event", "task.succeeded"],
             {"types": ["echo"], "queues": None, "events": ["task.succeeded"]})):
        expected.update(changed)
        answered = json.loads(cli.expect(0, "webhooks", "change", webhook_id, *arguments, "--json").stdout)
        assert answered == expected == client.get(f"/webhooks/{webhook_id}").expect(200).json, arguments
    shown = cli.expect(0, "webhooks", "change", webhook_id, "--queue", "default")
    assert values_of(shown.stdout)["queues"] == "default" and "secret" not in shown.stdout + shown.stderr
    client.start("echo", 5)
    receiver.wait_for(1, "/new")
    assert receiver.received("/") == []


def test_change_that_is_refused_changes_nothing(cli, client, receiver):
    webhook_id, _ = add(cli, receiver)
    before = client.get(f"/webhooks/{webhook_id}").expect(200).text
    result = cli.expect(3, "webhooks", "change", webhook_id, "--url", "http://10.0.0.1/", "--event", "task.exploded", "--description", "x")
    assert "#/url: " in result.stderr and "#/events/0: " in result.stderr and result.stdout == ""
    assert "must change something" in cli.expect(3, "webhooks", "change", webhook_id).stderr
    assert client.get(f"/webhooks/{webhook_id}").expect(200).text == before


def test_what_the_server_refuses(cli):
    result = cli.expect(3, "webhooks", "add", "http://10.0.0.1/", "--event", "task.exploded", "--type", "no type")
    assert "422 VALIDATION_FAILED" in result.stderr and result.stdout == ""
    for pointer in ("#/url: ", "#/events/0: ", "#/types/0: "):
        assert pointer in result.stderr, result.stderr


@pytest.mark.parametrize("arguments, said", [
    (["add"], "URL is required"),
    (["add", b"http://a.example/\xff"], "not UTF-8"),
    (["add", "http://a.example/", "--type", b"\xff"], "not UTF-8"),
    (["ad"], "there is no command 'ad'; did you mean 'add'?"),
    ([], "'longhaul webhooks --help' shows what it takes"),
    (["add", "x", "--evnt", "y"], "there is no option '--evnt'; did you mean '--event'?"),
    (["show", ""], "ID: must not be empty"),
    (["change", "--url", "http://a.example/"], "ID is required"),
    (["change", "x", "--url", b"http://a.example/\xff"], "not UTF-8"),
    (["change", "x", "--type", "a", "--all-types"], "excludes"),
    (["change", "x", "--all-queues", "--queue", "a"], "excludes"),
    (["test", "x", "--wait", "soon"], "--wait: must be a number of seconds"),
    (["deliveries"], "Give the ID of a webhook, or --task"),
    (["deliveries", "x", "--task", "y"], "Give the ID of a webhook, or --task"),
    (["deliveries", "--task", "y", "--status", "pending"], "excludes"),
    (["recover", "x"], "--since is required"),
])
def test_wrong_usage(cli, arguments, said):
    result = cli.expect(2, "webhooks", *arguments)
    assert said in result.stderr and result.stdout == ""


@pytest.mark.parametrize("webhook_id", [UNKNOWN_ID, "not-an-id", "../tasks", "a b?c#d"])
def test_no_such_webhook(cli, webhook_id):
    for arguments in (["show"], ["rotate"], ["enable"], ["disable"], ["remove"], ["test"], ["deliveries"],
                      ["recover", "--since", "2026-01-01T00:00:00Z"], ["change", "--description", "x"]):
        result = cli.expect(5, "webhooks", arguments[0], webhook_id, *arguments[1:])
        assert "WEBHOOK_NOT_FOUND" in result.stderr and result.stdout == "", arguments
    assert "DELIVERY_NOT_FOUND" in cli.expect(5, "webhooks", "redeliver", webhook_id).stderr
    assert "TASK_NOT_FOUND" in cli.expect(5, "webhooks", "deliveries", "--task", webhook_id).stderr


def test_removed_is_removed(cli, client, receiver):
    webhook_id, _ = add(cli, receiver)
    assert cli.expect(0, "webhooks", "remove", webhook_id).stdout == "removed\n"
    client.get(f"/webhooks/{webhook_id}").expect(404, "WEBHOOK_NOT_FOUND")


# ---- secrets

def test_rotate(cli, client, receiver):
    webhook_id, old = add(cli, receiver)
    result = cli.expect(0, "webhooks", "rotate", webhook_id)
    values = values_of(result.stdout)
    assert values["secret"].startswith("whsec_") and values["secret"] != old and "this once" in result.stderr
    assert values["old secret"].startswith("signs too until 20")
    client.start("echo")
    (one,) = receiver.wait_for(1)
    signed = one.headers["webhook-id"], one.headers["webhook-timestamp"], one.body
    assert one.headers["webhook-signature"].split(" ") == [signature(values["secret"], *signed), signature(old, *signed)]


# ---- test

def test_a_test_that_arrives(cli, receiver):
    webhook_id, secret = add(cli, receiver)
    values = values_of(cli.expect(0, "webhooks", "test", webhook_id).stdout)
    (one,) = receiver.received()
    check_signature(secret, one)
    assert one.json["type"] == "webhook.test" and one.json["data"] == {"webhook_id": webhook_id}
    assert (values["delivery"], values["webhook"], values["event"]) == (one.id, webhook_id, "webhook.test")
    assert values["status"] == "delivered" and values["attempts"] == "1" and re.fullmatch(r"HTTP 204 after [0-9.]+ s", values["last one"])
    detail = json.loads(cli.expect(0, "webhooks", "test", webhook_id, "--json").stdout)
    assert detail["status"] == "delivered" and len(detail["attempts"]) == 1


def test_a_test_that_is_refused(cli, receiver):
    receiver.plan("/no", Reply(500, body=b"out of \x1b[31mpaper\nand ink"))
    webhook_id, _ = add(cli, receiver, path="/no")
    values = values_of(cli.expect(1, "webhooks", "test", webhook_id).stdout)
    assert values["status"] == "exhausted: attempts" and values["attempts"] == "3"
    assert values["last one"].startswith("BAD_STATUS, HTTP 500 after ") and values["answer"] == "out of ?[31mpaper"


def test_a_test_that_finds_nobody(cli, receiver):
    with Canary() as canary:
        port = canary.port
    webhook_id = values_of(cli.expect(0, "webhooks", "add", f"http://127.0.0.1:{port}/").stdout)["webhook"]
    values = values_of(cli.expect(1, "webhooks", "test", webhook_id).stdout)
    assert values["last one"].startswith("CONNECT_FAILED after ") and "answer" not in values


def test_a_test_that_nobody_answers(cli, receiver):
    receiver.plan("/silent", Reply(hangs=True))
    webhook_id, _ = add(cli, receiver, path="/silent")
    values = values_of(cli.expect(6, "webhooks", "test", webhook_id, "--wait", "0.2").stdout)
    assert values["status"] == "pending" and values["attempts"] == "0"


def test_a_disabled_one_is_sent_nothing(cli, client, receiver):
    webhook_id, _ = add(cli, receiver)
    values = values_of(cli.expect(0, "webhooks", "disable", webhook_id).stdout)
    assert values["status"] == "disabled" and values["disabled"].endswith(": On request.")
    for arguments in (["test"], ["recover", "--since", "2026-01-01T00:00:00Z"]):
        assert "409 WEBHOOK_DISABLED" in cli.expect(3, "webhooks", arguments[0], webhook_id, *arguments[1:]).stderr
    task_id = client.run("echo")["task_id"]
    (row,) = rows_of(cli.expect(0, "webhooks", "deliveries", webhook_id).stdout)
    assert (row["STATUS"], row["TASK"], row["ATTEMPTS"], row["LAST ONE"]) == ("exhausted", task_id, "0", "-")
    assert receiver.received() == []
    values = values_of(cli.expect(0, "webhooks", "enable", webhook_id).stdout)
    assert values["status"] == "enabled" and "disabled" not in values
    assert cli.expect(0, "webhooks", "recover", webhook_id, "--since", "2026-01-01T00:00:00Z").stdout == "1 to be sent again\n"
    (one,) = receiver.wait_for(1)
    assert one.id == row["DELIVERY"] and one.task_id == task_id
    later = cli.expect(0, "webhooks", "recover", webhook_id, "--since", "2099-01-01T00:00:00Z")
    assert later.stdout == "0 to be sent again\n"
    assert "#/since: " in cli.expect(3, "webhooks", "recover", webhook_id, "--since", "yesterday").stderr


def test_who_is_gone_is_disabled(cli, client, receiver):
    receiver.plan("/gone", 410)
    webhook_id, _ = add(cli, receiver, path="/gone")
    values = values_of(cli.expect(1, "webhooks", "test", webhook_id).stdout)
    assert values["status"] == "exhausted: gone" and values["attempts"] == "1"
    shown = values_of(cli.expect(0, "webhooks", "show", webhook_id).stdout)
    assert shown["status"] == "disabled" and "410" in shown["disabled"]


# ---- deliveries

def test_deliveries_in_a_table(cli, client, receiver):
    receiver.plan("/some", 204, 500, 500, 500, 204)
    webhook_id, _ = add(cli, receiver, path="/some")
    ids = []
    for number in range(3):
        ids.append(client.run("echo", number)["task_id"])
        wait_until(lambda: all(row["STATUS"] != "pending" for row in rows_of(cli.expect(0, "webhooks", "deliveries", webhook_id).stdout)),
                   "the end of the delivery")
    table = cli.expect(0, "webhooks", "deliveries", webhook_id).stdout
    assert table.split()[:8] == ["DELIVERY", "STATUS", "EVENT", "TASK", "ATTEMPTS", "LAST", "ONE", "CREATED"]
    rows = rows_of(table)
    assert [row["TASK"] for row in rows] == ids[::-1]
    assert [(row["STATUS"], row["ATTEMPTS"], row["LAST ONE"]) for row in rows] == [
        ("delivered", "1", "HTTP 204"), ("exhausted", "3", "BAD_STATUS, HTTP 500"), ("delivered", "1", "HTTP 204")]
    assert all(row["EVENT"] == "task.succeeded" for row in rows)
    (exhausted,) = rows_of(cli.expect(0, "webhooks", "deliveries", webhook_id, "--status", "exhausted").stdout)
    assert exhausted == rows[1]
    assert rows_of(cli.expect(0, "webhooks", "deliveries", "--task", ids[1]).stdout) == [rows[1]]
    assert "?status" in cli.expect(3, "webhooks", "deliveries", webhook_id, "--status", "lost").stderr
    first = cli.expect(0, "webhooks", "deliveries", webhook_id, "--limit", "2")
    assert rows_of(first.stdout) == rows[:2]
    token = re.search(r"--page-token (\S+)", first.stderr)[1]
    rest = cli.expect(0, "webhooks", "deliveries", webhook_id, "--limit", "2", "--page-token", token)
    assert rows_of(rest.stdout) == rows[2:] and rest.stderr == ""


def test_redeliver(cli, client, receiver):
    receiver.plan("/twice", 500, 500, 500, 204)
    webhook_id, secret = add(cli, receiver, path="/twice")
    client.run("echo")
    (row,) = wait_until(lambda: rows_of(cli.expect(0, "webhooks", "deliveries", webhook_id, "--status", "exhausted").stdout), "the end")
    values = values_of(cli.expect(0, "webhooks", "redeliver", row["DELIVERY"], "--wait", "20").stdout)
    assert (values["delivery"], values["status"], values["attempts"]) == (row["DELIVERY"], "delivered", "4")
    sent = receiver.received("/twice")
    assert len(sent) == 4 and len({one.id for one in sent}) == 1 and len({one.body for one in sent}) == 1
    check_signature(secret, sent[-1])
    values = values_of(cli.expect(0, "webhooks", "redeliver", row["DELIVERY"]).stdout)
    assert values["delivery"] == row["DELIVERY"]
    receiver.wait_for(5, "/twice")
    cli.expect(0, "webhooks", "remove", webhook_id)
    assert "409 WEBHOOK_REMOVED" in cli.expect(3, "webhooks", "redeliver", row["DELIVERY"]).stderr
