"""Keys, the Host header, origins."""

import pathlib

import pytest

from longhaul_server import running_server

KEY = "s3cret-key/with+signs=="
APP = "https://app.example.com"


@pytest.fixture(scope="module")
def server():
    config = f"""
    [server]
    allowed_hosts = ["Queue.Internal", "[fd00::1]"]
    allowed_origins = ["{APP}"]
    """
    with running_server(config=config) as running:
        yield running


@pytest.fixture(scope="module")
def locked():
    config = f"""
    [server]
    allowed_origins = ["{APP}"]
    """
    with running_server(key=KEY, config=config) as running:
        yield running


# ---- Host

@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.8.9.10:1", "[::1]", "[::1]:9999",
                                  "api.localhost:3", "queue.internal", "QUEUE.internal:77", "[fd00::1]:8080"])
def test_hosts_that_are_served(server, host):
    with server.client(host=host) as client:
        client.get("/stats").expect(200)


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1.example.com", "localhost.example.com", "queue.internal.example.com",
                                  "0.0.0.0", "10.0.0.1", "[fd00::2]", "notlocalhost", "example.com:80"])
def test_hosts_that_are_not(server, host):
    with server.client(host=host) as client:
        for method, path in (("GET", "/stats"), ("GET", "/livez"), ("POST", "/start-task"), ("GET", "/nowhere")):
            answer = client.request(method, path).expect(421, "MISDIRECTED_REQUEST")
        assert "server.allowed_hosts" in answer.json["detail"]


def test_with_a_key_any_host_will_do(locked):
    with locked.client(host="anything.example.com") as client:
        client.get("/stats").expect(200)


# ---- keys

def test_probes_need_no_key(locked):
    with locked.client(key=None) as client:
        client.get("/livez").expect(200)
        client.get("/readyz").expect(200)


@pytest.mark.parametrize("method, path", [("GET", "/stats"), ("GET", "/tasks"), ("POST", "/start-task"), ("GET", "/openapi.json"),
                                          ("GET", "/task-types"), ("GET", "/nowhere"), ("GET", "/livez/")])
def test_all_else_does(locked, method, path):
    with locked.client(key=None) as client:
        answer = client.request(method, path).expect(401, "UNAUTHORIZED")
        assert answer.header("WWW-Authenticate") == 'Bearer realm="longhaul"'


@pytest.mark.parametrize("value", ["Bearer wrong", "Bearer", "Bearer ", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Basic {KEY}",
                                   KEY, f"Bearer{KEY}", f"Token {KEY}"])
def test_wrong_keys(locked, value):
    with locked.client(key=None) as client:
        answer = client.get("/stats", headers={"Authorization": value}).expect(401, "UNAUTHORIZED")
        sent_one = value.startswith("Bearer ") and value != "Bearer "
        assert ("invalid_token" in answer.header("WWW-Authenticate")) == sent_one
        assert KEY not in answer.text


@pytest.mark.parametrize("value", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER   {KEY}"])
def test_the_key(locked, value):
    with locked.client(key=None) as client:
        client.get("/stats", headers={"Authorization": value}).expect(200)


def test_two_keys_are_none(locked):
    with locked.raw() as connection:
        head = f"GET /stats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nAuthorization: Bearer no\r\n\r\n"
        assert connection.exchange(head, target="/stats").status == 401


def test_the_key_is_not_in_the_log(locked):
    with locked.client(key="wrong" * 5) as client:
        client.get("/stats").expect(401)
    assert KEY not in locked.log() and "wrongwrong" not in locked.log()


def test_the_key_is_in_no_environment_that_a_program_could_read(locked):
    processes = [locked.pid, *locked.descendants()]
    assert len(processes) >= 2, "the server and its spawner"
    for pid in processes:
        assert KEY.encode() not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()


# ---- origins

def own(server):
    return f"http://127.0.0.1:{server.port}"


def test_its_own_origin_and_the_allowed_ones(server):
    with server.client() as client:
        for origin in (own(server), APP):
            answer = client.get("/stats", headers={"Origin": origin}).expect(200)
            assert answer.header("Access-Control-Allow-Origin") == origin
            assert "Origin" in answer.header("Vary")
            exposed = answer.header("Access-Control-Expose-Headers").lower()
            assert all(name in exposed for name in ("location", "retry-after", "etag", "x-request-id", "idempotent-replayed",
                                                   "age", "preference-applied"))
            # Refusals too, or the page could not read why.
            refused = client.get("/task-status/x", headers={"Origin": origin}).expect(404)
            assert refused.header("Access-Control-Allow-Origin") == origin
        assert client.get("/stats").header("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "http://app.example.com", APP + ":444", APP + ".evil.com",
                                    "http://127.0.0.1", "http://localhost:{port}", "https://127.0.0.1:{port}", "", "*",
                                    "http://127.0.0.1:{port}/", "http://127.0.0.1:{port}@evil.com"])
def test_other_origins(server, origin):
    with server.client() as client:
        origin = origin.replace("{port}", str(server.port))
        for method, path in (("GET", "/stats"), ("POST", "/start-task"), ("OPTIONS", "/start-task"), ("GET", "/livez")):
            answer = client.request(method, path, headers={"Origin": origin}).expect(403, "ORIGIN_NOT_ALLOWED")
            assert answer.header("Access-Control-Allow-Origin") is None
            assert "server.allowed_origins" in answer.json["detail"]


def test_a_rebound_name_is_no_own_origin(server):
    with server.client(host=f"evil.example.com:{server.port}") as client:
        client.get("/stats", headers={"Origin": f"http://evil.example.com:{server.port}"}).expect(421)


@pytest.mark.parametrize("which", ["server", "locked"])
def test_a_preflight(request, which):
    running = request.getfixturevalue(which)
    with running.client(key=None) as client:
        answer = client.request("OPTIONS", "/start-task", headers={
            "Origin": APP, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key"}).expect(204)
        assert answer.header("Access-Control-Allow-Origin") == APP
        assert "POST" in answer.header("Access-Control-Allow-Methods")
        allowed = answer.header("Access-Control-Allow-Headers").lower()
        assert all(name in allowed for name in ("authorization", "content-type", "idempotency-key", "if-none-match", "prefer",
                                               "last-event-id"))
        assert int(answer.header("Access-Control-Max-Age")) > 0
        deletes = client.request("OPTIONS", "/tasks/x", headers={"Origin": APP, "Access-Control-Request-Method": "DELETE"})
        assert "DELETE" in deletes.expect(204).header("Access-Control-Allow-Methods")
        plain = client.request("OPTIONS", "/start-task").expect(204)
        assert plain.header("Access-Control-Allow-Methods") is None
        client.request("OPTIONS", "/nowhere", headers={"Origin": APP, "Access-Control-Request-Method": "GET"})


def test_a_refusal_for_want_of_a_key_can_be_read_by_the_page(locked):
    with locked.client(key=None) as client:
        answer = client.get("/stats", headers={"Origin": APP}).expect(401)
        assert answer.header("Access-Control-Allow-Origin") == APP


# ---- where it listens

def test_another_address_needs_a_key():
    with pytest.raises(AssertionError) as refused, running_server(address="0.0.0.0"):
        pass
    assert "LONGHAUL_API_KEY" in str(refused.value)
