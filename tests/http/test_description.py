"""/openapi.json, /task-types, /stats and the probes."""

import pathlib

import pytest

from longhaul_server import running_server

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_description_is_the_file(client):
    assert client.get("/openapi.json").expect(200).body == (ROOT / "api" / "openapi.json").read_bytes()


def test_probes(client):
    for path in ("/livez", "/readyz"):
        assert client.get(path).expect(200).json == {"status": "ok"}
        assert client.get(path + "?x=1").expect(422).pointers == ["?x"]


def test_task_types():
    config = """
    [tasks.wordcount]
    command = ["wc", "-w"]
    concurrency = 4
    timeout_seconds = 1.5
    grace_seconds = 0.25
    max_attempts = 7
    [tasks.endless]
    command = ["true"]
    timeout_seconds = 0
    """
    with running_server(config=config, tasks={"quick": "true"}) as server, server.client() as client:
        types = {entry["name"]: entry for entry in client.get("/task-types").expect(200).json["task_types"]}
        assert set(types) == {"echo", "sleep", "wordcount", "endless", "quick"}
        assert types["wordcount"] == {"name": "wordcount", "kind": "command", "concurrency": 4, "running": 0, "max_attempts": 7,
                                      "timeout_seconds": 1.5, "grace_seconds": 0.25, "served_by": "processes"}
        assert types["endless"]["timeout_seconds"] is None and types["quick"]["concurrency"] is None
        assert (types["echo"]["kind"], types["echo"]["served_by"]) == ("builtin", "threads")


def test_stats():
    with running_server() as server, server.client() as client:
        stats = client.get("/stats").expect(200).json
        assert set(stats["tasks"].values()) == {0} and stats["queues"] == {} and stats["workers"] == {"running": 0}
        assert stats["connections"] == 1 and stats["uptime_seconds"] > 0 and stats["version"]
        client.run("echo")
        client.run("sleep", "wrong")
        scheduled = client.start("echo", queue="later", delay_seconds=600)["task_id"]
        running = client.start("sleep", {"seconds": 600})["task_id"]
        client.until(running, "running")
        stats = client.get("/stats").json
        assert stats["tasks"]["succeeded"] == stats["tasks"]["failed"] == stats["tasks"]["scheduled"] == 1
        assert stats["queues"]["later"]["scheduled"] == 1 and stats["queues"]["default"]["running"] == 1
        assert stats["workers"] == {"running": 1}
        client.cancel(scheduled).expect(200)
        client.cancel(running, wait=20).expect(200)
        after = client.get("/stats").json
        assert after["tasks"]["cancelled"] == 2 and after["queues"] == {}
        server.restart()
        with server.client() as again:
            assert again.get("/stats").json["tasks"] == after["tasks"]


def test_stats_stay_short_however_many_queues_there_are():
    with running_server() as server, server.client() as client:
        for number in range(110):
            client.start("echo", queue=f"q{number}", delay_seconds=600)
        stats = client.get("/stats").expect(200).json
        assert len(stats["queues"]) == 100 and stats["other_queues"]["scheduled"] == 10
        assert stats["tasks"]["scheduled"] == 110


@pytest.mark.parametrize("path", ["/stats", "/task-types", "/openapi.json"])
def test_unknown_parameters(client, path):
    assert client.get(path + "?pretty").expect(422).pointers == ["?pretty"]
