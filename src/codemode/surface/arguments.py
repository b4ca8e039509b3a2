"""What a model hands to ``wait``: a JSON object, as text or read already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from ..errors import UsageError
from ..limits import GREATEST
from ..protocol.types import JsonValue

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=GREATEST)]

_HINT: Final = (
    '\nHint: pass {"cell_id": "1"} and, where you need them, "yield_time_ms": 10000,'
    ' "max_tokens": 1000, "terminate": true.'
)


class WaitArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to observe a cell, or that it is to be ended; None stands for the default."""

    cell_id: str
    yield_time_ms: Count | None = None
    max_tokens: Count | None = None
    terminate: bool | None = None


def parse_wait_arguments(payload: str | Mapping[str, Any]) -> WaitArguments:
    """The arguments of ``wait``. A number may be written as ``100.0``: JSON knows one kind.

    Raises:
        UsageError: they are not understood; written for the model.

    >>> parse_wait_arguments('{"cell_id": "1", "max_tokens": 100.0}').max_tokens
    100
    """
    try:
        arguments = json.loads(payload) if isinstance(payload, str) else payload
        return msgspec.convert(_with_integers(arguments), WaitArguments)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"failed to parse function arguments: {error}{_HINT}") from error


def _with_integers(arguments: JsonValue) -> JsonValue:
    """``arguments`` with an integer for each member that is one, however it was written."""
    if not isinstance(arguments, Mapping):
        return arguments
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in arguments.items()
    }
