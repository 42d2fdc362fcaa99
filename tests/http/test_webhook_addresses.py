"""Callbacks lead nowhere they may not: a canary listens where they would arrive, and hears nothing."""

import contextlib
import errno
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
import tempfile

import pytest

from hostile_urls import hostile_urls, own_addresses
from longhaul_server import LonghaulServer, running_server
from test_webhook_delivery import config, ended
from waiting import SANITIZED, wait_until
from webhook_calls import change, over, redeliver, register
from webhook_receiver import Canary, Reply, WebhookReceiver

@contextlib.contextmanager
def canaries():
    """One for IPv4 and one for IPv6, on every address of this machine: whatever is connected to, they know."""
    with Canary("0.0.0.0") as v4, Canary("::") as v6:
        yield v4, v6


def all_hostile(*listening):
    urls = [url for canary in listening for url in hostile_urls(canary.port)]
    urls += [f"http://{host}:{canary.port}/" for host in own_addresses() for canary in listening]
    assert len(set(urls)) >= 400
    return urls


def test_hostile_urls_are_refused_and_nobody_is_connected_to():
    with canaries() as (v4, v6):
        text = config("[]", allow_addresses="[]", allow_ports=f"[{v4.port}, {v6.port}]")
        with running_server(config=text) as server, server.client() as client:
            for url in all_hostile(v4, v6):
                answer = client.post("/start-task", {"type": "echo", "callback_url": url})
                answer.expect(422, "VALIDATION_FAILED")
                assert answer.pointers == ["#/callback_url"], f"{url!r}: {answer.text}"
            assert v4.visitors() == 0 and v6.visitors() == 0


def test_no_webhook_is_registered_or_led_there():
    with canaries() as (v4, v6):
        text = config("[]", allow_addresses="[]", allow_ports=f"[{v4.port}, {v6.port}]")
        with running_server(config=text) as server, server.client() as client:
            made = register(client, "https://example.invalid/")
            path = f"/webhooks/{made['webhook_id']}"
            before = client.get(path).expect(200).json
            for url in all_hostile(v4, v6):
                for answer in (client.post("/webhooks", {"url": url}), client.patch(path, {"url": url, "description": "led there"})):
                    answer.expect(422, "VALIDATION_FAILED")
                    assert answer.pointers == ["#/url"], f"{url!r}: {answer.text}"
            assert client.get("/webhooks").expect(200).json["webhooks"] == [before]
            assert v4.visitors() == 0 and v6.visitors() == 0


def test_the_canaries_hear_what_is_allowed():
    """Else their silence would say nothing."""
    with canaries() as (v4, v6), running_server(config=config("[]", allow_addresses='["127.0.0.1", "::1"]', timeout_seconds=5)) as server, \
            server.client() as client:
        for canary, host in ((v4, "127.0.0.1"), (v4, "0x7f.1"), (v6, "[::1]")):
            client.start("echo", callback_url=f"http://{host}:{canary.port}/")
            wait_until(lambda canary=canary: canary.visitors() == 1, f"a connection to {host}")
        server.kill()


def test_names_of_this_machine_are_refused_when_they_are_connected_to():
    """Names that the resolver of this machine knows, and that the server cannot judge without asking it."""
    def leads_inside(name):
        with contextlib.suppress(OSError):
            return not any(ipaddress.ip_address(found[4][0]).is_global for found in socket.getaddrinfo(name, 80))
        return False

    names = [name for name in {socket.gethostname(), socket.getfqdn(), "ip6-localhost", "ip6-loopback"}
             if leads_inside(name) and not name.startswith("localhost")]
    if not names:
        pytest.skip("this machine has no name that leads to itself")
    with canaries() as (v4, v6):
        text = config("[]", allow_addresses="[]", allow_ports=f"[{v4.port}, {v6.port}]")
        with running_server(config=text) as server, server.client() as client:
            for name in names:
                for canary in (v4, v6):
                    task_id = client.start("echo", callback_url=f"http://{name}:{canary.port}/")["task_id"]
                    last = ended(client, task_id)["last_attempt"]
                    assert (last["error"], last["remote_address"]) == ("ADDRESS_REFUSED", None)
        assert v4.visitors() == 0 and v6.visitors() == 0


class ServerWithHosts(LonghaulServer):
    """Has an /etc/hosts of its own: the machine's resolver reads it anew for each look-up."""

    def __init__(self, **options):
        super().__init__(**options)
        self.hosts = self.folder / "tmp" / "hosts"

    def command(self):
        mount = f"mount --bind {self.hosts} /etc/hosts && exec \"$0\" \"$@\""
        return ["unshare", *OWN_MOUNTS, "sh", "-c", mount, *super().command()]


