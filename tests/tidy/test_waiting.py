"""Tests wait for what they wait for, never for time to pass."""

import io
import re
import tokenize

import cpp_text
from project_files import complain, project_files

CPP_NAPS = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep|sleep)\s*\(")
PYTHON_NAPS = re.compile(r"\btime\s*\.\s*sleep\s*\(|(?<![\w.])sleep\s*\(")


def python_code_only(text):
    """The text with strings and comments taken out: a program that a test gives to a task may well sleep."""
    lines = [""] * (text.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (tokenize.STRING, tokenize.COMMENT):
            lines[token.start[0] - 1] += token.string.strip("\n")
    return "\n".join(lines)


def naps(files):
    problems = []
    for path, text in files.items():
        is_python = path.endswith(".py")
        code = python_code_only(text) if is_python else cpp_text.code_only(text)
        pattern = PYTHON_NAPS if is_python else CPP_NAPS
        for number, line in enumerate(code.split("\n"), 1):
            match = pattern.search(line)
            if match:
                problems.append(f"{path}:{number} waits for time to pass ({match[0].strip('( ')})")
    return problems


def test_no_test_naps():
    complain(naps(project_files(".h", ".cc", ".py", below="tests")))


def test_a_nap_is_noticed():
    assert naps({"a.cc": "std::this_thread::sleep_for(1ms);\n"})
    assert naps({"a.cc": "  usleep (5);\n"})
    assert naps({"a.py": "import time\ntime.sleep(1)\n"}) == ["a.py:2 waits for time to pass (time.sleep)"]
    assert naps({"a.py": "from time import sleep\nsleep(1)\n"})
    assert not naps({"a.cc": '// sleep_for(1)\nstart("sleep (1)");\n'})
    assert not naps({"a.py": 'program = """\ntime.sleep(1)\n"""  # time.sleep(2)\n'})
