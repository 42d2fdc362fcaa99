"""Runs the groups of tests of one build, one runner after the other, and adds up what they report.

A group is a folder under tests/. Its C++ sources are one doctest executable, its Python files one pytest run. A runner
that dies, hangs, runs nothing, or leaves processes or temporary files behind counts as one more failed test.
"""

import argparse
import ctypes
import dataclasses
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
# In the order in which a failure tells most: small things first.
GROUPS = ("tidy", "unit", "store", "worker", "http", "crash", "browser", "docs")
SANITIZER_PRESETS = ("asan", "tsan")
DEFAULT_TIMEOUT_SECONDS = 900
SANITIZER_TIMEOUT_FACTOR = 3
ABORT_GRACE_SECONDS = 15  # for a hung runner to say where it hangs
LEFTOVER_GRACE_SECONDS = 3
SANITIZER_REPORT_CHARACTERS_MAX = 20000
PYTHON = "/usr/bin/python3"
PR_SET_CHILD_SUBREAPER = 36


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def line(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


@dataclasses.dataclass
class Runner:
    name: str
    command: list
    parse: object  # from the output to Counts, or to None if the output holds no summary
    finished_codes: tuple  # exit codes with which the runner ends when its tests passed, or failed and were counted
    nothing_ran_code: int = -1


def parse_doctest(output, filtered):
    rows = re.findall(r"^\[doctest\] test cases:(.*)$", output, re.MULTILINE)
    if not rows:
        return None
    found = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped)", rows[-1])}
    # With a filter, doctest counts all that the filter left out as skipped.
    return Counts(found.get("passed", 0), found.get("failed", 0), 0 if filtered else found.get("skipped", 0))


