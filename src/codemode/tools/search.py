"""A search among tools, for programs whose text does not describe them all.

The ranking of tools is described in :mod:`codemode.tools.ranking`. A hit is short, so that looking around costs
little: what the tool is called, what it is for, what it takes. A program that wants to know more asks for
the tools *whole*, with their declarations; a type that several of these share is declared by the first.
"""

from __future__ import annotations

import json
import threading
import weakref
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import msgspec

from ..errors import ToolError
from ..fair_executor import FAIR_EXECUTOR
from ..protocol.types import JsonValue, ToolDefinition, ToolName
from ..surface.text import trim
from ..surface.tool_catalogue import ToolCatalogue
from .failure import raise_tool_error
from .ranking import USUAL_RESULTS, ToolIndex, parameters_of, required_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ..fair_executor import Pause
    from ..protocol.types import ToolCall
    from ..surface.tool_catalogue import Entry
    from .tool import ToolContext

SEARCH: Final = ToolName("search_tools", "codemode")
"""What middleware sees. The namespace keeps it apart from a tool of the application's own."""

MOST_RESULTS: Final = 50
HIT_BYTES: Final = 280
"""What a hit may take as JSON, which is 70 to 80 tokens."""
PARAMETERS_BYTES: Final = 110
"""The part of a hit for parameters, so that something is left for what the tool is for."""
SHOWN_CHARACTERS: Final = 10_000
"""What a whole tool has of a description, so that one tool's text does not make all too large."""
ELLIPSIS: Final = "…"

_HIT: Final[JsonValue] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "parameters": {"type": "string"},
        "declaration": {"type": "string"},
    },
    "required": ["name", "description"],
    "additionalProperties": False,
}
_QUERY: Final[JsonValue] = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "limit": {"type": "integer"},
        "whole": {"type": "boolean"},
    },
    "required": ["query"],
    "additionalProperties": False,
}
_HINT: Final = (
    '\nHint: pass words for what you need, tools.search_tools("create an issue"), or'
    ' {query: "create an issue", limit: 5, whole: true}.'
)


def search_definition(name: str) -> ToolDefinition:
    """The definition of the search under the public name ``name``."""
    return ToolDefinition(
        name=name,
        tool_name=SEARCH,
        description=(
            f"Find tools by what they do: the {USUAL_RESULTS} best matches among all tools, or"
            " `limit` of them, best first, with what they take; with `whole: true` the declaration"
            " instead. One that is not in `ALL_TOOLS` came while this program ran: the next one can"
            " call it."
        ),
        input_schema={"anyOf": [{"type": "string"}, _QUERY]},
        output_schema={"type": "array", "items": _HIT},
    )


