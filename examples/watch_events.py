"""Starts a task and watches it by its event stream, with nothing but Python's own library.

    python3 examples/watch_events.py [--server URL] TYPE [PAYLOAD]

Prints a line for each event; exits with 0 if the task succeeded. A lost connection is taken up again where it was.
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request

FINAL = ("succeeded", "failed", "cancelled", "timed_out")


def open_url(url, headers=None, body=None):
    request = urllib.request.Request(url, data=body, headers=headers or {})
    if os.environ.get("LONGHAUL_API_KEY"):
        request.add_header("Authorization", "Bearer " + os.environ["LONGHAUL_API_KEY"])
    # Longer than the 15 s between two heartbeats: silence means that the connection is dead.
    return urllib.request.urlopen(request, timeout=40)


def start(server, task_type, payload):
    body = json.dumps({"type": task_type, "payload": payload}).encode()
    with open_url(server + "/start-task", {"Content-Type": "application/json"}, body) as answer:
        return json.load(answer)["task_id"]


def events_of(stream):
    """Pairs of a name and a dictionary with id and data, as the HTML standard reads a stream."""
    event = {}
    for line in stream:
        line = line.decode("utf-8").rstrip("\r\n")
        if not line:
            if "data" in event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            event[name] = value.removeprefix(" ")


def watch(server, task_id):
    """Every event of the task, to the final one."""
    last_id = None
    while True:
        headers = {"Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        try:
            with open_url(f"{server}/task-status/{task_id}", headers) as stream:
                for event in events_of(stream):
                    last_id = event.get("id", last_id)
                    if event["event"] in ("snapshot", "state", "progress"):
                        status = json.loads(event["data"])
                        yield event["event"], status
                        if status["status"] in FINAL:
                            return
        except urllib.error.HTTPError:
            raise
        except OSError as error:
            print(f"again in 2 s: {error}", file=sys.stderr)
        time.sleep(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default=os.environ.get("LONGHAUL_SERVER", "http://127.0.0.1:8080"))
    parser.add_argument("type")
    parser.add_argument("payload", nargs="?", type=json.loads)
    arguments = parser.parse_args()
    task_id = start(arguments.server, arguments.type, arguments.payload)
    for name, status in watch(arguments.server, task_id):
        percent = (status["progress"] or {}).get("percent")
        print(name, status["status"], "" if percent is None else f"{percent:.0f} %", flush=True)
    return 0 if status["status"] == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main())
