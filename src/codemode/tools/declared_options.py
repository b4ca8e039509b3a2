"""What the author of a tool declares beside its function, checked when it is declared."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ToolDefinitionError
from ..protocol.types import HINTS


def checked_annotations(name: str, said: object, *, idempotent: bool) -> dict[str, bool]:
    """The hints of tool ``name``; an idempotent one carries the hint.

    Raises:
        ToolDefinitionError: they are no hints.
    """
    if not isinstance(said, Mapping) or any(
        key not in HINTS or not isinstance(value, bool) for key, value in said.items()
    ):
        raise ToolDefinitionError(
            f"tool `{name}`: annotations are hints of MCP that are true or false, got {said!r}"
            f"\nHint: there are {', '.join(HINTS)}."
        )
    return {"idempotentHint": True, **said} if idempotent else dict(said)


def checked_timeout(name: str, seconds: object) -> float | None:
    """How long a call of tool ``name`` may take, in seconds; None: no bound.

    Raises:
        ToolDefinitionError: this is no time.
    """
    if seconds is None or (
        isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
    ):
        return seconds
    raise ToolDefinitionError(
        f"tool `{name}`: timeout must be a positive number of seconds, got {seconds!r}"
    )