OWN_MOUNTS = ["--mount"] if os.geteuid() == 0 else ["--map-root-user", "--mount"]


def test_a_name_that_leads_elsewhere_at_the_second_look():
    """Through the machine's own resolver, in one life of the server: first the name leads to where it may, when the delivery is
    tried again to where it may not."""
    with tempfile.NamedTemporaryFile() as file:
        if subprocess.run(["unshare", *OWN_MOUNTS, "mount", "--bind", file.name, "/etc/hosts"], capture_output=True, check=False).returncode:
            pytest.skip("no mount namespace may be made here; test_a_name_that_changes_its_mind shows the same otherwise")
    with guarded_receiver() as (receiver, guarded):
        receiver.plan("/", Reply(500, {"Connection": "close"}))  # a kept one still leads to who was allowed
        server = ServerWithHosts(config=config("[2.6, 0.01]", allow_addresses='["127.0.0.2"]'))
        try:
            server.hosts.write_text("127.0.0.2 changing.example\n")
            server.start()
            with server.client() as client:
                task_id = client.start("echo", callback_url=f"http://changing.example:{receiver.port}/")["task_id"]
                receiver.wait_for(1)
                server.hosts.write_text("127.0.0.3 changing.example\n127.0.0.4 changing.example\n")
                delivery = ended(client, task_id)
            assert (delivery["status"], delivery["attempts"]) == ("exhausted", 3)
            assert delivery["last_attempt"]["error"] == "ADDRESS_REFUSED"
            assert guarded.visitors() == 0 and len(receiver.received()) == 1
            server.hosts.unlink()
            server.stop()
        finally:
            server.remove()


def test_what_is_not_allowed_any_more_is_not_connected_to():
    """The guard judges each connection, whatever was thought of the URL when it came."""
    with WebhookReceiver() as receiver:
        receiver.plan("/", Reply(500, {"Connection": "close"}))  # a connection that is kept needs no second look
        with running_server(config=config("[0.3, 0.01]")) as server:
            with server.client() as client:
                task_id = client.start("echo", callback_url=receiver.url("/"))["task_id"]
                receiver.wait_for(1)
            server.stop()
            count = len(receiver.received())
            server.config = config("[0.3, 0.01]", allow_addresses="[]")
            server.start()
            with server.client() as client:
                delivery = ended(client, task_id)
        assert delivery["status"] == "exhausted" and delivery["attempts"] == 3
        last = delivery["last_attempt"]
        assert (last["error"], last["remote_address"], last["response_status"]) == ("ADDRESS_REFUSED", None, None)
        assert len(receiver.received()) == count


def test_a_redirect_leads_nowhere():
    with Canary() as canary, WebhookReceiver("127.0.0.2") as receiver:
        with running_server(config=config("[]", allow_addresses='["127.0.0.2"]')) as server, server.client() as client:
            for status in (301, 302, 303, 307, 308):
                for target in (f"http://127.0.0.1:{canary.port}/", f"//127.0.0.1:{canary.port}/", f"http://localhost:{canary.port}/"):
                    receiver.plan("/", Reply(status, {"Location": target, "Refresh": f"0; url={target}"}))
                    task_id = client.start("echo", callback_url=receiver.url("/"))["task_id"]
                    assert ended(client, task_id)["last_attempt"]["error"] == "REDIRECT"
        assert canary.visitors() == 0


# ---- names, of which only the resolver knows where they lead

