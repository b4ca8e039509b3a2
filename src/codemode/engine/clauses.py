"""What stands between ``import`` or ``export`` and the name of a module, read word by word."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_TRIVIA: Final = r"(?:\s++|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+"
_TOKEN: Final = re.compile(
    _TRIVIA
    + r"(?:(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')|(?P<name>[^\W\d][\w$]*|\$[\w$]*)"
    r"|(?P<number>\d[\w.]*)|(?P<mark>\.\.\.|\S))"
)
_IMPORT: Final = {
    "import": {"string": "end", "name": "default", "*": "star", "{": "list"},
    "default": {",": "more", "from": "from"},
    "more": {"*": "star", "{": "list"},
    "star": {"as": "namespace"},
    "namespace": {"name": "close"},
    "list": {"name": "item", "string": "renamed", "}": "close"},
    "item": {"as": "alias", ",": "list", "}": "close"},
    "renamed": {"as": "alias"},
    "alias": {"name": "aliased"},
    "aliased": {",": "list", "}": "close"},
    "close": {"from": "from"},
    "from": {"string": "end"},
}
"""What may follow what between ``import`` and the name of the module."""

_EXPORT: Final = {
    "export": {"*": "star", "{": "list"},
    "star": {"as": "namespace", "from": "from"},
    "namespace": {"name": "close", "string": "close"},
    "list": {"name": "item", "string": "item", "}": "listed"},
    "item": {"as": "alias", ",": "list", "}": "listed"},
    "alias": {"name": "aliased", "string": "aliased"},
    "aliased": {",": "list", "}": "listed"},
    "close": {"from": "from"},
    "from": {"string": "end"},
}
_RESERVED: Final = frozenset(
    "await break case catch class const continue debugger default delete do else enum export extends"
    " false finally for function if implements import in instanceof interface let new null package"
    " private protected public return static super switch this throw true try typeof var void while"
    " with yield".split()
)
_ATTRIBUTES: Final = re.compile(_TRIVIA + r"with\b" + _TRIVIA + r"\{[^}]*\}")
_UNFINISHED: Final = "SyntaxError: Unexpected end of input"
_RESERVED_WORD: Final = "SyntaxError: Unexpected reserved word"
_STRING_NAME: Final = (
    "SyntaxError: String literal module export names must be followed by a 'from' clause"
)


class Export(NamedTuple):
    """What ``export {`` or ``export *`` says.

    ``names`` are pairs of what is exported and under which name; ``end`` is how much was read.
    """

    end: int
    names: tuple[tuple[str, str], ...] = ()
    specifier: str | None = None
    error: str = ""


def read_import(clause: str) -> tuple[str, str]:
    """The module that ``import`` + ``clause`` names, and the error if it is malformed.

    >>> read_import(' a, { b as c } from "m"')
    ('m', '')
    >>> read_import(" a b")
    ('', "SyntaxError: Unexpected identifier 'b'")
    """
    state, at, reserved = "import", 0, False
    while match := _TOKEN.match(clause, at):
        token, kind = match[match.lastgroup or 0], match.lastgroup or ""
        before, state = state, _following(_IMPORT, state, token, kind)
        if (reserved and state != "alias") or (before == "renamed" and not state):
            return "", _RESERVED_WORD  # a name that nothing can be bound to
        if not state:
            return "", _unexpected(match)
        reserved = state in ("item", "aliased") and token in _RESERVED
        at = match.end()
        if state == "end":
            return string_value(token), _behind_import(clause, at)
    return "", _UNFINISHED


def _behind_import(clause: str, at: int) -> str:
    """The error if a statement cannot end at ``at``."""
    if attributes := _ATTRIBUTES.match(clause, at):
        at = attributes.end()
    match = _TOKEN.match(clause, at)
    if match is None or match[match.lastgroup or 0] in (";", "with"):
        return ""
    return "" if "\n" in clause[at : match.start(match.lastgroup or 0)] else _unexpected(match)


def read_export(clause: str) -> Export:
    """What stands behind ``export``, which ``{`` or ``*`` follows.

    >>> read_export(" { a, b as c };")
    Export(end=15, names=(('a', 'a'), ('b', 'c')), specifier=None, error='')
    >>> read_export(" * from 'm' with { type: 'json' }").specifier
    'm'
    """
    state, at, names, problem = "export", 0, list[tuple[str, str]](), ""
    while match := _TOKEN.match(clause, at):
        token, kind = match[match.lastgroup or 0], match.lastgroup or ""
        if state == "listed":
            if token != "from":
                return _local(clause, at, match, names, problem)
            state = "from"
        else:
            state = _following(_EXPORT, state, token, kind)
        if not state:
            return Export(match.start(match.lastgroup or 0), error=_unexpected(match))
        at = match.end()
        name = string_value(token) if kind == "string" else token
        if state == "item":
            problem = problem or _problem(token, kind)
            names.append((name, name))
        elif state == "aliased":
            names[-1] = (names[-1][0], name)
        elif state == "end":
            attributes = _ATTRIBUTES.match(clause, at)
            return Export(attributes.end() if attributes else at, specifier=name)
    if state == "listed":
        return Export(at, tuple(names), error=problem)
    return Export(len(clause), error=_UNFINISHED)


def _local(
    clause: str, at: int, following: re.Match[str], names: list[tuple[str, str]], problem: str
) -> Export:
    """A list of the program's own names, which ends at ``at`` before ``following``."""
    start = following.start(following.lastgroup or 0)
    token = following[following.lastgroup or 0]
    if token == ";":
        return Export(following.end(), tuple(names), error=problem)
    if token != "}" and "\n" not in clause[at:start]:
        problem = problem or _unexpected(following)
    return Export(at, tuple(names), error=problem)


def _problem(token: str, kind: str) -> str:
    """Why nothing of the program can have this name."""
    if kind == "string":
        return _STRING_NAME
    return _RESERVED_WORD if token in _RESERVED else ""


def _following(grammar: dict[str, dict[str, str]], state: str, token: str, kind: str) -> str:
    following = grammar[state]
    return following.get(token) or following.get(kind) or ""


def unexpected(clause: str) -> str:
    """The error of a statement or expression that cannot go on like this.

    >>> unexpected(" a from 'm'")
    "SyntaxError: Unexpected identifier 'a'"
    """
    match = _TOKEN.match(clause)
    return _UNFINISHED if match is None else _unexpected(match)


def next_token(clause: str) -> str:
    """The first word, number, literal or mark; empty if there is none.

    >>> next_token(" /* of */ { a }")
    '{'
    """
    match = _TOKEN.match(clause)
    return "" if match is None else match[match.lastgroup or 0]


def _unexpected(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    if kind == "name":
        return f"SyntaxError: Unexpected identifier '{match[kind]}'"
    if match[kind] == "`":
        return "SyntaxError: Unexpected template string"
    if kind == "mark":
        return f"SyntaxError: Unexpected token '{match[kind]}'"
    return f"SyntaxError: Unexpected {kind}"


_ESCAPE: Final = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|[\s\S]))"
)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_CONTINUATIONS: Final = ("\n", "\r\n", "\r", "\u2028", "\u2029")


def string_value(literal: str) -> str:
    r"""The value of a JavaScript string literal, quotes included.

    >>> string_value(r"'a\x62\u{63}\n'")
    'abc\n'
    """

    def decoded(match: re.Match[str]) -> str:
        digits = match[1] or match[2] or match[3]
        if digits:
            code = int(digits, 16)
            return chr(code) if code <= 0x10FFFF else "\ufffd"
        return "" if match[4] in _CONTINUATIONS else _ESCAPED.get(match[4], match[4])

    return well_formed(_ESCAPE.sub(decoded, literal[1:-1]))


def well_formed(text: str) -> str:
    """``text`` with lone surrogates replaced, one for one."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
