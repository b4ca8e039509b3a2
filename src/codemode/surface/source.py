"""What a model hands to ``exec``: JavaScript, with an optional pragma on its first line.

The order of the checks and their texts were compared with the published 0.169.0 client.
"""

from __future__ import annotations

import json
from typing import Final

from msgspec import Struct

from ..errors import SourceError
from ..limits import GREATEST
from ..protocol.types import JsonValue
from .strict_json import JsonError, loads
from .text import WHITE_SPACE, trim

PRAGMA: Final = "// @exec:"
WORD_INTEGER: Final = 2**64 - 1

PRAGMA_CHARACTERS: Final = 65_536
"""A longer one is not read: its content is read character by character."""

_FIELDS: Final = "`yield_time_ms` and `max_output_tokens`"
_EMPTY: Final = (
    "exec expects raw JavaScript source text (non-empty). Provide JS only, optionally with"
    ' first-line `// @exec: {"yield_time_ms": 10000, "max_output_tokens": 1000}`.'
)
_NO_CODE: Final = "exec pragma must be followed by JavaScript source on subsequent lines"
_NO_OBJECT: Final = f"exec pragma must be a JSON object with supported fields {_FIELDS}"
_NO_JSON: Final = f"exec pragma must be valid JSON with supported fields {_FIELDS}"
_UNKNOWN_FIELD: Final = f"exec pragma only supports {_FIELDS}; got"
_NO_INTEGERS: Final = f"exec pragma fields {_FIELDS} must be non-negative safe integers"


class ExecSource(Struct, frozen=True):
    """A program and how to observe it; what the pragma did not set is None."""

    code: str
    yield_time_ms: int | None = None
    max_output_tokens: int | None = None


_SUPPORTED: Final = {"yield_time_ms": "u64", "max_output_tokens": "usize"}
"""The type of each field, as the reference calls it."""


def parse_exec_source(text: str) -> ExecSource:
    """Split the text given to ``exec`` into options and code; the code is kept byte for byte.

    Raises:
        SourceError: there is no code, or the pragma is not understood; written for the model.

    >>> parse_exec_source('// @exec: {"yield_time_ms": 5}\\ntext(1)')
    ExecSource(code='text(1)', yield_time_ms=5, max_output_tokens=None)
    """
    if not trim(text):
        raise SourceError(_EMPTY)
    first, _, rest = text.partition("\n")
    first = first.lstrip(WHITE_SPACE)
    if not first.startswith(PRAGMA):
        return ExecSource(text)
    if not trim(rest):
        raise SourceError(_NO_CODE)
    return ExecSource(rest, **_options(trim(first.removeprefix(PRAGMA))))


def _options(directive: str) -> dict[str, int | None]:
    """The options of a pragma, all names checked before any value.

    Raises:
        SourceError: it is not an object of the two fields with whole numbers.
    """
    if not directive:
        raise SourceError(_NO_OBJECT)
    if len(directive) > PRAGMA_CHARACTERS:
        raise SourceError(f"{_NO_JSON}: it is longer than {PRAGMA_CHARACTERS:,} characters")
    try:
        options = loads(directive)
    except JsonError as error:
        raise SourceError(f"{_NO_JSON}: {error}") from error
    if not isinstance(options, dict):
        raise SourceError(_NO_OBJECT)
    for name in options:
        if name not in _SUPPORTED:
            raise SourceError(f"{_UNKNOWN_FIELD} `{name}`")
    for name, value in options.items():
        _check_type(_SUPPORTED[name], value)
    for name in _SUPPORTED:
        if (options.get(name) or 0) > GREATEST:
            raise SourceError(f"exec pragma field `{name}` must be a non-negative safe integer")
    return options


def _check_type(machine_type: str, value: JsonValue) -> None:
    """Accept null and what fits into 64 bits without a sign.

    Raises:
        SourceError: it is something else; the text names it.
    """
    match value:
        case None:
            return
        case bool():
            found = f"boolean `{json.dumps(value)}`"
        case str():
            found = f"string {json.dumps(value, ensure_ascii=False)}"
        case list():
            found = "sequence"
        case dict():
            found = "map"
        case int() if 0 <= value <= WORD_INTEGER:
            return
        case _:
            raise SourceError(f"{_NO_INTEGERS}: invalid number")
    raise SourceError(f"{_NO_INTEGERS}: invalid type: {found}, expected {machine_type}")