PRETENDER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* Every name that ends in .pretended.example has the addresses that are in the file $PRETENDED, one to a line. */
int getaddrinfo(const char* node, const char* service, const struct addrinfo* hints, struct addrinfo** found) {
  int (*real)(const char*, const char*, const struct addrinfo*, struct addrinfo**) = dlsym(RTLD_NEXT, "getaddrinfo");
  const char* end = node == NULL ? NULL : strstr(node, ".pretended.example");
  if (end == NULL || (hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0)) return real(node, service, hints, found);
  struct addrinfo numeric = {0};
  if (hints != NULL) numeric.ai_socktype = hints->ai_socktype;
  numeric.ai_flags = AI_NUMERICHOST;
  FILE* file = fopen(getenv("PRETENDED"), "r");
  char line[100];
  struct addrinfo** last = found;
  *found = NULL;
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\\n")] = 0;
    if (real(line, service, &numeric, last) == 0) while (*last != NULL) last = &(*last)->ai_next;
  }
  if (file != NULL) fclose(file);
  return *found == NULL ? EAI_NONAME : 0;
}
"""


@pytest.fixture(scope="module")
def pretender(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretender")
    (folder / "pretender.c").write_text(PRETENDER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "pretender.so", "pretender.c", "-ldl"], cwd=folder, check=True)
    return folder / "pretender.so"


@pytest.mark.skipif(SANITIZED, reason="a sanitizer must be the first library of a program")
class TestNames:
    def test_a_name_that_means_this_machine(self, pretender, tmp_path):
        names = tmp_path / "names"
        with Canary() as v4, Canary("::1") as v6:
            text = config("[]", allow_addresses="[]", allow_ports=f"[{v4.port}, {v6.port}]")
            preload = {"LD_PRELOAD": str(pretender), "PRETENDED": str(names)}
            with running_server(config=text, environment=preload) as server, server.client() as client:
                answers = ["127.0.0.1", "::1", "127.0.0.1\n::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "10.0.0.1\n127.0.0.1",
                           "169.254.169.254\n::1", "127.8.8.8\n127.0.0.1", "64:ff9b::7f00:1\n::ffff:7f00:1"]
                for number, addresses in enumerate(answers):
                    names.write_text(addresses + "\n")
                    for canary in (v4, v6):
                        url = f"http://n{number}.pretended.example:{canary.port}/"
                        delivery = ended(client, client.start("echo", callback_url=url)["task_id"])
                        assert delivery["last_attempt"]["error"] == "ADDRESS_REFUSED", delivery
                        made = register(client, url)["webhook_id"]
                        test = client.post(f"/webhooks/{made}/test").expect(202).json["delivery_id"]
                        (attempt,) = over(client, test)["attempts"]
                        assert (attempt["error"], attempt["remote_address"]) == ("ADDRESS_REFUSED", None)
                        client.delete(f"/webhooks/{made}").expect(204)
            assert v4.visitors() == 0 and v6.visitors() == 0

    def test_a_webhook_whose_name_comes_to_mean_this_machine(self, pretender, tmp_path):
        """Each connection is judged anew, also when the delivery is sent again, and when another URL is given."""
        names = tmp_path / "names"
        names.write_text("127.0.0.3\n")
        with guarded_receiver() as (receiver, canaries):
            text = config("[]", allow_addresses='["127.0.0.2"]')
            with running_server(config=text, environment={"LD_PRELOAD": str(pretender), "PRETENDED": str(names)}) as server, \
                    server.client() as client:
                made = register(client, receiver.url("/"))["webhook_id"]
                sent = client.post(f"/webhooks/{made}/test").expect(202).json["delivery_id"]
                assert over(client, sent)["status"] == "delivered"
                change(client, made, url=f"http://inside.pretended.example:{receiver.port}/")
                redeliver(client, sent)
                attempts = over(client, sent)["attempts"]
                assert [one["error"] for one in attempts] == [None, "ADDRESS_REFUSED"]
                assert canaries.visitors() == 0 and len(receiver.received()) == 1

    def test_a_name_that_changes_its_mind(self, pretender, tmp_path):
        """First it leads to where it may; when it is looked up again, it leads to where it may not."""
        names = tmp_path / "names"
        with guarded_receiver() as (receiver, canaries):
            receiver.plan("/", 500)
            text = config("[0.2, 0.01]", allow_addresses='["127.0.0.2"]')
            with running_server(config=text, environment={"LD_PRELOAD": str(pretender), "PRETENDED": str(names)}) as server:
                names.write_text("127.0.0.2\n")
                with server.client() as client:
                    url = f"http://changing.pretended.example:{receiver.port}/"
                    task_id = client.start("echo", callback_url=url)["task_id"]
                    receiver.wait_for(1)
                server.stop()  # with its memory of names
                names.write_text("127.0.0.3\n127.0.0.4\n")
                count = len(receiver.received())
                server.start()
                with server.client() as client:
                    delivery = ended(client, task_id)
                assert delivery["last_attempt"]["error"] == "ADDRESS_REFUSED"
                assert canaries.visitors() == 0 and len(receiver.received()) == count

    def test_the_allowed_address_among_others(self, pretender, tmp_path):
        names = tmp_path / "names"
        names.write_text("127.0.0.3\n127.0.0.2\n127.0.0.4\n")
        with guarded_receiver() as (receiver, canaries):
            text = config("[]", allow_addresses='["127.0.0.2"]')
            with running_server(config=text, environment={"LD_PRELOAD": str(pretender), "PRETENDED": str(names)}) as server, \
                    server.client() as client:
                url = f"http://mixed.pretended.example:{receiver.port}/"
                delivery = ended(client, client.start("echo", callback_url=url)["task_id"])
                assert delivery["status"] == "delivered"
                assert delivery["last_attempt"]["remote_address"] == f"127.0.0.2:{receiver.port}"
            assert canaries.visitors() == 0


@contextlib.contextmanager
def guarded_receiver():
    """A receiver on one address of this machine, and canaries on two others, on the same port."""
    for attempt in range(50):
        with WebhookReceiver("127.0.0.2") as receiver:
            try:
                guarded = Guarded(receiver.port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or attempt == 49:
                    raise
                continue  # somebody else has that port there
            with guarded:
                yield receiver, guarded
            return


class Guarded:
    """Canaries on two addresses of this machine, on a given port."""

    def __init__(self, port):
        self._canaries = [Canary("127.0.0.3", port), Canary("127.0.0.4", port)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for canary in self._canaries:
            canary.__exit__()

    def visitors(self):
        return sum(canary.visitors() for canary in self._canaries)


# ---- https

@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate and key, another of its name, one of another name), all made here and signed by nobody else."""
    folder = tmp_path_factory.mktemp("certificate")
    for name, subject in (("server", "127.0.0.1"), ("other", "127.0.0.1"), ("stranger", "stranger")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt",
                        "-days", "2", "-subj", f"/CN={subject}", "-addext", "subjectAltName=IP:127.0.0.1"],
                       cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
