"""The code that docs/callbacks.md shows for verifying callbacks, run on what a real server sends and on forgeries."""

import base64
import json
import os
import subprocess
import time

import pytest

from documents import ROOT, blocks
from longhaul_server import running_server
from waiting import PATIENCE
from webhook_receiver import Received, WebhookReceiver, signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONFIG = f'[webhooks]\nallow_addresses = ["127.0.0.0/8"]\ncallback_secret = "{SECRET}"\n'
NODE_MAIN = """
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([secret, headers, body]) => isGenuine(secret, headers, Buffer.from(body, "base64")))));
"""


def shown(language):
    (block,) = [block for block in blocks((ROOT / "docs/callbacks.md").read_text()) if block.language == language]
    return block.text


def by_python(cases):
    names = {}
    exec(compile(shown("python"), "docs/callbacks.md", "exec"), names)  # pylint: disable=exec-used
    return [names["is_genuine"](secret, headers, body) for secret, headers, body in cases]


def by_node(cases):
    asked = json.dumps([(secret, headers, base64.b64encode(body).decode()) for secret, headers, body in cases])
    node = subprocess.run(["node", "-e", shown("js") + NODE_MAIN], input=asked, capture_output=True, text=True,
                          timeout=60 * PATIENCE, env={"PATH": os.environ["PATH"]}, check=False)
    assert node.returncode == 0, node.stderr
    return json.loads(node.stdout)


@pytest.fixture(scope="module")
def delivered():
    with WebhookReceiver() as receiver, running_server(config=CONFIG) as server, server.client() as client:
        client.start("echo", {"text": "\u00e4 \U0001f600 \\ \""}, callback_url=receiver.url())
        (one,) = receiver.wait_for(1)
        return one


@pytest.mark.parametrize("verify", [by_python, by_node])
def test_the_code_shown_verifies(verify, delivered: Received):
    headers, body = delivered.headers, delivered.body
    old = str(int(time.time()) - 3600)
    kept = {**headers, "webhook-timestamp": old, "webhook-signature": signature(SECRET, delivered.id, old, body)}
    two = {**headers, "webhook-signature": "v1,AAAA " + headers["webhook-signature"]}
    genuine = [(SECRET, headers, body), (SECRET, two, body)]
    forged = [(SECRET, headers, body + b" "), (SECRET, {**headers, "webhook-id": "msg_1"}, body), (SECRET, kept, body),
              (SECRET, {**headers, "webhook-signature": "v1,AAAA"}, body), (SECRET, {**headers, "webhook-signature": ""}, body),
              ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", headers, body)]
    assert verify(genuine) == [True] * len(genuine)
    assert verify(forged) == [False] * len(forged)
