"""backup, migrate and doctor: what an operator does with the database file."""

import json
import pathlib
import resource
import shutil
import sqlite3
import stat
import threading

import pytest

from command_line import CommandLine
from longhaul_server import running_server


@pytest.fixture
def cli(tmp_path):
    return CommandLine(folder=tmp_path)


@pytest.fixture
def stopped(tmp_path):
    """The path of a database with a few tasks, which no server has open."""
    with running_server() as server, server.client() as client:
        for number in range(5):
            client.run("echo", number)
        server.stop()
        shutil.copy(server.folder / "longhaul.db", tmp_path / "stopped.db")
        server.start()
    return tmp_path / "stopped.db"


def verdicts(cli, code, *arguments):
    report = json.loads(cli.expect(code, "doctor", "--json", *arguments).stdout)
    assert report["healthy"] == (code == 0)
    return {finding["check"]: finding for finding in report["checks"]}


# ---- backup

def test_a_backup_taken_under_load_answers_for_every_task_of_before(cli):
    with running_server() as server, server.client() as client:
        before = [client.run("echo", number)["task_id"] for number in range(50)]
        done = threading.Event()
        started = []

        def load():
            with server.client() as other:
                while not done.is_set():
                    started.append(other.start("echo", "x" * 2000)["task_id"])

        loader = threading.Thread(target=load)
        loader.start()
        try:
            said = cli.expect(0, "backup", "copy.db", "--database", str(server.folder / "longhaul.db")).stdout
        finally:
            done.set()
            loader.join()
        assert "verified" in said
        assert client.run("echo", 1)["result"] == 1
    copy = cli.folder / "copy.db"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(path.name for path in cli.folder.iterdir()) == ["copy.db"]
    with running_server() as restored:
        restored.stop()
        shutil.move(copy, restored.folder / "longhaul.db")
        restored.start()
        with restored.client() as client:
            for number, task_id in enumerate(before):
                assert client.status(task_id)["result"] == number
            known = [client.get(f"/task-status/{task_id}").status == 200 for task_id in started]
            assert known == sorted(known, reverse=True), "what was started earlier is there when what came later is"


def test_a_backup_replaces_nothing_unasked(cli, stopped):
    (cli.folder / "taken").write_text("precious")
    refused = cli.expect(1, "backup", "taken", "--database", str(stopped))
    assert "--force" in refused.stderr and (cli.folder / "taken").read_text() == "precious"
    cli.expect(0, "backup", "taken", "--database", str(stopped), "--force")
    assert sorted(path.name for path in cli.folder.iterdir()) == ["stopped.db", "taken"]
    assert sqlite3.connect(cli.folder / "taken").execute("SELECT count(*) FROM tasks").fetchone() == (5,)
    assert "database itself" in cli.expect(1, "backup", str(stopped), "--force", "--database", str(stopped)).stderr


@pytest.mark.parametrize("arguments, said", [
    (["copy.db", "--database", "none.db"], "there is no database none.db"),
    (["missing/copy.db"], "missing/copy.db.tmp: No such file or directory"),
    (["copy.db", "--database", "theirs.db"], "not one of longhaul's"),
    (["copy.db", "--database", "letter.txt"], "not a database"),
])
def test_a_backup_that_cannot_be_made_leaves_nothing(cli, stopped, arguments, said):
    if "--database" not in arguments:
        arguments = [*arguments, "--database", str(stopped)]
    sqlite3.connect(cli.folder / "theirs.db").execute("CREATE TABLE theirs (a)")
    (cli.folder / "letter.txt").write_text("Dear Sir or Madam, " * 500)
    before = sorted(path.name for path in cli.folder.iterdir())
    assert said in cli.expect(1, "backup", *arguments).stderr
    assert sorted(path.name for path in cli.folder.iterdir()) == before


# ---- migrate

def test_migrate_says_what_it_did(cli, stopped):
    assert "up to date" in cli.expect(0, "migrate", "--database", str(stopped)).stdout
    assert "written anew" in cli.expect(0, "migrate", "--vacuum", "--database", str(stopped)).stdout
    assert "there is no database" in cli.expect(1, "migrate", "--database", "none.db").stderr
    assert not (cli.folder / "none.db").exists()


def test_an_old_database_is_brought_up_to_date(cli):
    first = pathlib.Path(__file__).parents[2] / "migrations" / "sqlite" / "0001_tasks.sql"
    with sqlite3.connect(cli.folder / "old.db") as old:
        old.executescript("PRAGMA application_id = 0x6C6E6768; CREATE TABLE schema_migrations "
                          "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT;"
                          + first.read_text())
        old.execute("INSERT INTO schema_migrations VALUES (1, '0001_tasks.sql', 0)")
    old.close()
    assert verdicts(cli, 0, "--database", "old.db")["schema"]["verdict"] == "notice"
    said = cli.expect(0, "migrate", "--database", "old.db").stdout
    assert "schema version 1 -> " in said and "--vacuum" in said
    cli.expect(0, "migrate", "--vacuum", "--database", "old.db")
    found = verdicts(cli, 0, "--database", "old.db")
    assert found["schema"]["verdict"] == "fine" and "shrinking" not in found


