"""The tools that a toolset has, by their names, and those that it had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from ..errors import ToolDefinitionError, ToolError
from ..protocol.types import ToolName
from .function import FunctionTool
from .named_tools import NO_TOOLS, same_definition
from .names import identifier, nearest
from .origin import is_same
from .schema_tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..protocol.types import ToolCall, ToolDefinition
    from .names import Clash
    from .search import ToolSearch
    from .tool import ToolInterface

CHANGED: Final = (
    "the call of tool `{name}` is refused: it has changed since this program started"
    "\nHint: end this program; the next one gets the tool as it is now, and its declaration in ALL_TOOLS."
)


@dataclass(slots=True)
class _Withdrawn:
    """A tool that is, or was, not there any more.

    Attributes:
        function: what it called; None if it was no Python function.
        replacements: how often another function took its name.
    """

    function: object
    replacements: int


class Registry:
    """Tools in order, each under its own name and its public one.

    Args:
        search: gives the tool that searches the others, while there is one.

    Attributes:
        named: the definitions under their names; shared with registries that have the same.
    """

    def __init__(
        self, search: Callable[[ToolName], tuple[ToolSearch, ToolDefinition] | None]
    ) -> None:
        self.named = NO_TOOLS
        self._search = search
        self._tools: dict[ToolName, ToolInterface] = {}
        self._withdrawn: dict[ToolName, _Withdrawn] = {}

    def __len__(self) -> int:
        return len(self._tools)

    @property
    def definitions(self) -> tuple[ToolDefinition, ...]:
        """The tools in order; the same object until one is added or removed."""
        return self.named.definitions

    @property
    def clashes(self) -> tuple[Clash, ...]:
        """The tools that could not have the name that theirs makes."""
        return self.named.clashes

    # ── changes ──────────────────────────────────────────────────────────────────────────────

    def add(self, tools: Iterable[ToolInterface]) -> frozenset[ToolName]:
        """Add tools at the end: all of them, or none if one is refused; their own names.

        Raises:
            ToolDefinitionError: one cannot be a tool, or its name is taken.
        """
        found = [(each, each.definition) for each in tools]
        if self._withdrawn:
            found = [(tool, self._told_apart(tool, definition)) for tool, definition in found]
        self.named = self.named.plus([definition for _, definition in found])
        added = {definition.tool_name: tool for tool, definition in found}
        self._tools |= added
        return frozenset(added)

    def remove(self, names: Iterable[ToolName | str]) -> None:
        """Withdraw tools by their own or public names: all of them, or none.

        Raises:
            ToolDefinitionError: one of them is not there.
        """
        found = tuple(dict.fromkeys(self._own_name(each) for each in names))
        self.named = self.named.minus(found)
        for tool_name in found:
            tool = self._tools.pop(tool_name)
            before = self._withdrawn.get(tool_name)
            self._withdrawn[tool_name] = _Withdrawn(
                _function_of(tool), 0 if before is None else before.replacements
            )

    def _told_apart(self, tool: ToolInterface, definition: ToolDefinition) -> ToolDefinition:
        """The definition of ``tool``; a function that replaces another of its name gets another digest."""
        before = self._withdrawn.get(definition.tool_name)
        if before is None:
            return definition
        if not is_same(before.function, _function_of(tool)):
            before.replacements += 1
        if not before.replacements:
            return definition
        source = f"{definition.source} (replacement {before.replacements})"
        return same_definition(msgspec.structs.replace(definition, source=source))

    # ── looking up ───────────────────────────────────────────────────────────────────────────

    def entry(
        self, tool_name: ToolName
    ) -> tuple[ToolInterface | ToolSearch, ToolDefinition] | None:
        """What answers calls of this name, and as what it is known."""
        tool = self._tools.get(tool_name)
        return self._search(tool_name) if tool is None else (tool, self.named.by_name[tool_name])

    def public_name(self, tool_name: ToolName) -> str:
        """What programs call the tool, or would."""
        entry = self.entry(tool_name)
        return identifier(tool_name) if entry is None else entry[1].name

    def check_digest(self, call: ToolCall) -> None:
        """Refuse a call of a tool that is another one than the call's program was given.

        Raises:
            ToolError: it is.
        """
        there = self.named.by_name.get(call.tool_name)  # the search is ours, and always the same
        if there is not None and call.digest not in ("", there.digest):
            raise ToolError(CHANGED.format(name=there.name))

    def unknown(self, tool_name: ToolName) -> str:
        """The error for a call of a tool that is not there."""
        if tool_name == ToolName("exec"):
            return "exec cannot invoke itself"
        name = identifier(tool_name)
        near = nearest(name, [each.name for each in self.definitions])
        if tool_name in self._withdrawn:
            hint = "it was withdrawn after this cell had started; go on without it."
        elif near:
            hint = f"did you mean {' or '.join(f'`{each}`' for each in near)}?"
        else:
            hint = "ALL_TOOLS lists the tools there are."
        return f"tool `{name}` is not enabled in exec\nHint: {hint}"

    def _own_name(self, name: ToolName | str) -> ToolName:
        if isinstance(name, ToolName) and name in self._tools:
            return name
        for own, definition in self.named.by_name.items():
            if name in (own, definition.name):
                return own
        text = name if isinstance(name, str) else identifier(name)
        near = nearest(text, [each.name for each in self.definitions])
        hint = f"\nHint: did you mean `{near[0]}`?" if near else ""
        raise ToolDefinitionError(f"no tool is called {text!r}{hint}")


def _function_of(tool: ToolInterface) -> object:
    return tool.function if isinstance(tool, FunctionTool | Tool) else None
