"""The code in a text of JavaScript: without what stands in comments, strings, templates and regular expressions.

It is no parser. It reads a text once from the start, knows where strings and comments end, and guesses from the token
before a slash whether a regular expression begins. So it takes texts that no parser does, which is what it is for: to
find the fault of a program that did not compile, and whether an entry at a prompt goes on.

The time is linear in the length of the text, whatever its content: each pattern takes what it has matched, and where a
regular expression was not found to end in its line none is looked for in the rest of that line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..lazy_pattern import lazy_pattern

_TOKEN: Final = lazy_pattern(
    r"(?P<comment>//[^\n\r\u2028\u2029]*|/\*(?:[^*]|\*(?!/))*+(?:\*/|(?P<no_comment_end>\Z)))"
    r"|(?P<string>'(?:[^'\\\n\r]|\\[\s\S])*+'?|\"(?:[^\"\\\n\r]|\\[\s\S])*+\"?)"
    r"|(?P<space>\s+)"
    r"|(?P<word>[\w$]+)"
    r"|(?P<sign>=>|\+\+|--|&&|\|\||\?\?|[\s\S])"
)
_TEMPLATE: Final = lazy_pattern(r"(?:[^`\\$]|\\[\s\S]|\$(?!\{))*+")
_REGEXP: Final = lazy_pattern(
    r"/(?![*/])(?:[^/\\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*+\])++/[a-zA-Z]*"
)
_LINE_END: Final = lazy_pattern(r"[\n\r]|\Z")
_INK: Final = lazy_pattern(r"[^\n\r\u2028\u2029]")

_BEFORE_REGEXP: Final = frozenset(
    "return typeof case in of delete void throw new else do await yield instanceof".split()
)
"""Words after which a slash begins a regular expression; after others it divides."""
_BEFORE_DIVISION: Final = frozenset({")", "]", "}", "++", "--"})

_CLOSING: Final = {")": "(", "]": "[", "}": "{"}
_GOES_ON: Final = frozenset("= , => && || ?? + - * / % & | ^ ? : . ( [ {".split())
"""Signs that cannot be the last of a program."""


@dataclass(frozen=True, slots=True)
class CodeText:
    """What is code in a text.

    Attributes:
        code: the text with blanks for all that is not code; of the same length, with the same lines.
        ended: whether no string, template, comment or bracket is open at the end, and no operator waits
            for its right side.
    """

    code: str
    ended: bool


def code_of(text: str) -> CodeText:
    """Read ``text``.

    >>> code_of("text('a b'); // done").code
    "text('   ');        "
    >>> code_of("f({").ended, code_of("`a").ended, code_of("a }").ended
    (False, False, True)
    """
    return _Reading(text).read()


class _Reading:
    def __init__(self, text: str) -> None:
        self._text = text
        self._parts: list[str] = []
        self._brackets: list[str] = []
        """The open ones; a template is ``\\```, and what it embeds is ``${``."""
        self._balanced = True
        self._last = ""
        """The last token of code; empty for strings and regular expressions."""
        self._after_value = False
        """Whether what was read last is a value, which a slash divides."""
        self._no_regexp_before = 0

    def read(self) -> CodeText:
        at = 0
        while at < len(self._text):
            at = self._template(at) if self._brackets[-1:] == ["`"] else self._token(at)
        waits = self._balanced and (bool(self._brackets) or self._last in _GOES_ON)
        return CodeText("".join(self._parts), not waits)

    def _token(self, at: int) -> int:
        if self._text[at] == "/" and (end := self._regexp_end(at)):
            self._keep("/", at, end)
            return end
        found = _TOKEN.match(self._text, at)
        assert found is not None, "the last alternative takes any character"
        end, kind = found.end(), found.lastgroup
        if kind in ("comment", "no_comment_end"):
            self._blank(at, end)
            if found["no_comment_end"] is not None and self._balanced:
                self._brackets.append("/*")
        elif kind == "string":
            self._keep(found[0][0], at, end)
        else:
            self._parts.append(found[0])
            if kind == "word":
                self._last, self._after_value = found[0], found[0] not in _BEFORE_REGEXP
            elif kind == "sign":
                self._last, self._after_value = found[0], found[0] in _BEFORE_DIVISION
                self._sign(found[0])
        return end

    def _sign(self, sign: str) -> None:
        if sign in ("(", "[", "{", "`"):
            self._brackets.append(sign)
        elif sign in _CLOSING and self._balanced:
            opened = self._brackets.pop() if self._brackets else ""
            self._balanced = opened == _CLOSING[sign] or (sign == "}" and opened == "${")

    def _template(self, at: int) -> int:
        """The text of a template up to its end, or to code that it embeds."""
        found = _TEMPLATE.match(self._text, at)
        assert found is not None, "it may be empty"
        end = found.end()
        self._blank(at, end)
        if self._text.startswith("${", end):
            self._brackets.append("${")
            self._parts.append("${")
            self._last, self._after_value = "${", False
            return end + 2
        if self._text.startswith("`", end):
            self._brackets.pop()
            self._parts.append("`")
            self._last, self._after_value = "`", True
            return end + 1
        self._parts.append(self._text[end:])  # a backslash with nothing behind it
        return len(self._text)

    def _regexp_end(self, at: int) -> int:
        """Where a regular expression that begins here ends; 0 if none begins here."""
        if self._after_value or at < self._no_regexp_before:
            return 0
        found = _REGEXP.match(self._text, at)
        if found is None:
            line_end = _LINE_END.search(self._text, at)
            self._no_regexp_before = line_end.start() if line_end else len(self._text)
            return 0
        return found.end()

    def _keep(self, quote: str, at: int, end: int) -> None:
        """Quotes stay; what is between them is blank."""
        closed = end - at > 1 and self._text[end - 1] == quote
        inner = _INK.sub(" ", self._text[at + 1 : end - closed])
        self._parts.append(f"{quote}{inner}{quote if closed else ''}")
        self._last, self._after_value = "", True

    def _blank(self, at: int, end: int) -> None:
        self._parts.append(_INK.sub(" ", self._text[at:end]))
