"""Wrong arguments, told to a model: one line a problem, then what is expected.

Pure text work on what pydantic reports; does not import it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..protocol.types import JsonValue

MAX_LINES = 8
"""More problems than this are counted, not listed: the first ones are what to repair."""
MAX_PROBLEMS = 1_000
"""More problems than this are only counted."""
MAX_PLACE = 200
"""Characters of the place of a problem that are shown."""
MAX_MESSAGE = 600
"""Characters of what is wrong there."""
MAX_GIVEN = 60
"""Characters of an offending value that are shown."""
MAX_EXPECTED = 600
"""Characters of the expected parameters that are shown."""

_PREFIXES = ("Input should be ", "Value error, ", "Assertion failed, ")
_ABSENT = {"missing": "is missing", "missing_argument": "is missing"}
_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}


def problem_text(
    name: str, errors: Sequence[Mapping[str, Any]], value: JsonValue, schema: JsonValue
) -> str:
    """The text for the arguments ``value`` of tool ``name`` that do not fit ``schema``."""
    lines = _lines(errors, value)
    shown = [f"- {line}" for line in lines[:MAX_LINES]]
    if len(lines) > MAX_LINES:
        shown.append(f"- and {len(lines) - MAX_LINES} more")
    head = f"tool `{name}` cannot take these arguments:"
    return "\n".join([head, *shown, f"Hint: expected {expected(name, schema)}"])


def crowd_text(name: str, count: int, schema: JsonValue) -> str:
    """The text for arguments with so many problems that none is looked at."""
    head = f"tool `{name}` cannot take these arguments:"
    return (
        f"{head}\n- {count:,} problems, too many to name\nHint: expected {expected(name, schema)}"
    )


def no_object_text(name: str, schema: JsonValue) -> str:
    """The text for a call of tool ``name`` with something else than an object."""
    return f"tool `{name}` expects a JSON object for arguments\nHint: expected {expected(name, schema)}"


def expected(name: str, schema: JsonValue) -> str:
    """The call that ``schema`` describes, shortened.

    Example:
        >>> expected("add", {"properties": {"a": {"type": "integer"}}, "required": ["a"]})
        'tools.add({ a: integer, … })'
    """
    required = schema.get("required", ())
    definitions = schema.get("$defs", {})
    parts = [
        f"{key}{'' if key in required else '?'}: {_label(member, definitions)}"
        for key, member in schema.get("properties", {}).items()
    ]
    if schema.get("additionalProperties", True) is not False:
        parts.append("…")
    inner = shorten(", ".join(parts), MAX_EXPECTED)
    return f"tools.{name}({{ {inner} }})" if inner else f"tools.{name}({{}})"


def shorten(text: str, length: int) -> str:
    """``text``, cut to ``length`` characters with an ellipsis as the last."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _lines(errors: Sequence[Mapping[str, Any]], value: JsonValue) -> list[str]:
    """A line for each place, the alternatives of a union joined."""
    places: dict[tuple[str, str], list[str]] = {}
    for error in errors:
        kind = str(error["type"])
        place = _place(error["loc"], value, absent=kind in _ABSENT)
        if kind in _ABSENT:
            key, message = (place, ""), _ABSENT[kind]
        elif kind in _UNKNOWN:
            key, message = (place, ""), "is not known"
        else:
            key, message = (place, f", got {_given(error.get('input'))}"), _message(error)
        messages = places.setdefault(key, [])
        if message not in messages:
            messages.append(message)
    return [
        f"`{shorten(place, MAX_PLACE)}`: {' or '.join(messages)}{given}"
        for (place, given), messages in places.items()
    ]


def _message(error: Mapping[str, Any]) -> str:
    text = shorten(" ".join(str(error["msg"]).split()), MAX_MESSAGE)
    for prefix in _PREFIXES:
        if text.startswith(prefix):
            rest = text.removeprefix(prefix)
            return f"should be {rest}" if prefix == _PREFIXES[0] else rest
    return text[:1].lower() + text[1:]


def _place(loc: Sequence[str | int], value: JsonValue, *, absent: bool) -> str:
    """Where ``loc`` is in the arguments, without the names of union branches in it."""
    path = ""
    for index, part in enumerate(loc):
        last_and_absent = absent and index == len(loc) - 1
        if not last_and_absent and not leads_on(value, part):
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
        value = None if last_and_absent else value[part]
    return path.lstrip(".") or "arguments"


def leads_on(value: JsonValue, part: str | int) -> bool:
    """Whether ``part`` of a place is a member of ``value``, and not the name of a union's branch."""
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _given(value: object) -> str:
    if isinstance(value, str):
        value = value[: MAX_GIVEN + 1]
    text = ""
    try:
        for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):
            text += part
            if len(text) > MAX_GIVEN:
                break
        return shorten(text, MAX_GIVEN)
    except (TypeError, ValueError, RecursionError):
        return f"a {type(value).__name__}"


def _label(schema: JsonValue, definitions: JsonValue, depth: int = 0) -> str:
    """A few words for ``schema``: ``string``, ``"a" | "b"``, ``integer[]``, ``Order``."""
    if not isinstance(schema, dict) or depth > 4:  # deeper is for the declaration to tell
        return "any"
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        target = definitions.get(name, {})
        return name if target.get("type") == "object" else _label(target, definitions, depth + 1)
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return " | ".join(json.dumps(item, ensure_ascii=False) for item in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " | ".join(_label(item, definitions, depth + 1) for item in schema[key])
    kind = schema.get("type", "any")
    if kind == "array" and "items" in schema:
        item = _label(schema["items"], definitions, depth + 1)
        return f"({item})[]" if " | " in item else f"{item}[]"
    form = schema.get("format")
    return f"{kind} ({form})" if kind == "string" and form else str(kind)
