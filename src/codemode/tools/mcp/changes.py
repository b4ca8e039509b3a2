"""What differs between two lists of a server's tools, by their digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ...surface.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .tool import McpTool


class Change(NamedTuple):
    """Public names of tools, sorted.

    Attributes:
        added: tools that were not there.
        changed: tools whose digest is another one: their name, texts, schemas or hints.
        removed: tools that are not there any more.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line for a log."""
        parts = (
            f"{what} {', '.join(map(on_one_line, names))}"
            for what, names in zip(self._fields, self, strict=True)
            if names
        )
        return "; ".join(parts)


NO_CHANGE: Final = Change()


def change_between(before: Iterable[McpTool], after: Iterable[McpTool]) -> Change:
    """What has become of the tools ``before``, where there are those ``after``."""
    old = {tool.definition.name: tool.definition.digest for tool in before}
    new = {tool.definition.name: tool.definition.digest for tool in after}
    return Change(
        tuple(sorted(new.keys() - old.keys())),
        tuple(sorted(name for name in new.keys() & old.keys() if new[name] != old[name])),
        tuple(sorted(old.keys() - new.keys())),
    )
