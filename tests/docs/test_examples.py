"""The examples, run by hand as their own documentation says."""

import json
import os
import signal
import subprocess

import pytest
from documents import ROOT
from waiting import PATIENCE

EXAMPLES = ROOT / "examples"


def run(program, payload, **options):
    return subprocess.run(["/usr/bin/python3", EXAMPLES / program], input=payload if isinstance(payload, str) else
                          json.dumps(payload), capture_output=True, text=True, timeout=60 * PATIENCE, check=False, **options)


def test_wordcount_counts(tmp_path):
    text = tmp_path / "text"
    text.write_text("One fish, two fish;\nred fish -- don't\n", encoding="utf-8")
    result = json.loads(run("wordcount.py", {"path": str(text)}).stdout)
    assert result["most_frequent"][0] == ["fish", 3] and ["don't", 1] in result["most_frequent"]
    del result["most_frequent"], result["path"]
    assert result == {"bytes": 38, "lines": 2, "words": 7, "distinct_words": 5}


def test_similar_words_finds_the_nearest(tmp_path):
    (tmp_path / "text").write_text("winter winner planet", encoding="utf-8")
    result = json.loads(run("similar_words.py", {"paths": [str(tmp_path)]}).stdout)
    assert result["words"] == 3 and result["pairs"][0] == ["winner", "winter", 1]


@pytest.mark.parametrize("program", ["wordcount.py", "similar_words.py"])
@pytest.mark.parametrize("payload", [{"path": "/no/such/text"}, {"paths": ["/no/such/text"]}, {"paths": [1]}, [], 5, None])
def test_what_cannot_help_to_try_again_ends_with_65(program, payload):
    result = run(program, payload)
    assert result.returncode == 65 and result.stdout == "" and "Traceback" not in result.stderr


def test_progress_goes_to_its_descriptor(tmp_path):
    text = tmp_path / "text"
    text.write_text("a line\n" * 250, encoding="utf-8")
    read, write = os.pipe()
    environment = {"LONGHAUL_PROGRESS_FD": str(write), "PATH": os.environ["PATH"]}
    assert run("wordcount.py", {"path": str(text)}, pass_fds=[write], env=environment).returncode == 0
    os.close(write)
    with open(read, encoding="utf-8") as lines:
        progress = [json.loads(line) for line in lines]
    assert [line["percent"] for line in progress] == [40.0, 80.0, 100]


def test_stubborn_ignores_sigterm():
    payload = json.dumps({"paths": [str(ROOT / "README.md"), str(ROOT / "ARCHITECTURE.md")]})
    with subprocess.Popen(["/usr/bin/python3", EXAMPLES / "stubborn.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as program:
        program.stdin.write(payload)
        program.stdin.close()
        assert program.stderr.readline().startswith("comparing")
        program.send_signal(signal.SIGTERM)
        assert program.stderr.readline() == "got SIGTERM, going on\n"
        program.kill()
        program.wait(60)
