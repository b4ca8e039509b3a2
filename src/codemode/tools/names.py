"""Public names of tools: identifiers of JavaScript, each given once and kept."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import ToolDefinitionError
from ..protocol.types import ToolName
from ..surface.identifiers import normalize
from ..surface.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

RESERVED = frozenset({"exec", "wait"})
"""The model's own tools: a cell cannot call them, so no tool may look like them."""
NEAREST = 3
"""Names that a hint for an unknown one offers."""


class Clash(Struct, frozen=True):
    """A tool whose identifier another one had already.

    Attributes:
        tool_name: the tool that had to give way.
        wanted: the identifier that its name makes.
        name: the public name it got.
        holder: the tool that ``wanted`` belongs to.
    """

    tool_name: ToolName
    wanted: str
    name: str
    holder: ToolName

    def __str__(self) -> str:
        """One line for a log; it tells names from namespaces."""
        given, held = _apart(self.tool_name), _apart(self.holder)
        return f"{given} is tools.{self.name}: tools.{self.wanted} is {held}"


def _apart(tool_name: ToolName) -> str:
    name = on_one_line(tool_name.name)
    if tool_name.namespace is None:
        return f"tool `{name}`"
    return f"tool `{name}` of `{on_one_line(tool_name.namespace)}`"


def identifier(tool_name: ToolName) -> str:
    """The identifier that stands for ``tool_name`` on ``tools``.

    Example:
        >>> identifier(ToolName("go-on", "mcp__probe"))
        'mcp__probe__go_on'
    """
    return normalize(str(tool_name))


class PublicNames:
    """Who has which public name. A name once given stays with its tool.

    A tool whose name is an identifier already gets that name before one that must be
    rewritten; among equals the first in order. The others get ``_2``, ``_3``, ….
    """

    def __init__(self) -> None:
        self._holders: dict[str, ToolName] = {}
        self._given: dict[ToolName, str] = {}
        self._clashes: dict[ToolName, Clash] = {}
        self._numbers: dict[str, int] = {}
        """Up to which number, itself not included, those of an identifier are all taken."""

    @property
    def clashes(self) -> tuple[Clash, ...]:
        """The tools that have another name than theirs would make."""
        return tuple(self._clashes.values())

    def copy(self) -> PublicNames:
        """An independent copy, to try a change on."""
        other = PublicNames()
        other._holders = dict(self._holders)
        other._given = dict(self._given)
        other._clashes = dict(self._clashes)
        other._numbers = dict(self._numbers)
        return other

    def give(
        self, tool_names: Sequence[ToolName], wanted: Mapping[ToolName, str] = MappingProxyType({})
    ) -> Mapping[ToolName, str]:
        """Public names for ``tool_names``, distinct from all that were given.

        Args:
            tool_names: the tools.
            wanted: the identifiers they should have, where those are not made of their names.

        Raises:
            ToolDefinitionError: a tool has a name already, twice in the sequence counts
                too; or its name is empty or reserved.
        """
        identifiers = {each: identifier(each) for each in tool_names}
        self._refuse(tool_names, identifiers)
        given: dict[ToolName, str] = {}
        for tool_name in sorted(tool_names, key=lambda each: identifiers[each] != str(each)):
            name_wanted = wanted.get(tool_name)
            own = identifiers[tool_name]
            chosen = name = normalize(name_wanted) if name_wanted and name_wanted != own else own
            if chosen in self._holders:
                name = self._numbered(chosen)
                holder = self._holders[chosen]
                self._clashes[tool_name] = Clash(tool_name, chosen, name, holder)
            self._holders[name] = tool_name
            given[tool_name] = name
        self._given |= given
        return given

    def take_back(self, tool_name: ToolName) -> None:
        """Free the name of ``tool_name``."""
        self._clashes.pop(tool_name, None)
        if tool_name in self._given:
            name = self._given.pop(tool_name)
            del self._holders[name]
            self._numbers.pop(name.rpartition("_")[0], None)  # its number may be free now

    def _numbered(self, wanted: str) -> str:
        """``wanted`` with the lowest number that is free, looked for from where the last was."""
        number = self._numbers.get(wanted, 2)
        while (name := f"{wanted}_{number}") in self._holders:
            number += 1
        self._numbers[wanted] = number + 1
        return name

    def _refuse(self, tool_names: Sequence[ToolName], identifiers: Mapping[ToolName, str]) -> None:
        taken = set(self._given)
        for tool_name in tool_names:
            if not tool_name.name:
                raise ToolDefinitionError("a tool has an empty name\nHint: give it a name.")
            if identifiers[tool_name] in RESERVED:
                raise ToolDefinitionError(
                    f"tool `{tool_name}` has the name of one of the model's own tools"
                    "\nHint: give it another name or a namespace."
                )
            if tool_name in taken:
                raise ToolDefinitionError(
                    f"two tools are called `{tool_name}`"
                    "\nHint: give one of them another name or a namespace."
                )
            taken.add(tool_name)


def nearest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of ``names`` that ``name`` may have been meant to be, the likeliest first.

    Example:
        >>> nearest("getWeather", ["get_weather", "send_mail"])
        ('get_weather',)
    """
    folded: dict[str, str] = {}
    for each in names:
        folded.setdefault(each.casefold().replace("_", ""), each)
    key = name.casefold().replace("_", "")
    import difflib  # noqa: PLC0415 - only for an error

    found = difflib.get_close_matches(key, folded, n=NEAREST, cutoff=0.6)
    if len(found) < NEAREST and len(key) > 2:  # shorter parts are in everything
        found += [each for each in folded if key in each and each not in found]
    return tuple(folded[each] for each in found[:NEAREST])