def parse_pytest(output, filtered):
    del filtered
    rows = [row for row in output.splitlines() if re.search(r" in \d+(\.\d+)?s\b", row)]
    if not rows:
        return None
    words = re.findall(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b", rows[-1])
    found = {}
    for number, word in words:
        found[word.rstrip("s") if word.startswith("error") else word] = int(number)
    return Counts(
        passed=found.get("passed", 0) + found.get("xpassed", 0),
        failed=found.get("failed", 0) + found.get("error", 0),
        skipped=found.get("skipped", 0) + found.get("xfailed", 0),
    )


def has_cpp(group):
    return any((TESTS / group).rglob("*.cc"))


def has_python(group):
    return any((TESTS / group).rglob("test_*.py")) or any((TESTS / group).rglob("*_test.py"))


def runners_of(group, build_dir, filter_text, temporary):
    if has_cpp(group):
        executable = build_dir / f"longhaul_tests_{group}"
        command = [str(executable), "--no-version", "--no-intro", "--force-colors=false"]
        if filter_text:
            command.append(f"--test-case=*{filter_text}*")
        yield Runner(f"{group} (C++)", command, parse_doctest, finished_codes=(0, 1))
    if has_python(group):
        command = [PYTHON, "-m", "pytest", "-q", "-rfE", "-c", str(TESTS / "pytest.ini"), "--rootdir", str(ROOT),
                   "-p", "no:cacheprovider", "--basetemp", str(temporary / f"pytest-{group}"), str(TESTS / group)]
        words = re.findall(r"\w+", filter_text or "")
        if words:
            command += ["-k", " and ".join(words)]
        yield Runner(f"{group} (Python)", command, parse_pytest, finished_codes=(0, 1), nothing_ran_code=5)


# Where a build finds its libraries; the seed that repeats a failed run.
KEPT_VARIABLES = ("LONGHAUL_DEPS_PREFIX", "LONGHAUL_TEST_SEED", "LONGHAUL_TEST_RACES")


def test_environment(preset, build_dir):
    environment = dict(os.environ)
    for name in list(environment):
        # Neither the settings of a server on this machine nor of another Python may change what is tested.
        if name.startswith(("LONGHAUL_", "PYTHON", "PYTEST_")) and name not in KEPT_VARIABLES:
            del environment[name]
    environment.update(
        LONGHAUL_BINARY=str(build_dir / "longhaul"),
        LONGHAUL_BUILD_DIR=str(build_dir),
        LONGHAUL_PRESET=preset,
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONUNBUFFERED="1",
        PYTHONNOUSERSITE="1",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        PYTHON_COLORS="0",
    )
    return environment


def sanitizer_environment(preset, reports):
    """Sanitizers write into the folder `reports`, so that no report of any process, of a server that a test started and
    never asked for its exit code, goes unseen."""
    if preset == "asan":
        return {
            "ASAN_OPTIONS": f"halt_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:log_path={reports}/asan",
            "UBSAN_OPTIONS": f"halt_on_error=1:print_stacktrace=1:log_path={reports}/ubsan",
            "LSAN_OPTIONS": suppressions("lsan.supp") + "print_suppressions=0",
        }
    if preset == "tsan":
        options = f"halt_on_error=1:second_deadlock_stack=1:log_path={reports}/tsan"
        return {"TSAN_OPTIONS": suppressions("tsan.supp") + options}
    return {}


def sanitizer_troubles(reports):
    """Shows what the sanitizers wrote, and names each report."""
    troubles = []
    for path in sorted(reports.iterdir()):
        text = path.read_text(errors="replace")
        print(text[:SANITIZER_REPORT_CHARACTERS_MAX], flush=True)
        summary = re.search(r"^SUMMARY: (.*)|^.*runtime error: (.*)", text, re.MULTILINE)
        troubles.append("made a sanitizer complain: " + (summary[0].strip()[:300] if summary else path.name))
    return troubles


def suppressions(name):
    path = TESTS / name
    return f"suppressions={path}:" if path.exists() else ""


def wrapper(preset):
    """Thread sanitizer cannot lay out its memory where the kernel randomises addresses by more than 28 bits."""
    if preset != "tsan":
        return []
    try:
        bits = int(pathlib.Path("/proc/sys/vm/mmap_rnd_bits").read_text())
    except (OSError, ValueError):
        return []
    return ["setarch", platform.machine(), "-R"] if bits > 28 and shutil.which("setarch") else []


def child_processes():
    """Pids and command lines of our living children; orphans below us become ours too (see become_subreaper)."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state not in "ZX":
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ").strip()
        except (OSError, ValueError):
            continue  # it ended while we looked
    return found


def become_subreaper():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans():
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def stray_processes():
    """What the runner left running, after a moment to end by itself. All of it is killed."""
    give_up = time.monotonic() + LEFTOVER_GRACE_SECONDS
    while (strays := child_processes()) and time.monotonic() < give_up:
        time.sleep(0.05)
        reap_orphans()
    killed = dict(strays)
    while strays:
        for pid in strays:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)
        reap_orphans()
        strays = child_processes()  # killing a parent hands its children to us
        killed.update(strays)
    reap_orphans()
    return killed


def copy_output(process, pieces):
    for line in process.stdout:
        pieces.append(line)
        sys.stdout.write(line)
        sys.stdout.flush()


def run_watched(command, environment, timeout_seconds):
    """Runs a command, showing its output as it comes. Returns its exit code, its output, and whether it hung."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
    pieces = []
    reader = threading.Thread(target=copy_output, args=(process, pieces), daemon=True)
    reader.start()
    hung = False
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        hung = True
        process.send_signal(signal.SIGABRT)  # doctest names the test case then, and Python its stack
        try:
            process.wait(ABORT_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process, reader, pieces, hung


def describe_exit(code):
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def troubles_of(runner, code, counts, hung, timeout_seconds, filtered):
    """What went wrong with the runner itself, beyond the failed tests that it counted."""
    if hung:
        return [f"did not end within {timeout_seconds} s and was stopped"]
    if code == runner.nothing_ran_code or (counts and counts == Counts() and code == 0):
        return [] if filtered else ["ran no test"]
    if code not in runner.finished_codes:
        return [f"died: it {describe_exit(code)}"]
    if counts is None:
        return [f"died: it {describe_exit(code)} without a summary"]
    if code != 0 and counts.failed == 0:
        return [f"{describe_exit(code)} though no test failed (see above)"]
    if code == 0 and counts.failed != 0:
        return ["reported failed tests but ended with exit code 0"]
    return []


def run(runner, preset, environment, timeout_seconds, filtered):
    print(f"\n=== {runner.name}", flush=True)
    if not os.path.exists(runner.command[0]):
        print(f"test: {runner.name}: {runner.command[0]} was not built", flush=True)
        return Counts(failed=1)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lh-") as folder, tempfile.TemporaryDirectory(prefix="lh-") as reports:
        process, reader, pieces, hung = run_watched(
            wrapper(preset) + runner.command,
            environment | sanitizer_environment(preset, reports) | {"TMPDIR": folder}, timeout_seconds)
        strays = stray_processes()
        reader.join(ABORT_GRACE_SECONDS)
        files = sorted(os.listdir(folder))
        complaints = sanitizer_troubles(pathlib.Path(reports))
    counts = runner.parse("".join(pieces), filtered)
    troubles = troubles_of(runner, process.returncode, counts, hung, timeout_seconds, filtered)
    if complaints:
        troubles = complaints  # the reason why it died
    if not hung:
        troubles += [f"left a process running: {pid} {command}" for pid, command in strays.items()]
    if files and not troubles:
        troubles.append("left in its temporary folder: " + ", ".join(files[:10]))
    counts = counts or Counts()
    for trouble in troubles:
        counts.failed += 1
        print(f"test: {runner.name} {trouble}", flush=True)
    print(f"--- {runner.name}: {counts.line()} ({time.monotonic() - started:.1f} s)", flush=True)
    return counts


def list_groups():
    for group in GROUPS:
        parts = [word for word, there in (("C++", has_cpp(group)), ("Python", has_python(group))) if there]
        print(f"{group:8} {' + '.join(parts) or '(no tests yet)'}")


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", default="dev")
    parser.add_argument("--group", action="append", default=[])
    parser.add_argument("--filter", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check-arguments", action="store_true")
    arguments = parser.parse_args()
    for group in arguments.group:
        if group not in GROUPS:
            sys.exit(f"test: there is no group '{group}'; there are {', '.join(GROUPS)}")
    return arguments


def timeout_for(preset):
    configured = os.environ.get("LONGHAUL_TEST_TIMEOUT_SECONDS")
    if configured:
        return int(configured)
    return DEFAULT_TIMEOUT_SECONDS * (SANITIZER_TIMEOUT_FACTOR if preset in SANITIZER_PRESETS else 1)


def run_groups(arguments):
    build_dir = ROOT / "build" / arguments.preset
    environment = test_environment(arguments.preset, build_dir)
    timeout_seconds = timeout_for(arguments.preset)
    total = Counts()
    unhappy = []
    with tempfile.TemporaryDirectory(prefix="lh-") as folder:
        for group in GROUPS:
            if arguments.group and group not in arguments.group:
                continue
            for runner in runners_of(group, build_dir, arguments.filter, pathlib.Path(folder)):
                counts = run(runner, arguments.preset, environment, timeout_seconds, bool(arguments.filter))
                total.add(counts)
                if counts.failed:
                    unhappy.append(runner.name)
    print()
    if unhappy:
        print(f"test: failures in {', '.join(unhappy)}")
    if total.passed + total.failed == 0:
        print("test: no test ran")
        total.failed = 1
    print(total.line())
    return 1 if total.failed else 0


def main():
    arguments = parse_arguments()
    if arguments.check_arguments:
        return 0
    if arguments.list:
        list_groups()
        return 0
    become_subreaper()
    return run_groups(arguments)


if __name__ == "__main__":
    sys.exit(main())
