"""The program `longhaul` as a person or a script runs it."""

import contextlib
import os
import subprocess

import longhaul_server
from longhaul_server import binary
from waiting import PATIENCE


def environment_for(url=None, key=None, **variables):
    found = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **variables}
    for name, value in os.environ.items():
        if name.endswith("SAN_OPTIONS"):
            found[name] = value
    if url is not None:
        found["LONGHAUL_SERVER"] = url
    if key is not None:
        found["LONGHAUL_API_KEY"] = key
    return found


class CommandLine:
    """Runs commands against one server."""

    def __init__(self, url=None, key=None, folder=None):
        self.url, self.key, self.folder = url, key, folder

    def run(self, *arguments, text="", **variables):
        """Returns what subprocess.run does, with texts."""
        return subprocess.run([binary(), *arguments], input=text, capture_output=True, encoding="utf-8",
                              errors="replace", cwd=self.folder, timeout=60 * PATIENCE, check=False,
                              env=environment_for(self.url, self.key, **variables))

    def expect(self, code, *arguments, text=""):
        """As run(), when it ends with that exit code."""
        result = self.run(*arguments, text=text)
        assert result.returncode == code, f"{result.returncode} instead of {code}: {result.stdout}{result.stderr}"
        return result

    def start(self, *arguments):
        """The id of a task that is started."""
        return self.expect(0, "start", *arguments).stdout.strip()

    @contextlib.contextmanager
    def running(self, *arguments, **options):
        """The command as a process that runs meanwhile; killed at the end of the block if it has not ended."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        with subprocess.Popen([binary(), *arguments], stdin=subprocess.DEVNULL, cwd=self.folder,
                              env=environment_for(self.url, self.key), **options) as process:
            # So that a server which ends meanwhile does not take this for something it left behind.
            longhaul_server._running.add(process.pid)
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()
                longhaul_server._running.discard(process.pid)
