"""What a model reads of many tools: in which order, how much of it, and what it has to look for.

A description of exec that changes costs the model's prompt cache, so the same tools give the same
bytes: tools without a namespace keep the order of the application; the others follow, sorted by
namespace and name, because servers answer in any order and list their tools as they please. What
does not fit a budget of tokens is *deferred*: a cell can call it, and finds it by searching.

Rendering is the expensive part. A catalogue takes over what the one before it has rendered, tool
by tool, so that one tool more costs one rendering.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct

from ..protocol.types import ToolDefinition
from .declaration import described
from .description import (
    DEFAULT_TOKENS,
    SHARED_MCP_TYPES,
    NamespaceDescription,
    deferral,
    exec_tool_of,
    namespace_section,
    tool_section,
    with_headings,
)
from .mcp_result import is_mcp_result
from .output import token_count
from .text import trim
from .toolspec import ToolSpec

SECTION_BREAK: Final = "\n\n"


class Entry(Struct, frozen=True, eq=False):
    """A tool as it is rendered.

    Attributes:
        source: the tool as it was given.
        tool: the same with its declaration behind its description, as a cell gets it.
        section: its part of the text of exec.
        tokens: what the section costs a model.
    """

    source: ToolDefinition
    tool: ToolDefinition
    section: str
    tokens: int


class Catalogue:
    """The tools of a moment as a cell gets them, and the ``exec`` tool that tells of them.

    Args:
        definitions: the tools, with distinct public names.
        namespaces: what namespaces are for, by name. One without a tool is told of, too.
        max_tokens: what the descriptions of tools may cost together; None lists all of them.
        search: a tool that finds deferred ones. It is there only if there is something to find,
            and is always described.
        before: what is known already is not rendered again.

    Example:
        >>> from codemode.protocol.types import ToolName
        >>> tools = [ToolDefinition(name=n, tool_name=ToolName(n), description="") for n in "ba"]
        >>> [entry.tool.name for entry in Catalogue(tools, max_tokens=30).deferred]
        ['a']
    """

    def __init__(
        self,
        definitions: Iterable[ToolDefinition],
        *,
        namespaces: Mapping[str, str] | None = None,
        max_tokens: int | None = None,
        search: ToolDefinition | None = None,
        before: Catalogue | None = None,
    ) -> None:
        known: Mapping[int, Entry] = {} if before is None else before._known
        found = [known.get(id(each)) or _entry(each) for each in definitions]
        # By identity: definitions hold schemas, which have no hash. Entries keep them alive.
        self._known: Mapping[int, Entry] = {id(entry.source): entry for entry in found}
        self._namespaces = {
            name: NamespaceDescription(name, text) for name, text in (namespaces or {}).items()
        }
        self.entries = tuple(_in_order(found))
        self.listed, self.deferred = self._divided(max_tokens)
        self._exec_tools: dict[int, ToolSpec] = {}
        self.search = _entry(search) if search is not None and self.deferred else None

    @cached_property
    def tools(self) -> tuple[ToolDefinition, ...]:
        """All of them as cells get them, deferred ones and the search included."""
        return tuple(entry.tool for entry in self._with_search(self.entries))

    def exec_tool(self, output_tokens: int = DEFAULT_TOKENS) -> ToolSpec:
        """The ``exec`` tool with the text for these tools.

        Args:
            output_tokens: what an observation may cost where a program does not say.
        """
        if output_tokens not in self._exec_tools:
            made = exec_tool_of(self._sections(), default_tokens=output_tokens)
            self._exec_tools[output_tokens] = made
        return self._exec_tools[output_tokens]

    @cached_property
    def tokens(self) -> int:
        """What a model pays for these tools: all that the text has beyond its introduction."""
        return sum(map(_cost, self._sections()))

    def _divided(self, max_tokens: int | None) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
        """Those that fit, and the others: in order, each that still fits."""
        if max_tokens is None:
            return self.entries, ()
        left = max_tokens
        listed: list[Entry] = []
        deferred: list[Entry] = []
        headed: set[str | None] = set()
        for entry in self.entries:
            namespace = entry.tool.tool_name.namespace
            heading = 0 if namespace in headed else self._heading_cost(namespace)
            if entry.tokens + heading > left:
                deferred.append(entry)
                continue
            left -= entry.tokens + heading
            headed.add(namespace)
            listed.append(entry)
        return tuple(listed), tuple(deferred)

    def _heading_cost(self, namespace: str | None) -> int:
        heading = self._namespaces.get(namespace or "")
        return _cost(namespace_section(heading)) if heading is not None else 0

    def _sections(self) -> Iterator[str]:
        if self.deferred:
            name = None if self.search is None else self.search.tool.name
            tools = [entry.tool for entry in self.deferred]
            yield deferral(tools, self._namespaces, search=name)
        if any(is_mcp_result(entry.tool.output_schema) for entry in self.entries):
            yield SHARED_MCP_TYPES
        listed = ((entry.tool, entry.section) for entry in self._with_search(self.listed))
        yield from with_headings(listed, self._namespaces)
        inhabited = {entry.tool.tool_name.namespace for entry in self.entries}
        for name in sorted(self._namespaces.keys() - inhabited):
            if trim(self._namespaces[name].description):
                yield namespace_section(self._namespaces[name])

    def _with_search(self, entries: Sequence[Entry]) -> Iterator[Entry]:
        if self.search is not None:
            yield self.search
        yield from entries


def _entry(definition: ToolDefinition) -> Entry:
    (tool,) = described((definition,))
    section = tool_section(tool)
    return Entry(definition, tool, section, _cost(section))


def _cost(section: str) -> int:
    return token_count(f"{section}{SECTION_BREAK}")


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    def key(entry: Entry) -> tuple[str, str]:
        namespace = entry.tool.tool_name.namespace
        return (namespace, entry.tool.name) if namespace else ("", "")

    return sorted(entries, key=key)  # stable: those without a namespace stay as they came
