"""References inside a document: JSON Pointer (RFC 6901) as the fragment of a URL."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from ..lazy_pattern import lazy_pattern
from ..protocol.types import JsonValue

_BAD_PERCENT = lazy_pattern(r"%(?![0-9A-Fa-f]{2})")
_INDEX = lazy_pattern(r"0|[1-9][0-9]{0,9}", re.ASCII)


def steps_of(reference: str) -> tuple[str, ...] | None:
    """The steps of a local reference (RFC 6901, percent-decoded), or None if it is not one."""
    if not reference.startswith("#") or _BAD_PERCENT.search(reference):
        return None
    try:
        path = unquote_to_bytes(reference[1:].encode(errors="surrogatepass")).decode()
    except UnicodeDecodeError:
        return None
    if not path:
        return ()
    if not path.startswith("/"):
        return None
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/"))


def resolve(document: JsonValue, steps: tuple[str, ...]) -> JsonValue:
    """What the steps lead to.

    Raises:
        LookupError: nothing.
    """
    value = document
    for step in steps:
        if isinstance(value, list) and _INDEX.fullmatch(step):
            value = value[int(step)]
        elif isinstance(value, dict):
            value = value[step]
        else:
            raise LookupError(step)
    return value
