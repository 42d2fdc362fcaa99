"""What the client commands are given and cannot use: said at once, with exit code 2, and never sent."""

import pathlib
import subprocess

import pytest

from command_line import CommandLine, environment_for
from longhaul_server import binary


@pytest.fixture
def cli(server, tmp_path):
    return CommandLine(server.url(), folder=tmp_path)


# ---- where the server is

@pytest.mark.parametrize("url, said", [
    ("http://127.0.0.1:99999", "1 to 65535"), ("http://127.0.0.1:0", "1 to 65535"),
    *((url, "is not the URL of a server") for url in (
        "http://127.0.0.1:abc", "http://127.0.0.1:", "http://:", "http://:80", "http://", "http:/x", "http://[::1", "http://a b",
        "http://127.0.0.1:80\n", "http://a\x01", "http://127.0.0.1:123456", "ftp://x", "127.0.0.1")),
    ("HTTPS://127.0.0.1", "plain http only"),
])
def test_urls_that_are_none(url, said):
    for arguments, variables in ((["tasks", "--server", url], {}), (["start", "echo"], {"LONGHAUL_SERVER": url})):
        result = CommandLine().run(*arguments, **variables)
        assert result.returncode == 2 and said in result.stderr and result.stdout == ""


def test_schemes_and_names_ignore_case(server, cli):
    for url in (f"HTTP://127.0.0.1:{server.port}", f"Http://LOCALHOST:{server.port}/"):
        cli.expect(0, "tasks", "--server", url)


# ---- the payload

@pytest.mark.parametrize("argument, said", [("@/tmp", "the file '/tmp': Is a directory"), ("@/dev/zero", "more than 67108864 bytes"),
                                            ("@none", "the file 'none': No such file"), ("@", "the file ''")])
def test_files_that_are_no_payload(cli, argument, said):
    result = cli.expect(2, "start", "echo", "--payload", argument)
    assert "--payload" in result.stderr and said in result.stderr and result.stdout == ""


def shell(cli, script, *arguments):
    """`script` with the command as "$@"."""
    return subprocess.run(["sh", "-c", script, "sh", binary(), *arguments], input="1", capture_output=True, text=True, timeout=60,
                          check=False, cwd=cli.folder, env=environment_for(cli.url))


def test_stdin_as_payload(cli):
    assert shell(cli, 'exec "$@"', "start", "echo", "--payload", "-").returncode == 0
    for closed in ('exec "$@" <&-', 'exec "$@" < /'):
        result = shell(cli, closed, "start", "echo", "--payload", "-")
        assert result.returncode == 2 and "--payload: cannot read stdin" in result.stderr
    assert "stdin has more than" in shell(cli, 'exec "$@" < /dev/zero', "start", "echo", "--payload", "-").stderr


# ---- what goes into headers

@pytest.mark.parametrize("key, said", [("", "must not be empty"), ("a\nb", "control character"), ("a\r", "control character"),
                                       ("\t", "control character"), ("a\x7f", "control character"), (" a", "blank"), ("a ", "blank")])
def test_idempotency_keys_that_no_header_carries(cli, key, said):
    result = cli.expect(2, "start", "echo", "--idempotency-key", key)
    assert "--idempotency-key" in result.stderr and said in result.stderr and result.stdout == ""


def test_other_idempotency_keys_are_judged_by_the_server(cli):
    assert "Idempotency-Key" in cli.expect(3, "start", "echo", "--idempotency-key", "ü").stderr
    first = cli.start("echo", "--idempotency-key", "a b")
    assert cli.start("echo", "--idempotency-key", "a b") == first


@pytest.mark.parametrize("key", ["a\nb", "a\r\n", "a b", "\x01", "ü", "x" * 501])
def test_api_keys_that_no_server_has(cli, key):
    result = cli.run("tasks", LONGHAUL_API_KEY=key)
    assert result.returncode == 2 and "LONGHAUL_API_KEY must be 1 to 500 visible ASCII characters" in result.stderr


# ---- numbers, names, ids

@pytest.mark.parametrize("arguments, said", [
    *((["start", "echo", "--wait", text], f"--wait: must be a number of seconds from 0 to 316224000, not '{text}'")
      for text in ("abc", "-1", "nan", "inf", "1e99", "5s")),
    (["cancel", "x", "--wait", "301"], "--wait: must be a number of seconds from 0 to 300, not '301'"),
    *((["logs", "x", "--after", text], f"--after: must be a whole number from 0 to 9223372036854775807, not '{text}'")
      for text in ("x", "-1", "1.5", "9223372036854775808")),
    (["start", "echo", "--tag", "a=1", "--tag", "b=1", "--tag", "a=2"], "--tag a is given twice"),
    *(([command, ""], "ID: must not be empty") for command in ("status", "watch", "cancel", "logs")),
    (["start", "echo", "--piority", "5"], "there is no option '--piority'; did you mean '--priority'?"),
    (["start", "echo", "--idempotency-ky=5"], "did you mean '--idempotency-key'?"),
    (["tasks", "--frobnicate"], "there is no option '--frobnicate'\n"),
    (["serve", "--listn", "127.0.0.1:0"], "there is no option '--listn'; did you mean '--listen'?"),
    (["settings", "--markdown=maybe"], "--markdown"),
    (["settings", "--markdown=false"], "no other form"),
    (["tasks", "--json=maybe"], "--json"),
])
def test_arguments_that_do_not_fit(cli, arguments, said):
    result = cli.expect(2, *arguments)
    assert said in result.stderr and "e+308" not in result.stderr and result.stdout == ""


def test_an_empty_wait_and_a_fraction_are_numbers(cli):
    cli.expect(6, "start", "sleep", "--payload", '{"seconds": 0.5}', "--wait", "0")
    cli.expect(0, "start", "echo", "--wait", "20.5")


# ---- what is printed and does not arrive

@pytest.mark.parametrize("arguments", [["start", "echo"], ["start", "echo", "--wait", "20"], ["start", "echo", "--json"], ["tasks"], ["tasks", "--json"],
                                       ["--help"], ["--version"], ["settings", "--markdown"]])
def test_output_that_does_not_arrive(cli, arguments):
    for output, why in (("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
        result = shell(cli, f'exec "$@" {output}', *arguments)
        assert result.returncode == 1 and "not all of the output could be written" in result.stderr, result
        # Of longer output an earlier write may have failed, whose reason is not kept.
        assert why in result.stderr or arguments != ["start", "echo"]


def test_a_failure_keeps_its_exit_code(cli):
    result = shell(cli, 'exec "$@" > /dev/full', "start", "none", "--json")
    assert result.returncode == 3 and "UNKNOWN_TASK_TYPE" in result.stderr and "not all of the output" in result.stderr


def test_a_reader_that_has_enough(cli):
    for _ in range(3):
        cli.start("echo", "--tag", "long=" + "x" * 200)
    result = shell(cli, '"$@" | head -c 1', "tasks", "--json")
    assert result.returncode == 0 and result.stdout == "{" and result.stderr == ""


def test_closed_descriptors_are_not_reused(cli):
    # With stdin closed, the connection to the server would become descriptor 0.
    assert shell(cli, 'exec "$@" <&- 2>&-', "start", "echo").returncode == 0
    pathlib.Path(cli.folder / "payload.json").write_text("[1]")
    assert shell(cli, 'exec "$@" <&-', "start", "echo", "--payload", "@payload.json").returncode == 0
