"""The tools of a server's list, as toolsets take them: named, admitted, and the same where nothing changed.

What differs from the list before is told by the digests of the tools.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from ...fair_executor import FAIR_EXECUTOR, no_pause
from ...surface.text import on_one_line
from .definition import AT_ONCE_TOOLS, definition
from .tool import McpTool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...fair_executor import Pause
    from .config import ToolFilter
    from .definition import Described
    from .naming import Naming
    from .tool import Calling


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

Made = tuple[tuple[McpTool, ...], Change]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server offers.

    Attributes:
        calling: runs its tools.
        server: its name.
        naming: gives names to its tools.
        filter: chooses the wanted ones.
    """

    calling: Calling
    server: str
    naming: Naming
    filter: ToolFilter

    async def of(self, listed: Mapping[str, Described], before: Sequence[McpTool]) -> Made:
        """The tools of a list, and what is different from those ``before``."""
        if len(listed) <= AT_ONCE_TOOLS:
            return self._made(listed, before, no_pause)
        return await FAIR_EXECUTOR.run(self, lambda pause: self._made(listed, before, pause))

    def _made(
        self, listed: Mapping[str, Described], before: Sequence[McpTool], pause: Pause
    ) -> Made:
        named = self.naming.named(listed)
        known = {tool.definition.tool_name: tool for tool in before}
        tools: list[McpTool] = []
        for name, described in listed.items():
            pause()
            if not self.filter.admits(name):
                continue
            made = McpTool(self.calling, name, definition(self.server, described, named[name]))
            same = known.get(made.definition.tool_name)
            tools.append(same if same is not None and same.is_like(made) else made)
            assert tools[-1].definition.digest  # it is kept, and each session asks for it
        return tuple(tools), change_between(before, tools)


def change_between(before: Iterable[McpTool], after: Iterable[McpTool]) -> Change:
    """What has become of the tools ``before``, where there are those ``after``."""
    old = {tool.definition.name: tool.definition.digest for tool in before}
    new = {tool.definition.name: tool.definition.digest for tool in after}
    return Change(
        tuple(sorted(new.keys() - old.keys())),
        tuple(sorted(name for name in new.keys() & old.keys() if new[name] != old[name])),
        tuple(sorted(old.keys() - new.keys())),
    )
