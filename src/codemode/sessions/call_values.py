"""What goes into a tool call and what comes out: JSON on one side, Python values on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..errors import CodeModeError
from ..fair_executor import FAIR_EXECUTOR, no_pause
from ..json_text import decode_json, has_more_members
from ..large_values import LARGE_CHARACTERS, decoded_in_steps, encoded_in_steps, is_large

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..fair_executor import Pause
    from ..limits import Limits

_Json = TypeVar("_Json", str, bytes)

ERROR_CHARACTERS: Final = 4096
"""An error may always be that long, or no limit could be reported."""


async def read_argument(json: str, tool_name: str, limits: Limits, owner: object) -> Any:
    """The argument of a call of ``tool_name``; if its text is long, it is not parsed in this thread.

    Args:
        owner: whose turn it takes; see :class:`~codemode.fair_executor.FairExecutor`.

    Raises:
        CodeModeError: it has more members than a value may.
        ValueError, RecursionError: this is no JSON, or nested too deep.
    """
    if has_more_members(json, limits.value_members):
        what = f"the argument of tool `{tool_name}`"
        raise CodeModeError(limits.message("value_members", what=what))
    if len(json) <= LARGE_CHARACTERS:
        return decode_json(json)
    return await FAIR_EXECUTOR.run(owner, lambda pause: decoded_in_steps(json, decode_json, pause))


def is_plain(json: str, limits: Limits) -> bool:
    """Whether an argument can be passed on as it is: short, of few members, and without escaped characters.

    ``read_argument`` would refuse some of the others, and put U+FFFD for lone surrogates.
    """
    return (
        len(json) <= LARGE_CHARACTERS
        and "\\u" not in json
        and not has_more_members(json, limits.value_members)
    )


async def encoded_result(
    value: Any,
    tool_name: str,
    limits: Limits,
    encode: Callable[[Any, int], _Json],
    owner: object,
) -> _Json:
    """What a call of ``tool_name`` has returned, as JSON; if it is large, not made in this thread.

    Args:
        encode: gives the JSON of a value with so many levels around it.
        owner: whose turn it takes; see :class:`~codemode.fair_executor.FairExecutor`.

    Raises:
        CodeModeError: ``encode`` does not take it, or it is larger than a value may be.
    """
    if not is_large(value):
        return encoded_now(value, tool_name, limits, encode)
    return await FAIR_EXECUTOR.run(
        owner, lambda pause: encoded_now(value, tool_name, limits, encode, pause)
    )


def encoded_now(
    value: Any,
    tool_name: str,
    limits: Limits,
    encode: Callable[[Any, int], _Json],
    pause: Pause = no_pause,
) -> _Json:
    """What a call of ``tool_name`` has returned, as JSON.

    Raises:
        CodeModeError: as :func:`encoded_result`.
    """
    try:
        json = encoded_in_steps(value, encode, pause)
    except (TypeError, ValueError, RecursionError) as error:
        raise CodeModeError(f"tool `{tool_name}` returned what JSON cannot say: {error}") from error
    size = _utf8_bytes(json)
    if size > limits.value_bytes:
        what = f"the result of tool `{tool_name}`"
        raise CodeModeError(limits.message("value_bytes", size, what=what))
    return json


def _utf8_bytes(json: str | bytes) -> int:
    if isinstance(json, bytes) or json.isascii():
        return len(json)
    return len(json.encode("utf-8", "replace"))


def error_text(error: BaseException, limits: Limits) -> str:
    """A tool's failure as the script reads it: our own errors bare, others with their type.

    One that is longer than a value may be is refused as one.
    """
    text = str(error)
    if not isinstance(error, CodeModeError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if len(text) <= max(limits.value_bytes, ERROR_CHARACTERS):
        return text
    return limits.message("value_bytes", len(text), what="the error of a tool")
