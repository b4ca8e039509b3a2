"""A search among tools, for programs whose text does not describe them all.

Ranking is BM25 by SQLite's full-text index, which Python brings along: over the words of a tool's
name, of its description, and of its parameters, in this order of weight. The index is in memory,
made at the first search among the tools of a moment, and used from one thread at a time.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..errors import ToolError
from ..protocol.types import JsonValue, ToolDefinition, ToolName
from ..surface.declaration import declaration
from .failure import as_tool_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..protocol.types import ToolCall
    from ..surface.catalogue import Catalogue
    from .tool import ToolContext

SEARCH: Final = ToolName("search_tools", "codemode")
"""What middleware sees. The namespace keeps it apart from a tool of the application's own."""

MOST_RESULTS: Final = 50
USUAL_RESULTS: Final = 10
MOST_WORDS: Final = 32
"""Words of a query that count; the others are passed over."""
INDEXED_CHARACTERS: Final = 10_000
"""What is read of each description, and of each tool's parameters."""
SHOWN_CHARACTERS: Final = 10_000
"""What a result has of a description, so that one tool's text does not make all of it too large."""
LEVELS: Final = 6
"""How deep parameters are looked for in a schema."""

_SELECT: Final = (
    "SELECT rowid FROM tools WHERE tools MATCH ? ORDER BY bm25(tools, 8.0, 3.0, 1.0), rowid LIMIT ?"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|\d+")
_RESULT: Final[JsonValue] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "declaration": {"type": "string"},
    },
    "required": ["name", "description", "declaration"],
    "additionalProperties": False,
}
_QUERY: Final[JsonValue] = {
    "type": "object",
    "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["query"],
    "additionalProperties": False,
}
_HINT_FILTER: Final = "\nHint: filter ALL_TOOLS by name and description instead."
_HINT: Final = (
    '\nHint: pass words for what you need, tools.search_tools("create an issue"), or'
    ' {query: "create an issue", limit: 5}.'
)


def search_definition(name: str) -> ToolDefinition:
    """The definition of the search under the public name ``name``."""
    return ToolDefinition(
        name=name,
        tool_name=SEARCH,
        description=(
            "Find tools by what they do: the best matches among all tools, best first, each with"
            f" its declaration; {USUAL_RESULTS} of them unless `limit` says otherwise."
            " One that is not in `ALL_TOOLS` came while this program ran: the next one can call it."
        ),
        input_schema={"anyOf": [{"type": "string"}, _QUERY]},
        output_schema={"type": "array", "items": _RESULT},
    )


class Found(msgspec.Struct, frozen=True):
    """One result: what a program needs to call the tool."""

    name: str
    description: str
    declaration: str


class ToolIndex:
    """The words of some tools, for one thread at a time. Close it.

    Raises:
        ToolError: this Python's SQLite cannot search.

    Example:
        >>> tool = ToolDefinition(name="get_issue", tool_name=ToolName("x"), description="")
        >>> index = ToolIndex([tool])
        >>> [found.name for found in index.search("issues")]
        ['get_issue']
        >>> index.close()
    """

    def __init__(self, tools: Iterable[ToolDefinition]) -> None:
        self._tools = tuple(tools)
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            self._fill()
        except sqlite3.OperationalError as error:
            self._database.close()
            raise ToolError(f"tools cannot be searched here: {error}{_HINT_FILTER}") from error

    def _fill(self) -> None:
        self._database.execute(
            "CREATE VIRTUAL TABLE tools USING fts5"
            "(name, description, parameters, tokenize='porter unicode61')"
        )
        self._database.executemany(
            "INSERT INTO tools (rowid, name, description, parameters) VALUES (?, ?, ?, ?)",
            ((at, *_fields(tool)) for at, tool in enumerate(self._tools)),
        )

    def search(self, query: str, limit: int = USUAL_RESULTS) -> list[Found]:
        """The best matches, best first; those that match alike in the order of the tools."""
        words = list(dict.fromkeys(_words(query[:INDEXED_CHARACTERS])))[:MOST_WORDS]
        if not words:
            return []
        # In quotes a word is no syntax; the star takes what begins with it, too.
        expression = " OR ".join(f'"{word}"*' for word in words)
        rows = self._database.execute(_SELECT, (expression, limit)).fetchall()
        return [_found(self._tools[at]) for (at,) in rows]

    def close(self) -> None:
        """Free the index. Idempotent."""
        self._database.close()


