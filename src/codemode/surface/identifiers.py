"""Names as JavaScript can write them, after a dot and as keys."""

from __future__ import annotations

import json
import re

from ..lazy_pattern import lazy_pattern

_IDENTIFIER = lazy_pattern(r"[A-Za-z_$][A-Za-z0-9_$]*", re.ASCII)
_NO_PART = lazy_pattern(r"^[0-9]|[^A-Za-z0-9_$]")


def is_identifier(name: str) -> bool:
    """Whether ``name`` can be written without quotes. Identifiers here are ASCII."""
    return _IDENTIFIER.fullmatch(name) is not None


def member_key(name: str) -> str:
    """``name`` as the key of a member: in quotes where it is no identifier.

    >>> member_key("city"), member_key("post code")
    ('city', '"post code"')
    """
    return name if is_identifier(name) else json.dumps(name, ensure_ascii=False)


def normalize(name: str) -> str:
    """``name`` as a JavaScript identifier: each character that cannot stand there becomes ``_``.

    >>> normalize("get-weather"), normalize("9x"), normalize("")
    ('get_weather', '_x', '_')
    """
    return _NO_PART.sub("_", name) or "_"
