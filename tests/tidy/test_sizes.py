"""Files fit a head, functions fit a screen."""

import warnings

import cpp_text
from project_files import complain, cpp_files

FILE_LINES_WANTED = 400
FILE_LINES_MAX = 450
FUNCTION_LINES_MAX = 70


def long_files(files, limit):
    counts = {path: text.count("\n") for path, text in files.items()}
    return [f"{path}: {count} lines, more than {limit}" for path, count in counts.items() if count > limit]


def long_functions(files):
    return [f"{path}:{function.line} {function.name}: {function.lines} lines, more than {FUNCTION_LINES_MAX}"
            for path, text in files.items() for function in cpp_text.functions(text)
            if function.lines > FUNCTION_LINES_MAX]


def test_files_are_short():
    files = cpp_files()
    for problem in long_files(files, FILE_LINES_WANTED):
        warnings.warn(problem, stacklevel=1)
    complain(long_files(files, FILE_LINES_MAX))


def test_functions_are_short():
    complain(long_functions(cpp_files()))


def test_a_long_file_is_noticed():
    assert long_files({"a.cc": "\n" * 451}, FILE_LINES_MAX)
    assert not long_files({"a.cc": "\n" * 450}, FILE_LINES_MAX)


def test_a_long_function_is_noticed():
    body = "  go();\n" * 68
    assert not long_functions({"a.cc": f"namespace n {{\nvoid f() {{\n{body}}}\n}}\n"})
    problems = long_functions({"a.cc": f"namespace n {{\nvoid f() {{\n  go();\n{body}}}\n}}\n"})
    assert problems == ["a.cc:2 f: 71 lines, more than 70"]
    method = f"struct S {{\n  S() : a_{{1}} {{\n{body}  go();\n  }}\n  int a_;\n}};\n"
    assert long_functions({"a.h": method}) == ["a.h:2 S: 71 lines, more than 70"]