class ToolSearch:
    """The search as a tool among those that it searches.

    Args:
        read: gives the catalogue of this moment: tools that were withdrawn are not found.
    """

    def __init__(self, read: Callable[[], Catalogue]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._index: tuple[Catalogue, ToolIndex] | None = None
        self._closed = False

    def prepare(self, call: ToolCall, context: ToolContext) -> ToolCall:
        """The call with the query and the limit.

        Raises:
            ToolError: the input is no query.
        """
        query, limit = _asked(call.input)
        return msgspec.structs.replace(call, arguments={"query": query, "limit": limit})

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
        query, limit = _asked(call.input)
        catalogue = self._read()
        outcome = await context.runner.call(
            lambda: self.search(catalogue, query, limit), thread=True
        )
        if outcome.error is not None:
            raise as_tool_error(outcome.error, context.name)
        results: JsonValue = msgspec.to_builtins(outcome.value)
        return results

    def search(self, catalogue: Catalogue, query: str, limit: int) -> list[Found]:
        """The best matches among the tools of ``catalogue``; blocks.

        Raises:
            ToolError: there is no searching here, or no more.
        """
        try:
            with self._lock:
                if self._closed:
                    raise ToolError("the tools of this session are closed")
                if self._index is None or self._index[0] is not catalogue:
                    self._drop()
                    index = ToolIndex(entry.source for entry in catalogue.entries)
                    self._index = (catalogue, index)
                return self._index[1].search(query, limit)
        finally:
            if self._closed:
                self.close()

    def close(self) -> None:
        """Free the index and refuse later searches. Idempotent, and does not wait.

        A search that is under way frees it when it is done.
        """
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._lock.release()

    def _drop(self) -> None:
        last, self._index = self._index, None
        if last is not None:
            last[1].close()


def _asked(value: object) -> tuple[str, int]:
    """The query and the limit of a program's input."""
    options = value if isinstance(value, dict) else {"query": value}
    query, limit = options.get("query"), options.get("limit", USUAL_RESULTS)
    if not isinstance(query, str) or not options.keys() <= {"query", "limit"}:
        raise ToolError(f"search_tools expects a text, or an object with query and limit{_HINT}")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ToolError(f"limit must be a positive integer{_HINT}")
    return query, min(limit, MOST_RESULTS)


def _found(tool: ToolDefinition) -> Found:
    text = tool.description
    shown = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
    return Found(tool.name, shown, declaration(tool))


def _fields(tool: ToolDefinition) -> tuple[str, str, str]:
    parameters = " ".join(_parameters(tool.input_schema, LEVELS))
    texts = (tool.name, tool.description, parameters)
    name, description, parameters = (" ".join(_words(t[:INDEXED_CHARACTERS])) for t in texts)
    return name, description, parameters


def _words(text: str) -> Iterator[str]:
    """The words of a text and of the identifiers in it: ``createIssue`` is two.

    >>> list(_words("mcp__github__createIssueHTTP2 über_alles"))
    ['mcp', 'github', 'create', 'issue', 'http', '2', 'über', 'alles']
    """
    return (found[0].lower() for found in _WORD.finditer(text))


def _parameters(schema: JsonValue, levels: int) -> Iterator[str]:
    """Names and descriptions of the properties, also of those further down."""
    if not isinstance(schema, dict) or not levels:
        return
    properties = schema.get("properties")
    if isinstance(properties, dict):
        for name, each in properties.items():
            yield name
            if isinstance(each, dict) and isinstance(each.get("description"), str):
                yield each["description"]
            yield from _parameters(each, levels - 1)
    yield from _parameters(schema.get("items"), levels - 1)