class Hit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One result: a short one with its parameters, a whole one with its declaration."""

    name: str
    description: str
    parameters: str = ""
    declaration: str = ""


class SearchRequest(msgspec.Struct, frozen=True):
    """What a program wants to find."""

    query: str
    limit: int = USUAL_RESULTS
    whole: bool = False


class ToolSearch:
    """The search as a tool among those that it searches.

    Args:
        read: gives the catalogue of this moment: tools that were withdrawn are not found.
    """

    def __init__(self, read: Callable[[], ToolCatalogue]) -> None:
        self._read = read
        self._closed = False

    def prepare(self, call: ToolCall, context: ToolContext) -> ToolCall:
        """The call with the query, the limit, and whether tools are wanted whole.

        Raises:
            ToolError: the input is no query.
        """
        arguments = msgspec.structs.asdict(_asked(call.input))
        return msgspec.structs.replace(call, arguments=arguments)

    def change(
        self, call: ToolCall, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolCall:
        """The call with another query or limit.

        Raises:
            ToolError: this is no query.
        """
        return self.prepare(msgspec.structs.replace(call, input=dict(arguments)), context)

    async def invoke(self, call: ToolCall, context: ToolContext) -> JsonValue:
        """Search for what the program asks.

        Raises:
            ToolError: the input is no query.
        """
        asked = _asked(call.input)
        catalogue = self._read()
        try:
            found = await FAIR_EXECUTOR.run(
                self if context.owner is None else context.owner,
                lambda pause: self.search(catalogue, asked, pause),
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the call
            raise_tool_error(error, context.name)
        results: JsonValue = msgspec.to_builtins(found)
        return results

    def search(
        self, catalogue: ToolCatalogue, asked: SearchRequest, pause: Pause | None = None
    ) -> list[Hit]:
        """The best matches among the tools of ``catalogue``; blocks.

        Raises:
            ToolError: there is no searching here, or no more.
        """
        if self._closed:
            raise ToolError("the tools of this session are closed")
        found = _index_of(catalogue, pause).search(asked.query, asked.limit)
        if not asked.whole:
            return [_short(tool) for tool in found]
        entries = {id(entry.source): entry for entry in catalogue.entries}
        return _whole(catalogue, [entries[id(tool)] for tool in found])

    def close(self) -> None:
        """Refuse later searches. Idempotent."""
        self._closed = True


_INDEXES: Final[WeakKeyDictionary[ToolCatalogue, ToolIndex]] = WeakKeyDictionary()
_MAKING: Final = threading.Lock()


def _index_of(catalogue: ToolCatalogue, pause: Pause | None) -> ToolIndex:
    """The words of the tools of a catalogue, for all who have it, and for as long as one has."""
    with _MAKING:
        index = _INDEXES.get(catalogue)
        if index is None:
            index = ToolIndex((entry.source for entry in catalogue.entries), pause)
            _INDEXES[catalogue] = index
            weakref.finalize(catalogue, index.close)
        return index


def _asked(value: object) -> SearchRequest:
    """What the input of a program asks for."""
    options = value if isinstance(value, dict) else {"query": value}
    query, limit = options.get("query"), options.get("limit", USUAL_RESULTS)
    whole = options.get("whole", False)
    if not isinstance(query, str) or not options.keys() <= {"query", "limit", "whole"}:
        raise ToolError(
            f"search_tools expects a text, or an object with query, limit and whole{_HINT}"
        )
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ToolError(f"limit must be a positive integer{_HINT}")
    if not isinstance(whole, bool):
        raise ToolError(f"whole must be true or false{_HINT}")
    return SearchRequest(query, min(limit, MOST_RESULTS), whole)


def _short(tool: ToolDefinition) -> Hit:
    """A hit in so many bytes: its description is cut to what the others leave."""
    parameters = _parameters(tool)
    bare = Hit(tool.name, "", parameters)
    room = HIT_BYTES - len(json.dumps(msgspec.to_builtins(bare), ensure_ascii=False).encode())
    return Hit(tool.name, _gist(tool.description, max(room, 0)), parameters)


def _whole(catalogue: ToolCatalogue, found: Sequence[Entry]) -> list[Hit]:
    """Hits with their declarations. Types that the text of exec has, or a hit before, are not
    declared again."""
    known = set(catalogue.declared_types)
    hits: list[Hit] = []
    for entry in found:
        text = entry.source.description
        shown = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}{ELLIPSIS}"
        declared = catalogue.standing_alone(entry, known)
        hits.append(Hit(entry.source.name, shown, declaration=declared))
        known.update(entry.types)
    return hits


def _parameters(tool: ToolDefinition) -> str:
    """What a call takes, needed parameters first: ``{ owner, repo, labels? }``."""
    if tool.kind == "freeform":
        return "text"
    names, needed = parameters_of(tool), set(required_of(tool))
    required = [name for name in names if name in needed]
    written = [*required, *(f"{name}?" for name in names if name not in needed)]
    text = ""
    for at, name in enumerate(written):
        longer = f"{text}, {name}" if at else name
        if len(longer.encode(errors="replace")) > PARAMETERS_BYTES:
            text += f", {ELLIPSIS}" if at else ELLIPSIS
            break
        text = longer
    return f"{{ {text} }}" if text else "{}"


def _gist(description: str, most: int) -> str:
    """The beginning of a description on one line, in ``most`` bytes of JSON."""
    line = " ".join(trim(description).split())
    if len(json.dumps(line, ensure_ascii=False).encode(errors="replace")) - 2 <= most:
        return line
    cut = line[:most]
    while cut and len(json.dumps(cut, ensure_ascii=False).encode(errors="replace")) > most:
        cut = cut[: max(0, len(cut) - max(1, len(cut) // 16))]
    word = cut.rpartition(" ")[0] or cut
    return f"{word}{ELLIPSIS}" if word else ""
