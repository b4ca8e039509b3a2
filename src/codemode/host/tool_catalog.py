"""The tools of a session that a client names by a revision instead of sending them with every execute.

The rules are those of the published host of release 0.171, seen by asking it: only the highest revision is kept,
an older one that comes with its tools runs with them and is not kept, and a number stands for one list of tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .refused import RefusedError

if TYPE_CHECKING:
    from ..protocol.types import ToolDefinition

INVALID: Final = "invalid code-mode catalog revision"
UNKNOWN: Final = "unknown code-mode catalog revision"
CONFLICTING: Final = "conflicting code-mode catalog revision"


class ToolCatalog:
    """The last list of tools of one session that came with a revision.

    >>> catalog = ToolCatalog()
    >>> catalog.resolve(1, ())
    Traceback (most recent call last):
    codemode.host.refused.RefusedError: unknown code-mode catalog revision
    """

    def __init__(self) -> None:
        self._revision = 0
        self._tools: tuple[ToolDefinition, ...] = ()

    def resolve(
        self, revision: int, tools: tuple[ToolDefinition, ...]
    ) -> tuple[ToolDefinition, ...]:
        """The tools of a cell whose execute names ``revision`` and brings ``tools``, which may be none.

        Raises:
            RefusedError: the revision is 0, is not kept, or stands for other tools.
        """
        if revision == 0:
            raise RefusedError(INVALID)
        if not tools:
            if revision != self._revision:
                raise RefusedError(UNKNOWN)
            return self._tools
        if revision == self._revision and tools != self._tools:
            raise RefusedError(CONFLICTING)
        if revision > self._revision:
            self._revision, self._tools = revision, tools
        return tools
