"""What may be said to a host: text that is UTF-8, and JSON that is not nested too deep.

The reference's host gives up the whole connection, every session with it, over a frame that it
cannot read. So one bad value is refused here, and fails the one call that it belongs to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..errors import UsageError
from ..json_text import NO_JSON, encode_json, is_deeper
from ..lazy_pattern import lazy_pattern
from ..sessions.checks import MAX_YIELD_MS
from ..surface.text import well_formed

if TYPE_CHECKING:
    from ..protocol.types import ExecuteRequest, ToolDefinition

MAX_DEPTH: Final = 120
"""Arrays and objects inside each other; the reference's host reads 127, and some are the frame's own."""

_LONE_ESCAPE: Final = lazy_pattern(
    r"\\u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def json_value(value: Any, level: int = 0) -> bytes:
    """A tool's result as JSON that every host reads.

    Args:
        level: how many arrays and objects are around it.

    Raises:
        TypeError, ValueError, RecursionError: JSON cannot say this, or hosts cannot read it.
    """
    text = encode_json(value)
    if "\\u" in text:
        unpaired = text.replace("\\\\", NO_JSON)  # there may be millions
        text = _LONE_ESCAPE.sub(_mended, unpaired).replace(NO_JSON, "\\\\")
    json = text.encode()
    if is_deeper(json, MAX_DEPTH - level):
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
    return json


def _mended(found: re.Match[str]) -> str:
    escape = found[0]
    return "\ufffd" if len(escape) == 6 else escape


class Requests:
    """Executes as hosts can read them. The same tools come with every one, and are looked at once."""

    def __init__(self) -> None:
        self._looked_at: tuple[ToolDefinition, ...] | None = None

    def readable(self, request: ExecuteRequest) -> ExecuteRequest:
        """The request as it is sent.

        Raises:
            UsageError: no host could read it.
        """
        if request.enabled_tools is not self._looked_at:
            _look_at(request.enabled_tools)
            self._looked_at = request.enabled_tools
        yield_time = request.yield_time_ms
        tokens = request.max_output_tokens
        return msgspec.structs.replace(
            request,
            source=well_formed(request.source),
            tool_call_id=well_formed(request.tool_call_id),
            yield_time_ms=None if yield_time is None else min(yield_time, MAX_YIELD_MS),
            max_output_tokens=None if tokens is None else max(0, min(tokens, 2**31 - 1)),
        )


def _look_at(tools: tuple[ToolDefinition, ...]) -> None:
    try:
        for tool in tools:
            if is_deeper(msgspec.json.encode(tool), MAX_DEPTH):
                raise UsageError(
                    f"tool `{tool.name}` has a schema that is nested more than {MAX_DEPTH} deep"
                )
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the enabled tools are not what JSON can say: {error}") from error
