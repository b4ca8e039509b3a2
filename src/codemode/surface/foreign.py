"""Foreign habits: what of another language or of a page a source has in it that does not compile.

Each habit is looked for in the code alone, not in strings, comments, templates and regular expressions; and only where
the error shows that the program has failed for it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from ..lazy_pattern import lazy_pattern

_ENTITY: Final = lazy_pattern(r"&(?:lt|gt|amp|quot|apos|nbsp|#39|#x27|#34);")
_ENTITY_NAME: Final = lazy_pattern(r"ReferenceError: (?:lt|gt|amp|quot|apos|nbsp) is not defined")
_CURLY: Final = lazy_pattern("[\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb]")
_TAG: Final = lazy_pattern(
    r"\s*<(?:script|code|pre|javascript|js|exec)\b[^<>]{0,200}>", re.IGNORECASE
)
FENCE_LINE: Final = lazy_pattern(r"^[ \t]*```[ \t]*\w*[ \t]*$", re.MULTILINE)

_PYTHON: Final = lazy_pattern(
    r"^[ \t]*(?:"
    r"(?:async[ \t]+)?def[ \t]+\w+[ \t]*\("
    r"|from[ \t]+[\w.]+[ \t]+import[ \t]+[\w*]"
    r"|import[ \t]+[\w.]+(?:[ \t]+as[ \t]+\w+)?[ \t]*$"
    r"|elif\b"
    r"|(?:if|while|for|with|try|else|except|class)\b[^\n{}]{0,200}:[ \t]*$"
    r")"
    r"|\b(?:is[ \t]+None|not[ \t]+in|lambda[ \t]+\w+[ \t]*:)"
    r"|(?<![\w$'\"`])f(?:'|\")",
    re.MULTILINE,
)
_PYTHON_LINE: Final = lazy_pattern(
    r"^[ \t]*(?:raise[ \t]+\w|assert[ \t]+[\w(]|del[ \t]+\w|print[ \t]+['\"\w]|(?:if|while)[ \t]+[^\s(].{0,200}:)"
    r"|\blambda[ \t]*:"
    r"|(?:\b(?:if|while|and|or|return)|[^=!<>]=)[ \t]+not[ \t]+[\w(]"
    r"|(?<!\belse)[ \t]if[ \t]+[^\s(][^;{}]{0,200}[ \t]else[ \t]"
    r"|[\[({][^\[\](){}]{1,200}[ \t]for[ \t]+\w+(?:,[ \t]*\w+)?[ \t]+in[ \t]"
)
_PYTHON_OPERATOR: Final = lazy_pattern(
    r"[\w$)\]}\"'`][ \t]+(?:and|or|is|is[ \t]+not)[ \t]+[\w$(\[{\"'`]"
)
_PYTHON_NAME: Final = lazy_pattern(r"ReferenceError: (?:None|True|False|pass) is not defined")
_PYTHON_FUNCTION: Final = lazy_pattern(
    r"ReferenceError: (len|str|int|float|dict|range|enumerate|isinstance|sorted|zip) is not defined"
)
_PYTHON_TEXT: Final = lazy_pattern(r"\"\"\"|'''")
_PYTHON_COMMENT: Final = lazy_pattern(r"[ \t]*#(?:[ #]|$)")

_TYPES: Final = r"(?:string|number|boolean|any|unknown|void|never)"
_TYPESCRIPT: Final = lazy_pattern(
    r"^[ \t]*import[ \t]+type\b"
    r"|^[ \t]*(?:export[ \t]+)?(?:abstract[ \t]+class|namespace[ \t]+[\w$]+[ \t]*\{)"
    r"|\b(?:private|protected|public|readonly|override)[ \t]+(?:(?:static|async|readonly)[ \t]+)?[\w$#]+[ \t]*[:;=(?]"
    r"|\bfunction(?![\w$])[ \t]*\*?[ \t]*(?:[\w$]{1,64}[ \t]*)?<"
    rf"|\bnew[ \t]+[\w$.]{{1,64}}<[\w$\[\]{{}},:;| \t<>]{{1,200}}>[ \t]*\("
    rf"|[=(,:][ \t]*<{_TYPES}(?:\[\])?>"
    rf"|\)[ \t]*:[ \t]*(?:{_TYPES}|[A-Z][\w$]*<)[\w$<>\[\]|, \t]{{0,200}}(?:=>|\{{)"
    r"|(?:^|[(,{;])[ \t]*[\w$]{1,64}\?:"
    r"|[(,][ \t]*[\w$]{1,64}[ \t]*:[ \t]*\{[^{}]{0,200}\}[ \t]*\)[ \t]*(?:=>|[{:])"
    r"|\b(?:const|let|var)[ \t]+(?:\{[^{}]{0,200}\}|\[[^\[\]]{0,200}\])[ \t]*:"
)
_AS: Final = lazy_pattern(
    rf"[\w$)\]}}\"'`][ \t]+(?:as|satisfies)[ \t]+(?:const|typeof|{_TYPES}|[A-Z][\w$]*|[{{\[(])"
    rf"|[\w$\])]!(?:[.;,)\[]|:[ \t]*(?:{_TYPES}|[A-Z]))"
)
_NAMED: Final = lazy_pattern(
    r"(?<![\w$.])tools[ \t]?\.[ \t]?[\w$]{1,64}[ \t]?\([ \t]*[\w$]{1,64}[ \t]*:"
)
_AWAIT: Final = lazy_pattern(r"await[ \t]+[^=;,)\s]")
_BARE_CONDITION: Final = lazy_pattern(r"\b(?:if|while|for|switch)[ \t]+\Z")
_APOSTROPHE: Final = lazy_pattern(
    r"(['\"])[ \t]*\1(?!(?:as|in|of|instanceof|if|else|for|and|or|not|is)\b)[A-Za-z_$]"
)
"""A string with a letter right behind it: its writer meant the quote before to be a part of it."""

BEFORE: Final = 80
"""Characters before an error in which a keyword and its blanks are looked for."""

FENCE: Final = "send the JavaScript alone, without a Markdown fence (```) around it."
PYTHON: Final = "exec runs JavaScript, not Python: write const, functions and {} blocks, and text(value) to print."
ENTITIES: Final = (
    "this has HTML entities: write < > & and quotes themselves, not &lt; &gt; &amp; or &quot;."
)
CURLY: Final = "this has curly quotes: write \" or ' or ` around strings."
TAGS: Final = "send the JavaScript alone, without tags around it."
TYPESCRIPT: Final = (
    "this is JavaScript, not TypeScript: leave out type annotations, `as`, interfaces and enums."
)
LINES: Final = "a string of several lines stands between backticks (`)."
COMMENT: Final = "a comment begins with //, not with #."
OPEN_STRING: Final = (
    "a string in quotes ends on its line: write \\n in it, or put it between backticks (`)."
)
QUOTE: Final = "a quote inside of a string of the same quotes ends it: put the string between backticks (`), or \\ before it."
AWAIT: Final = "await works at the top level and in async functions: write async before the function around it, and await what it returns."
NAMED: Final = "arguments have no names here: give one object, await tools.name({ key: value })."
BRACKETS: Final = "what follows if, while, for and switch stands in brackets: if (a) { … }, for (const a of b) { … }."
JSON_AROUND: Final = "send the JavaScript itself, not JSON with it as a member."

MEMBERS: Final = ("code", "source", "input", "script", "javascript", "program")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a program does not compile.

    Attributes:
        line: the code in that line.
        at: the index of the error in it.
        reach: how far behind that index its cause may begin: for some errors V8 names a token before.
        is_reserved: whether the error is that a word there may not be used as a name.
    """

    line: str
    at: int
    reach: int
    is_reserved: bool = False

    def is_at(self, habit: re.Pattern[str]) -> bool:
        return habit.search(self.line, max(0, self.at - 2), self.at + self.reach) is not None


