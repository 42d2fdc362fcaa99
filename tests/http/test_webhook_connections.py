"""Connections of deliveries: they are used again, and speak HTTP/2 where the receiver does."""

import contextlib
import json
import pathlib
import shutil
import ssl
import subprocess
import threading

import pytest

from longhaul_server import running_server
from test_webhook_delivery import config, ended
from waiting import wait_until
from webhook_receiver import WebhookReceiver

RECEIVER = pathlib.Path(__file__).resolve().parent / "receivers/http2_receiver.js"

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here: scripts/setup installs it")


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A root of our own, and a certificate for 127.0.0.1 that it has signed."""
    folder = tmp_path_factory.mktemp("certificate")
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out", "root.crt", "-days", "2",
            "-subj", "/CN=root")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "root.crt", "-CAkey", "root.key", "-CAcreateserial",
            "-days", "2", "-extfile", "names", "-out", "server.crt")
    return folder


@contextlib.contextmanager
def server_that_trusts(certificate, **others):
    with running_server(config=config(ca_file=f'"{certificate / "root.crt"}"', **others)) as server, server.client() as client:
        yield client


class Http2Receiver:
    """receivers/http2_receiver.js, for a `with` block inside that of the server, which wants to be the last to run."""

    def __init__(self, certificate):
        self._requests = []
        self._lock = threading.Lock()
        self._process = subprocess.Popen(["node", RECEIVER, certificate / "server.key", certificate / "server.crt"],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self._process.stdout.readline())["port"]
        self._thread = threading.Thread(target=self._read)

    def _read(self):
        for line in self._process.stdout:
            with self._lock:
                self._requests.append(json.loads(line))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        assert self._process.wait() == 0
        self._thread.join()
        self._process.stdout.close()

    def url(self, path):
        return f"https://127.0.0.1:{self.port}{path}"

    def requests(self):
        with self._lock:
            return list(self._requests)


def delivered(client, url, count=1):
    """So many callbacks, all owed before one of them is waited for."""
    ids = [client.start("echo", callback_url=url)["task_id"] for _ in range(count)]
    ends = [ended(client, task_id) for task_id in ids]
    assert [end["status"] for end in ends] == ["delivered"] * count, ends
    return ends


def test_a_connection_is_used_again():
    with WebhookReceiver() as receiver, running_server(config=config()) as server, server.client() as client:
        for _ in range(10):
            (end,) = delivered(client, receiver.url())
            assert end["last_attempt"]["remote_address"] == f"127.0.0.1:{receiver.port}"
        assert receiver.connections == 1 == receiver.open_connections
        server.stop()
        wait_until(lambda: receiver.open_connections == 0, "the end of its connection")


def test_a_receiver_that_closes_each_time_loses_nothing():
    with WebhookReceiver() as receiver, running_server(config=config()) as server, server.client() as client:
        receiver.after_answer = lambda _: receiver.hang_up()
        for _ in range(20):
            (end,) = delivered(client, receiver.url())
            assert end["attempts"] == 1
        assert receiver.connections > 1


@needs_openssl
def test_over_tls_http_1_1_where_the_receiver_offers_nothing_else(certificate):
    with WebhookReceiver() as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "server.crt", certificate / "server.key")
        context.set_alpn_protocols(["http/1.1"])
        receiver.use_tls(context)
        with server_that_trusts(certificate) as client:
            for _ in range(5):
                delivered(client, receiver.url("/", "https"))
            delivered(client, receiver.url("/", "https"), 30)
        assert receiver.received()[0].request_version == "HTTP/1.1" and 1 <= receiver.connections <= 17


# ---- HTTP/2

@needs_openssl
@needs_node
def test_http_2_carries_several_at_once_on_one_connection(certificate):
    with server_that_trusts(certificate) as client, Http2Receiver(certificate) as receiver:
        for _ in range(3):
            delivered(client, receiver.url("/together/6"), 6)
        (last,) = delivered(client, receiver.url("/"))
        assert last["last_attempt"]["remote_address"] == f"127.0.0.1:{receiver.port}"
        assert len(receiver.requests()) == 19
        assert {(one["connection"], one["version"]) for one in receiver.requests()} == {(1, "2.0")}


@needs_openssl
@needs_node
def test_a_connection_of_http_2_with_a_request_that_timed_out_gets_no_more(certificate):
    with server_that_trusts(certificate, timeout_seconds=1) as client, Http2Receiver(certificate) as receiver:
        delivered(client, receiver.url("/"))
        (end,) = delivered(client, receiver.url("/silent-first"))
        assert end["attempts"] == 2
        delivered(client, receiver.url("/"))
        assert [one["connection"] for one in receiver.requests()] == [1, 1, 2, 2]


@needs_openssl
@needs_node
def test_a_connection_of_http_2_that_breaks_loses_nothing(certificate):
    with server_that_trusts(certificate) as client, Http2Receiver(certificate) as receiver:
        (end, *_) = delivered(client, receiver.url("/lost-first")) + delivered(client, receiver.url("/lost-first"))
        assert end["attempts"] == 1
        assert [one["connection"] for one in receiver.requests()] == [1, 1, 2]


@needs_openssl
@needs_node
def test_a_stream_that_is_reset_is_asked_again_on_another_connection(certificate):
    with server_that_trusts(certificate) as client, Http2Receiver(certificate) as receiver:
        (end,) = delivered(client, receiver.url("/reset-first"))
        assert end["attempts"] == 2
        assert [one["connection"] for one in receiver.requests()] == [1, 2]


@needs_openssl
@needs_node
def test_a_receiver_of_http_2_says_that_it_takes_no_more(certificate):
    with server_that_trusts(certificate) as client, Http2Receiver(certificate) as receiver:
        for _ in range(5):
            (end,) = delivered(client, receiver.url("/goaway"))
            assert end["attempts"] == 1
        delivered(client, receiver.url("/goaway"), 40)
        assert len(receiver.requests()) >= 45
