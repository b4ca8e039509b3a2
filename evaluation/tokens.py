"""Tokens by a real tokeniser, offline."""

from __future__ import annotations

import functools
from typing import Any

ENCODING = "o200k_base"


@functools.cache
def _encoding(name: str) -> Any:
    import bpe_openai

    return bpe_openai.get_encoding(name)


@functools.lru_cache(maxsize=200_000)
def tokens(text: str, name: str = ENCODING) -> int:
    """How many tokens a text has.

    >>> tokens("Does code mode pay?")
    5
    """
    return len(_encoding(name).encode(text)) if text else 0
