"""Text as the reference counts and trims it: UTF-8 bytes, and Unicode's own white space.

``str.strip()`` also takes U+001C to U+001F, which Unicode and the reference do not call white space.
"""

from __future__ import annotations

import re
from typing import Final

WHITE_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

_LONE = re.compile("[\ud800-\udfff]")


def trim(text: str) -> str:
    """``text`` without white space at its ends."""
    return text.strip(WHITE_SPACE)


def well_formed(text: str) -> str:
    """``text`` with U+FFFD for each lone surrogate: UTF-8 cannot say these.

    >>> well_formed("a\\ud800b")
    'a\ufffdb'
    """
    return text if text.isascii() else _LONE.sub("\ufffd", text)


def utf8_length(text: str) -> int:
    """Bytes of ``text`` in UTF-8; a lone surrogate counts as the three that it would take."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
