"""GET /tasks: filters and pages."""

import urllib.parse

import pytest

from longhaul_server import running_server


@pytest.fixture(scope="module")
def tasks(server):
    """Twelve tasks, oldest first: alternating types, three queues, tags; the first four done, two cancelled."""
    made = []
    with server.client() as client:
        for i in range(12):
            fields = {"queue": f"q{i % 3}", "tags": {"n": str(i), "parity": "odd" if i % 2 else "even"}}
            if i >= 4:
                fields["delay_seconds"] = 3600
            made.append(client.start("sleep" if i % 2 else "echo", {"seconds": 0}, **fields)["task_id"])
        for task_id in made[:4]:
            client.finished(task_id)
        for task_id in made[4:6]:
            client.cancel(task_id).expect(200)
    return made


def ids(answer):
    return [task["task_id"] for task in answer.expect(200).json["tasks"]]


def listed(client, **query):
    return ids(client.get("/tasks", query=query))


def test_newest_first(client, tasks):
    answer = client.get("/tasks")
    assert ids(answer) == tasks[::-1] and answer.json["next_page_token"] == ""
    assert all(task["waiting_for"] is None for task in answer.json["tasks"])


def test_filters(client, tasks):
    assert listed(client, status="succeeded") == tasks[3::-1]
    assert listed(client, status="cancelled") == [tasks[5], tasks[4]]
    assert listed(client, status="running") == []
    assert listed(client, type="echo") == tasks[10::-2]
    assert listed(client, queue="q1") == [tasks[i] for i in (10, 7, 4, 1)]
    assert listed(client, **{"tag.parity": "odd", "tag.n": "7"}) == [tasks[7]]
    assert listed(client, **{"tag.parity": "odd", "tag.n": "6"}) == []
    assert listed(client, status="scheduled", type="sleep", queue="q1", **{"tag.parity": "odd"}) == [tasks[7]]
    assert listed(client, type="never.seen") == []


def test_times_are_exclusive(client, tasks):
    created = client.status(tasks[6])["created_at"]
    after = listed(client, created_after=created)
    before = listed(client, created_before=created)
    assert tasks[6] not in after and tasks[6] not in before
    assert set(after) <= set(tasks[6:]) and set(before) <= set(tasks[:7])
    # Tasks of the same millisecond are in neither.
    same = [task for task in tasks if client.status(task)["created_at"] == created]
    assert sorted(after + before + same) == sorted(tasks)
    assert listed(client, created_after="2999-01-01T00:00:00Z") == []


def test_pages(client, tasks):
    for size in (1, 5, 12, 500):
        seen, token = [], ""
        while True:
            answer = client.get("/tasks", query={"page_size": size, "page_token": token})
            page = ids(answer)
            assert len(page) <= size
            seen += page
            token = answer.json["next_page_token"]
            if not token:
                break
        assert seen == tasks[::-1], size


def test_a_page_is_not_moved_by_new_tasks(client, tasks):
    first = client.get("/tasks", query={"page_size": 6})
    newer = client.start("echo", delay_seconds=3600)["task_id"]
    second = client.get("/tasks", query={"page_size": 100, "page_token": first.json["next_page_token"]})
    assert ids(first) + ids(second) == tasks[::-1]
    assert newer in listed(client)
    client.cancel(newer).expect(200)


def test_a_token_belongs_to_its_filter(client, tasks):
    token = client.get("/tasks", query={"page_size": 2, "type": "echo"}).json["next_page_token"]
    assert token
    assert client.get("/tasks", query={"type": "echo", "page_token": token}).status == 200
    for query in ({}, {"type": "sleep"}, {"type": "echo", "queue": "q0"}):
        answer = client.get("/tasks", query={**query, "page_token": token}).expect(422, "VALIDATION_FAILED")
        assert answer.pointers == ["?page_token"]
    client.get("/tasks", query={"page_token": "nonsense"}).expect(422)


@pytest.mark.parametrize("query, pointer", [
    ("status=done", "?status"), ("status=", "?status"), ("type=a%20b", "?type"), ("queue=%2F", "?queue"),
    ("created_after=yesterday", "?created_after"), ("created_before=5", "?created_before"), ("page_size=-1", "?page_size"),
    ("page_size=x", "?page_size"), ("tag.=x", "?tag."), ("tag.a=%00", "?tag.a"), ("type=echo&type=echo", "?type"), ("x=1", "?x"),
    ("wait=1", "?wait"),
])
def test_wrong_parameters(client, query, pointer):
    assert client.get(f"/tasks?{query}").expect(422, "VALIDATION_FAILED").pointers == [pointer]


def test_every_fault_is_told(client):
    pointers = client.get("/tasks?status=x&page_size=x&y=1").expect(422).pointers
    assert sorted(pointers) == ["?page_size", "?status", "?y"]


def test_page_sizes():
    with running_server() as server, server.client() as client:
        for _ in range(520):
            client.start("echo", delay_seconds=3600)
        assert len(listed(client)) == len(listed(client, page_size=0)) == 50
        assert len(listed(client, page_size=500)) == len(listed(client, page_size=100000)) == 500
        query = urllib.parse.urlencode({"page_size": "99999999999999999999999"})
        assert len(ids(client.get(f"/tasks?{query}"))) == 500


def test_pages_end_early_when_results_are_large():
    with running_server() as server, server.client() as client:
        ids = [client.run("echo", "x" * 1_000_000)["task_id"] for _ in range(7)]
        first = client.get("/tasks", query={"page_size": 7}).expect(200).json
        assert 4 <= len(first["tasks"]) < 7 and first["next_page_token"]
        rest = client.get("/tasks", query={"page_size": 7, "page_token": first["next_page_token"]}).expect(200).json
        assert [task["task_id"] for task in first["tasks"] + rest["tasks"]] == ids[::-1] and not rest["next_page_token"]
