"""The receivers in examples/, in three languages: each takes what is genuine, once, and nothing else."""

import base64
import contextlib
import http.client
import os
import pathlib
import re
import shlex
import subprocess
import time

import pytest
from documents import ROOT
from waiting import PATIENCE
from webhook_receiver import signature

EXAMPLES = ROOT / "examples"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
# Base64 with fillers; and more than HMAC takes as it is, where a byte too many would tell.
ODD_SECRETS = ["whsec_" + base64.b64encode(bytes(range(size))).decode() for size in (31, 32, 70, 71)]
EVENT = b'{"type": "task.succeeded", "data": {"task_id": "t-1", "result": 5}}'
TEST_EVENT = b'{"type": "webhook.test", "data": {"webhook_id": "w-1"}}'


def cached_setting(name):
    cache = pathlib.Path(os.environ["LONGHAUL_BUILD_DIR"], "CMakeCache.txt").read_text(encoding="utf-8")
    return re.search(rf"^{name}:PATH=(.*)$", cache, re.MULTILINE)[1]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The receiver in C++, by the command that its head shows; without its optimizer, for the time that takes."""
    target = tmp_path_factory.mktemp("receiver") / "webhook_receiver"
    head = (EXAMPLES / "webhook_receiver.cc").read_text(encoding="utf-8").partition("#include")[0]
    (shown,) = re.findall(r"^//\s+(g\+\+ .*)$", head, re.MULTILINE)
    words = shlex.split(shown)
    words[words.index("-o") + 1] = str(target)
    words[words.index("-O2")] = "-O0"
    words += ["-Wall", "-Wextra", "-Werror", "-isystem", cached_setting("LONGHAUL_HTTPLIB_INCLUDE_DIR")]
    result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300 * PATIENCE, check=False)
    assert result.returncode == 0, result.stderr
    return target


@pytest.fixture(params=["python", "node", "c++"])
def command(request):
    if request.param == "python":
        return ["/usr/bin/python3", EXAMPLES / "webhook_receiver.py"]
    if request.param == "node":
        return ["node", EXAMPLES / "webhook_receiver.mjs"]
    return [request.getfixturevalue("compiled")]


@contextlib.contextmanager
def running(command, folder, *secrets, arguments=()):
    """(where it listens, what it prints, the process)"""
    (folder / "secret").write_text("".join(f"{secret}\n" for secret in secrets))
    words = [*command, "--listen", "127.0.0.1:0", "--secret-file", folder / "secret", *arguments]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, cwd=folder) as program:
        try:
            first = program.stdout.readline()
            port = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)/\n", first)
            assert port, first
            yield int(port[1]), program.stdout, program
        finally:
            program.terminate()
            program.wait(60 * PATIENCE)


def post(port, webhook_id, *, timestamp=None, body=EVENT, signed=None, secrets=(SECRET,), **headers):
    """The status of the answer to `body`, with signatures over `signed` (the body)."""
    timestamp = str(int(time.time()) if timestamp is None else timestamp)
    signatures = [signature(secret, webhook_id, timestamp, body if signed is None else signed) for secret in secrets]
    sent = {"webhook-id": webhook_id, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures), **headers}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20 * PATIENCE)
    connection.request("POST", "/", body, {name: value for name, value in sent.items() if value is not None})
    status = connection.getresponse().status
    connection.close()
    return status


def test_what_is_genuine_is_taken_once(command, tmp_path):
    with running(command, tmp_path, SECRET) as (port, printed, _):
        assert post(port, "msg_1") == 204
        line = printed.readline()
        assert line.startswith("verified: ") and "task.succeeded" in line and "t-1" in line and "5" in line
        assert post(port, "msg_1") == 204
        assert printed.readline() == "had before: msg_1\n"
        assert post(port, "msg_2", timestamp=int(time.time()) - 200, body=TEST_EVENT) == 204
        line = printed.readline()
        assert line.startswith("verified: ") and "webhook.test" in line


WRONG = {
    "another body": {"signed": EVENT + b" "},
    "no body": {"body": b"", "signed": EVENT},
    "an hour old": {"timestamp": int(time.time()) - 3600},
    "of a time to come": {"timestamp": int(time.time()) + 3600},
    "no time": {"timestamp": "now"},
    "a negative time": {"timestamp": -5},
    "a time with an end": {"timestamp": f"{int(time.time())}x"},
    "a time that is too big": {"timestamp": "9" * 40},
    "another secret": {"secrets": (OTHER_SECRET,)},
    "another id": {"webhook-id": "msg_other"},
    "an empty signature": {"webhook-signature": ""},
    "no signature": {"webhook-signature": None},
    "no timestamp": {"webhook-timestamp": None},
    "no id": {"webhook-id": None},
    "nonsense": {"webhook-signature": "v1,AAAA v2, v1 , v1,"},
}


def test_what_is_not_is_refused(command, tmp_path):
    with running(command, tmp_path, SECRET) as (port, printed, _):
        for number, (name, fields) in enumerate(WRONG.items()):
            assert post(port, f"msg_{number}", **fields) == 401, name
            assert printed.readline().startswith("refused"), name
        # Nothing of it is remembered: what is genuine is taken afterwards.
        assert post(port, "msg_0") == 204 and printed.readline().startswith("verified: ")


def test_a_signature_of_another_version_does_not_count(command, tmp_path):
    with running(command, tmp_path, SECRET) as (port, _, _):
        now = str(int(time.time()))
        genuine = signature(SECRET, "msg_1", now, EVENT)
        assert post(port, "msg_1", timestamp=now, **{"webhook-signature": "v2" + genuine.removeprefix("v1")}) == 401
        assert post(port, "msg_1", timestamp=now, **{"webhook-signature": genuine.removeprefix("v1,")}) == 401
        assert post(port, "msg_1", timestamp=now, **{"webhook-signature": f"v2,AAAA {genuine}"}) == 204


def test_while_a_secret_changes_the_sender_signs_with_both(command, tmp_path):
    for knows in (SECRET, OTHER_SECRET):
        with running(command, tmp_path, knows) as (port, printed, _):
            assert post(port, "msg_1", secrets=(OTHER_SECRET, SECRET)) == 204
            assert printed.readline().startswith("verified: ")


def test_a_receiver_may_know_several_secrets(command, tmp_path):
    with running(command, tmp_path, SECRET, *ODD_SECRETS) as (port, _, _):
        for number, secret in enumerate((SECRET, *ODD_SECRETS)):
            assert post(port, f"msg_{number}", secrets=(secret,)) == 204
        assert post(port, "msg_9", secrets=(OTHER_SECRET,)) == 401


def test_it_ends_after_so_many(command, tmp_path):
    with running(command, tmp_path, SECRET, arguments=["--count", "2"]) as (port, printed, program):
        assert [post(port, webhook_id) for webhook_id in ("msg_1", "msg_1", "msg_2")] == [204, 204, 204]
        assert program.wait(30 * PATIENCE) == 0
        assert len(printed.read().splitlines()) == 3
