"""What is no request, or one for nobody: paths, methods, framing, limits."""

import pytest

from raw_http import get_bytes, post_bytes

PATHS_OF_LATER = ["/start-tasks", "/event", "/ws/x", "/tasks/cancel/now", "/queues", "/webhook", "/leases", "/workers",
                  "/docs", "/schedules", "/"]


@pytest.mark.parametrize("path", PATHS_OF_LATER)
def test_unknown_paths(client, path):
    for method in ("GET", "POST", "DELETE", "PUT"):
        client.request(method, path).expect(404, "NOT_FOUND")


def test_paths_are_exact(client):
    for path in ("/stats/", "//stats", "/Stats", "/stats/x", "/tasks/", "/task-status/", "/stats%2f"):
        assert client.get(path).status == 404
    client.get("/st%61ts").expect(200)


@pytest.mark.parametrize("method, path", [("GET", "/start-task"), ("PUT", "/start-task"), ("DELETE", "/tasks"), ("POST", "/tasks"),
                                          ("PATCH", "/tasks/x"), ("POST", "/stats"), ("DELETE", "/task-status/x"),
                                          ("GET", "/tasks/x/retry"), ("POST", "/livez"), ("DELETE", "/openapi.json")])
def test_wrong_methods(client, method, path):
    client.request(method, path).expect(405, "METHOD_NOT_ALLOWED")  # the client holds Allow against the description


@pytest.mark.parametrize("target", ["/tasks?type=%FF", "/tasks?x=%", "/tasks?x=%zz", "/tasks?tag.%c0%80=1"])
def test_queries_that_are_no_text(server, target):
    with server.raw() as connection:
        for _ in range(2):  # where the request ends is certain: the connection is kept
            answer = connection.exchange(get_bytes(target), target=target)
            assert answer.status == 400 and answer.header("Connection") is None
        refused = connection.exchange(post_bytes("/start-task?x=%zz", '{"type":"echo"}'), "POST", "/start-task?x=%zz")
        assert refused.status == 400
        assert connection.exchange(get_bytes("/livez"), target="/livez").status == 200


@pytest.mark.parametrize("broken", ["%00", "%01", "%ff", "%c0%80", "%zz", "%", "%4", "%u0041"])
def test_paths_that_are_no_text(server, client, broken):
    task_id = client.run("echo")["task_id"]
    with server.raw() as connection:
        for target, code in ((f"/task-status/{task_id}{broken}", "TASK_NOT_FOUND"), (f"/tasks/{broken}{task_id}", "TASK_NOT_FOUND"),
                             (f"/tasks/{task_id}{broken}/logs", "TASK_NOT_FOUND"), (f"/stats{broken}", "NOT_FOUND"),
                             (f"/{broken}/stats", "NOT_FOUND")):
            answer = connection.exchange(get_bytes(target), target=target)
            assert answer.status == 404 and f'"{code}"'.encode() in answer.body, target
        assert connection.exchange(get_bytes("/livez"), target="/livez").status == 200


@pytest.mark.parametrize("path", ["/tasks/cancel", "/tasks/retry"])
def test_calls_of_later_below_tasks(client, path):
    for method in ("POST", "PUT", "PATCH"):
        client.request(method, path).expect(404, "NOT_FOUND")
    client.post(path, {"filter": {"status": "failed"}}).expect(404, "NOT_FOUND")
    for method in ("GET", "DELETE"):
        client.request(method, path).expect(404, "TASK_NOT_FOUND")


@pytest.mark.parametrize("method, path", [("DELETE", "/tasks/{id}"), ("GET", "/tasks/{id}"), ("GET", "/task-status/{id}"), ("GET", "/tasks"),
                                          ("GET", "/tasks/{id}/logs"), ("GET", "/stats"), ("HEAD", "/stats"), ("GET", "/livez"),
                                          ("GET", "/openapi.json")])
def test_a_body_where_none_is_taken(client, method, path):
    task_id = client.start("echo", delay_seconds=600)["task_id"]
    for body in ('{"reason": "enough"}', "{", "null"):
        refused = client.request(method, path.format(id=task_id), body=body).expect(422)
        assert method == "HEAD" or refused.pointers == ["#"]
        assert ("?reason=" in refused.text) == (method == "DELETE")
    client.request(method, path.format(id=task_id), body="x", headers={"Content-Type": "text/plain"}).expect(422)
    assert client.status(task_id)["status"] == "scheduled"
    client.request(method, path.format(id=task_id), body="").expect(200)
    client.cancel(task_id).expect(200)


