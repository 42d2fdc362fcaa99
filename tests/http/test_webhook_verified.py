"""Real deliveries, verified by the public package of Standard Webhooks; and the command that prints the secret."""

import base64
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from longhaul_server import binary, running_server
from waiting import PATIENCE
from webhook_receiver import WebhookReceiver, check_signature

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = pathlib.Path(os.environ.get("LONGHAUL_DEPS_PREFIX") or "/opt/longhaul-deps") / "node/node_modules"
CONFIG = '[webhooks]\nallow_addresses = ["127.0.0.0/8"]\n'


def run(*arguments, folder, environment=None):
    return subprocess.run([binary(), *arguments], cwd=folder, capture_output=True, text=True, timeout=60 * PATIENCE,
                          env={"PATH": os.environ["PATH"], **(environment or {})}, check=False)


def verdicts(deliveries):
    assert (PACKAGES / "standardwebhooks").is_dir(), f"no standardwebhooks in {PACKAGES}: run scripts/setup"
    asked = json.dumps([{"secret": secret, "headers": one.headers, "body": base64.b64encode(body).decode()}
                        for secret, one, body in deliveries])
    node = subprocess.run(["node", str(HERE / "verify/verify.js")], input=asked, capture_output=True, text=True,
                          timeout=60 * PATIENCE, env={"PATH": os.environ["PATH"], "NODE_PATH": str(PACKAGES)}, check=False)
    assert node.returncode == 0, node.stderr
    return json.loads(node.stdout)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here: scripts/setup installs it")
def test_the_public_package_takes_them_for_genuine():
    with WebhookReceiver() as receiver, running_server(config=CONFIG) as server, server.client() as client:
        secret = run("webhooks", "secret", "--database", "longhaul.db", folder=server.folder).stdout.strip()
        client.start("echo", {"text": "\u00e4 \U0001f600 \\ \""}, callback_url=receiver.url())
        client.start("sleep", "nonsense", max_attempts=1, callback_url=receiver.url())
        first, second = receiver.wait_for(2)
    other = "whsec_" + base64.b64encode(b"n" * 24).decode()
    genuine = [(secret, first, first.body), (secret, second, second.body)]
    forged = [(secret, first, first.body + b" "), (secret, first, second.body), (other, first, first.body)]
    assert sorted(verdicts(genuine)) == ["task.failed", "task.succeeded"]
    assert all(verdict.startswith("refused: ") for verdict in verdicts(forged))


# ---- longhaul webhooks secret

def test_the_secret_of_the_database_is_made_once_and_kept():
    with WebhookReceiver() as receiver, running_server(config=CONFIG) as server:
        def printed():
            result = run("webhooks", "secret", "--database", "longhaul.db", folder=server.folder)
            assert (result.returncode, result.stderr) == (0, ""), result
            return result.stdout.removesuffix("\n")

        secret = printed()
        assert secret.startswith("whsec_") and len(base64.b64decode(secret[6:])) >= 24
        with server.client() as client:
            client.start("echo", callback_url=receiver.url())
            (one,) = receiver.wait_for(1)
            check_signature(secret, one)
            assert secret not in client.get("/stats").text
        server.restart()
        assert printed() == secret
        server.stop()
        files = sorted(path.name for path in server.folder.iterdir())
        assert printed() == secret, "also while no server runs"
        assert sorted(path.name for path in server.folder.iterdir()) == files, "asking leaves nothing"
        assert secret not in server.log()
        server.start()


def test_the_secret_of_the_settings_comes_first(tmp_path):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    (tmp_path / "longhaul.toml").write_text(f'[webhooks]\ncallback_secret = "{secret}"\n')
    result = run("webhooks", "secret", "--config", "longhaul.toml", folder=tmp_path)
    assert (result.returncode, result.stdout) == (0, secret + "\n")
    other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    result = run("webhooks", "secret", "--config", "longhaul.toml", folder=tmp_path,
                 environment={"LONGHAUL_WEBHOOKS_CALLBACK_SECRET": other})
    assert (result.returncode, result.stdout) == (0, other + "\n")


def test_there_is_no_secret_yet(tmp_path):
    result = run("webhooks", "secret", folder=tmp_path)
    assert result.returncode == 1 and "there is no database longhaul.db" in result.stderr
    assert not list(tmp_path.iterdir()), "asking makes nothing"
    (tmp_path / "other.db").write_text("something else, and long enough to be taken for a database" * 100)
    result = run("webhooks", "secret", "--database", "other.db", folder=tmp_path)
    assert result.returncode == 1 and "other.db" in result.stderr


@pytest.mark.parametrize("line, said", [
    ('callback_secret = "hunter2hunter2"', "callback_secret must be \"whsec_\" and the base64 of 24 to 64 random bytes"),
    ('allow_addresses = ["10.0.0.0/33"]', '"10.0.0.0/33" is not so'),
    ('allow_addresses = ["localhost"]', '"localhost" is not so'),
    ('allow_addresses = "127.0.0.0/8"', "must be a list of texts"),
    ("allow_ports = [80, 70000]", "70000 is none"),
    ("allow_ports = [80.5]", "80.5 is none"),
    ('allow_ports = ["80"]', "must be a list of numbers"),
    ("retry_seconds = [5, -1]", "-1 is none"),
    ("retry_seconds = 5", "must be a list of numbers"),
    ("timeout_seconds = 0", "must be a number of seconds"),
    ('ca_file = "nowhere.pem"', "must be a file that can be read"),
    ("allow_adresses = []", "did you mean 'webhooks.allow_addresses'?"),
])
def test_wrong_settings_stop_the_start(tmp_path, line, said):
    (tmp_path / "longhaul.toml").write_text(f"[webhooks]\n{line}\n")
    result = run("serve", "--config", "longhaul.toml", "--listen", "127.0.0.1:0", folder=tmp_path)
    assert result.returncode == 2 and "longhaul.toml:2" in result.stderr and said in result.stderr, result.stderr
    assert "hunter2" not in result.stderr


def test_a_secret_is_no_flag(tmp_path):
    result = run("serve", "--webhooks-callback-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", folder=tmp_path)
    assert result.returncode == 2 and "there is no option" in result.stderr
    listed = run("serve", "--help", folder=tmp_path).stdout
    assert "--webhooks-retry-seconds" in listed and "callback-secret" not in listed
