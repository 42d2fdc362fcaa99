"""Starts a task and watches it over a WebSocket, with nothing but Python's own library.

    python3 examples/watch_socket.py [--server URL] TYPE [PAYLOAD]

Prints a line for each event; exits with 0 if the task succeeded.
"""

import argparse
import base64
import json
import os
import socket
import struct
import sys
import urllib.parse

FINAL = ("succeeded", "failed", "cancelled", "timed_out")
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Socket:
    """As much of RFC 6455 as a client of longhaul needs: the server never fragments."""

    def __init__(self, server):
        url = urllib.parse.urlsplit(server)
        # Longer than the 25 s between two pings: silence means that the connection is dead.
        self.connection = socket.create_connection((url.hostname, url.port or 80), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /ws HTTP/1.1", f"Host: {url.netloc}", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Protocol: longhaul.v1"]
        if os.environ.get("LONGHAUL_API_KEY"):
            lines.append("Authorization: Bearer " + os.environ["LONGHAUL_API_KEY"])
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        self.reader = self.connection.makefile("rb")
        status = self.reader.readline().decode().strip()
        if " 101 " not in status + " ":
            raise ConnectionError(f"refused: {status}")
        while self.reader.readline().strip():
            pass  # the headers

    def send(self, opcode, payload):
        mask = os.urandom(4)
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack("!BH", 0x80 | 126, len(payload))
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self.connection.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def say(self, **message):
        self.send(TEXT, json.dumps(message).encode())

    def messages(self):
        while True:
            first, size = self.reader.read(2)
            if size == 126:
                size, = struct.unpack("!H", self.reader.read(2))
            elif size == 127:
                size, = struct.unpack("!Q", self.reader.read(8))
            payload = self.reader.read(size)
            if first & 0x0F == PING:
                self.send(PONG, payload)
            elif first & 0x0F == CLOSE:
                raise ConnectionError("closed: " + payload[2:].decode())
            elif first & 0x0F == TEXT:
                yield json.loads(payload)

    def close(self):
        self.send(CLOSE, struct.pack("!H", 1000))
        self.connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default=os.environ.get("LONGHAUL_SERVER", "http://127.0.0.1:8080"))
    parser.add_argument("type")
    parser.add_argument("payload", nargs="?", type=json.loads)
    arguments = parser.parse_args()
    ws = Socket(arguments.server)
    ws.say(op="start", ref="start", task={"type": arguments.type, "payload": arguments.payload})
    status = {"status": ""}
    for message in ws.messages():
        if "problem" in message:
            sys.exit(message["problem"]["detail"])
        if message.get("ref") == "start":
            ws.say(op="subscribe", ref="watch", task_id=message["ok"]["task_id"])
        elif "event" in message and message["event"]["type"] != "reset":
            status = message["event"]["data"]
            percent = (status["progress"] or {}).get("percent")
            print(message["event"]["type"], status["status"], "" if percent is None else f"{percent:.0f} %", flush=True)
            if status["status"] in FINAL:
                break
    ws.close()
    return 0 if status["status"] == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main())
