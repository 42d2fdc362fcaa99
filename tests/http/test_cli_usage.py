"""The command line itself: help, wrong usage, servers that are not there, keys, and `serve`."""

import http.server
import json
import pathlib
import re
import signal
import socket
import threading

import pytest

from command_line import CommandLine
from longhaul_server import binary, running_server
from waiting import SANITIZED, wait_until


@pytest.fixture
def cli(tmp_path):
    return CommandLine(folder=tmp_path)


# ---- help and wrong usage

def test_help_and_version(cli):
    help_text = cli.expect(0, "--help").stdout
    for word in ("serve", "start", "status", "watch", "cancel", "tasks", "logs", "exit codes:", "LONGHAUL_API_KEY"):
        assert word in help_text
    version = cli.expect(0, "--version").stdout
    assert re.fullmatch(r"longhaul \d+\.\d+\.\d+\n", version) and cli.expect(0, "version").stdout == version


def test_memory_comes_from_the_allocator_that_was_linked(cli):
    settings = (pathlib.Path(binary()).parent / "CMakeCache.txt").read_text()
    if SANITIZED or "LONGHAUL_JEMALLOC:BOOL=ON" not in settings:
        pytest.skip("built with another allocator")
    result = cli.run("version", MALLOC_CONF="stats_print:true")
    assert result.returncode == 0 and "jemalloc statistics" in result.stderr
    assert "opt.narenas: 4" in result.stderr, "it is not set as it should be"


def test_what_is_not_for_people_is_not_listed(cli):
    listed = cli.expect(0, "--help").stdout
    assert "settings" not in listed and "spawner" not in listed


@pytest.mark.parametrize("arguments, said", [
    ([], "Usage: longhaul"),
    (["stat", "x"], "did you mean 'sta"),
    (["frobnicate"], "there is no command 'frobnicate'"),
    (["start"], "'longhaul start --help' shows what it takes"),
    (["status"], "ID is required"),
    (["start", "echo", "surplus"], "surplus"),
    (["start", "echo", "--nonsense"], "--nonsense"),
    (["logs", "x", "--follow", "--json"], "--json"),
    (["status", "x", "--server", "127.0.0.1:8080"], "is not the URL of a server"),
    (["status", "x", "--server", "http://127.0.0.1:8080/api"], "is not the URL of a server"),
    (["status", "x", "--server", "https://127.0.0.1"], "plain http only"),
])
def test_wrong_usage(cli, arguments, said):
    result = cli.expect(2, *arguments)
    assert said in result.stderr and result.stdout == ""


# ---- other ends

