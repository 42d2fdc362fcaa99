"""A receiver of webhooks for tests: takes what is sent to it, keeps it, and answers as it is told to."""

import base64
import contextlib
import dataclasses
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time

from waiting import wait_until


@dataclasses.dataclass
class Reply:
    """An answer. `hangs`: none, until the receiver stops or the sender has gone."""
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    hangs: bool = False


@dataclasses.dataclass
class Received:
    path: str
    headers: dict  # names in lower case
    body: bytes
    at: float      # of time.monotonic()
    clock: float   # of time.time()
    request_version: str = "HTTP/1.1"
    answered: int = None  # the status, once it was sent

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def task_id(self):
        return self.json["data"]["task_id"]


def signature(secret, webhook_id, timestamp, body):
    """As Standard Webhooks 1.0.0 says."""
    assert secret.startswith("whsec_")
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    digest = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def check_signature(secret, received):
    headers = received.headers
    wanted = signature(secret, headers["webhook-id"], headers["webhook-timestamp"], received.body)
    assert headers["webhook-signature"] == wanted, headers
    assert abs(received.clock - int(headers["webhook-timestamp"])) < 30, headers


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _take(self):
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, body, time.monotonic(), time.time(), self.request_version)
        reply = receiver.take(received, self.command)
        if reply.hangs:
            self._wait_for_the_end(receiver)
            self.close_connection = True
            return
        receiver.before_answer(received, reply)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(reply.body)
            received.answered = reply.status
            receiver.after_answer(received)

    do_POST = do_GET = do_PUT = _take

    def _wait_for_the_end(self, receiver):
        self.connection.settimeout(0.05)
        while not receiver.stopping.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 256

    def __init__(self, *arguments):
        super().__init__(*arguments, bind_and_activate=False)
        self.server_bind()
        self._lock = threading.Lock()
        self._open = set()
        self.connections = 0  # that there ever were

    def process_request(self, request, client_address):
        with self._lock:
            self._open.add(request)
            self.connections += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    @property
    def open_connections(self):
        with self._lock:
            return len(self._open)

    def hang_up(self):
        """Senders keep their connections: whoever waits on one for more hears its end, and can still answer."""
        with self._lock:
            for request in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(request, socket.SHUT_RD)  # of TLS only what is below it

    def handle_error(self, *_):
        pass  # whoever hangs up is allowed to


class WebhookReceiver:
    """On a free port of this machine, for a `with` block. Paths answer 204 unless a plan says otherwise; while
    `silent` is set, nobody gets an answer. The hooks are called by the threads that answer, any number at once.
    With `refuses`, nobody gets a connection before listen(); the port is taken all the same."""

    def __init__(self, address="127.0.0.1", refuses=False):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server_class = type("Server", (_Server,), {"address_family": family})
        self.stopping = threading.Event()
        self.silent = False
        self.before_answer = lambda received, reply: None
        self.after_answer = lambda received: None
        self.address = address
        self._lock = threading.Lock()
        self._plans = {}
        self._received = []
        self._methods = set()
        self._server = server_class((address, 0), _Handler)
        if not refuses:
            self._server.server_activate()
        self._refuses = refuses
        self._server.receiver = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self):
        if not self._refuses:
            self._thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        if not self._refuses:
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def url(self, path="/", scheme="http"):
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{scheme}://{host}:{self.port}{path}"

    def listen(self):
        """For one that refused until now."""
        self._server.server_activate()
        self._thread.start()
        self._refuses = False

    def use_tls(self, context):
        """Before anybody has come. Who does not like the certificate hangs up in a thread of the receiver."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    def plan(self, path, *replies):
        """What this path answers, in order; the last for good. A number is a status."""
        with self._lock:
            self._plans[path] = [Reply(reply) if isinstance(reply, int) else reply for reply in replies]

    def take(self, received, method):
        with self._lock:
            self._received.append(received)
            self._methods.add(method)
            if self.silent:
                return Reply(hangs=True)
            plan = self._plans.get(received.path)
            if not plan:
                return Reply(204)
            return plan[0] if len(plan) == 1 else plan.pop(0)

    @property
    def connections(self):
        """How many there ever were."""
        return self._server.connections

    @property
    def open_connections(self):
        return self._server.open_connections

    def hang_up(self):
        self._server.hang_up()

    @property
    def methods(self):
        with self._lock:
            return set(self._methods)

    def received(self, path=None):
        with self._lock:
            return [one for one in self._received if path is None or one.path == path]

    def forget(self):
        """What was received so far."""
        with self._lock:
            self._received.clear()

    def wait_for(self, count, path=None, seconds=20):
        """The deliveries to this path, once there are so many."""
        wait_until(lambda: len(self.received(path)) >= count,
                   lambda: f"{count} deliveries to {path or 'any path'}, there are {len(self.received(path))}", seconds)
        return self.received(path)


class Canary:
    """Listens, and knows whether anybody ever connected. On "0.0.0.0" and "::" it hears on every address of the machine."""

    def __init__(self, address="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self._socket.bind((address, port))
        self._socket.listen(128)
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def visitors(self):
        """How many have connected since this was last asked: the kernel takes them, whether they are accepted or not."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.accept()[0].close()
                count += 1
        return count
