"""The documentation does what it says: its commands run and print what is shown, its tables are complete, its links lead
somewhere."""

import json
import os
import re
import signal
import subprocess

import documents
import pytest
from documents import ROOT
from longhaul_server import binary
from shown_shell import ShownShell, read_until

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [path for path in documents.documents() if documents.commands(path.read_text(encoding="utf-8"))]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def longhaul(*arguments, **options):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LONGHAUL_")}
    return subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=60, env=environment, **options)


def complain(problems):
    assert not problems, "\n" + "\n".join(problems)


# ---- commands

@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_the_commands_shown_work(path, tmp_path):
    with ShownShell(tmp_path) as shell:
        for command in documents.commands(path.read_text(encoding="utf-8")):
            code, printed = shell.run(command)
            where = f"{name_of(path)}:{command.line}: {command.text}\n" + "\n".join(printed)
            assert code == command.exit_code, f"exit code {code}, not {command.exit_code}: {where}"
            if command.output is not None:
                difference = documents.first_difference(command.output, printed)
                assert difference is None, f"{difference}\n{where}"


def test_the_readme_is_among_them():
    assert ROOT / "README.md" in PAGES and ROOT / "docs/running-commands.md" in PAGES


def toml_blocks():
    return [pytest.param(block.text, id=f"{name_of(path)}:{block.line}") for path in documents.documents()
            for block in documents.blocks(path.read_text(encoding="utf-8")) if block.language == "toml"]


@pytest.mark.parametrize("text", toml_blocks())
def test_the_configurations_shown_are_accepted(text, tmp_path):
    (tmp_path / "shown.toml").write_text(text)
    command = [binary(), "serve", "--config", "shown.toml", "--listen", "127.0.0.1:0"]
    with open(tmp_path / "log", "wb") as log, subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE,
                                                               stderr=log) as server:
        said = read_until(server.stdout.fileno(), lambda read: b"\n" in read, 30)
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    assert b"listening on" in said, said.decode() + (tmp_path / "log").read_text()
    assert server.returncode == 0


# ---- what is written down twice

def test_the_reference_of_settings_is_what_the_program_says():
    result = longhaul("settings", "--markdown")
    assert result.returncode == 0
    written = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert written == result.stdout, "bring it up to date: longhaul settings --markdown > docs/configuration.md"


def listed_commands():
    listed = longhaul("--help").stdout.partition("Subcommands:")[2].partition("\n\n")[0]
    found = re.findall(r"^  (\w+) ", listed, re.MULTILINE)
    assert "serve" in found and "start" in found
    return found


def test_every_command_listed_has_its_own_help():
    for command in listed_commands():
        result = longhaul(command, "--help")
        assert result.returncode == 0 and f"longhaul {command}" in result.stdout, command


def flags_shown(text):
    """Pairs of command and flag, wherever the text shows a command line of longhaul. A command may have two words."""
    for line in text.splitlines():
        for call in re.findall(r"longhaul (webhooks \w+|\w+)((?: [^`$|)]*)?)", line):
            for flag in re.findall(r"(?<!\S)--[a-z][a-z-]*", call[1]):
                yield call[0], flag


def test_every_flag_shown_is_known():
    unknown = []
    for path in documents.documents():
        for command, flag in flags_shown(path.read_text(encoding="utf-8")):
            if not re.search(rf"(?<!\S){flag}\b", longhaul(*command.split(), "--help").stdout):
                unknown.append(f"{name_of(path)}: longhaul {command} {flag}")
    complain(unknown)


def test_the_readme_names_every_command():
    section = README.partition("## Command line")[2]
    complain([f"the README does not speak of 'longhaul {command}'" for command in listed_commands()
              if command != "version" and f"`{command}`" not in section and f"`longhaul {command}`" not in section])


def test_the_exit_codes_are_those_of_the_help():
    helped = re.findall(r"^  (\d)  (.*)$", longhaul("--help").stdout, re.MULTILINE)
    shown = [tuple(row) for row in documents.table_rows(README, ("exit code", "meaning"))]
    assert shown == helped


def openapi():
    return json.loads((ROOT / "api/openapi.json").read_text(encoding="utf-8"))


def test_the_readme_names_every_path():
    calls = {f"{method.upper()} {path}" for path, methods in openapi()["paths"].items()
             for method in methods if method in ("get", "post", "delete")}
    shown = {call.partition("?")[0] for call in re.findall(r"`((?:GET|POST|DELETE) /[^`\s]*)`", README)}
    assert shown == calls


def test_the_readme_names_every_field_of_a_start():
    fields = set(openapi()["components"]["schemas"]["StartRequest"]["properties"])
    rows = documents.table_rows(README.partition("## Starting work")[2], ("field", "meaning"))
    shown = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    assert shown == fields


def test_the_readme_names_every_cause_of_failure():
    codes = set(re.findall(r'= "([A-Z_]+)"', (ROOT / "api/task_error.h").read_text(encoding="utf-8")))
    section = README.partition("## When it fails")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", section)) == codes


# ---- links

def test_links_lead_somewhere():
    complain([problem for path in documents.documents()
              for problem in documents.broken_links(path, path.read_text(encoding="utf-8"))])


# ---- all of the above can fail

def test_a_wrong_output_is_noticed():
    different = documents.first_difference
    assert different(["a"], ["b"])
    assert different(["a"], ["a", "b"])
    assert different(["a", "b"], ["a"])
    assert different(["…", "b"], ["a", "c"])
    assert different(["id 019f…"], ["id 019f0000"])
    assert different(["a…c"], ["abd"])
    assert not different(["a   b"], ["a b", ""])
    assert not different(["…"], ["anything", "at all"])
    assert not different(["a", "…", "c"], ["a", "b", "b", "c"])
    assert not different(["id 019f…"], ["id 01a20000-0000-7000-8000-000000000000"])
    assert not different(['{"a":1,…}'], ['{"a":1,"b":2}'])


def test_a_wrong_exit_code_is_noticed(tmp_path):
    with ShownShell(tmp_path) as shell:
        assert shell.run(documents.Command("false", 1)) == (1, [""])
        assert shell.run(documents.Command("x=1; cat; echo to stderr >&2", 1)) == (0, ["to stderr", ""])
        assert shell.run(documents.Command("echo $x", 1)) == (0, ["1", ""])


def test_commands_are_found_in_their_blocks():
    text = ("```sh\n# a comment\na \\\n  b\ncat <<END\nx\nEND\nc  # exit code 3\n```\n"
            "```console\n$ d\nout\n$ e\n> f\n```\n```toml\ng\n```\n")
    found = [(c.text, c.line, c.exit_code, c.output) for c in documents.commands(text)]
    assert found == [("a \\\n  b", 3, 0, None), ("cat <<END\nx\nEND", 5, 0, None), ("c", 8, 3, None),
                     ("d", 11, 0, ["out"]), ("e\nf", 13, 0, None)]


def test_a_flag_that_nobody_knows_is_noticed():
    assert list(flags_shown("`longhaul start echo --nonsense` and longhaul tasks")) == [("start", "--nonsense")]
    assert list(flags_shown("longhaul webhooks add x --odd")) == [("webhooks add", "--odd")]


def test_a_broken_link_is_noticed(tmp_path):
    (tmp_path / "page.md").write_text("# One heading\n")
    other = tmp_path / "other.md"
    other.write_text("")
    assert not documents.broken_links(other, "# A b\n[x](page.md#one-heading) [y](https://example.org) [z](#a-b)")
    assert len(documents.broken_links(other, "[x](gone.md) [y](page.md#other) [z](#none)")) == 3
