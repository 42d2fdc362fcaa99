"""Nothing is put off in a comment, and nothing speaks of somebody's own machine."""

import re

from project_files import complain, project_files

SUFFIXES = (".h", ".cc", ".py", ".sh", ".sql", ".cmake", ".txt", ".md", ".json", ".toml", ".ini", ".html", ".js")
# Put together here, so that this file does not complain of itself.
PUT_OFF = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
OWN_MACHINE = re.compile(r"(?<![\w.])/(home|root|Users)/\w")


def matches(files, pattern, sentence):
    return [f"{path}:{number} {sentence}: {line.strip()[:80]}" for path, text in files.items()
            for number, line in enumerate(text.split("\n"), 1) if pattern.search(line)]


def every_text():
    return {**project_files(*SUFFIXES), **{path: text for path, text in project_files("", below="scripts").items()},
            **project_files("", below=".ci")}


def test_nothing_is_put_off():
    complain(matches(every_text(), PUT_OFF, "puts something off (do it, or write an issue)"))


def test_no_path_of_somebodys_machine():
    complain(matches(every_text(), OWN_MACHINE, "names a path of one machine"))


def test_both_are_noticed():
    assert matches({"a.cc": "// TO" + "DO: later\n"}, PUT_OFF, "")
    assert matches({"a.md": "see /ho" + "me/jane/notes\n"}, OWN_MACHINE, "")
    assert not matches({"a.cc": "mktemp /tmp/x.XXXXXX /var/lib\n"}, PUT_OFF, "")
    assert not matches({"a.cc": "https://example.org/home/x\n"}, OWN_MACHINE, "")
