"""JSON text from and for a cell as Python values."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

_LONE: Final = re.compile(r"\\\\|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def decode_json(text: str) -> Any:
    """Lone surrogates become U+FFFD, integers stay exact.

    Raises:
        ValueError, RecursionError: this is no JSON, or nested too deep.
    """
    if "\\u" in text:
        text = _LONE.sub(lambda m: "\ufffd" if m[0] != "\\\\" else m[0], text)
    return json.loads(text)


def encode_json(value: Any) -> str:
    """Python values as JSON.

    Raises:
        TypeError, ValueError, RecursionError: JSON cannot say this.
    """
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError):  # lone surrogates, integers beyond 64 bits
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
