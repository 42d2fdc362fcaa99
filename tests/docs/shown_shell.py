"""A terminal in which the documentation's commands are run: one shell for each document, one server at a time, in a folder
of their own. Only the ports differ from what is shown."""

import os
import re
import select
import shlex
import signal
import socket
import subprocess
import time

from documents import ROOT
from longhaul_server import binary
from waiting import PATIENCE

SHOWN_ADDRESS = "127.0.0.1:8080"
SHOWN_RECEIVER = "127.0.0.1:9000"  # of callbacks
# `serve --check` starts none.
SERVE = re.compile(r"^(?:[A-Z_]+=\S* )*longhaul serve\b(?!.*--check)")
PROJECT_COMMAND = re.compile(r"^scripts/\w+")
SECONDS_PER_COMMAND = 60
# What a reader has around when the root of the project is the current folder.
FROM_THE_ROOT = ("examples", "LICENSE", "README.md")


def read_until(descriptor, is_enough, seconds):
    """What can be read until is_enough(text); the text may end sooner when the writer does."""
    text, end = b"", time.monotonic() + seconds * PATIENCE
    while not is_enough(text):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise AssertionError(f"waited {seconds * PATIENCE} s in vain; so far:\n{text.decode('utf-8', 'replace')}")
        data = os.read(descriptor, 65536)
        if not data:
            break
        text += data
    return text


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ShownShell:
    def __init__(self, folder):
        self.folder = folder
        for name in FROM_THE_ROOT:
            (folder / name).symlink_to(ROOT / name)
        (folder / ".curlrc").write_text('silent\nshow-error\nnoproxy = "*"\n')
        path = os.path.dirname(binary()) + os.pathsep + os.environ["PATH"]
        self.environment = {"PATH": path, "HOME": str(folder), "CURL_HOME": str(folder), "LANG": "C.UTF-8",
                            "TMPDIR": str(folder)}
        for name, value in os.environ.items():
            if name.endswith("SAN_OPTIONS"):
                self.environment[name] = value
        self.server = None
        self.server_log = open(folder / "server.log", "ab")
        self.address = SHOWN_ADDRESS
        self.receiver = f"127.0.0.1:{free_port()}"
        self.shell = subprocess.Popen(["bash", "--noprofile", "--norc"], cwd=folder, env=self.environment,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop_server()
        self.shell.stdin.close()
        self.shell.wait(30)
        self.shell.stdout.close()
        self.server_log.close()

    # ---- commands

    def run(self, command):
        """Returns exit code and printed lines."""
        if PROJECT_COMMAND.match(command.text):
            return self.ask_for_help(command.text)
        if SERVE.match(command.text) and command.exit_code == 0:
            return 0, [self.serve(command.text)]
        return self.type_in(command.text)

    def ask_for_help(self, text):
        """Commands of the project itself (a build, all tests) are not run here: they must be there, and know the flags shown."""
        words = shlex.split(text)
        result = subprocess.run([ROOT / words[0], "--help"], capture_output=True, text=True, check=False, timeout=60)
        assert result.returncode == 0, f"{words[0]} --help: {result.stderr}"
        for flag in words[1:]:
            assert not flag.startswith("-") or flag in result.stdout, f"{words[0]} --help does not know {flag}"
        return 0, []

    def type_in(self, text):
        mark = f"<end of {time.monotonic_ns()}>"
        text = text.replace(SHOWN_ADDRESS, self.address).replace(SHOWN_RECEIVER, self.receiver)
        # In braces, so that variables last; with an input of its own, so that a command cannot eat the next one.
        self.shell.stdin.write(f"{{ {text}\n}} </dev/null\nprintf '\\n{mark}%s\\n' \"$?\"\n".encode())
        self.shell.stdin.flush()
        said = read_until(self.shell.stdout.fileno(), lambda read: re.search(rf"{mark}\d+\n".encode(), read),
                          SECONDS_PER_COMMAND).decode("utf-8")
        printed, found, code = said.rpartition(mark)
        assert found, f"the shell ended; it said:\n{said}"
        lines = printed.replace("\r\n", "\n").split("\n")
        return int(code), lines[:-1]

    # ---- the server

    def serve(self, text):
        self.stop_server()
        environment = {**self.environment, "LONGHAUL_LISTEN": "127.0.0.1:0"}
        self.server = subprocess.Popen(["bash", "-c", "exec " + text.replace(SHOWN_ADDRESS, "127.0.0.1:0")],
                                       cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=self.server_log)
        said = read_until(self.server.stdout.fileno(), lambda read: b"\n" in read, 30).decode("utf-8")
        match = re.search(r"listening on http://(\S+)", said)
        assert match, f"'{text}' did not start: {said}{(self.folder / 'server.log').read_text()}"
        self.address = match[1]
        self.type_in(f"export LONGHAUL_SERVER=http://{self.address}")
        return said.strip()

    def stop_server(self):
        if self.server is None:
            return
        self.server.send_signal(signal.SIGTERM)
        code = self.server.wait(30 * PATIENCE)
        self.server.stdout.close()
        self.server = None
        assert code == 0, f"the server ended with {code}:\n{(self.folder / 'server.log').read_text()}"