def test_a_database_in_use_is_left_alone(cli):
    with running_server() as server:
        database = str(server.folder / "longhaul.db")
        refused = cli.expect(1, "migrate", "--database", database)
        assert f"in use by process {server.pid}" in refused.stderr
        assert f"in use by process {server.pid}" in verdicts(cli, 0, "--database", database)["database"]["detail"]


# ---- doctor

def test_a_healthy_place(cli, stopped):
    before = sorted(path.name for path in cli.folder.iterdir())
    text = cli.expect(0, "doctor", "--database", str(stopped)).stdout
    for word in ("configuration", "5 tasks", "schema version", "write-ahead log", "free", "descriptors", "SQLite 3.", "libcurl ", "cpp-httplib ",
                 "OpenSSL ", "longhaul 0.", "RLIMIT_CPU", "RLIMIT_NOFILE", "Control groups", "private, loopback"):
        assert word in text
    assert "wrong" not in text
    assert sorted(path.name for path in cli.folder.iterdir()) == before, "it changes nothing"


def test_a_place_without_a_database_is_healthy(cli):
    found = verdicts(cli, 0, "--database", "new.db")
    assert "not there yet" in found["database"]["detail"] and not list(cli.folder.iterdir())


def test_what_is_wrong_is_said(cli, stopped):
    (cli.folder / "bad.toml").write_text("[server]\nlisen = 1\n")
    assert "did you mean 'server.listen'" in verdicts(cli, 1, "--config", "bad.toml")["configuration"]["detail"]
    (cli.folder / "lost.toml").write_text('[tasks.lost]\ncommand = ["no-such-program"]\n')
    found = verdicts(cli, 1, "--config", "lost.toml", "--database", str(stopped))
    assert "no-such-program" in found["task type lost"]["detail"]
    (cli.folder / "full.toml").write_text("[storage]\nmin_free_disk_mb = 1000000000\n")
    assert verdicts(cli, 1, "--config", "full.toml", "--database", str(stopped))["disk"]["verdict"] == "wrong"


def test_where_callbacks_may_lead_and_what_signs_them(cli, stopped):
    found = verdicts(cli, 0, "--database", str(stopped))
    assert "public addresses, ports 80, 443; private" in found["callbacks"]["detail"]
    assert "of the database" in found["callback secret"]["detail"]
    assert "none yet" in verdicts(cli, 0, "--database", "new.db")["callback secret"]["detail"]
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    (cli.folder / "open.toml").write_text(f'[webhooks]\ncallback_secret = "{secret}"\nallow_ports = [8443]\n'
                                          'allow_addresses = ["10.0.0.0/8", "127.0.0.1"]\nca_file = "open.toml"\n')
    found = verdicts(cli, 0, "--config", "open.toml")
    assert found["callbacks"]["verdict"] == "notice"
    assert "80, 443, 8443; opened, on every port: 10.0.0.0/8, 127.0.0.1; with 127.0.0.1 callers" in found["callbacks"]["detail"]
    assert "webhooks.callback_secret" in found["callback secret"]["detail"]
    assert found["certificates"]["detail"].endswith("open.toml")
    assert secret not in cli.expect(0, "doctor", "--config", "open.toml").stdout
    for ranges, verdict in (('["0.0.0.0/0"]', "notice"), ('["::/0"]', "notice"), ('["fe80::/10"]', "notice"), ('["169.254.0.0/16"]', "notice"),
                            ('["192.168.0.0/16", "fd00::/8"]', "fine")):
        (cli.folder / "open.toml").write_text(f"[webhooks]\nallow_addresses = {ranges}\n")
        assert verdicts(cli, 0, "--config", "open.toml")["callbacks"]["verdict"] == verdict


def test_a_limit_that_cannot_be_given_is_noticed(cli):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    (cli.folder / "many.toml").write_text('[tasks.many]\ncommand = ["true"]\nopen_files = 1_048_576\ncpu_seconds = 5\n')
    found = verdicts(cli, 0, "--config", "many.toml")
    if most >= 1_048_576:
        assert "task type many" not in found
    else:
        assert found["task type many"]["verdict"] == "notice"
        assert f"open_files is 1048576, and gets no more than the server's {most}" in found["task type many"]["detail"]


def test_damage_and_a_newer_schema_are_found(cli, stopped):
    newer = cli.folder / "newer.db"
    shutil.copy(stopped, newer)
    with sqlite3.connect(newer) as database:
        database.execute("INSERT INTO schema_migrations VALUES (99, 'of tomorrow', 0)")
    database.close()
    assert "newer longhaul" in verdicts(cli, 1, "--database", "newer.db")["schema"]["detail"]
    data = bytearray(stopped.read_bytes())
    page = 4096
    data[8 * page:12 * page] = b"\x55" * (4 * page)
    stopped.write_bytes(data)
    assert verdicts(cli, 1, "--database", str(stopped))["database"]["verdict"] == "wrong"
    assert "damaged" in cli.expect(1, "backup", "copy.db", "--database", str(stopped)).stderr
    assert not (cli.folder / "copy.db").exists()
