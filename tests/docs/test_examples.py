"""The examples, run by hand as their own documentation says."""

import http.client
import json
import os
import signal
import subprocess
import time

import pytest
from documents import ROOT
from waiting import PATIENCE
from webhook_receiver import signature

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


# ---- the receiver of callbacks

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT = b'{"type": "task.succeeded", "data": {"task_id": "t-1", "result": 5}}'


@pytest.fixture
def receiver(tmp_path):
    """(where it listens, what it prints)"""
    (tmp_path / "secret").write_text(SECRET + "\n")
    command = ["/usr/bin/python3", EXAMPLES / "webhook_receiver.py", "--listen", "127.0.0.1:0", "--secret-file", tmp_path / "secret"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        port = int(program.stdout.readline().rstrip("/\n").rpartition(":")[2])
        yield port, program.stdout
        program.terminate()
        program.wait(60)


def post(port, webhook_id, *, timestamp=None, body=EVENT, signed=EVENT, secret=SECRET, **others):
    timestamp = str(int(time.time()) if timestamp is None else timestamp)
    headers = {"webhook-id": webhook_id, "webhook-timestamp": timestamp,
               "webhook-signature": signature(secret, webhook_id, timestamp, signed), **others}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20 * PATIENCE)
    connection.request("POST", "/", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_receiver_verifies(receiver):
    port, printed = receiver
    assert post(port, "msg_1") == 204
    assert printed.readline() == "verified: task.succeeded of task t-1, result 5\n"
    assert post(port, "msg_1") == 204
    assert printed.readline() == "had before: msg_1\n"
    wrong = [{"body": EVENT + b" "}, {"timestamp": time.time() // 1 - 3600}, {"timestamp": "now"}, {"webhook-signature": ""},
             {"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}, {"webhook-signature": "v1,\xe9 v2, v1"}, {"webhook-id": "msg_3"}]
    for number, fields in enumerate(wrong):
        assert post(port, f"msg_{10 + number}", **fields) == 401, fields
        assert printed.readline().startswith("refused")
    genuine = signature(SECRET, "msg_2", str(int(time.time())), EVENT)
    assert post(port, "msg_2", **{"webhook-signature": f"v1,AAAA {genuine}"}) == 204