def habit_that_does_not_compile(source: str, code: str, spot: Spot | None) -> str | None:
    """What to do instead, for a source that does not compile; None if no habit is seen.

    What may have another cause counts only in the line of the error, or at the error.

    Args:
        source: the program.
        code: what of it is code, see :func:`.code_text.code_of`.
        spot: where the error is; None where that is not known.
    """
    if FENCE_LINE.search(source):
        return FENCE
    if _TAG.match(source):
        return TAGS
    if _is_json_around(source):
        return JSON_AROUND
    if _CURLY.search(code):
        return CURLY
    if _ENTITY.search(code):
        return ENTITIES
    if spot is not None and _PYTHON_TEXT.search(spot.line):
        return LINES
    if _PYTHON.search(code):
        return PYTHON
    return None if spot is None else _habit_in_line(spot)


def _habit_in_line(spot: Spot) -> str | None:
    before, behind = spot.line[: spot.at], spot.line[spot.at :]
    if spot.is_reserved and _AWAIT.match(behind):
        return AWAIT
    if _NAMED.search(spot.line):
        return NAMED
    if _PYTHON_LINE.search(spot.line):
        return PYTHON
    if _TYPESCRIPT.search(spot.line) or spot.is_at(_AS):
        return TYPESCRIPT
    if spot.is_at(_PYTHON_OPERATOR):
        return PYTHON
    if _PYTHON_COMMENT.match(spot.line):
        return COMMENT
    if _APOSTROPHE.search(spot.line):
        return QUOTE
    if _BARE_CONDITION.search(before[-BEFORE:]) and not behind.startswith("("):
        return BRACKETS
    return OPEN_STRING if behind[:1] in ("'", '"') and behind.count(behind[0]) == 1 else None


def habit_that_fails(error_text: str, code: str) -> str | None:
    """What to do instead, for a source that compiles and fails at once; None if no habit is seen."""
    if _ENTITY_NAME.match(error_text) and _ENTITY.search(code):
        return ENTITIES
    if _PYTHON_NAME.match(error_text):
        return PYTHON
    function = _PYTHON_FUNCTION.match(error_text)
    if function is not None and re.search(rf"(?<![\w$.]){function[1]}[ \t]*\(", code):
        return PYTHON
    return None


def _is_json_around(source: str) -> bool:
    stripped = source.strip()
    if not (stripped.startswith("{") and stripped.endswith("}")):
        return False
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and any(isinstance(value.get(name), str) for name in MEMBERS)
