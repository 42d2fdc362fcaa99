"""What may come over a WebSocket, and with which code the server closes when something else does."""

import contextlib
import itertools
import json
import socket as sockets

import pytest

from metrics import scrape
from waiting import wait_until
from websocket_client import (BINARY, CLOSE, CONTINUATION, NO_CODE, PING, PONG, TEXT, WebSocket, close_payload, frame)

QUESTION = json.dumps({"op": "subscribe", "ref": "r"})
MESSAGE_LIMIT = 64 * 1024


@pytest.fixture
def ws(server):
    with WebSocket(server) as connected:
        yield connected


def assert_works(ws):
    assert ws.ok("unsubscribe", ref="nobody's") == {"unsubscribed": []}


def padded(size):
    """A sound request of that many bytes."""
    empty = json.dumps({"op": "unsubscribe", "ref": ""})
    return json.dumps({"op": "unsubscribe", "ref": "x" * (size - len(empty))})


# ---- what is fine

def test_a_message_at_the_limit(ws):
    text = padded(MESSAGE_LIMIT)
    assert len(text) == MESSAGE_LIMIT
    ws.send(TEXT, text)
    assert ws.read()["ok"] == {"unsubscribed": []}


def test_fragments_with_pings_between_them(ws):
    ws.send(TEXT, QUESTION[:5], fin=False)
    ws.send(PING, b"first")
    assert ws.read_frame() == (PONG, b"first")
    ws.send(CONTINUATION, b"", fin=False)
    ws.send(PONG, b"unasked")
    ws.send(CONTINUATION, QUESTION[5:9], fin=False)
    ws.send(PING)
    assert ws.read_frame() == (PONG, b"")
    ws.send(CONTINUATION, QUESTION[9:])
    assert ws.answer("r")["ok"]["subscription"] == "1"


def test_a_character_in_two_fragments(ws):
    text = json.dumps({"op": "unsubscribe", "ref": "€"}, ensure_ascii=False).encode()
    cut = text.index("€".encode()) + 1
    ws.send(TEXT, text[:cut], fin=False).send(CONTINUATION, text[cut:])
    assert ws.answer("€")["ok"] == {"unsubscribed": []}


def test_byte_for_byte(ws):
    for byte in frame(TEXT, QUESTION) + frame(PING, b"p"):
        ws.raw.send(bytes([byte]))
    assert ws.answer("r")["ok"]["subscription"] == "1"
    assert ws.read_frame() == (PONG, b"p")


def test_many_messages_at_once(ws):
    ws.raw.send(b"".join(frame(TEXT, json.dumps({"op": "unsubscribe", "ref": n})) for n in range(500)))
    assert [ws.read()["ref"] for _ in range(500)] == list(range(500))


def test_frames_along_with_the_handshake(server):
    early = frame(TEXT, QUESTION) + frame(PING, b"early")
    with WebSocket(server, behind_the_handshake=early) as ws:
        assert ws.answer("r")["ok"]["subscription"] == "1"
        assert ws.read_frame() == (PONG, b"early")


# ---- what is not, and its code

@pytest.mark.parametrize("data", [
    frame(TEXT, QUESTION, mask=False),
    frame(PING, b"x", mask=False),
    frame(TEXT, QUESTION, rsv=4),
    frame(TEXT, QUESTION, rsv=1),
    frame(PING, b"x", rsv=2),
    frame(3, b"x"),
    frame(7, b"x"),
    frame(11, b"x"),
    frame(15, b""),
    frame(CONTINUATION, b"x"),
    frame(CONTINUATION, b"", fin=False),
    frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    frame(TEXT, b"a", fin=False) + frame(BINARY, b"b"),
    frame(PING, b"x", fin=False),
    frame(PING, b"x" * 126),
    frame(CLOSE, close_payload(1000, "x" * 124)),
    frame(CLOSE, b"\x03"),
    frame(CLOSE, close_payload(999)),
    frame(CLOSE, close_payload(1004)),
    frame(CLOSE, close_payload(1005)),
    frame(CLOSE, close_payload(1006)),
    frame(CLOSE, close_payload(1015)),
    frame(CLOSE, close_payload(2999)),
    frame(CLOSE, close_payload(5000)),
    frame(TEXT, b"short", length_form=16),
    frame(TEXT, b"short", length_form=64),
    frame(TEXT, b"x" * 200, length_form=64),
    b"\x81\xff" + b"\xff" * 8 + b"\0" * 5,
], ids=str)
def test_protocol_errors(ws, data):
    ws.raw.send(data)
    code, reason = ws.read_close()
    assert code == 1002 and reason


