"""Finished tasks are removed when their time is over or the database is too big, and nothing of them is left."""

import json

from longhaul_server import running_server
from waiting import wait_until

KEEP_ALL = ["--retention-succeeded-seconds", "0", "--retention-failed-seconds", "0", "--retention-cancelled-seconds", "0",
            "--retention-timed-out-seconds", "0"]


def is_gone(client, task_id):
    return client.get(f"/task-status/{task_id}").status == 404


def until_gone(client, task_id, seconds=20):
    wait_until(lambda: is_gone(client, task_id), f"{task_id} to be gone", seconds)


def test_a_task_past_its_retention_is_unknown_everywhere():
    with running_server(arguments=["--retention-succeeded-seconds", "0.5"]) as server, server.client() as client:
        kept = client.start("sleep", {"seconds": 600})["task_id"]
        client.cancel(kept, wait=10).expect(200)
        gone = client.run("echo", 1, tags={"customer": "17"})["task_id"]
        until_gone(client, gone)
        client.get(f"/tasks/{gone}").expect(404, "TASK_NOT_FOUND")
        client.get(f"/tasks/{gone}/logs").expect(404, "TASK_NOT_FOUND")
        client.cancel(gone).expect(404, "TASK_NOT_FOUND")
        client.post(f"/tasks/{gone}/retry").expect(404, "TASK_NOT_FOUND")
        assert client.get("/tasks", query={"tag.customer": "17"}).json["tasks"] == []
        assert [task["task_id"] for task in client.get("/tasks").json["tasks"]] == [kept]
        counts = client.get("/stats").json["tasks"]
        assert (counts["succeeded"], counts["cancelled"]) == (0, 1)
        assert client.status(kept)["status"] == "cancelled"


def test_each_final_state_has_its_own_time():
    config = '[retention]\nsucceeded_seconds = 0\nfailed_seconds = 0.3\ncancelled_seconds = 0.3\ntimed_out_seconds = 0\n'
    with running_server(config=config, tasks={"fail": "sh -c 'exit 65'"}) as server, server.client() as client:
        stays = [client.run("echo")["task_id"], client.run("sleep", {"seconds": 600}, deadline_seconds=0.1)["task_id"]]
        goes = [client.run("fail")["task_id"], client.start("echo", delay_seconds=600)["task_id"]]
        client.cancel(goes[1]).expect(200)
        for task_id in goes:
            until_gone(client, task_id)
        assert [client.status(task_id)["status"] for task_id in stays] == ["succeeded", "timed_out"]


def test_a_key_outlives_its_task():
    with running_server(arguments=["--retention-succeeded-seconds", "0.3"]) as server, server.client() as client:
        body = json.dumps({"type": "echo", "payload": 1})
        first = client.post("/start-task", body=body, headers={"Idempotency-Key": "k"}).expect(202).json["task_id"]
        client.finished(first)
        until_gone(client, first)
        for _ in range(2):
            client.post("/start-task", body=body, headers={"Idempotency-Key": "k"}).expect(410, "TASK_GONE")
            client.close()
            server.restart(kill=True)
        assert client.get("/tasks").json["tasks"] == []


def test_what_came_to_be_over_while_no_server_ran_is_removed_at_the_start():
    with running_server(arguments=KEEP_ALL) as server:
        with server.client() as client:
            ids = [client.run("echo", number)["task_id"] for number in range(20)]
        server.stop()
        server.arguments = ["--retention-succeeded-seconds", "0.001"]
        server.start()
        with server.client() as client:
            for task_id in ids:
                until_gone(client, task_id)


def test_a_database_over_its_size_loses_what_ended_first():
    most = 8 * 1024 * 1024
    with running_server(arguments=[*KEEP_ALL, "--retention-max-bytes", str(most)]) as server, server.client() as client:
        ids = [client.run("echo", "x" * 400_000)["task_id"] for _ in range(40)]  # twice in the database: payload, result
        until_gone(client, ids[0])

        def is_small():
            return (server.folder / "longhaul.db").stat().st_size <= most and is_gone(client, ids[20])

        wait_until(is_small, lambda: f"{(server.folder / 'longhaul.db').stat().st_size} bytes to become less")
        assert client.status(ids[-1])["status"] == "succeeded"
        known = [not is_gone(client, task_id) for task_id in ids]
        assert known == sorted(known), "what ended first goes first"


def test_starts_go_on_while_many_are_removed():
    with running_server(arguments=KEEP_ALL) as server:
        with server.client() as client:
            ids = []
            for _ in range(1500):
                ids.append(client.start("echo", 1)["task_id"])
            client.finished(ids[-1])
            wait_until(lambda: client.get("/stats").json["tasks"]["succeeded"] == len(ids), "all to be done")
        server.stop()
        server.arguments = ["--retention-succeeded-seconds", "0.001", "--retention-cancelled-seconds", "0"]
        server.start()
        with server.client() as client:
            started = []
            while client.get("/stats").json["tasks"]["succeeded"] > 0:
                started.append(client.start("echo", delay_seconds=3600)["task_id"])
            until_gone(client, ids[-1])
            for task_id in started:
                client.cancel(task_id).expect(200)
            assert client.get("/stats").json["tasks"]["cancelled"] == len(started)
