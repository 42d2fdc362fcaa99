#!/usr/bin/env python3
"""A receiver of webhooks and callbacks, to copy: it verifies each one's signature as Standard Webhooks 1.0.0 says, and does not
work again on what it has had before. Needs nothing but Python.

    python3 examples/webhook_receiver.py --secret-file secret.txt

The file holds the secret that 'longhaul webhooks add' has printed, or for callbacks that of 'longhaul webhooks secret'; while one takes
the place of another, both, each on a line.
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


def is_genuine(secrets, headers, body, now):
    """Whether somebody who knows one of the secrets has sent this, just now."""
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(now - int(timestamp)) > OLDEST_SECONDS:
        return False
    signed = f"{headers.get('webhook-id', '')}.{timestamp}.".encode() + body
    # The sender signs with the old secret too while it changes: then there are several signatures, and one that fits is enough.
    signatures = [part.partition(",") for part in headers.get("webhook-signature", "").split()]
    given = [value.encode() for version, _, value in signatures if version == "v1"]
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    wanted = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in keys]
    return any(hmac.compare_digest(one, other) for one in given for other in wanted)


class Receiver(http.server.BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_BYTES_MAX:
            self.answer(413)
            return
        body = self.rfile.read(int(length))
        if not is_genuine(self.server.secrets, self.headers, body, time.time()):
            print("refused: the signature does not fit", flush=True)
            self.answer(401)
            return
        # First: what is to be done with it may take longer than the sender waits. Whoever may not lose an event writes it down
        # before this line, and answers 500 when that fails: then it comes again.
        self.answer(204)
        self.server.take(self.headers["webhook-id"], json.loads(body))

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.HTTPServer):
    def __init__(self, address, secrets):
        super().__init__(address, Receiver)
        self.secrets = secrets
        self.seen = {}  # in the order in which they came
        self.count = 0

    def take(self, webhook_id, event):
        if webhook_id in self.seen:
            print(f"had before: {webhook_id}", flush=True)
            return
        self.seen[webhook_id] = True
        if len(self.seen) > IDS_KEPT:
            del self.seen[next(iter(self.seen))]
        self.work_on(event)
        self.count += 1

    def work_on(self, event):
        """Yours to write. `revision` grows with each change of a task: what has a smaller one than you know of is old news."""
        task = event["data"]
        if "task_id" not in task:  # webhook.test
            print(f"verified: {event['type']}", flush=True)
            return
        print(f"verified: {event['type']} of task {task['task_id']}, result {json.dumps(task['result'])}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--secret-file", required=True, help="holds the secret, or several, each on a line")
    parser.add_argument("--listen", default="127.0.0.1:9000", metavar="ADDRESS:PORT", help="port 0: a free one")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="end after so many (default: never)")
    arguments = parser.parse_args()
    with open(arguments.secret_file, encoding="ascii") as file:
        secrets = file.read().split()
    host, _, port = arguments.listen.rpartition(":")
    with Server((host, int(port)), secrets) as server:
        print(f"listening on http://{host}:{server.server_port}/", flush=True)
        while not arguments.count or server.count < arguments.count:
            server.handle_request()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
