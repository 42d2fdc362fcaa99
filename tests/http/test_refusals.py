"""What is no request, or one for nobody: paths, methods, framing, limits."""

import pytest

from raw_http import get_bytes, post_bytes

PATHS_OF_LATER = ["/start-tasks", "/task-status", "/events", "/ws", "/tasks/cancel/now", "/queues", "/webhooks", "/leases", "/workers",
                  "/metrics", "/docs", "/schedules", "/"]


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


@pytest.mark.parametrize("target", ["/tasks/%00", "/tasks?type=%FF", "/tasks?x=%", "/tasks?x=%zz", "/tasks?tag.%c0%80=1"])
def test_targets_that_are_no_text(client, target):
    client.get(target).expect(400, "MALFORMED_REQUEST")


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
