"""The canonical text of a JSON value: the same for the same value, whatever the order of its members.

Idempotency keys and the hashes of a trace are made of it, so that a call in a trace can be found by its arguments.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from msgspec import UNSET

if TYPE_CHECKING:
    from ..protocol.types import JsonValue

# Made once: json.dumps makes an encoder for each call with options. ASCII, so that a lone surrogate has a form, too.
_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def canonical(value: JsonValue) -> str:
    """ASCII JSON with sorted members and no spaces; a missing value is ``null``.

    Example:
        >>> canonical({"b": 1, "a": [None, "é"]})
        '{"a":[null,"\\\\u00e9"],"b":1}'
    """
    return _encode(None if value is UNSET else value)


def canonical_hash(text: str) -> str:
    """SHA-256 of the canonical text of this JSON, as 64 hexadecimal digits; empty for what is no JSON."""
    try:
        value = json.loads(text)
        return hashlib.sha256(_encode(value).encode()).hexdigest()
    except (ValueError, RecursionError):
        return ""
