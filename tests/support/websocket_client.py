"""A WebSocket client by hand (RFC 6455), so that tests can be as strict, or as wrong, as they like. What the server says is
held against the server's own /openapi.json."""

import base64
import hashlib
import itertools
import json
import os
import struct

from openapi_check import strict_json
from raw_http import RawAnswer, RawConnection

PATH = "/ws"
PROTOCOL = "longhaul.v1"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NO_CODE = 1005


class Closed(Exception):
    """The server has sent a close frame."""

    def __init__(self, code, reason):
        super().__init__(f"closed with {code} {reason!r}")
        self.code, self.reason = code, reason


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def handshake_bytes(host, *, key="dGhlIHNhbXBsZSBub25jZQ==", protocols=(PROTOCOL,), without=(), extra=(), method="GET"):
    headers = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": key, "Sec-WebSocket-Protocol": ", ".join(protocols)}
    lines = [f"{name}: {value}" for name, value in headers.items() if name not in without and value]
    return "\r\n".join([f"{method} {PATH} HTTP/1.1", *lines, *extra, "", ""]).encode("latin-1")


def frame(opcode, payload=b"", *, fin=True, mask=True, rsv=0, length_form=None):
    """The bytes of one frame. `length_form`: 7, 16 or 64 bits, where the shortest is not wanted."""
    payload = payload.encode("utf-8") if isinstance(payload, str) else payload
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    size, masked = len(payload), 0x80 if mask else 0
    form = length_form or (7 if size < 126 else 16 if size < 65536 else 64)
    head += {7: lambda: bytes([masked | size]), 16: lambda: struct.pack("!BH", masked | 126, size),
             64: lambda: struct.pack("!BQ", masked | 127, size)}[form]()
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def close_payload(code, reason=""):
    return struct.pack("!H", code) + reason.encode("utf-8")


class WebSocket:
    """Connected once constructed."""

    def __init__(self, server, *, receive_buffer=None, checks_messages=True, behind_the_handshake=b"", **handshake):
        self.raw = RawConnection(server.port, server.address, receive_buffer=receive_buffer)
        self.check = server.check
        self.checks_messages = checks_messages  # each costs a millisecond
        self.refs = itertools.count(1)
        self.events = []  # that came while an answer was waited for
        key = base64.b64encode(os.urandom(16)).decode()
        host = f"{server.address}:{server.port}"
        status, headers = self._shake_hands(handshake_bytes(host, key=key, **handshake) + behind_the_handshake)
        self.check.check("GET", PATH, status, headers, b"")
        values = {name.lower(): value for name, value in headers}
        assert values["sec-websocket-accept"] == accept_of(key), values
        assert values["connection"].lower() == "upgrade" and "sec-websocket-extensions" not in values, values
        assert "content-length" not in values and "transfer-encoding" not in values, values

    def _shake_hands(self, data):
        self.raw.send(data)
        status, headers = self.raw.read_head()
        assert status == 101, (status, headers, self.raw.unread)
        return status, headers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()

    # ---- frames

    def send(self, opcode, payload=b"", **options):
        self.raw.send(frame(opcode, payload, **options))
        return self

    def _take(self, size):
        while len(self.raw.unread) < size:
            self.raw._read_more()
        data, self.raw.unread = self.raw.unread[:size], self.raw.unread[size:]
        return data

    def read_frame(self):
        """Opcode and payload of the server's next frame."""
        first, second = self._take(2)
        assert first & 0x80, "the server fragments nothing"
        assert not first & 0x70 and not second & 0x80, "no reserved bits, no mask"
        opcode, size = first & 0x0F, second
        assert opcode in (TEXT, CLOSE, PING, PONG), opcode
        if size == 126:
            size, = struct.unpack("!H", self._take(2))
            assert size >= 126
        elif size == 127:
            size, = struct.unpack("!Q", self._take(8))
            assert size >= 65536
        assert opcode == TEXT or size <= 125
        return opcode, self._take(size)

    def read_close(self):
        """Code and reason of the close frame, which must be the next but for messages; the connection ends behind it."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == CLOSE:
                assert self.raw.is_closed()
                return self._code_and_reason(payload)

    @staticmethod
    def _code_and_reason(payload):
        if not payload:
            return NO_CODE, ""
        return struct.unpack("!H", payload[:2])[0], payload[2:].decode("utf-8")

    # ---- messages

    def read(self):
        """The next message; pings are answered on the way."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode == CLOSE:
                raise Closed(*self._code_and_reason(payload))
            elif opcode == TEXT:
                message = strict_json(payload.decode("utf-8"))
                if self.checks_messages:
                    self.check.check_value("SocketMessage", message)
                return message

    def say(self, op, **members):
        """Sends a request; returns its ref."""
        members.setdefault("ref", next(self.refs))
        self.send(TEXT, json.dumps({"op": op, **members}))
        return members["ref"]

    def answer(self, ref):
        """The answer with that ref. Events that come before it are kept for next_event()."""
        while True:
            message = self.read()
            if "event" not in message:
                assert message["ref"] == ref, (ref, message)
                return message
            self.events.append(message["event"])

    def ask(self, op, **members):
        return self.answer(self.say(op, **members))

    def ok(self, op, **members):
        message = self.ask(op, **members)
        assert "ok" in message, message
        return message["ok"]

    def problem(self, op, **members):
        message = self.ask(op, **members)
        assert "problem" in message, message
        return message["problem"]

    def next_event(self):
        if self.events:
            return self.events.pop(0)
        message = self.read()
        assert "event" in message, message
        return message["event"]

    def events_to_the_end(self):
        """Events until one of a final state, included."""
        events = [self.next_event()]
        while events[-1]["data"].get("status") not in ("succeeded", "failed", "cancelled", "timed_out"):
            events.append(self.next_event())
        return events


def refused(server, data, method="GET"):
    """The answer to a handshake that must fail, held against the description."""
    with server.raw() as raw:
        answer = raw.send(data).read(method, PATH)
        assert isinstance(answer, RawAnswer) and answer.status >= 400, answer
        return answer
