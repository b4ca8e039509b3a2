"""What a model reads of many tools: in which order, how much of it, and what it has to look for.

A description of exec that changes costs the model's prompt cache, so the same tools give the same
bytes: tools without a namespace keep the order of the application; the others follow, sorted by
namespace and name, because servers answer in any order and list their tools as they please. What
does not fit a budget of tokens is *deferred*: a cell can call it, and finds it by searching.

Types that recur, in whatever tools, are declared once, before the tools, and referred to by name. A tool
that is deferred brings those along that the text does not declare, so that its description can be read
alone.

Reading schemas is the expensive part. A catalogue takes over what the one before it has read, tool by
tool, so that one tool more costs one reading.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

import msgspec
from msgspec import Struct

from ..protocol.types import ToolDefinition
from .declaration import (
    DeclarationForm,
    Signature,
    augmented_description,
    declaration,
    fenced,
    signature_of,
)
from .description import (
    DEFAULT_TOKENS,
    SHARED_MCP_TYPES,
    NamespaceDescription,
    deferral,
    exec_tool,
    namespace_section,
    tool_section,
    with_headings,
)
from .mcp_result import is_mcp_result
from .output import token_count
from .shared_types import Root, SharedTypes, identifier_of
from .text import trim
from .toolspec import ToolSpec
from .type_tree import UNKNOWN, Type

SECTION_BREAK: Final = "\n\n"
SHARED_TYPES: Final = "Shared types:"


class Entry(Struct, frozen=True, eq=False):
    """A tool as it is rendered.

    Attributes:
        source: the tool as it was given.
        tool: the same with its declaration behind its description, as a cell gets it.
        section: its part of the text of exec.
        tokens: what the section costs a model, without the types that it refers to.
        declaration: the declaration by itself.
        types: the names of the types in it, and of all that they refer to.
    """

    source: ToolDefinition
    tool: ToolDefinition
    section: str
    tokens: int
    declaration: str
    types: tuple[str, ...] = ()


class ToolCatalogue:
    """The tools of a moment as a cell gets them, and the ``exec`` tool that tells of them.

    Args:
        definitions: the tools, with distinct public names.
        namespaces: what namespaces are for, by name. One without a tool is listed, too.
        max_tokens: what the descriptions of tools may cost together; None lists all of them.
        search: a tool that finds deferred ones. It is there only if there is something to find,
            and is always described.
        before: what is known already is not read again.
        form: how the tools are declared.
        pause: is called between one tool and the next, so that other threads have their turn.

    Example:
        >>> from codemode.protocol.types import ToolName
        >>> tools = [ToolDefinition(name=n, tool_name=ToolName(n), description="") for n in "ba"]
        >>> [entry.tool.name for entry in ToolCatalogue(tools, max_tokens=30).deferred]
        ['a']
    """

    def __init__(  # noqa: PLR0913 - options by keyword
        self,
        definitions: Iterable[ToolDefinition],
        *,
        namespaces: Mapping[str, str] | None = None,
        max_tokens: int | None = None,
        search: ToolDefinition | None = None,
        before: ToolCatalogue | None = None,
        form: DeclarationForm = "shared",
        pause: Callable[[], None] | None = None,
    ) -> None:
        self._form = form
        self._pause = pause or _no_pause
        self._namespaces = {
            name: NamespaceDescription(name, text) for name, text in (namespaces or {}).items()
        }
        ordered = _in_order(definitions)
        # By identity: definitions hold schemas, which have no hash. Entries keep them alive.
        known = {} if before is None else before._read
        made = {} if before is None else {id(each.source): each for each in before.entries}
        trees: dict[Type, Type] = {}
        self._read: dict[int, Signature] = {
            id(each): known.get(id(each)) or self._signature(each, trees)
            for each in (ordered if form == "shared" else ())
        }
        last = None if before is None else before._types
        self._types: SharedTypes = SharedTypes(self._roots(ordered), before=last)
        found = [self._entry(at, each, made.get(id(each))) for at, each in enumerate(ordered)]
        listed, deferred = self._divided(found, max_tokens)
        self.declared_types = tuple(dict.fromkeys(name for each in listed for name in each.types))
        self.listed = tuple(listed)
        self.deferred = tuple(map(self._alone, deferred))
        by_source = {id(each.source): each for each in (*self.listed, *self.deferred)}
        self.entries: tuple[Entry, ...] = tuple(by_source[id(each)] for each in ordered)
        self._exec_tools: dict[int, ToolSpec] = {}
        self._pause = _no_pause  # it was for the making
        self.search: Entry | None = None
        if search is not None and deferred:
            self.search = _entry_of(search, declaration(search, form=form))

    @cached_property
    def tools(self) -> tuple[ToolDefinition, ...]:
        """All of them as cells get them, deferred ones and the search included."""
        return tuple(entry.tool for entry in self._with_search(self.entries))

    def exec_tool(self, output_tokens: int = DEFAULT_TOKENS) -> ToolSpec:
        """The ``exec`` tool with the text for these tools.

        Args:
            output_tokens: what an observation may cost where a program sets no budget.
        """
        if output_tokens not in self._exec_tools:
            made = exec_tool(self._sections(), default_tokens=output_tokens)
            self._exec_tools[output_tokens] = made
        return self._exec_tools[output_tokens]

    @cached_property
    def tokens(self) -> int:
        """What a model pays for these tools: all that the text has beyond its introduction."""
        return sum(map(_cost, self._sections()))

    def _signature(self, definition: ToolDefinition, trees: dict[Type, Type]) -> Signature:
        """What the tool takes and gives; equal types are one object."""
        self._pause()
        found = signature_of(definition)
        arguments, result = found.arguments, found.result
        return msgspec.structs.replace(
            found,
            arguments=arguments and trees.setdefault(arguments, arguments),
            result=trees.setdefault(result, result),
        )

    def _roots(self, ordered: Sequence[ToolDefinition]) -> Iterator[Root]:
        """What each tool takes and gives, one after the other; nothing where nothing is shared."""
        for each in ordered if self._read else ():
            self._pause()
            signature = self._read[id(each)]
            name = identifier_of(each.tool_name.name) or "Tool"
            yield Root(signature.arguments or UNKNOWN, f"{name}Args")
            yield Root(signature.result, f"{name}Result")

    def _entry(self, at: int, definition: ToolDefinition, before: Entry | None) -> Entry:
        """A tool with the names of types in its declaration; the one before if nothing changed."""
        self._pause()
        if self._form == "published":
            return before or _entry_of(definition, declaration(definition, form=self._form))
        arguments, result = self._types.written(2 * at), self._types.written(2 * at + 1)
        declared = self._read[id(definition)].declared(arguments.text, result.text)
        needs = self._types.needed((*arguments.needs, *result.needs))
        made = _entry_of(definition, declared, needs)
        if before is not None and (before.declaration, before.types) == (
            made.declaration,
            made.types,
        ):
            return before
        return made

    def _alone(self, entry: Entry) -> Entry:
        """A deferred tool with the types that the text of exec does not declare."""
        self._pause()
        text = self.standing_alone(entry, self.declared_types)
        if text == entry.declaration:
            return entry
        return msgspec.structs.replace(entry, tool=_with_declaration(entry.source, text))

    def standing_alone(self, entry: Entry, declared: Collection[str] = ()) -> str:
        """The declaration of a tool behind those of its types, where ``declared`` are known."""
        missing = [name for name in entry.types if name not in declared]
        types = [self._types.declared(name).text for name in missing]
        return "\n".join((*types, entry.declaration))

    def _divided(
        self, entries: Sequence[Entry], max_tokens: int | None
    ) -> tuple[Sequence[Entry], Sequence[Entry]]:
        """Those that fit, and the others: in order, each that still fits with its types."""
        if max_tokens is None:
            return entries, ()
        left = max_tokens
        listed: list[Entry] = []
        deferred: list[Entry] = []
        headed: set[str | None] = set()
        declared: set[str] = set()
        for entry in entries:
            namespace = entry.tool.tool_name.namespace
            cost = entry.tokens + self._types_cost(entry.types, declared)
            if namespace not in headed:
                cost += self._heading_cost(namespace)
            if cost > left:
                deferred.append(entry)
                continue
            left -= cost
            headed.add(namespace)
            declared.update(entry.types)
            listed.append(entry)
        return listed, deferred

    def _types_cost(self, names: Sequence[str], declared: set[str]) -> int:
        """What it costs to declare ``names``, where these are declared already."""
        new = [name for name in names if name not in declared]
        heading = _cost(f"{SHARED_TYPES}\n{fenced('')}") if new and not declared else 0
        return heading + sum(token_count(f"{self._types.declared(name).text}\n") for name in new)

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
        if self.declared_types:
            types = "\n".join(self._types.declared(name).text for name in self.declared_types)
            yield f"{SHARED_TYPES}\n{fenced(types)}"
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


def _no_pause() -> None:
    """Do not yield: nothing else waits for the thread."""


def _entry_of(definition: ToolDefinition, declared: str, types: tuple[str, ...] = ()) -> Entry:
    tool = _with_declaration(definition, declared)
    section = tool_section(tool)
    return Entry(definition, tool, section, _cost(section), declared, types)


def _with_declaration(definition: ToolDefinition, declared: str) -> ToolDefinition:
    described = augmented_description(definition, declared)
    given = definition.given or definition
    return msgspec.structs.replace(definition, description=described, given=given)


def _cost(section: str) -> int:
    return token_count(f"{section}{SECTION_BREAK}")


def _in_order(definitions: Iterable[ToolDefinition]) -> list[ToolDefinition]:
    def key(definition: ToolDefinition) -> tuple[str, str]:
        namespace = definition.tool_name.namespace
        return (namespace, definition.name) if namespace else ("", "")

    return sorted(definitions, key=key)  # stable: those without a namespace stay as they came
