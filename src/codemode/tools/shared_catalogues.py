"""The catalogue of a list of tools, made once for all toolsets with the same, outside of the event loop.

Reading 3,000 schemas takes more than a second. So what is more than a few is read by the thread for such
work, one list after the other: a toolset that waits for a list which another has read meanwhile gets that one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..fair_executor import FAIR_EXECUTOR
from ..surface.tool_catalogue import ToolCatalogue
from .search import SEARCH, search_definition

if TYPE_CHECKING:
    from ..fair_executor import Pause
    from ..surface.declaration import DeclarationForm
    from .named_tools import NamedTools

AT_ONCE_TOOLS: Final = 32
"""So many schemas are read in the event loop, in some ten milliseconds at most."""

_TAKING_OVER: Final = threading.Lock()
"""What one catalogue takes over from another it changes, too."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a catalogue is made of.

    Attributes:
        tools: those that it is for.
        namespaces: what namespaces are for, as pairs of name and text.
        max_tokens: what descriptions may cost together; None for no bound.
        form: how tools are declared.
    """

    tools: NamedTools
    namespaces: tuple[tuple[str, str], ...]
    max_tokens: int | None
    form: DeclarationForm

    def kept(self) -> ToolCatalogue | None:
        """The catalogue, if it has been made already."""
        return self.tools.catalogue(self._options)

    def made(self, before: ToolCatalogue | None, pause: Pause | None = None) -> ToolCatalogue:
        """The catalogue.

        Args:
            before: what is known already is not read again.
            pause: is called again and again meanwhile.
        """
        found = self.kept()
        if found is not None:
            return found
        is_mine = _TAKING_OVER.acquire(blocking=False)
        try:
            found = ToolCatalogue(
                self.tools.definitions,
                namespaces=dict(self.namespaces),
                max_tokens=self.max_tokens,
                search=search_definition(self._search_name()),
                before=before if is_mine else None,
                form=self.form,
                pause=pause,
            )
        finally:
            if is_mine:
                _TAKING_OVER.release()
        self.tools.keep(self._options, found)
        return found

    async def made_aside(self, before: ToolCatalogue | None) -> ToolCatalogue:
        """The catalogue; what takes long is done outside of the event loop."""
        known = 0 if before is None else len(before.entries)
        few = len(self.tools.definitions) <= AT_ONCE_TOOLS and known <= AT_ONCE_TOOLS
        if few or self.kept() is not None:
            return self.made(before)

        def make(pause: Pause) -> ToolCatalogue:
            made = self.made(before, pause)
            made.exec_tool()
            assert made.tools is made.tools  # they are kept
            return made

        return await FAIR_EXECUTOR.run(Recipe, make)

    @property
    def _options(self) -> tuple[object, ...]:
        return (self.namespaces, self.max_tokens, self.form)

    def _search_name(self) -> str:
        """A name for the search that no tool has: it gives way to all of them."""
        taken = {each.name for each in self.tools.definitions}
        names = (SEARCH.name, *(f"{SEARCH.name}_{n}" for n in range(2, len(taken) + 3)))
        return next(name for name in names if name not in taken)
