"""GET /task-status?ids=: many at once."""

import pytest

from longhaul_server import running_server

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


def statuses(client, *ids):
    return client.get("/task-status?ids=" + ",".join(ids)).expect(200).json


def test_in_the_order_asked_for(client):
    ids = [client.run("echo", number)["task_id"] for number in range(5)]
    ids = [ids[3], ids[0], ids[4], ids[1], ids[2]]
    answer = statuses(client, *ids)
    assert [task["task_id"] for task in answer["tasks"]] == ids and answer["unknown"] == []
    assert answer["tasks"] == [client.status(task_id) for task_id in ids]


def test_what_is_waited_for_is_told(client):
    task = client.start("echo", delay_seconds=600)
    assert statuses(client, task["task_id"])["tasks"][0]["waiting_for"]["reason"] == "not_due"


def test_twice_counts_once(client):
    task_id = client.run("echo")["task_id"]
    answer = statuses(client, task_id, UNKNOWN, task_id, "x", UNKNOWN, "x")
    assert [task["task_id"] for task in answer["tasks"]] == [task_id] and answer["unknown"] == [UNKNOWN, "x"]


def test_what_is_no_id_is_unknown(client):
    strange = ["x", "", UNKNOWN.upper(), UNKNOWN + "0", "%C3%BC", "%22%5C"]
    assert statuses(client, "a", *strange)["unknown"] == ["a", "x", "", UNKNOWN.upper(), UNKNOWN + "0", "\u00fc", '"\\']
    assert statuses(client, UNKNOWN) == {"tasks": [], "unknown": [UNKNOWN]}


def test_how_many(client):
    task_id = client.run("echo")["task_id"]
    ids = [f"{UNKNOWN[:-3]}{number:03x}" for number in range(100)]
    assert len(statuses(client, *ids)["unknown"]) == 100
    assert client.get("/task-status?ids=" + ",".join([*ids, task_id])).expect(422).pointers == ["?ids"]
    assert client.get("/task-status?ids=" + ",".join(["x"] * 101)).expect(422).pointers == ["?ids"]


@pytest.mark.parametrize("query", ["", "?ids=", "?ids=a&ids=b"])
def test_what_cannot_be_asked(client, query):
    assert client.get("/task-status" + query).expect(422).pointers == ["?ids"]


def test_other_parameters_and_methods(client):
    assert client.get("/task-status?ids=a&wait=1").expect(422).pointers == ["?wait"]
    client.post("/task-status", {}).expect(405)
    assert client.request("HEAD", f"/task-status?ids={UNKNOWN}").expect(200).body == b""


def test_those_read_from_disk(client, server):
    big = "x" * 100_000  # not kept in memory
    ids = [client.run("echo", big)["task_id"], client.run("echo", 1)["task_id"]]
    server.restart()
    with server.client() as later:
        answer = later.get("/task-status?ids=" + ",".join([*ids, UNKNOWN])).expect(200).json
    assert [task["result"] for task in answer["tasks"]] == [big, 1] and answer["unknown"] == [UNKNOWN]


def test_results_together_are_bounded():
    with running_server() as server, server.client() as client:
        ids = [client.run("echo", "x" * 900_000)["task_id"] for _ in range(6)]
        answer = client.get("/task-status?ids=" + ",".join(ids)).expect(200)
        assert len(answer.body) < 4_300_000
        left_out = [task.get("result_omitted", False) for task in answer.json["tasks"]]
        assert left_out == [False] * 4 + [True] * 2
        assert all(task["result"] is None for task in answer.json["tasks"][4:])
