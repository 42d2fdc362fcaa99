"""HTTP by hand, for what no client library would send."""

import dataclasses
import socket

from waiting import PATIENCE


@dataclasses.dataclass
class RawAnswer:
    status: int
    headers: list
    body: bytes

    def header(self, name):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None


class RawConnection:
    """A socket that sends what it is told and reads one framed answer at a time."""

    def __init__(self, port, address="127.0.0.1", check=None, seconds=20, receive_buffer=None):
        if receive_buffer is None:
            self.socket = socket.create_connection((address, port), timeout=seconds * PATIENCE)
        else:
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)  # only before it connects
            self.socket.settimeout(seconds * PATIENCE)
            self.socket.connect((address, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.check = check
        self.unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def _read_more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed after {self.unread[:200]!r}")
        self.unread += data

    def read_head(self):
        """Status and headers of the next answer, interim ones (1xx) included."""
        while b"\r\n\r\n" not in self.unread:
            self._read_more()
        head, self.unread = self.unread.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        version, status, _ = (lines[0] + " ").split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        headers = []
        for line in lines[1:]:
            name, separator, value = line.partition(": ")
            assert separator and name.strip() == name, line
            headers.append((name, value))
        return int(status), headers

    def read(self, method="GET", target=None):
        """The next final answer; held against the description when `target` is given."""
        status, headers = self.read_head()
        while 100 <= status < 200:
            status, headers = self.read_head()
        lengths = [int(value) for name, value in headers if name.lower() == "content-length"]
        assert not [1 for name, _ in headers if name.lower() == "transfer-encoding"]
        has_body = method != "HEAD" and status not in (204, 304)
        assert len(lengths) == (1 if has_body else len(lengths)), headers
        length = lengths[0] if has_body else 0
        while len(self.unread) < length:
            self._read_more()
        body, self.unread = self.unread[:length], self.unread[length:]
        if self.check is not None and target is not None:
            self.check.check(method, target, status, headers, body)
        return RawAnswer(status, headers, body)

    def is_closed(self):
        """True once the server has closed; fails when more bytes come instead."""
        assert not self.unread, self.unread
        try:
            data = self.socket.recv(1)
        except ConnectionResetError:
            return True
        assert not data, data
        return True

    def exchange(self, data, method="GET", target=None):
        return self.send(data).read(method, target)


def get_bytes(path, *headers, host="127.0.0.1"):
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *headers, "", ""])


def post_bytes(path, body, *headers, host="127.0.0.1"):
    body = body.encode("utf-8") if isinstance(body, str) else body
    head = "\r\n".join([f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json",
                        f"Content-Length: {len(body)}", *headers, "", ""])
    return head.encode("latin-1") + body
