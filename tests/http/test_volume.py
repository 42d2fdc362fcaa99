"""A program that writes more than anybody can keep: it is read to the end, and the server's memory stays bounded."""

import pathlib

from longhaul_server import running_server
from waiting import SANITIZED

GIGABYTE = 1_000_000_000

CONFIG = f"""
[tasks.flood]
command = ["/bin/sh", "-c", "head -c {GIGABYTE} /dev/zero & yes 'a line of the log' | head -c {GIGABYTE} >&2; wait"]
max_attempts = 1
timeout_seconds = 3600
"""


def peak_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def test_a_gigabyte_to_stdout_and_to_stderr():
    with running_server(config=CONFIG) as server, server.client() as client:
        client.run("echo")
        before = peak_bytes(server.pid)
        task = client.run("flood", seconds=300)
        assert task["status"] == "failed" and task["error"]["code"] == "RESULT_TOO_LARGE", task
        logs = client.get(f"/tasks/{task['task_id']}/logs").expect(200).json
        assert logs["truncated"] is True
        assert logs["lines"][0]["text"] == "a line of the log"
        grown = peak_bytes(server.pid) - before
        # The address sanitizer keeps what was freed.
        assert SANITIZED or grown < 64 * 1024 * 1024, f"the server's memory grew by {grown} bytes"
