"""Just enough understanding of C++ to apply rules to it without a compiler."""

import dataclasses
import re

_TOKENS = re.compile(
    r"""
      (?P<line_comment>//(?:[^\n\\]|\\.|\\\n)*)
    | (?P<block_comment>/\*.*?\*/)
    | (?P<raw>(?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")
    | (?P<string>"(?:[^"\\\n]|\\.)*")
    | (?P<number>\b\d(?:[\w.]|'(?=\w)|(?<=[eEpP])[+-])*)
    | (?P<character>'(?:[^'\\\n]|\\.)+')
    """,
    re.VERBOSE | re.DOTALL,
)


def _blank(text):
    return "".join(c if c == "\n" else " " for c in text)


def without_comments(text):
    """The text with comments turned to spaces; every line stays where it was."""
    def replace(match):
        return _blank(match[0]) if match["line_comment"] or match["block_comment"] else match[0]

    return _TOKENS.sub(replace, text)


def code_only(text):
    """The text with comments and the insides of literals turned to spaces; every line stays where it was."""
    def replace(match):
        if match["number"]:
            return match[0]
        if match["line_comment"] or match["block_comment"]:
            return _blank(match[0])
        return '"' + _blank(match[0][1:-1]) + '"'

    return _TOKENS.sub(replace, text)


def includes(text):
    """(line number, path, quoted) of each #include."""
    found = []
    for number, line in enumerate(without_comments(text).split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            found.append((number, match[2], match[1] == '"'))
    return found


@dataclasses.dataclass
class Function:
    name: str
    line: int  # of the opening brace
    lines: int  # from the opening to the closing brace, both counted


def _without_directives(code):
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda match: _blank(match[0]), code, flags=re.MULTILINE | re.DOTALL)


def _collapse(header):
    """A declaration without the insides of its parentheses and template argument lists."""
    previous = None
    while previous != header:
        previous = header
        header = re.sub(r"\([^()]+\)", "()", header)
        header = re.sub(r"(?<!operator)<[^<>;{}()]*(?:\(\)[^<>;{}()]*)*>", "", header)
    return " ".join(header.split())


def _kind(header):
    """What an opening brace after this declaration begins: scope, function, member initialiser, or another value."""
    text = _collapse(header)
    text = re.sub(r"^(?:\[\[[^\]]*\]\]\s*|(?:public|private|protected)\s*:\s*)*", "", text)
    text = re.sub(r"^template\s*", "", text)
    if re.match(r"(inline\s+)?namespace\b", text) or re.match(r'extern\s*"', text):
        return "scope"
    if re.match(r"(typedef\s+)?(class|struct|union|enum)\b", text) and not re.search(
            r"(\)|\bconst|\bnoexcept|\boverride|\bfinal\s*\)?)$", text):
        return "scope"
    if "(" not in text:
        return "function" if re.search(r"=\s*\[.*\]$", text) else "value"
    # A constructor's list of initialisers: a brace right after a member's or base's name belongs to that member.
    if re.search(r"\)[^:]*(?<!:):(?!:)", text) and re.search(r"[\w>]$", text) and not re.search(
            r"\b(const|noexcept|override|final|try)$", text):
        return "member"
    if re.search(r"=$", text) or re.search(r"=\s*[\w:]+$", text):
        return "value"
    return "function"


def _name(header):
    text = _collapse(header)
    test = re.search(r"\b(TEST_CASE\w*|TEST_SUITE\w*)\s*\(", text)
    if test:
        return test[1]
    match = re.search(r"(operator\s*[^\s(]+|~?[\w:~]+)\s*\(", text) or re.search(r"(\w+)\s*=", text)
    return match[1] if match else "?"


def _closing_brace(code, opening):
    depth = 0
    for match in re.compile(r"[{}]").finditer(code, opening):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    return len(code) - 1


def functions(text):
    """Every function with a body, at namespace or class level; lambdas count as part of the function around them."""
    code = _without_directives(code_only(text))
    found = []
    header_begin = 0
    position = 0
    parentheses = 0
    while position < len(code):
        character = code[position]
        if character == "(":
            parentheses += 1
        elif character == ")":
            parentheses = max(0, parentheses - 1)
        elif character == ";" and parentheses == 0 or character == "}":
            header_begin = position + 1
            parentheses = 0
        elif character == "{":
            header = code[header_begin:position]
            kind = "value" if parentheses else _kind(header)
            if kind == "scope":
                header_begin = position + 1
            else:
                end = _closing_brace(code, position)
                if kind == "function":
                    first = code.count("\n", 0, position) + 1
                    found.append(Function(_name(header), first, code.count("\n", position, end) + 1))
                    header_begin = end + 1
                else:
                    # The declaration goes on behind the braces; they must not be taken for its end.
                    code = code[:position] + re.sub(r"[^\n]", " ", code[position:end + 1])[:-1] + ")" + code[end + 1:]
                    code = code[:position] + "(" + code[position + 1:]
                position = end
        position += 1
    return found
