"""What a model hands to ``exec`` and ``wait``: a JSON object, as text or read already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from ..errors import UsageError
from ..limits import GREATEST
from ..protocol.types import JsonValue
from .text import well_formed

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=GREATEST)]

_NO_PROGRAM: Final = 'exec expects raw JavaScript source text\nHint: pass it as `code`: {{"code": "text(1)"}}; {given}.'
_NAMED: Final = 5
"""How many members of an object that has no program are named, each with so many characters:"""
_NAME_CHARACTERS: Final = 40

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


class ConditionalWaitArguments(WaitArguments, frozen=True, forbid_unknown_fields=True):
    """The same with a condition, where models may wait for one."""

    until: str | None = None


def parse_exec_arguments(payload: str | Mapping[str, Any]) -> str:
    """The program of ``exec``: the text itself, or the member ``code`` of an object.

    Raises:
        UsageError: there is none; written for the model.

    >>> parse_exec_arguments({"code": "text(1)"})
    'text(1)'
    """
    if isinstance(payload, str):
        return payload
    code: object = payload.get("code") if isinstance(payload, Mapping) else None  # type: ignore[redundant-expr] # a model's
    if isinstance(code, str):
        return code
    raise UsageError(_NO_PROGRAM.format(given=_given(payload)))


def parse_wait_arguments(
    payload: str | Mapping[str, Any], *, conditions: bool = False
) -> WaitArguments:
    """The arguments of ``wait``; with ``conditions`` they may have one.

    Clients differ in what they make of numbers: ``100.0`` and ``"100"`` are 100, ``"true"`` is true,
    and a cell may be named by a number.

    Raises:
        UsageError: they are not understood; written for the model.

    >>> parse_wait_arguments('{"cell_id": 1, "max_tokens": "100"}')
    WaitArguments(cell_id='1', yield_time_ms=None, max_tokens=100, terminate=None)
    """
    try:
        arguments = json.loads(payload) if isinstance(payload, str) else payload
        form = ConditionalWaitArguments if conditions else WaitArguments
        return msgspec.convert(_as_meant(arguments), form, strict=False)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"failed to parse function arguments: {error}{_HINT}") from error


def _as_meant(arguments: JsonValue) -> JsonValue:
    """``arguments`` with integers for numbers that are, and with a text for a cell's number."""
    if not isinstance(arguments, Mapping):
        return arguments
    meant = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in arguments.items()
    }
    cell = meant.get("cell_id")
    if type(cell) is int and 0 <= cell <= GREATEST:  # no bool
        meant["cell_id"] = str(cell)
    return meant


def _given(payload: object) -> str:
    """What was given instead of a program."""
    if not isinstance(payload, Mapping):
        return f"this call has {_kind(payload)}"
    if "code" in payload:
        return f"here `code` is {_kind(payload['code'])}"
    names = [well_formed(str(name))[:_NAME_CHARACTERS] for name in list(payload)[:_NAMED]]
    return f"this call has {', '.join(f'`{name}`' for name in names) or 'no arguments'}"


def _kind(value: object) -> str:
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return "an object" if isinstance(value, Mapping) else "a list"
