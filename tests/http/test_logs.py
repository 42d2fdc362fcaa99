"""GET /tasks/{id}/logs and progress."""

import pytest

from longhaul_server import running_server
from waiting import wait_until

CONFIG = """
[tasks.talk]
command = ["/bin/sh", "-c", "echo one >&2; echo two >&2; printf three >&2"]
[tasks.flood]
command = ["/bin/sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done"]
max_log_bytes = 1000000
[tasks.cut]
command = ["/bin/sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; echo done"]
max_log_bytes = 5000
[tasks.twice]
command = ["/bin/sh", "-c", "echo attempt $LONGHAUL_ATTEMPT >&2; exit 1"]
max_attempts = 2
retry_base_seconds = 0.01
retry_cap_seconds = 0.01
[tasks.bytes]
command = ["/bin/sh", "-c", "printf 'a\\\\377b\\\\n' >&2"]
[tasks.progress]
command = ["/bin/sh", "-c", "echo '{\\"percent\\": 40, \\"message\\": \\"half-way\\"}' >&3; echo no progress >&3; exec sleep 600"]
"""


@pytest.fixture(scope="module")
def server():
    with running_server(config=CONFIG) as running:
        yield running


def page(client, task_id, **query):
    return client.get(f"/tasks/{task_id}/logs", query=query).expect(200).json


def test_lines_in_order(client):
    task_id = client.run("talk")["task_id"]
    lines = page(client, task_id)["lines"]
    assert [(line["n"], line["stream"], line["text"]) for line in lines] == [
        (1, "stderr", "one"), (2, "stderr", "two"), (3, "stderr", "three")]
    assert [line["n"] for line in page(client, task_id, after=1)["lines"]] == [2, 3]
    assert page(client, task_id, after=3) == {"lines": [], "truncated": False}
    assert page(client, task_id, after=2 ** 62)["lines"] == []


def test_pages(client):
    task_id = client.run("flood")["task_id"]
    first = page(client, task_id)
    assert len(first["lines"]) == 1000 and first["truncated"] is False
    assert client.log_texts(task_id) == [f"line {i}" for i in range(3000)]


def test_a_cut_log_says_so(client):
    task = client.run("cut")
    assert task["status"] == "succeeded"
    logs = page(client, task["task_id"])
    assert logs["truncated"] is True
    assert sum(len(line["text"]) for line in logs["lines"] if line["stream"] == "stderr") <= 5000
    assert logs["lines"][0]["text"] == "line 0"


def test_numbers_go_on_over_attempts(client):
    task_id = client.run("twice")["task_id"]
    lines = [line for line in page(client, task_id)["lines"] if line["stream"] == "stderr"]
    assert [line["text"] for line in lines] == ["attempt 1", "attempt 2"]
    numbers = [line["n"] for line in page(client, task_id)["lines"]]
    assert numbers == sorted(set(numbers))


def test_bytes_that_are_no_text(client):
    assert client.log_texts(client.run("bytes")["task_id"]) == ["a\ufffdb"]


def test_progress(client):
    task_id = client.start("progress")["task_id"]
    progress = wait_until(lambda: client.status(task_id)["progress"], "the progress")
    assert (progress["percent"], progress["message"]) == (40, "half-way")
    wait_until(lambda: "no progress" in client.log_texts(task_id), "the other line in the log")
    client.cancel(task_id, wait=20).expect(200)


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=", "after=1.5", "after=1&after=2", "after=99999999999999999999",
                                   "before=1"])
def test_wrong_parameters(client, query):
    task_id = client.run("echo")["task_id"]
    assert client.get(f"/tasks/{task_id}/logs?{query}").expect(422).pointers == ["?" + query.split("=")[0]]
