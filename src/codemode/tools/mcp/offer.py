"""The tools of a server's list, as toolsets take them: named, admitted, and the same where nothing changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...fair_executor import FAIR_EXECUTOR
from .changes import change_between
from .definition import definition
from .tool import McpTool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...fair_executor import Pause
    from .changes import Change
    from .config import ToolFilter
    from .definition import Described
    from .naming import Naming
    from .tool import Calling

AT_ONCE_TOOLS: Final = 50
"""So many are made in the event loop; the tools of a longer list outside of it."""

Made = tuple[tuple[McpTool, ...], "Change"]


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
            return self._made(listed, before, _no_pause)
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


def _no_pause() -> None:
    """Do not yield: nothing else waits for the thread."""
