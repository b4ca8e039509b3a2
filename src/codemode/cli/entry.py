"""One entry at the prompt of ``codemode repl``: is it whole, and which program is it?

An entry is a program as a model would send it. If it is an expression, its value is shown as well: the entry is
first tried inside of brackets, behind one line of ours, and sent as it is where it does not compile so.
"""

from __future__ import annotations

from typing import Final

from ..lazy_pattern import lazy_pattern
from ..surface.code_text import code_of
from ..surface.source import PRAGMA
from ..surface.text import trim

_VALUED: Final = """\
const $value = await (
{entry}
);
const $show = (v) =>
  typeof v === "function" || v === undefined ? undefined
  : v?.type === "text" && typeof v.text === "string" ? text(v.text)
  : v?.type === "image" || typeof v?.image_url === "string" ? image(v)
  : v?.type === "audio" || typeof v?.audio_url === "string" ? audio(v)
  : text(v);
const $blocks = Array.isArray($value?.content) && $value.content.every((b) => typeof b?.type === "string");
for (const v of $blocks ? $value.content : [$value]) $show(v);
"""
_LINES_BEFORE: Final = 1

_PLACE: Final = lazy_pattern(r"(?<=exec_main\.mjs:)[0-9]{1,9}(?=:[0-9])")


def is_whole(text: str) -> bool:
    """Whether Enter sends the entry: no bracket, template or comment is open, and no operator waits.

    An empty last line sends what is not whole, too: V8 then reports the syntax error.

    >>> is_whole("text(1)"), is_whole("for (const x of y) {")
    (True, False)
    """
    return code_of(text).ended or text.endswith("\n\n")


def has_code(text: str) -> bool:
    """Whether there is more in a text than comments and semicolons."""
    return bool(code_of(text).code.strip("; \t\r\n"))


def valued(text: str) -> str | None:
    """The program that shows the value of an entry which is an expression; None if it is none for sure."""
    stripped = text.rstrip("; \t\r\n")
    if not has_code(text) or trim(text).startswith(PRAGMA):
        return None
    return _VALUED.format(entry=stripped)


def does_not_compile(error: str | None) -> bool:
    """Whether a program ended by this error has not begun: then another form of it can be tried.

    >>> does_not_compile("SyntaxError: Unexpected token ';'\\nHint: …")
    True
    >>> does_not_compile("SyntaxError: Unexpected end of JSON input\\n    at JSON.parse (<anonymous>)")
    False
    """
    if error is None:
        return False
    first, _, rest = error.partition("\n")
    return first.startswith("SyntaxError: ") and (not rest or rest.startswith("Hint: "))


def in_lines_of_entry(error: str) -> str:
    """The error of a program that ``valued`` made, with the lines of the entry.

    >>> in_lines_of_entry("TypeError: x\\n    at exec_main.mjs:2:1")
    'TypeError: x\\n    at exec_main.mjs:1:1'
    """
    return _PLACE.sub(lambda found: str(max(1, int(found[0]) - _LINES_BEFORE)), error)
