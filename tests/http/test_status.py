"""GET /task-status/{id}, GET /tasks/{id}."""

import pytest

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
MALFORMED = ["1", UNKNOWN.upper(), UNKNOWN[:-1], UNKNOWN + "0", UNKNOWN.replace("-774b", "-474b"), UNKNOWN.replace("-", ""),
             "a%2Fb", "..", "null"]


def test_a_finished_task(client):
    task = client.run("echo", {"x": 1})
    answer = client.get(f"/task-status/{task['task_id']}").expect(200)
    assert answer.json == task and task["status"] == "succeeded" and task["result"] == {"x": 1}
    assert task["attempt"] == 1 and task["error"] is None and task["waiting_for"] is None
    assert task["created_at"] <= task["started_at"] <= task["finished_at"]
    assert answer.header("Cache-Control") == "private, no-cache" and answer.header("Retry-After") is None
    assert "Accept" in answer.header("Vary")


def test_an_open_task_says_when_to_ask_again(client):
    task = client.start("sleep", {"seconds": 600})
    assert client.get(f"/task-status/{task['task_id']}").header("Retry-After") == "1"
    client.cancel(task["task_id"], wait=10).expect(200)


def test_etag(client):
    task_id = client.start("echo", delay_seconds=600)["task_id"]
    path = f"/task-status/{task_id}"
    first = client.get(path).expect(200)
    etag = first.header("ETag")
    assert etag == f'"{first.json["revision"]}"'
    for value in (etag, f"W/{etag}", f'"x", {etag}', f'"999",W/{etag} , "y"', "*"):
        same = client.get(path, headers={"If-None-Match": value}).expect(304)
        assert same.header("ETag") == etag and same.header("Retry-After") == "1" and not same.body
    for value in ('"999"', etag.strip('"'), '"x"', "W/"):
        client.get(path, headers={"If-None-Match": value}).expect(200)
    client.cancel(task_id).expect(200)
    changed = client.get(path, headers={"If-None-Match": etag}).expect(200)
    assert changed.json["revision"] > first.json["revision"]
    client.get(path, headers={"If-None-Match": changed.header("ETag")}).expect(304)


@pytest.mark.parametrize("path", ["/task-status/{}", "/tasks/{}", "/tasks/{}/logs"])
def test_unknown_and_malformed_ids(client, path):
    client.get(path.format(UNKNOWN)).expect(404, "TASK_NOT_FOUND")
    for malformed in MALFORMED:
        if "/logs" not in path or "%2F" not in malformed:
            assert client.get(path.format(malformed)).status == 404


def test_unknown_and_malformed_ids_of_changes(client):
    for task_id in [UNKNOWN, *MALFORMED]:
        assert client.delete(f"/tasks/{task_id}").status == 404
        assert client.post(f"/tasks/{task_id}/retry").status == 404


def test_unknown_parameters(client):
    task_id = client.run("echo")["task_id"]
    assert client.get(f"/task-status/{task_id}?revisions=1&x=2").expect(422).pointers == ["?revisions", "?x"]
    assert client.get(f"/tasks/{task_id}?wait=1").expect(422).pointers == ["?wait"]


def test_head(client):
    task_id = client.run("echo", "x" * 100)["task_id"]
    full = client.get(f"/task-status/{task_id}")
    head = client.request("HEAD", f"/task-status/{task_id}").expect(200)
    assert not head.body and head.header("Content-Length") == str(len(full.body))
    assert head.header("ETag") == full.header("ETag")
    assert client.request("HEAD", f"/task-status/{UNKNOWN}").status == 404


def test_history(client):
    detail = client.detail(client.run("echo", [1])["task_id"])
    assert detail["payload"] == [1] and len(detail["attempts"]) == 1
    attempt = detail["attempts"][0]
    assert attempt["outcome"] == "succeeded" and attempt["finished_at"] >= attempt["started_at"]
    assert attempt["worker"] and attempt["exit_code"] is None


def test_a_task_that_is_no_longer_in_memory(server, client):
    """A status comes from disk when it is not among the recent ones."""
    task = client.run("echo", "kept")
    server.restart()
    with server.client() as again:
        assert again.status(task["task_id"]) == task
        answer = again.get(f"/task-status/{task['task_id']}", headers={"If-None-Match": f'"{task["revision"]}"'})
        answer.expect(304)
