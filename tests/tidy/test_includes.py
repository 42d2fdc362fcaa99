"""Includes go one way, and each outside library is known to one folder."""

import cpp_text
from project_files import complain, cpp_files

LAYERS = ("base", "api", "storage", "worker", "server")
NOT_LAYERED = ("tests", "examples")
# Which layer a generated header belongs to.
EMBEDDED_BY = {"openapi": "api", "migrations_sqlite": "storage", "queries_sqlite": "storage"}
# Outside headers that one layer, or one folder or file of it, alone may include. Tests may include any of them.
OWNED_HEADERS = {
    "httplib.h": "server",
    "sqlite3.h": "storage",
    "libpq-fe.h": "storage",
    "curl/curl.h": "worker",
    "wslay/wslay.h": "server",
    "CLI/CLI.hpp": "server/cli/command.cc",  # takes seconds to compile
    "toml++/toml.h": "server",
    "spdlog/": "base",
    "prometheus/": "server/metrics",
}
# Headers that are slow to compile, or would leak a library's types, stay out of our headers but for these few.
KEPT_OUT_OF_HEADERS = {
    "nlohmann/json.hpp": (),
    "httplib.h": (),
    "sqlite3.h": (),
    "curl/curl.h": (),
    "libpq-fe.h": (),
}


def layer_of(path):
    folder, _, rest = path.partition("/")
    if folder == "embedded":
        return EMBEDDED_BY.get(rest.removesuffix(".h"))
    return folder if folder in LAYERS else None


def wrong_directions(files):
    problems = []
    for path, text in files.items():
        own = layer_of(path)
        for line, included, quoted in cpp_text.includes(text):
            other = layer_of(included)
            if quoted and other is None and not included.startswith(NOT_LAYERED):
                problems.append(f'{path}:{line} includes "{included}": write the path from the root of the project')
            if own and quoted and included.startswith(NOT_LAYERED):
                problems.append(f"{path}:{line} includes {included}: no layer may know the tests or examples")
            if own and other and LAYERS.index(other) > LAYERS.index(own):
                problems.append(f"{path}:{line} includes {included}: {own} may not know {other}")
    return problems


def strangers(files):
    problems = []
    for path, text in files.items():
        own = layer_of(path)
        for line, included, _ in cpp_text.includes(text):
            for header, owner in OWNED_HEADERS.items():
                owned = included.startswith(header) if header.endswith("/") else included == header
                if own and owned and not f"{path}/".startswith(owner + "/"):
                    problems.append(f"{path}:{line} includes {included}: only {owner} may")
    return problems


def heavy_headers(files):
    problems = []
    for path, text in files.items():
        if not path.endswith(".h") or layer_of(path) is None:
            continue
        for line, included, _ in cpp_text.includes(text):
            if included in KEPT_OUT_OF_HEADERS and path not in KEPT_OUT_OF_HEADERS[included]:
                problems.append(f"{path}:{line} includes {included}: include it in .cc files, or argue for an exception")
    return problems


def test_includes_go_one_way():
    complain(wrong_directions(cpp_files()))


def test_outside_libraries_stay_in_their_folder():
    complain(strangers(cpp_files()))


def test_heavy_headers_stay_out_of_ours():
    complain(heavy_headers(cpp_files()))


def test_every_exception_is_still_needed():
    files = cpp_files()
    unused = [f"{path} no longer includes {header}" for header, paths in KEPT_OUT_OF_HEADERS.items() for path in paths
              if header not in [included for _, included, _ in cpp_text.includes(files.get(path, ""))]]
    complain(unused)


def test_a_wrong_direction_is_noticed():
    assert wrong_directions({"api/a.cc": '#include "storage/store.h"\n'})
    assert wrong_directions({"base/a.h": '#  include "api/task.h"\n'})
    assert wrong_directions({"api/a.cc": '#include "embedded/queries_sqlite.h"\n'})
    assert wrong_directions({"worker/a.cc": '#include "tests/support/x.h"\n'})
    assert wrong_directions({"worker/a.cc": '#include "task_type.h"\n'})
    assert not wrong_directions({"server/a.cc": '#include "base/log.h"\n#include "server/b.h"\n// #include "x/y.h"\n'})
    assert not wrong_directions({"tests/unit/a.cc": '#include "server/b.h"\n#include "tests/support/c.h"\n'})


def test_a_stranger_is_noticed():
    assert strangers({"api/a.cc": "#include <sqlite3.h>\n"})
    assert strangers({"worker/a.cc": "#include <spdlog/spdlog.h>\n"})
    assert strangers({"server/routes/a.cc": "#include <prometheus/counter.h>\n"})
    assert strangers({"server/cli/a.cc": "#include <CLI/CLI.hpp>\n"})
    assert not strangers({"server/cli/command.cc": "#include <CLI/CLI.hpp>\n"})
    assert not strangers({"server/metrics/a.cc": "#include <prometheus/counter.h>\n"})
    assert not strangers({"storage/sqlite/a.cc": "#include <sqlite3.h>\n", "tests/store/a.cc": "#include <sqlite3.h>\n"})


def test_a_heavy_header_is_noticed():
    assert heavy_headers({"api/a.h": "#include <nlohmann/json.hpp>\n"})
    assert not heavy_headers({"api/a.cc": "#include <nlohmann/json.hpp>\n", "api/b.h": "#include <string>\n"})
