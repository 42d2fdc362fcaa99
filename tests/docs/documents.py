"""The project's documents: their code blocks, the commands and outputs in these, their tables and links."""

import dataclasses
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
IGNORED_FOLDERS = {"build", "node_modules"}

ANY = "…"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
EXIT_CODE = re.compile(r"\s+# exit code (\d+)$")


@dataclasses.dataclass
class Block:
    language: str
    line: int  # of its first line inside
    text: str


@dataclasses.dataclass
class Command:
    text: str
    line: int
    exit_code: int = 0
    output: list = None  # the lines shown, or None if none are


def documents():
    return sorted(path for path in ROOT.rglob("*.md")
                  if not any(part in IGNORED_FOLDERS or part.startswith(".") for part in path.relative_to(ROOT).parts))


def blocks(markdown):
    found = []
    for match in re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL):
        line = markdown.count("\n", 0, match.start(2)) + 1
        found.append(Block(match[1], line, match[2]))
    return found


def without_blocks(markdown):
    return re.sub(r"^```.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)


def command(text, line, output=None):
    match = EXIT_CODE.search(text)
    if not match:
        return Command(text, line, 0, output)
    return Command(text[:match.start()], line, int(match[1]), output)


def is_complete(text):
    """Whether a shell would begin with this, or wait for more of it."""
    result = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    return result.returncode == 0 and "here-document" not in result.stderr and not text.endswith("\\")


def commands_of_sh(block):
    found, pending, begin = [], [], 0
    for number, line in enumerate(block.text.splitlines(), block.line):
        if not pending and (not line.strip() or line.startswith("#")):
            continue
        if not pending:
            begin = number
        pending.append(line)
        if is_complete("\n".join(pending)):
            found.append(command("\n".join(pending), begin))
            pending = []
    assert not pending, f"line {begin}: the command has no end: {pending}"
    return found


def commands_of_console(block):
    """Lines after "$ " are commands, after "> " their continuation, all others what they print."""
    found = []
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith("$ "):
            found.append(command(line[2:], number))
        elif line.startswith("> ") and found and found[-1].output is None:
            found[-1] = command(found[-1].text + "\n" + line[2:], found[-1].line)
        else:
            assert found, f"line {number}: output before any command: {line}"
            found[-1].output = (found[-1].output or []) + [line]
    return found


def commands(markdown):
    found = []
    for block in blocks(markdown):
        if block.language == "sh":
            found += commands_of_sh(block)
        elif block.language == "console":
            found += commands_of_console(block)
    return found


def pattern_of(shown):
    """A regular expression for one line: "019f…" is an id, "…" anything, blanks as many as there are."""
    parts = re.split(rf"(\b01[0-9a-f]{{2}}{ANY}|{ANY}|\s+)", shown.strip())
    out = ""
    for part in parts:
        if part.endswith(ANY):
            out += UUID if part != ANY else ".*"
        elif part.isspace():
            out += r"\s+"
        else:
            out += re.escape(part)
    return re.compile(out)


def first_difference(shown, printed):
    """None if the printed lines are those shown; else what is missing. A line of "…" alone stands for any lines."""
    printed = [line.strip() for line in printed]
    while printed and not printed[-1]:
        printed.pop()
    at, free = 0, False
    for line in shown:
        if line.strip() == ANY:
            free = True
            continue
        pattern = pattern_of(line)
        while free and at < len(printed) and not pattern.fullmatch(printed[at]):
            at += 1
        if at == len(printed) or not pattern.fullmatch(printed[at]):
            return f"shown: {line}\nprinted there: {printed[at] if at < len(printed) else '(nothing)'}"
        at, free = at + 1, False
    if not free and at < len(printed):
        return f"printed, but not shown: {printed[at]}"
    return None


def anchors(markdown):
    """The anchors that a page's headings make, as GitHub does."""
    found = set()
    for heading in re.findall(r"^#+\s+(.*)$", without_blocks(markdown), re.MULTILINE):
        text = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(text.strip().replace(" ", "-"))
    return found


def links(markdown):
    return re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", without_blocks(markdown))


def broken_links(path, markdown):
    problems = []
    for link in links(markdown):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not file.exists():
            problems.append(f"{path}: {link} leads nowhere")
        elif anchor and file.suffix == ".md":
            text = markdown if file == path else file.read_text(encoding="utf-8")
            if anchor not in anchors(text):
                problems.append(f"{path}: {link} has no such heading")
    return problems


def table_rows(markdown, head):
    """The rows below the table head that begins with these cells, as lists of texts."""
    rows, inside = [], False
    for line in markdown.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else None
        if inside and cells is None:
            break
        if inside and not set("".join(cells)) <= set("-: "):
            rows.append(cells)
        if cells and cells[:len(head)] == list(head):
            inside = True
    assert rows, f"no table with the head {head}"
    return rows
