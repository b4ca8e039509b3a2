"""The tools that a cell sees, as the engine's catalogue; made once for all sessions with the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from ..engine.catalogue import Catalogue
from ..fair_executor import FAIR_EXECUTOR
from ..surface.identifiers import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..fair_executor import Pause
    from ..protocol.types import ToolDefinition


AT_ONCE_TOOLS: Final = 100
"""So many are encoded in the event loop, in a millisecond."""

_ENCODED: Final[WeakValueDictionary[bytes, Catalogue]] = WeakValueDictionary()
"""By a hash of what they say: sessions with the same tools share them."""


class Catalogues:
    """Remembers the last catalogue: the cells of a session mostly see the same tools."""

    def __init__(self) -> None:
        self._last: tuple[tuple[ToolDefinition, ...], Catalogue] | None = None

    def known(self, tools: tuple[ToolDefinition, ...]) -> Catalogue | None:
        """The catalogue of ``tools``, if they are those of the last cell."""
        last = self._last
        if last is None or (last[0] is not tools and last[0] != tools):
            return None
        return last[1]

    async def of(self, tools: tuple[ToolDefinition, ...]) -> Catalogue:
        """The catalogue of ``tools``; many are encoded outside of the event loop."""
        if len(tools) <= AT_ONCE_TOOLS:
            made = _shared(tools)
        else:
            made = await FAIR_EXECUTOR.run(Catalogues, lambda pause: _shared(tools, pause))
        self._last = (tools, made)
        return made


def _shared(tools: tuple[ToolDefinition, ...], pause: Pause | None = None) -> Catalogue:
    """The one of this process with these names and descriptions."""
    if not tools:
        return Catalogue.of(())
    import hashlib  # noqa: PLC0415 - loads OpenSSL, for whoever has tools

    described = hashlib.sha256()
    members = list(_members(tools))
    for member, tool in zip(members, tools, strict=True):
        for text in (member, tool.description):
            said = text.encode("utf-8", "surrogatepass")
            described.update(b"%d:" % len(said) + said)
        if pause is not None:
            pause()
    key = described.digest()
    found = _ENCODED.get(key)
    if found is None:
        found = Catalogue.of(zip(members, _texts(tools), strict=True), pause)
        found = _ENCODED.setdefault(key, found)
    return found


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
