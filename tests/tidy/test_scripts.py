"""Scripts can be run as they are."""

import os
import pathlib
import subprocess

from project_files import ROOT, complain

SCRIPT_FOLDERS = ("scripts", ".ci")
SHELLS = ("#!/usr/bin/env bash", "#!/bin/bash", "#!/bin/sh")


def unfit_commands(folder):
    """Files directly in the folder are commands: executable, with a first line that says by what."""
    problems = []
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.suffix != ".md"):
        if not os.access(path, os.X_OK):
            problems.append(f"{path} is not executable")
        if not path.read_text(encoding="utf-8").startswith("#!"):
            problems.append(f"{path} does not begin with #!")
    return problems


def broken_shell(folder):
    """Shell files anywhere below the folder must parse."""
    problems = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        first_line = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
        if path.suffix != ".sh" and first_line not in SHELLS:
            continue
        result = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            problems.append(f"{path}: {result.stderr.strip()}")
    return problems


def test_scripts_are_commands():
    complain([problem for folder in SCRIPT_FOLDERS for problem in unfit_commands(ROOT / folder)])


def test_scripts_parse():
    complain([problem for folder in SCRIPT_FOLDERS for problem in broken_shell(ROOT / folder)])


def test_an_unfit_script_is_noticed(tmp_path: pathlib.Path):
    (tmp_path / "a").write_text("echo hello\n")
    assert len(unfit_commands(tmp_path)) == 2
    (tmp_path / "a").write_text("#!/usr/bin/env bash\nif true; then\n")
    (tmp_path / "a").chmod(0o755)
    assert not unfit_commands(tmp_path)
    assert len(broken_shell(tmp_path)) == 1
