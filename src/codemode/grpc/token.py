"""What can be a bearer token, for those who ask for one and those who bring it. Loads no gRPC."""

from __future__ import annotations

from typing import Final

TOKEN_BYTES: Final = 4_096
"""Longest token; it is a header, and servers bound those."""


def is_token(text: str) -> bool:
    """Whether ``text`` is printable ASCII of a length that fits into a header.

    >>> is_token("s3cret"), is_token(""), is_token("caf\u00e9")
    (True, False, False)
    """
    return 0 < len(text) <= TOKEN_BYTES and text.isascii() and text.isprintable()
