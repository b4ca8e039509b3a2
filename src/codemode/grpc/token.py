"""What can be a bearer token, for those who ask for one and those who bring it. Loads no gRPC."""

from __future__ import annotations

from typing import Final

TOKEN_BYTES: Final = 4_096
"""Longest token; it is a header, and servers bound those."""

LEAST_TOKEN: Final = 16
"""Characters of a token that nobody guesses, at the least: what a server asks other machines for."""

HOW_TO_MAKE_ONE: Final = 'python -c "import secrets; print(secrets.token_urlsafe())" makes a token.'


def is_token(text: str) -> bool:
    """Whether ``text`` is printable ASCII of a length that fits into a header.

    >>> is_token("s3cret"), is_token(""), is_token("caf\u00e9")
    (True, False, False)
    """
    return 0 < len(text) <= TOKEN_BYTES and text.isascii() and text.isprintable()


def is_long_enough(token: str) -> bool:
    """Whether a server may ask other machines for ``token``: a shorter one would be guessed.

    >>> is_long_enough("s3cret"), is_long_enough("s3cret-s3cret-s3cret")
    (False, True)
    """
    return len(token) >= LEAST_TOKEN
