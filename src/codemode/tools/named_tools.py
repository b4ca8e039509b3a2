"""A list of tools with the names that they have: never changed, and shared by all toolsets that have it.

A server of 3,000 tools is used by fifty sessions, and what belongs to the list of its tools - names,
declarations, the words of a search - takes a second and 20 MB to make. So a list is a value. Toolsets that add
the same definitions to the same list get the same list, for as long as one of them has it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

import msgspec

from .names import PublicNames

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from ..protocol.types import ToolDefinition, ToolName
    from ..surface.tool_catalogue import ToolCatalogue
    from .names import Clash

CATALOGUES_OF_A_LIST: Final = 8
"""How many catalogues of one list are kept: toolsets may differ in budgets and in their descriptions of namespaces."""


class NamedTools:
    """Tools in order, each under its own name and its public one.

    Attributes:
        definitions: the tools, each with its public name.
        by_name: the same by their own names.
        names: who has which public name.
        before: the list that this one adds to; kept, so that others who add to it find this one.
    """

    def __init__(
        self,
        by_name: Mapping[ToolName, ToolDefinition],
        names: PublicNames,
        *,
        before: NamedTools | None = None,
        added: Sequence[ToolDefinition] = (),
    ) -> None:
        self.by_name = by_name
        self.names = names
        self.definitions = tuple(by_name.values())
        self.before = before
        self._added = added  # whose ids tell this list from others
        self._after: WeakValueDictionary[Hashable, NamedTools] = WeakValueDictionary()
        self._catalogues: OrderedDict[Hashable, ToolCatalogue] = OrderedDict()

    def __repr__(self) -> str:
        return f"<{len(self.definitions)} named tools>"

    @property
    def clashes(self) -> tuple[Clash, ...]:
        """The tools that could not have the name that theirs makes."""
        return self.names.clashes

    def plus(self, added: Sequence[ToolDefinition]) -> NamedTools:
        """The list with these behind it, under names that no other has.

        Raises:
            ToolDefinitionError: one cannot have its name.
        """
        if not added:
            return self
        key = tuple(map(id, added))
        found = self._after.get(key)
        if found is None:
            names = self.names.copy()
            wanted = {each.tool_name: each.name for each in added}
            given = names.give([each.tool_name for each in added], wanted)
            by_name = dict(self.by_name)
            for each in added:
                by_name[each.tool_name] = _called(each, given[each.tool_name])
            found = self._after[key] = NamedTools(by_name, names, before=self, added=tuple(added))
        return found

    def minus(self, withdrawn: Iterable[ToolName]) -> NamedTools:
        """The list without the tools of these names."""
        key = tuple(dict.fromkeys(withdrawn))
        if not key:
            return self
        found = self._after.get(key)
        if found is None:
            names, by_name = self.names.copy(), dict(self.by_name)
            for each in key:
                del by_name[each]
                names.take_back(each)
            found = self._after[key] = NamedTools(by_name, names)
        return found

    def catalogue(self, of: Hashable) -> ToolCatalogue | None:
        """The catalogue that was kept under the options ``of``."""
        return self._catalogues.get(of)

    def keep(self, of: Hashable, catalogue: ToolCatalogue) -> None:
        """Keep a catalogue of this list for others; of many the oldest is forgotten."""
        self._catalogues[of] = catalogue
        if len(self._catalogues) > CATALOGUES_OF_A_LIST:
            self._catalogues.popitem(last=False)


NO_TOOLS: Final = NamedTools({}, PublicNames())
"""The list with which all begin."""


def _called(definition: ToolDefinition, name: str) -> ToolDefinition:
    """The very definition where it is called so already."""
    return definition if definition.name == name else msgspec.structs.replace(definition, name=name)


_DEFINITIONS: Final[WeakValueDictionary[Hashable, ToolDefinition]] = WeakValueDictionary()


def same_definition(definition: ToolDefinition) -> ToolDefinition:
    """The one object for equal definitions: that of the toolset that had such a tool first.

    A plain function is read anew for each session, and the lists of all of them are one.
    """
    encode: Callable[[object], bytes] = msgspec.json.encode
    try:
        key = (encode(definition), definition.source)  # in the order in which it was written
    except (TypeError, ValueError, RecursionError):  # a schema that is no JSON
        return definition
    return _DEFINITIONS.setdefault(key, definition)
