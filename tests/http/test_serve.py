"""What a server makes of the surroundings it is started in: descriptors, signals, limits, the database's file."""

import contextlib
import fcntl
import os
import pathlib
import resource
import signal
import subprocess
import termios

import pytest

import longhaul_server
from command_line import CommandLine, environment_for
from http_client import ApiClient
from longhaul_server import binary, running_server
from waiting import PATIENCE, wait_until


@pytest.fixture
def cli(tmp_path):
    return CommandLine(folder=tmp_path)


@contextlib.contextmanager
def served_by_shell(folder, script):
    """The server as `script` starts it, with its command as "$@"; it has put down who holds its lock."""
    command = ["sh", "-c", script, "sh", binary(), "serve", "--listen", "127.0.0.1:0", "--database", "x.db"]
    with subprocess.Popen(command, cwd=folder, env=environment_for(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        longhaul_server._running.add(process.pid)
        try:
            lock = folder / "x.db.lock"
            wait_until(lambda: lock.exists() and lock.read_bytes(), "the server to hold its lock")
            wait_until(lambda: longhaul_server.children_of(process.pid), "the server to have its spawner")
            yield process, lock
        finally:
            if process.poll() is None:
                process.kill()
            longhaul_server._running.discard(process.pid)


# ---- descriptors

@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_are_not_reused(tmp_path, closed):
    with served_by_shell(tmp_path, f'exec "$@" {closed}') as (process, lock):
        for number in range(3):
            assert os.readlink(f"/proc/{process.pid}/fd/{number}") == "/dev/null"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert lock.read_text().startswith(f"{process.pid}\nreload ")


def test_an_output_that_is_full_does_not_keep_it_from_serving(tmp_path):
    with served_by_shell(tmp_path, 'exec "$@" > /dev/full 2> /dev/full') as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


# ---- signals and limits

def ignored_signals(status):
    mask = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigIgn:"))
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def test_what_it_ignores_itself_it_does_not_hand_on():
    with running_server(tasks={"state": "cat /proc/self/status"}) as server:
        with server.client() as client:
            client.start("sleep", {"seconds": 600})
            # What it ignores itself it does not hand on.
            assert {signal.SIGPIPE, signal.SIGXFSZ} <= ignored_signals(pathlib.Path(f"/proc/{server.pid}/status").read_text())
            ours = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ}
            assert not ours & ignored_signals(client.run("state")["result"])


@pytest.mark.parametrize("how", ["closed", "closed, but ignored"])
def test_a_closed_terminal_stops_it_well(tmp_path, how):
    master, slave = os.openpty()
    if how == "closed":
        shell = ["sh", "-c", 'exec "$@"', "sh"]
    else:
        shell = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"]
    command = [*shell, binary(), "serve", "--listen", "127.0.0.1:0", "--database", "x.db"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) as process:
        os.close(slave)
        assert b"listening" in process.stdout.readline()
        os.close(master)
        if how == "closed":
            assert process.wait(60 * PATIENCE) == 0
            return
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)  # nothing tells that it stays
        process.send_signal(signal.SIGTERM)
        assert process.wait(60 * PATIENCE) == 0


def test_who_starts_it_with_nohup_means_it(tmp_path):
    with served_by_shell(tmp_path, 'trap "" HUP; exec "$@"') as (process, _):
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGCONT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)  # nothing tells that it stays
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_limit_of_file_sizes_is_no_death_by_signal():
    with running_server() as server:
        with server.client() as client:
            client.run("echo")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (256 * 1024, 256 * 1024))
        statuses = []
        with contextlib.suppress(OSError), ApiClient(server.address, server.port, server.check) as client:
            while len(statuses) < 40 and set(statuses) <= {202}:
                statuses.append(client.post("/start-task", {"type": "echo", "payload": "x" * 100_000}).status)
        assert server.process.poll() != -signal.SIGXFSZ and len(statuses) < 40
        assert 503 in statuses or server.process.wait(60) == 70, statuses
        server.kill()


# ---- the file of the database

@pytest.mark.parametrize("database", ["/dev/null", "folder", "fifo", "linked.db"])
def test_files_that_are_no_database(cli, database):
    (cli.folder / "folder").mkdir()
    os.mkfifo(cli.folder / "fifo")
    (cli.folder / "first.db").write_bytes(b"")
    os.link(cli.folder / "first.db", cli.folder / "linked.db")
    result = cli.expect(1, "serve", "--listen", "127.0.0.1:0", "--database", database)
    said = "has 2 names (hard links)" if database == "linked.db" else "is not a regular file"
    assert f"the database {database} {said}" in result.stderr and result.stdout == ""
    assert not pathlib.Path(database + ".lock").exists() and not list(cli.folder.glob("*.lock"))


def test_another_name_by_a_link_is_no_other_database(cli):
    (cli.folder / "alias.db").symlink_to("real.db")
    with cli.running("serve", "--listen", "127.0.0.1:0", "--database", "alias.db") as server:
        assert server.stdout.readline().startswith("longhaul is listening")
        assert "is in use by process" in cli.expect(1, "serve", "--listen", "127.0.0.1:0", "--database", "real.db").stderr
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0


# ---- settings

def test_origins_are_compared_as_browsers_send_them():
    origins = '["https://Foo.EXAMPLE", "HTTP://bar.example:80", "https://baz.example:8443"]'
    with running_server(config=f"[server]\nallowed_origins = {origins}\n") as server, server.client() as client:
        for origin in ("https://foo.example", "http://bar.example", "https://baz.example:8443"):
            answer = client.get("/stats", headers={"Origin": origin}).expect(200)
            assert answer.header("Access-Control-Allow-Origin") == origin
        for origin in ("http://foo.example", "https://bar.example", "https://baz.example"):
            client.get("/stats", headers={"Origin": origin}).expect(403)


@pytest.mark.parametrize("line, said", [
    ("memory_mb = 5", "unknown setting 'tasks.t.memory_mb'; known here: "),
    ("persistent = true", "unknown setting 'tasks.t.persistent'; known here: "),
    ("max_atempts = 5", "did you mean 'tasks.t.max_attempts'?"),
    ("timeout_seconds = nan", "tasks.t.timeout_seconds must be a finite number (0.001 to 316224000; 0: no limit)"),
    ("grace_seconds = -inf", "tasks.t.grace_seconds must be a finite number (0 to 3600)"),
    ("grace_seconds = 3600.5", "must be a number of seconds (0 to 3600), not 3600.5"),
    ("max_attempts = 1.5", "must be a whole number (1 to 100), not 1.5"),
])
def test_settings_and_what_was_meant(cli, line, said):
    (cli.folder / "x.toml").write_text(f'[tasks.t]\ncommand = ["true"]\n{line}\n')
    assert said in cli.expect(2, "serve", "--config", "x.toml").stderr


@pytest.mark.parametrize("flag", ["a=", "a=  ", "a=''"])
def test_a_type_without_a_program(cli, flag):
    errors = cli.expect(2, "serve", "--task", flag).stderr
    assert "--task a: names no program" in errors and "[" not in errors


def test_a_folder_as_program():
    with running_server(tasks={"folder": "/tmp", "here": "./tmp"}) as server, server.client() as client:
        for type_ in ("folder", "here"):
            error = client.run(type_)["error"]
            assert error["code"] == "START_FAILED" and "it is a folder" in error["message"] and "chmod" not in error["message"]