def test_an_encoded_body(client):
    for coding in ("gzip", "GZIP", "br", "identity, gzip"):
        refused = client.post("/start-task", {"type": "echo"}, headers={"Content-Encoding": coding})
        refused.expect(415, "UNSUPPORTED_MEDIA_TYPE")
        assert coding in refused.json["detail"] and refused.header("Accept-Encoding") == "identity"
    for coding in ("identity", "Identity"):
        client.post("/start-task", {"type": "echo"}, headers={"Content-Encoding": coding}).expect(202)


def test_more_faults_than_are_listed(client):
    fields = {f"field_{i}": i for i in range(150)}
    for headers, count in (({}, 151), ({"Idempotency-Key": "x" * 300}, 152)):
        refused = client.post("/start-task", fields, headers=headers).expect(422, "VALIDATION_FAILED").json
        assert refused["detail"] == f"{count} faults; the first 100 are listed." and len(refused["errors"]) == 100
    assert client.post("/start-task", {"a": 1}).expect(422).json["detail"] == "2 faults; all are listed."


def test_refusals_keep_the_connection(server):
    with server.raw() as connection:
        assert connection.exchange(get_bytes("/nowhere"), target="/nowhere").status == 404
        assert connection.exchange(get_bytes("/start-task"), target="/start-task").status == 405
        assert connection.exchange(post_bytes("/start-task", "{"), "POST", "/start-task").status == 400
        assert connection.exchange(post_bytes("/start-task", "{}"), "POST", "/start-task").status == 422
        assert connection.exchange(get_bytes("/stats", host="evil.com"), target="/stats").status == 421
        assert connection.exchange(post_bytes("/start-task", "{}", "Origin: http://evil.com"), "POST", "/start-task").status == 403
        assert connection.exchange(get_bytes("/livez"), target="/livez").status == 200


def test_pipelined_requests_are_answered_in_order(server):
    with server.raw() as connection:
        connection.send(get_bytes("/livez") + get_bytes("/nowhere") + post_bytes("/start-task", '{"type":"echo"}').decode()
                        + get_bytes("/stats"))
        assert connection.read(target="/livez").status == 200
        assert connection.read(target="/nowhere").status == 404
        assert connection.read("POST", "/start-task").status == 202
        assert connection.read(target="/stats").status == 200


def test_chunked_and_expected_bodies(server):
    body = '{"type":"echo","payload":"x"}'
    chunks = "".join(f"{len(part):x}\r\n{part}\r\n" for part in (body[:5], body[5:])) + "0\r\n\r\n"
    head = "POST /start-task HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with server.raw() as connection:
        answer = connection.exchange(head + "Transfer-Encoding: chunked\r\n\r\n" + chunks, "POST", "/start-task")
        assert answer.status == 202
        connection.send(head + f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n")
        assert connection.read_head()[0] == 100
        assert connection.exchange(body, "POST", "/start-task").status == 202


@pytest.mark.parametrize("status, request_bytes", [
    (400, "nonsense\r\n\r\n"),
    (400, "GET /livez HTTP/1.1\r\n\r\n"),
    (400, "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    (400, "GET /livez HTTP/1.1\r\nHost : a\r\n\r\n"),
    (400, "GET /livez HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"),
    (400, "POST /start-task HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    (400, "POST /start-task HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n"),
    (400, "POST /start-task HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (501, "POST /start-task HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n\r\n"),
    (505, "GET /livez HTTP/2.0\r\nHost: 127.0.0.1\r\n\r\n"),
    (417, "POST /start-task HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nExpect: magic\r\n\r\n{}"),
    (414, "GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    (431, "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + "a" * 17000 + "\r\n\r\n"),
    (431, "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "X: 1\r\n" * 101 + "\r\n"),
])
def test_refused_by_the_framing(server, status, request_bytes):
    method, target = ("POST", "/start-task") if request_bytes.startswith("POST") else ("GET", "/livez")
    with server.raw() as connection:
        answer = connection.exchange(request_bytes, method, target)
        assert answer.status == status
        assert answer.header("Connection") == "close" and connection.is_closed()


def test_too_large_a_body_is_refused_before_it_comes(server):
    with server.raw() as connection:
        head = "POST /start-task HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n"
        assert connection.exchange(head, "POST", "/start-task").status == 413


def test_the_request_id(client):
    own = client.get("/livez", headers={"X-Request-Id": "mine-1"})
    assert own.header("X-Request-Id") == "mine-1"
    refused = client.get("/nowhere", headers={"X-Request-Id": "mine-2"})
    assert refused.json["request_id"] == "mine-2" == refused.header("X-Request-Id")
    for strange in ("x" * 129, "ü"):
        assert client.get("/livez", headers={"X-Request-Id": strange}).header("X-Request-Id") != strange
    made = [client.get("/livez").header("X-Request-Id") for _ in range(3)]
    assert len(set(made)) == 3
