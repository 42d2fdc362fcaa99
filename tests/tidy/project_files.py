"""The files of this project, as a table from path (relative to the root) to text. Rules take such a table and return
sentences about what is wrong with it, so that a test can feed them a made-up project and see them complain."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
IGNORED_FOLDERS = {"build", "node_modules", "__pycache__", "third_party"}
CPP_SUFFIXES = (".h", ".cc")


def project_files(*suffixes, below="."):
    """Every file below a folder whose name ends with one of the suffixes; hidden folders but .ci are left out."""
    found = {}
    for folder, folders, names in os.walk(ROOT / below):
        folders[:] = sorted(f for f in folders if f == ".ci" or not (f.startswith(".") or f in IGNORED_FOLDERS))
        for name in sorted(names):
            path = pathlib.Path(folder) / name
            if name.endswith(suffixes) and path.is_file():
                found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8", errors="replace")
    return found


def cpp_files():
    return project_files(*CPP_SUFFIXES)


def complain(problems):
    """Fails the calling test with all problems, one on each line."""
    assert not problems, "\n" + "\n".join(problems)
