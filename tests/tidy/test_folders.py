"""Each folder says what it is for, and what must never be in it."""

import os
import pathlib

from project_files import ROOT, complain, project_files

SOURCES = (".h", ".cc", ".py", ".sql", ".sh", ".cmake", ".js", ".html")

def undescribed(paths, readmes):
    """A top-level folder needs a README.md of its own; a deeper one may be described in the one above it instead.
    paths: the files there are. readmes: the README.md files, path to text."""
    problems = []
    for folder in sorted({os.path.dirname(path) for path in paths} - {""}):
        if f"{folder}/README.md" in readmes:
            continue
        parent, name = os.path.split(folder)
        if parent and f"{name}/" in readmes.get(f"{parent}/README.md", ""):
            continue
        also = f", and {parent}/README.md does not speak of {name}/" if parent else ""
        problems.append(f"{folder}/ has no README.md{also}")
    return problems


def test_folders_are_described():
    files = project_files(*SOURCES)
    scripts = [path.relative_to(ROOT).as_posix() for path in pathlib.Path(ROOT / "scripts").iterdir() if path.is_file()]
    complain(undescribed([*files, *scripts], project_files("README.md")))


def test_an_undescribed_folder_is_noticed():
    assert undescribed(["api/a.cc"], {}) == ["api/ has no README.md"]
    assert undescribed(["api/deep/a.cc"], {"api/README.md": "nothing of it"})
    assert not undescribed(["api/a.cc", "api/deep/a.cc"], {"api/README.md": "- `deep/`: more"})
    assert not undescribed(["api/deep/a.cc", "main.cc"], {"api/deep/README.md": "here"})
