"""The tools that a cell sees, as the engine's catalogue; made once for equal definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.catalogue import Catalogue
from ..surface.identifiers import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..protocol.types import ToolDefinition, ToolName


class Catalogues:
    """Remembers the last catalogue: the cells of a session mostly see the same tools."""

    def __init__(self) -> None:
        self._last: tuple[tuple[ToolDefinition, ...], Catalogue] | None = None

    def of(self, tools: tuple[ToolDefinition, ...]) -> Catalogue:
        """The catalogue of ``tools``."""
        if self._last is None or (self._last[0] is not tools and self._last[0] != tools):
            self._last = (tools, Catalogue.of(zip(_members(tools), _texts(tools), strict=True)))
        return self._last[1]


class EnabledByName:
    """Remembers the last tools by their own names: what a cell at a host was given."""

    def __init__(self) -> None:
        self._last: tuple[tuple[ToolDefinition, ...], Mapping[ToolName, ToolDefinition]] = ((), {})

    def of(self, tools: tuple[ToolDefinition, ...]) -> Mapping[ToolName, ToolDefinition]:
        """``tools`` by name; of two with the same one the first."""
        if self._last[0] is not tools:
            self._last = (tools, {tool.tool_name: tool for tool in reversed(tools)})
        return self._last[1]


def _members(tools: tuple[ToolDefinition, ...]) -> Iterator[str]:
    """The member of ``tools`` for each definition; names that normalise alike are numbered."""
    taken: set[str] = set()
    last: dict[str, int] = {}  # a server may have ten thousand that normalise alike
    for tool in tools:
        name = member = normalize(tool.name)
        while member in taken:
            last[name] = last.get(name, 1) + 1
            member = f"{name}_{last[name]}"
        taken.add(member)
        yield member


def _texts(tools: tuple[ToolDefinition, ...]) -> Iterator[str]:
    return (tool.description for tool in tools)
