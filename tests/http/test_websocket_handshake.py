"""GET /ws: how a WebSocket comes about, and who may have one."""

import base64

import pytest

from longhaul_server import running_server
from websocket_client import PROTOCOL, WebSocket, handshake_bytes, refused

KEY = "???>>>-0123456789-abcdef"  # whose base64 differs from its base64url


def subprotocol_of(key):
    return "bearer." + base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def host_of(server):
    return f"{server.address}:{server.port}"


def problem_of(answer):
    from openapi_check import strict_json
    return strict_json(answer.body.decode())


def test_the_sample_of_the_rfc(server):
    with server.raw() as raw:
        raw.send(handshake_bytes(host_of(server)))
        status, headers = raw.read_head()
        values = {name.lower(): value for name, value in headers}
        assert status == 101
        assert values["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert values["upgrade"] == "websocket" and values["sec-websocket-protocol"] == PROTOCOL


@pytest.mark.parametrize("extra", [
    ("upgrade: WebSocket", "connection: keep-alive, Upgrade"),
    ("Upgrade: websocket", "Connection: keep-alive", "Connection: upgrade"),
    ("Upgrade: h2c, websocket", "Connection: ,upgrade ,"),
])
def test_lists_and_letters(server, extra):
    with WebSocket(server, without=("Upgrade", "Connection"), extra=extra) as socket:
        socket.ok("subscribe")


def test_other_subprotocols_and_extensions_are_passed_over(server):
    extra = ("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "Sec-WebSocket-Protocol: third")
    with WebSocket(server, protocols=("other", PROTOCOL), extra=extra) as socket:
        socket.ok("subscribe")


@pytest.mark.parametrize("without", ["Upgrade", "Connection", "Sec-WebSocket-Version"])
def test_what_is_no_upgrade(server, without):
    answer = refused(server, handshake_bytes(host_of(server), without=(without,)))
    assert answer.status == 426 and answer.header("Sec-WebSocket-Version") == "13"
    assert answer.header("Upgrade") == "websocket"


@pytest.mark.parametrize("version", ["12", "8, 13", "013", "x"])
def test_other_versions(server, version):
    data = handshake_bytes(host_of(server), without=("Sec-WebSocket-Version",), extra=(f"Sec-WebSocket-Version: {version}",))
    assert refused(server, data).status == 426


def test_http_1_0(server):
    for extra in ((), ("Connection: keep-alive",)):
        data = handshake_bytes(host_of(server), extra=extra).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n")
        answer = refused(server, data)
        assert answer.status == 426 and answer.header("Upgrade") == "websocket"


def test_other_methods(server):
    assert refused(server, handshake_bytes(host_of(server), method="HEAD"), "HEAD").status == 426
    data = handshake_bytes(host_of(server), method="POST", extra=("Content-Length: 0",))
    assert refused(server, data, "POST").status == 405


@pytest.mark.parametrize("key", ["", "c2hvcnQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZR==", "???????????????????????=",
                                 "dGhlIHNhbXBsZSBub25jZXh4"])
def test_wrong_keys(server, key):
    answer = refused(server, handshake_bytes(host_of(server), key=key))
    assert answer.status == 400 and problem_of(answer)["code"] == "BAD_HANDSHAKE"


def test_two_keys(server):
    data = handshake_bytes(host_of(server), extra=("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",))
    assert refused(server, data).status == 400


@pytest.mark.parametrize("protocols", [(), ("longhaul.v2",), ("Longhaul.v1",), ("bearer.abc",)])
def test_the_subprotocol_must_be_offered(server, protocols):
    answer = refused(server, handshake_bytes(host_of(server), protocols=protocols))
    assert answer.status == 400 and "longhaul.v1" in problem_of(answer)["detail"]


def test_a_refused_handshake_keeps_its_connection(server):
    with server.raw() as raw:
        assert raw.exchange(handshake_bytes(host_of(server), protocols=())).status == 400
        assert raw.exchange(handshake_bytes(host_of(server), without=("Upgrade",))).status == 426
        raw.send(handshake_bytes(host_of(server)))
        assert raw.read_head()[0] == 101


def test_no_parameters_and_no_body(server):
    data = handshake_bytes(host_of(server)).replace(b"GET /ws ", b"GET /ws?task=1 ")
    with server.raw() as raw:
        assert raw.exchange(data, "GET", "/ws?task=1").status == 422
    with server.raw() as raw:
        data = handshake_bytes(host_of(server), extra=("Content-Length: 2",)) + b"{}"
        assert raw.exchange(data, "GET", "/ws").status == 422


def test_origins():
    allowed = "https://app.example"
    with running_server(config=f'[server]\nallowed_origins = ["{allowed}"]\n') as server:
        for origin in (allowed, f"http://{host_of(server)}"):
            with WebSocket(server, extra=(f"Origin: {origin}",)) as socket:
                socket.ok("subscribe")
        for origin in ("https://evil.example", "null", allowed + ".evil.example"):
            answer = refused(server, handshake_bytes(host_of(server), extra=(f"Origin: {origin}",)))
            assert answer.status == 403 and problem_of(answer)["code"] == "ORIGIN_NOT_ALLOWED"


def test_a_host_that_is_not_this_machine(server):
    assert refused(server, handshake_bytes("rebound.example")).status == 421


@pytest.fixture(scope="module")
def keyed():
    with running_server(key=KEY) as running:
        yield running


def test_a_key_in_the_header(keyed):
    with WebSocket(keyed, extra=(f"Authorization: Bearer {KEY}",)) as socket:
        socket.ok("subscribe")


@pytest.mark.parametrize("order", [(PROTOCOL, "KEY"), ("KEY", PROTOCOL)])
def test_a_key_as_a_subprotocol_is_never_the_chosen_one(keyed, order):
    # That only longhaul.v1 is chosen is in the description, which holds for each handshake.
    protocols = [subprotocol_of(KEY) if word == "KEY" else word for word in order]
    assert subprotocol_of(KEY).startswith("bearer.Pz8_Pj4-")
    with WebSocket(keyed, protocols=protocols) as socket:
        socket.ok("subscribe")
    assert subprotocol_of(KEY) not in keyed.whole_log() and KEY not in keyed.whole_log()


@pytest.mark.parametrize("protocols", [
    (PROTOCOL,),
    (PROTOCOL, subprotocol_of(KEY + "x")),
    (PROTOCOL, "bearer."),
    (PROTOCOL, "bearer.%%%"),
    (PROTOCOL, subprotocol_of(KEY), subprotocol_of(KEY)),
    (PROTOCOL, subprotocol_of(KEY), subprotocol_of("another")),
    (PROTOCOL, "bearer." + base64.b64encode(KEY.encode()).decode()),
    (PROTOCOL, subprotocol_of(KEY).replace("bearer.", "Bearer.")),
])
def test_wrong_and_missing_keys(keyed, protocols):
    answer = refused(keyed, handshake_bytes(host_of(keyed), protocols=protocols))
    assert answer.status == 401 and answer.header("WWW-Authenticate").startswith("Bearer")


def test_a_wrong_header_is_not_made_good_by_a_subprotocol(keyed):
    data = handshake_bytes(host_of(keyed), protocols=(PROTOCOL, subprotocol_of(KEY)), extra=("Authorization: Bearer wrong",))
    assert refused(keyed, data).status == 401


def test_a_key_as_a_subprotocol_opens_no_other_path(keyed):
    with keyed.raw() as raw:
        data = handshake_bytes(host_of(keyed), protocols=(PROTOCOL, subprotocol_of(KEY))).replace(b"GET /ws ", b"GET /tasks ")
        assert raw.exchange(data, "GET", "/tasks").status == 401
