"""Whether a program has printed a promise where it meant its value.

``text(promise)`` writes ``{}``, as JSON does for every object without properties of its own. So both are needed: an
output that a promise can have left, and a call of a helper whose argument is a promise as far as its code shows. What
a name is bound to is read from its declaration; a value that comes from elsewhere is taken for what it seems to be.

Programs are hostile, and this runs in the application: it reads the beginning of a few expressions of a text of bounded
length, and no pattern goes back over what it has passed.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from ..lazy_pattern import lazy_pattern
from .code_text import code_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_EMPTY: Final = lazy_pattern(r"(?:^|[\[,:])\{\}(?=$|[\],}])")
"""An empty object where a value stands in JSON."""

_HELPER: Final = lazy_pattern(r"(?<![\w$.])(?:text|notify)\s*\(")
_NAME: Final = r"[A-Za-z_$][\w$]*"
_ASYNC_FUNCTION: Final = lazy_pattern(
    rf"(?<![\w$])(?:async\s+function\s+({_NAME})|({_NAME})\s*=\s*async(?![\w$]))"
)
_DECLARATION: Final = lazy_pattern(rf"(?<![\w$])(?:const|let|var)\s+({_NAME})\s*=(?![=>])")
_MADE: Final = lazy_pattern(
    r"(?<![\w$.])(?:tools(?:\.[\w$]+|\[[^\]]*\])\s*\(|Promise\.\w+\s*\(|new\s+Promise(?![\w$])|\(\s*async(?![\w$]))"
)
"""Where an expression that gives a promise begins."""
_MAPPED: Final = lazy_pattern(r"\.map\s*\(\s*async(?![\w$])")
_AWAIT: Final = lazy_pattern(r"(?<![\w$])await\Z")
_WORD: Final = lazy_pattern(rf"(?<![\w$.]){_NAME}")
_CLOSING: Final = frozenset(")]}")

MOST_CHARACTERS: Final = 50_000
"""Of a program that is looked at."""
MOST_EXPRESSIONS: Final = 100
"""Of each kind that are looked at: what helpers are given, and what names are bound to."""
EXPRESSION_CHARACTERS: Final = 1_000
"""How much of each is read."""


def prints_promise(source: str, texts: Iterable[str]) -> bool:
    """Whether one of ``texts``, the output of the program ``source``, seems to stand for a promise.

    >>> prints_promise("text(tools.read({}))", ["{}"]), prints_promise("text(await tools.read({}))", ["{}"])
    (True, False)
    """
    if len(source) > MOST_CHARACTERS or not any(_EMPTY.search(text) for text in texts):
        return False
    code = code_of(source).code
    functions = {one or other for one, other in _ASYNC_FUNCTION.findall(code)}
    promises = {
        match[1]
        for match in islice(_DECLARATION.finditer(code), MOST_EXPRESSIONS)
        if _is_promise(_expression(code, match.end()), functions, frozenset())
    }
    return any(
        _is_promise(_expression(code, match.end()), functions, promises)
        for match in islice(_HELPER.finditer(code), MOST_EXPRESSIONS)
    )


def _expression(code: str, at: int) -> str:
    """The expression that begins at ``at``: up to where its brackets close, or a semicolon."""
    depth = 0
    last = min(len(code), at + EXPRESSION_CHARACTERS)
    for end in range(at, last):
        sign = code[end]
        if sign in "([{":
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
        if depth < 0 or (depth == 0 and sign == ";"):
            return code[at:end].strip()
    return code[at:last].strip()


def _is_awaited(expression: str, at: int) -> bool:
    """Whether ``await`` stands before what begins at ``at``, with or without a bracket between them."""
    before = expression[:at].rstrip().removesuffix("(").rstrip()
    return _AWAIT.search(before[-len(" await") :]) is not None


def _is_promise(expression: str, functions: Iterable[str], promises: Iterable[str]) -> bool:
    """Whether a promise is in the value of ``expression``, or is it."""
    if re.match(r"await(?![\w$])", expression):
        return False
    if _MAPPED.search(expression) and "await" not in expression.split(".map", 1)[0]:
        return True
    if any(not _is_awaited(expression, made.start()) for made in _MADE.finditer(expression)):
        return True
    for word in _WORD.finditer(expression):
        after = expression[word.end() :].lstrip()[:1]
        known = (
            word[0] in functions if after == "(" else word[0] in promises and after in ("", *",]}")
        )
        if known and not _is_awaited(expression, word.start()):
            return True
    return False