@pytest.mark.parametrize("data", [frame(BINARY, b"\0"), frame(BINARY, QUESTION), frame(BINARY, b"", fin=False)], ids=str)
def test_binary(ws, data):
    ws.raw.send(data)
    assert ws.read_close()[0] == 1003


@pytest.mark.parametrize("text", [b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xc0\x80"])
def test_texts_that_are_not_utf_8(ws, text):
    ws.send(TEXT, b'{"op": "' + text + b'"}')
    assert ws.read_close()[0] == 1007


def test_a_reason_that_is_not_utf_8(ws):
    ws.send(CLOSE, b"\x03\xe8\xff")
    assert ws.read_close()[0] == 1007


def test_a_message_over_the_limit(ws):
    ws.send(TEXT, padded(MESSAGE_LIMIT + 1))
    assert ws.read_close()[0] == 1009


def test_fragments_over_the_limit_together(ws):
    ws.send(TEXT, b" " * MESSAGE_LIMIT, fin=False)
    ws.send(CONTINUATION, b"", fin=False)
    ws.send(CONTINUATION, b" ")
    assert ws.read_close()[0] == 1009


@pytest.mark.parametrize("size", [MESSAGE_LIMIT + 1, 2**31, 2**32 + 1, 2**63 - 1])
def test_a_length_is_believed_before_its_bytes_come(ws, size):
    ws.raw.send(b"\x81\xff" + size.to_bytes(8, "big") + b"\0\0\0\0" + b"{")
    assert ws.read_close()[0] == 1009


def test_nothing_behind_a_fault_is_carried_out(ws):
    ws.raw.send(frame(BINARY, b"x") + frame(TEXT, QUESTION))
    opcode, _ = ws.read_frame()
    assert opcode == CLOSE and ws.raw.is_closed()


# ---- the end

@pytest.mark.parametrize("code,reason", [(1000, "done"), (1001, ""), (1013, "ümlaut"), (3000, "x" * 123), (4999, "")])
def test_a_close_is_answered_with_its_code(ws, code, reason):
    ws.send(CLOSE, close_payload(code, reason))
    assert ws.read_close()[0] == code


def test_a_close_without_a_code(ws):
    ws.send(CLOSE)
    assert ws.read_close() == (NO_CODE, "")


def test_a_close_inside_a_message(ws):
    ws.send(TEXT, b"{", fin=False).send(CLOSE, close_payload(1000))
    assert ws.read_close()[0] == 1000


def test_answers_on_their_way_come_before_the_close(ws):
    ws.raw.send(frame(TEXT, QUESTION) + frame(CLOSE, close_payload(1000)) + frame(TEXT, QUESTION))
    assert ws.answer("r")["ok"]["subscription"] == "1"
    assert ws.read_close()[0] == 1000


def test_an_end_without_a_close(ws):
    ws.raw.socket.shutdown(sockets.SHUT_WR)
    assert ws.read_close()[0] == 1002


def test_clients_that_vanish_are_forgotten(server, client):
    before = server.descriptors()
    connected = [WebSocket(server) for _ in range(30)]
    for ws in connected:
        assert_works(ws)
    for number, ws in enumerate(connected):
        if number % 2:
            ws.raw.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        ws.raw.close()
    wait_until(lambda: server.descriptors() <= before + 1, "their descriptors to go")
    client.get("/livez").expect(200)


def test_pings_of_a_client_that_reads_nothing(server, client):
    """Pongs that nobody takes are bounded: it is cut, and others notice nothing."""
    with WebSocket(server) as hostile, WebSocket(server) as other:
        before = scrape(client).value("longhaul_streams_cut_total")
        flood = itertools.cycle(frame(PING, b"x" * 125) * 500)
        unsent = b""
        hostile.raw.socket.setblocking(False)

        def was_cut():
            nonlocal unsent
            unsent += bytes(itertools.islice(flood, 64 * 1024))
            with contextlib.suppress(BlockingIOError):
                unsent = unsent[hostile.raw.socket.send(unsent):]
            return scrape(client).value("longhaul_streams_cut_total") > before

        wait_until(was_cut, "it to be cut", seconds=60)
        assert_works(other)