@pytest.mark.parametrize("trusted, error", [("server", None), ("other", "TLS_FAILED"), (None, "TLS_FAILED")])
def test_https_is_verified(certificate, trusted, error):
    with WebhookReceiver() as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "server.crt", certificate / "server.key")
        receiver.use_tls(context)
        others = {"ca_file": f'"{certificate / trusted}.crt"'} if trusted else {}
        # What OpenSSL would take from the environment must not count either.
        lies = {"SSL_CERT_FILE": str(certificate / "server.crt")} if trusted == "other" else {}
        with running_server(config=config("[]", **others), environment=lies) as server, server.client() as client:
            task_id = client.start("echo", callback_url=receiver.url("/", "https"))["task_id"]
            delivery = ended(client, task_id)
            assert delivery["last_attempt"]["error"] == error
            assert len(receiver.received()) == (1 if error is None else 0)
            # A certificate for an address is none for a name.
            task_id = client.start("echo", callback_url=f"https://localhost:{receiver.port}/")["task_id"]
            assert ended(client, task_id)["last_attempt"]["error"] == "TLS_FAILED"


class WithOwnFolder(LonghaulServer):
    """A server for which the system's folder of certificates is another one."""

    def __init__(self, folder, **others):
        super().__init__(**others)
        self._certificates = folder

    def command(self):
        return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                'mount --bind "$0" /etc/ssl/certs && exec "$@"', str(self._certificates), *super().command()]


def may_mount():
    return (shutil.which("unshare") is not None and os.path.isdir("/etc/ssl/certs") and
            subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "mount", "--bind", "/tmp", "/etc/ssl/certs"],
                           capture_output=True, check=False).returncode == 0)


@pytest.mark.skipif(shutil.which("openssl") is None or not may_mount(), reason="no openssl, or no mounts of one's own")
@pytest.mark.parametrize("trusted, error", [("server", None), ("stranger", "TLS_FAILED"), (None, "TLS_FAILED")])
def test_the_folder_of_the_system_counts_for_nothing_beside_a_file(certificate, trusted, error, tmp_path):
    """It vouches for the receiver, by the name that OpenSSL looks for; the system's file is there and does not."""
    name = subprocess.run(["openssl", "x509", "-noout", "-subject_hash", "-in", certificate / "server.crt"],
                          check=True, capture_output=True, text=True).stdout.strip()
    shutil.copy(certificate / "server.crt", tmp_path / f"{name}.0")
    shutil.copy(certificate / "stranger.crt", tmp_path / "ca-certificates.crt")
    with WebhookReceiver() as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "server.crt", certificate / "server.key")
        receiver.use_tls(context)
        others = {"ca_file": f'"{certificate / trusted}.crt"'} if trusted else {}
        server = WithOwnFolder(tmp_path, config=config("[]", **others))
        try:
            server.start()
            with server.client() as client:
                task_id = client.start("echo", callback_url=receiver.url("/", "https"))["task_id"]
                assert ended(client, task_id)["last_attempt"]["error"] == error
                assert len(receiver.received()) == (1 if error is None else 0)
            server.stop()
        finally:
            server.remove()
