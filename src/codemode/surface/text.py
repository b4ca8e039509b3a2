"""Text as the reference counts and trims it: UTF-8 bytes, and Unicode's own white space.

``str.strip()`` also takes U+001C to U+001F, which Unicode and the reference do not call white space.
"""

from __future__ import annotations

from typing import Final

from ..lazy_pattern import lazy_pattern

WHITE_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

_LONE = lazy_pattern("[\ud800-\udfff]")

_BREAKS = lazy_pattern("\r\n|[\r\v\f\x85\u2028\u2029]")
_SEQUENCES = lazy_pattern(
    "\x1b\\[[0-?]{0,64}[ -/]{0,16}[@-~]?"  # what a terminal obeys: colours, movements
    "|\x1b[]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\\\)?"  # titles, links, the clipboard
    "|\x1b[ -/]{0,16}[0-~]?"
)
_HIDDEN_RANGES = "\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f"
_CONTROL_RANGES = f"\x00-\x08\x0b-\x1f{_HIDDEN_RANGES}"
_HIDDEN = lazy_pattern(f"[{_HIDDEN_RANGES}]")
_CONTROLS = lazy_pattern(f"[{_CONTROL_RANGES}]")
"""What steers a terminal, turns the direction of writing, or stands in a text unseen."""
_NOT_ON_A_LINE = lazy_pattern(f"[{_CONTROL_RANGES}\\t\\n\u2028\u2029\ud800-\udfff]")


def trim(text: str) -> str:
    """``text`` without white space at its ends."""
    return text.strip(WHITE_SPACE)


def well_formed(text: str) -> str:
    """``text`` with U+FFFD for each lone surrogate: UTF-8 cannot say these.

    >>> well_formed("a\\ud800b")
    'a\ufffdb'
    """
    return text if text.isascii() else _LONE.sub("\ufffd", text)


def without_controls(text: str) -> str:
    """``text`` of a stranger as a model may read it: no control characters but ``\\n`` and ``\\t``.

    Whatever ends a line is ``\\n``, sequences for a terminal are left out whole, and so are the
    characters that change the direction of writing or are invisible tags.

    >>> without_controls("a\\x1b[31mb\\x00\\r\\nc")
    'ab\\nc'
    """
    if text.isascii() and text.isprintable():
        return text
    broken = _BREAKS.sub("\n", text)
    return well_formed(_CONTROLS.sub("", _SEQUENCES.sub("", broken)))


def without_hidden(text: str) -> str:
    """``text`` without the characters that are invisible and that JSON writes as they are.

    >>> without_hidden("a\\x7f\\u202eb\\n")
    'ab\\n'
    """
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub("", text)


def on_one_line(text: str) -> str:
    """``text`` of a stranger as a line of a log may hold it: line ends and controls are escapes.

    >>> on_one_line("ok\\nERROR forged\\x1b[2J")
    'ok\\\\nERROR forged\\\\x1b[2J'
    """
    if text.isascii() and text.isprintable():
        return text
    return _NOT_ON_A_LINE.sub(lambda found: ascii(found[0])[1:-1], text)


def first_line(text: str, most: int) -> str:
    """The first line of ``text`` that is not blank, cut behind ``most`` characters."""
    line = next((found for found in map(trim, text.splitlines()) if found), "")
    return line if len(line) <= most else f"{line[:most]}…"


def shortened(text: str, most: int) -> str:
    """``text`` in at most ``most`` characters, the last of them ``…`` where it was longer."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def utf8_length(text: str) -> int:
    """Bytes of ``text`` in UTF-8; a lone surrogate counts as the three that it would take."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
