"""A headless Chromium for one page, with a profile of its own, ended by its process id."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from longhaul_server import children_of, descendants_of, is_alive, process_line
from waiting import PATIENCE, wait_until

NAMES = ("chromium", "google-chrome")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions",
         "--disable-gpu", "--disable-sync", "--metrics-recording-only", "--no-default-browser-check", "--no-first-run",
         "--disable-dev-shm-usage", "--disable-breakpad", "--disable-features=Translate,MediaRouter,OptimizationHints",
         "--no-proxy-server", "--password-store=basic", "--use-mock-keychain")


def program():
    found = [path for path in map(shutil.which, NAMES) if path]
    assert found, f"there is none of {', '.join(NAMES)} here: scripts/setup installs it"
    return found[0]


def _processes_of(process, folder):
    """Its own, and those that it has let go of."""
    orphans = [pid for pid in children_of(os.getpid()) if str(folder) in process_line(pid)]
    return [pid for parent in {process.pid, *orphans} for pid in (parent, *descendants_of(parent))]


def _left_of(folder, before):
    """Those of its orphans that came to us and are not over yet. One that is about to end has no command line any more."""
    left = []
    for pid in set(children_of(os.getpid())) - before:
        line = process_line(pid).strip()
        if line and str(folder) not in line:
            continue
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                left.append(pid)
    return left


def _end(process, everyone, folder, before):
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10 * PATIENCE)
    for pid in everyone:
        if is_alive(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not [pid for pid in everyone if is_alive(pid)] and not _left_of(folder, before),
               "the browser's processes to end")


@contextlib.contextmanager
def browsing(url):
    """A browser that shows the page for the length of a block."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="longhaul-browser-"))
    (folder / "tmp").mkdir()
    # Nothing of a person's own profile, and nothing left in it.
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder / "tmp"),
                   "XDG_RUNTIME_DIR": str(folder / "tmp")}
    before = set(children_of(os.getpid()))
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([program(), "--headless=new", "--no-sandbox", *QUIET, f"--user-data-dir={folder}/profile", url],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        try:
            yield process
        except BaseException:
            print((folder / "log").read_text(errors="replace")[-4000:])
            raise
        finally:
            _end(process, _processes_of(process, folder), folder, before)
            shutil.rmtree(folder, ignore_errors=False)
