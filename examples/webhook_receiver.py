#!/usr/bin/env python3
"""A receiver of callbacks, to copy: it verifies each one's signature as Standard Webhooks 1.0.0 says, and drops what it has had
before. Needs nothing but Python.

    longhaul webhooks secret > secret.txt
    python3 examples/webhook_receiver.py --secret-file secret.txt
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import sys
import time

OLDEST_SECONDS = 5 * 60  # what is older may be a copy that somebody has kept and sends again
BODY_BYTES_MAX = 16 * 1024 * 1024
IDS_KEPT = 10_000


def is_genuine(secret, headers, body, now):
    """Whether whoever knows the secret has sent this, just now."""
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(now - int(timestamp)) > OLDEST_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers.get('webhook-id', '')}.{timestamp}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    # While a secret is being changed there may be two signatures.
    signatures = [part.partition(",") for part in headers.get("webhook-signature", "").split()]
    return any(version == "v1" and hmac.compare_digest(value.encode(), wanted) for version, _, value in signatures)


class Receiver(http.server.BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_BYTES_MAX:
            self.answer(413)
            return
        body = self.rfile.read(int(length))
        if not is_genuine(self.server.secret, self.headers, body, time.time()):
            print("refused: the signature does not fit", flush=True)
            self.answer(401)
            return
        self.answer(204)  # first: what is to be done with it may take longer than the sender waits
        self.server.take(self.headers["webhook-id"], json.loads(body))

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.HTTPServer):
    def __init__(self, address, secret):
        super().__init__(address, Receiver)
        self.secret = secret
        self.seen = {}  # in the order in which they came
        self.count = 0

    def take(self, webhook_id, event):
        if webhook_id in self.seen:
            print(f"had before: {webhook_id}", flush=True)
            return
        self.seen[webhook_id] = True
        if len(self.seen) > IDS_KEPT:
            del self.seen[next(iter(self.seen))]
        self.count += 1
        task = event["data"]
        print(f"verified: {event['type']} of task {task['task_id']}, result {json.dumps(task['result'])}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--secret-file", required=True, help="holds what 'longhaul webhooks secret' prints")
    parser.add_argument("--listen", default="127.0.0.1:9000", metavar="ADDRESS:PORT", help="port 0: a free one")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="end after so many (default: never)")
    arguments = parser.parse_args()
    with open(arguments.secret_file, encoding="ascii") as file:
        secret = file.read().strip()
    host, _, port = arguments.listen.rpartition(":")
    with Server((host, int(port)), secret) as server:
        print(f"listening on http://{host}:{server.server_port}/", flush=True)
        while not arguments.count or server.count < arguments.count:
            server.handle_request()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