@pytest.fixture
def silent_port():
    """A port that nobody listens on, and nobody else can take."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("arguments", [["start", "echo"], ["status", "x"], ["watch", "x"], ["cancel", "x"], ["tasks"],
                                       ["logs", "x"], ["start", "echo", "--wait", "5"], ["webhooks", "list"],
                                       ["webhooks", "add", "http://a.example/"], ["webhooks", "enable", "x"], ["webhooks", "remove", "x"]])
def test_no_server(cli, silent_port, arguments):
    url = f"http://127.0.0.1:{silent_port}"
    result = cli.expect(4, *arguments, "--server", url)
    assert url in result.stderr and "longhaul serve" in result.stderr and result.stdout == ""


class Stranger(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<html>welcome</html>"
        self.send_response(404 if self.path.startswith("/task-status/") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_server_of_another_kind(cli):
    with http.server.HTTPServer(("127.0.0.1", 0), Stranger) as stranger:
        thread = threading.Thread(target=stranger.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{stranger.server_port}"
        assert "Is it a longhaul server?" in cli.expect(4, "tasks", "--server", url).stderr
        assert "Is it a longhaul server?" in cli.expect(3, "status", "x", "--server", url).stderr
        stranger.shutdown()
        thread.join()


def test_keys():
    with running_server(key="the-right-key") as server:
        for key, code in (("the-right-key", 0), ("a-wrong-key", 3), (None, 3), ("", 3)):
            result = CommandLine(server.url(), key).expect(code, "tasks")
            assert ("LONGHAUL_API_KEY" in result.stderr) == (code == 3)


def test_a_full_server_asks_to_try_again():
    with running_server(arguments=["--max-open-tasks", "1"]) as server:
        cli = CommandLine(server.url())
        task_id = cli.start("echo", "--delay", "1000")
        result = cli.expect(4, "start", "echo", "--delay", "1000")
        assert "QUEUE_FULL" in result.stderr and "Try again in" in result.stderr
        cli.expect(0, "cancel", task_id)


# ---- serve

@pytest.mark.parametrize("arguments, said", [
    (["--listen", "nonsense"], "--listen: must be ADDRESS:PORT"),
    (["--listen", "0.0.0.0:0"], "Set LONGHAUL_API_KEY"),
    (["--task", "x"], "there is no '=' in \"x\""),
    (["--task", "x='y"], "--task x: a ' is not closed"),
    (["--task", "echo=cat"], "'echo' is built in"),
    (["--log-level", "loud"], "--log-level: must be one of"),
    (["--config", "none.toml"], "none.toml: cannot be read: No such file or directory"),
])
def test_settings_that_stop_the_start(cli, arguments, said):
    result = cli.expect(2, "serve", "--database", "x.db", *arguments)
    assert said in result.stderr and result.stdout == ""
    assert not (cli.folder / "x.db").exists()


def test_a_wrong_file_is_refused_with_its_lines(cli):
    (cli.folder / "bad.toml").write_text('[server]\nlisen = "127.0.0.1:0"\n\n[tasks.t]\ncommand = ["true"]\nmax_attempts = 0\n')
    errors = cli.expect(2, "serve", "--config", "bad.toml").stderr
    assert "bad.toml:2: unknown setting 'server.lisen'; did you mean 'server.listen'?" in errors
    assert "bad.toml:6: tasks.t.max_attempts must be a whole number (1 to 100), not 0" in errors


def test_a_misspelt_variable_is_refused(cli):
    result = cli.run("serve", LONGHAUL_DATABSE="x.db")
    assert result.returncode == 2 and "did you mean 'LONGHAUL_DATABASE'?" in result.stderr


def test_a_taken_port_and_a_taken_database(cli):
    with running_server() as server:
        taken = cli.expect(1, "serve", "--listen", f"127.0.0.1:{server.port}", "--database", "other.db")
        assert str(server.port) in taken.stderr
        twice = cli.expect(1, "serve", "--listen", "127.0.0.1:0", "--database", str(server.folder / "longhaul.db"))
        assert "longhaul.db" in twice.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(cli, how):
    with cli.running("serve", "--listen", "127.0.0.1:0", "--database", "x.db") as server:
        assert server.stdout.readline().startswith("longhaul is listening on http://127.0.0.1:")
        server.send_signal(how)
        assert server.wait(60) == 0


def test_flag_before_variable_before_file():
    config = "[server]\nmax_open_tasks = 1\n"
    for environment, arguments, allowed in (({}, [], 1), ({"LONGHAUL_MAX_OPEN_TASKS": "2"}, [], 2),
                                            ({"LONGHAUL_MAX_OPEN_TASKS": "2"}, ["--max-open-tasks", "3"], 3)):
        with running_server(config=config, environment=environment, arguments=arguments) as server:
            cli = CommandLine(server.url())
            ids = [cli.start("echo", "--delay", "1000") for _ in range(allowed)]
            cli.expect(4, "start", "echo", "--delay", "1000")
            for task_id in ids:
                cli.expect(0, "cancel", task_id)


def test_task_flags_split_words_as_a_shell_does():
    program = "/usr/bin/printf '%s|' one 'two words' \"three $HOME\" four\\ words ''"
    with running_server(tasks={"show": program, "read": "cat"}) as server:
        cli = CommandLine(server.url())
        shown = json.loads(cli.expect(0, "start", "show", "--wait", "20", "--json").stdout)
        assert shown["result"] == "one|two words|three $HOME|four words||"
        assert {"show", "read", "echo", "sleep"} == {t["name"] for t in server.client().get("/task-types").json["task_types"]}


def test_the_log_level_is_followed(cli):
    with cli.running("serve", "--listen", "127.0.0.1:0", "--database", "x.db", "--log-level", "off") as server:
        wait_until(server.stdout.readline, "the ready line")
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=60)
    assert errors == ""
