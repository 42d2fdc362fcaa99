"""A client of server-sent events, as the HTML standard reads them (section 9.2.6), over a socket of its own."""

import dataclasses
import socket
import time

from openapi_check import strict_json
from waiting import PATIENCE


@dataclasses.dataclass
class ServerEvent:
    name: str
    data: str
    id: str  # the last that was set, as a browser's EventSource has it

    @property
    def json(self):
        return strict_json(self.data)


class EventStream:
    """One request for a stream. Reads only when it is asked for an event, so that a test can be a slow reader."""

    def __init__(self, port, path, last_event_id=None, address="127.0.0.1", headers=None, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20 * PATIENCE)
        self.socket.connect((address, port))
        lines = [f"GET {path} HTTP/1.1", f"Host: {address}:{port}", "Accept: text/event-stream"]
        if last_event_id is not None:
            lines.append(f"Last-Event-ID: {last_event_id}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        for line in iter(self.file.readline, b"\r\n"):
            name, _, value = line.decode("latin-1").partition(":")
            self.headers[name.lower()] = value.strip()
        self.last_id = last_event_id or ""
        self.retry = None
        self.comments = 0
        self.ids = []  # every id in the order in which they came, with an event or without

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def body(self):
        """Of an answer that is no stream."""
        return self.file.read(int(self.headers.get("content-length", 0)))

    def next(self):
        """The next event; None at the end of the stream."""
        name, data = "", []
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                assert line == b"", f"the stream ended within a line: {line!r}"
                return None
            line = line.decode("utf-8").rstrip("\r\n")
            if line == "":
                if data:
                    return ServerEvent(name or "message", "\n".join(data), self.last_id)
                name = ""
                continue
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if field == "":
                self.comments += 1
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                self.last_id = value
                self.ids.append(value)
            elif field == "retry":
                self.retry = int(value)

    def read_place(self):
        """Reads up to the id that a stream of many tasks begins with."""
        before = self.last_id
        while self.last_id == before:
            field, _, value = self.file.readline().decode("utf-8").rstrip("\n").partition(": ")
            if field == "id":
                self.last_id = value

    def rest(self):
        """All events up to the end of the stream."""
        return list(iter(self.next, None))

    def until(self, wanted, seconds=30):
        """Events up to the first for which `wanted` holds, that one included."""
        events, end = [], time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            event = self.next()
            assert event is not None, f"the stream ended; before that came {[e.name for e in events]}"
            events.append(event)
            if wanted(event):
                return events
        raise AssertionError(f"not among {len(events)} events")
