"""A server for tests: its own port, folder and database. It is stopped by its process id, and nothing of it may be left."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from http_client import ApiClient
from openapi_check import OpenApiCheck, strict_json
from raw_http import RawConnection
from waiting import PATIENCE, deadline_in, readable, wait_until

READY_LINE = "longhaul is listening on http://"
PR_SET_CHILD_SUBREAPER = 36
# What a server may leave in its folder.
LASTING_SUFFIXES = ("longhaul.db", "longhaul.db-wal", "longhaul.db-shm", "longhaul.db.lock", "longhaul.db-lock",
                    "longhaul.toml", "server.log")

# Whatever a dead server leaves running becomes a child of this process, and is found.
ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

_running = set()  # process ids of servers that tests have started and not ended yet


def binary():
    path = os.environ.get("LONGHAUL_BINARY")
    assert path and os.access(path, os.X_OK), "LONGHAUL_BINARY must name the built server (scripts/test sets it)"
    return path


def children_of(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                found += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def descendants_of(pid):
    found = []
    for child in children_of(pid):
        found += [child, *descendants_of(child)]
    return found


def is_alive(pid):
    """True for a process that runs; a zombie is none."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def process_line(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return "?"


def _reap_strangers():
    """Collects orphans that came to us and are dead; returns those that live."""
    living = []
    for pid in children_of(os.getpid()):
        if pid in _running:
            continue
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                living.append(pid)
    return living


class LonghaulServer:
    def __init__(self, *, tasks=None, config=None, arguments=(), environment=None, key=None, address="127.0.0.1"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="longhaul-test-"))
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.config = config
        self.tasks = dict(tasks or {})
        self.arguments = list(arguments)
        self.key = key
        self.environment = {"PATH": os.environ["PATH"], "TMPDIR": str(self.temporary), **(environment or {})}
        for name, value in os.environ.items():
            if name.endswith("SAN_OPTIONS"):
                self.environment[name] = value
        if key is not None:
            self.environment["LONGHAUL_API_KEY"] = key
        self.address = address
        self.port = 0
        self.process = None
        self.check = None

    # ---- life

    def command(self):
        command = [binary(), "serve", "--listen", f"{self.address}:{self.port}", "--database",
                   str(self.folder / "longhaul.db")]
        if self.config is not None:
            (self.folder / "longhaul.toml").write_text(self.config)
            command += ["--config", str(self.folder / "longhaul.toml")]
        for name, program in self.tasks.items():
            command += ["--task", f"{name}={program}"]
        # A test that does not ask for a drain does not want to wait for what it left running.
        if "drain_seconds" not in (self.config or "") and "--drain-seconds" not in self.arguments:
            command += ["--drain-seconds", "0"]
        return command + self.arguments

    def start(self, seconds=30):
        """Returns when the server says that it takes requests."""
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            cwd=self.folder, env=self.environment)
        _running.add(self.process.pid)
        line = self._read_line(deadline_in(seconds))
        assert line.startswith(READY_LINE), f"said {line!r} instead; log:\n{self.log()}"
        self.port = int(line.rsplit(":", 1)[1])
        if self.check is None:
            self.check = OpenApiCheck(self._fetch_description())
        return self

    def _read_line(self, end):
        line = b""
        descriptor = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            if not readable(descriptor, end - time.monotonic()):
                self.kill()
                raise AssertionError(f"no ready line in time; log:\n{self.log()}")
            data = os.read(descriptor, 1)
            if not data:
                code = self.process.wait()
                self._forget()
                raise AssertionError(f"ended with {code} before it was ready; log:\n{self.log()}")
            line += data
        return line.decode("utf-8").rstrip("\n")

    def _fetch_description(self):
        request = urllib.request.Request(self.url("/openapi.json"))
        if self.key is not None:
            request.add_header("Authorization", f"Bearer {self.key}")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20 * PATIENCE) as answer:
            return strict_json(answer.read().decode("utf-8"))

    def stop(self, seconds=30):
        """Ends the server as an operator does, and sees that it leaves nothing."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop within {seconds * PATIENCE} s; log:\n{self.log()}") from None
        self._forget()
        assert code == 0, f"ended with {code}; log:\n{self.log()}"
        living = _reap_strangers()
        assert not living, f"left running: {[(pid, process_line(pid)) for pid in living]}"
        self._check_files()
        errors = [line for line in (self.folder / "server.log").read_text(errors="replace").splitlines()
                  if "Z error " in line or ',"level":"error",' in line]
        assert not errors, f"errors in the log: {errors[:5]}"

    def kill(self, seconds=10):
        """kill -9, then sees that everything it had started dies too."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self._forget()
        wait_until(lambda: not _reap_strangers(),
                   lambda: f"{[(pid, process_line(pid)) for pid in _reap_strangers()]} to end", seconds)

    def restart(self, *, kill=False):
        self.kill() if kill else self.stop()
        return self.start()

    def _forget(self):
        _running.discard(self.process.pid)
        self.process.stdout.close()
        self.process = None

    def _check_files(self):
        left = [path.name for path in self.folder.iterdir() if path != self.temporary]
        strange = [name for name in left if name not in LASTING_SUFFIXES]
        assert not strange, f"files left: {strange}"
        assert not list(self.temporary.iterdir()), f"temporary files left: {list(self.temporary.iterdir())}"

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder)

    # ---- use

    @property
    def pid(self):
        return self.process.pid

    def url(self, path=""):
        return f"http://{self.address}:{self.port}{path}"

    def client(self, **options):
        options.setdefault("key", self.key)
        return ApiClient(self.address, self.port, self.check, **options)

    def raw(self, **options):
        return RawConnection(self.port, self.address, self.check, **options)

    def log(self):
        return self.whole_log()[-4000:]

    def whole_log(self):
        return (self.folder / "server.log").read_text(errors="replace")

    # ---- what the system says of it

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def context_switches(self):
        """Of each thread so far, voluntary or not, by its id."""
        counts = {}
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with contextlib.suppress(OSError):
                lines = pathlib.Path(f"/proc/{self.pid}/task/{task}/status").read_text().splitlines()
                counts[task] = sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
        return counts

    def context_switches_since(self, before):
        """Of all threads that are there now."""
        return sum(count - before.get(task, 0) for task, count in self.context_switches().items())

    def descendants(self):
        return descendants_of(self.pid)

    def programs(self):
        """Processes of tasks that live: all it has started but those that run the server's own binary."""
        own = os.readlink(f"/proc/{self.pid}/exe")
        found = []
        for pid in self.descendants():
            with contextlib.suppress(OSError):
                if is_alive(pid) and os.readlink(f"/proc/{pid}/exe") != own:
                    found.append(pid)
        return found


@contextlib.contextmanager
def running_server(**options):
    """A server for a block: stopped and checked at its end, killed when the block fails."""
    server = LonghaulServer(**options)
    try:
        server.start()
        yield server
        server.stop()
    except BaseException:
        print(f"---- server log\n{server.log()}")
        raise
    finally:
        server.remove()
