"""Which tools a request means: BM25 over their words, and what names and groups add to it.

Four things make a score, each measured on requests of people (``evaluation/``):

* BM25 by SQLite's full-text index, which Python brings along: over the words of a tool's name, group,
  description, parameters and members of its result. A word of the request counts whole, one of its
  family a fifth.
* The name: how much of what a tool is called has been said. ``send_email`` is all said by "mail it".
* The group: tools that are used together come from one server, so that the best of a group lift it.
* What a tool needs: one that takes a ``hotel_name`` lifts the one that lists hotels.

The index is in memory; searches of several threads take turns.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from ..errors import ToolError
from ..fair_executor import no_pause
from ..protocol.types import JsonValue
from .words import COMMON, DOING, READING, meant_by, related, stem, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..protocol.types import ToolDefinition

USUAL_RESULTS: Final = 10
MOST_WORDS: Final = 64
"""Words of a request that count; the others are passed over."""
INDEXED_CHARACTERS: Final = 10_000
"""What is read of a request, of each description, and of each tool's parameters."""
LEVELS: Final = 6
"""How deep parameters are looked for in a schema."""

_RELATED: Final = 0.2
_BEGINNING: Final = 0.3
LEAST_BEGINNING: Final = 4
"""Characters of a word that no tool has, from which on it is taken for the beginning of one."""
_NAME: Final = 1.0
_GROUP: Final = 0.8
_GROUP_TOOLS: Final = 3
_PROVIDER: Final = 0.3
_ASKING: Final = 6
"""How many of the best tools lift those that provide what they take."""
_SELECT: Final = (
    "SELECT rowid, -bm25(tools, 8.0, 3.0, 3.0, 1.0, 0.7) FROM tools WHERE tools MATCH ?"
)
_DOING: Final = frozenset(map(stem, DOING))
_READING: Final = frozenset(map(stem, READING))
_KEYS: Final = frozenset(map(stem, ("id", "ids", "name", "names", "key")))
"""Parameters that are called after what the tool itself is about."""
_ANY: Final = _KEYS | frozenset(
    map(
        stem,
        "list type value new date time day title text content body path query limit start end number"
        " amount".split(),
    )
)
"""Parameters that no other tool needs to provide."""
_HINT_FILTER: Final = "\nHint: filter ALL_TOOLS by name and description instead."


class ToolIndex:
    """The words of some tools. Close it.

    Args:
        tools: those that can be found.
        pause: is called between one tool and the next, so that other threads have their turn.

    Raises:
        ToolError: this Python's SQLite cannot search.

    Example:
        >>> from codemode.protocol.types import ToolDefinition, ToolName
        >>> tool = ToolDefinition(name="get_issue", tool_name=ToolName("get_issue"), description="")
        >>> index = ToolIndex([tool])
        >>> [found.name for found in index.search("issues")]
        ['get_issue']
        >>> index.close()
    """

    def __init__(
        self, tools: Iterable[ToolDefinition], pause: Callable[[], None] | None = None
    ) -> None:
        self._tools = tuple(tools)
        self._lock = threading.Lock()
        self._pause = pause or no_pause
        self._about = [_about(tool) for tool in self._paused()]
        counts = Counter(word for words in self._about for word in words)
        self._weights = {w: math.log(1 + len(self._tools) / n) for w, n in counts.items()}
        self._takes = [_stems(parameters_of(tool)) for tool in self._paused()]
        self._providers = self._provided()
        import sqlite3  # noqa: PLC0415 - few programs search

        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            self._fill()
        except sqlite3.OperationalError as error:
            self._database.close()
            raise ToolError(f"tools cannot be searched here: {error}{_HINT_FILTER}") from error
        self._pause = no_pause  # it was for the making

    def search(self, request: str, limit: int = USUAL_RESULTS) -> list[ToolDefinition]:
        """The best matches, best first; those that match alike in the order of the tools."""
        with self._lock:
            return self._found(request, limit)

    def _found(self, request: str, limit: int) -> list[ToolDefinition]:
        said = meant_by(request[:INDEXED_CHARACTERS])[:MOST_WORDS]
        scores = self._matches(said)
        if scores:
            self._add_names(scores, said)
            self._add_groups(scores)
            self._add_providers(scores)
        for at, tool in enumerate(self._tools):
            if tool.name == request:  # who knows the name wants this one
                scores[at] = math.inf
        best = sorted(scores, key=lambda at: (-scores[at], at))[:limit]
        return [self._tools[at] for at in best]

    def close(self) -> None:
        """Free the index. Idempotent."""
        self._database.close()

    def _paused(self) -> Iterator[ToolDefinition]:
        """The tools, with a pause before each."""
        for tool in self._tools:
            self._pause()
            yield tool

    def _fill(self) -> None:
        self._database.execute(
            "CREATE VIRTUAL TABLE tools USING fts5"
            "(name, namespace, description, parameters, members, tokenize='porter unicode61')"
        )
        self._database.executemany(
            "INSERT INTO tools (rowid, name, namespace, description, parameters, members)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            ((at, *_fields(tool)) for at, tool in enumerate(self._paused())),
        )

    def _matches(self, said: list[str]) -> dict[int, float]:
        """The score of each tool for the words, by BM25."""
        scores: defaultdict[int, float] = defaultdict(float)
        for word, weight in _weighed(said).items():
            rows = self._rows(f'"{word}"')  # in quotes a word is no syntax
            if not rows and weight == 1 and len(word) >= LEAST_BEGINNING:
                rows, weight = self._rows(f'"{word}"*'), _BEGINNING
            for at, score in rows:
                scores[at] += weight * score
        return dict(scores)

    def _rows(self, expression: str) -> list[tuple[int, float]]:
        return self._database.execute(_SELECT, (expression,)).fetchall()

    def _add_names(self, scores: dict[int, float], said: list[str]) -> None:
        """Lift tools by the part of their name that has been said."""
        most = max(scores.values())
        known: dict[str, float] = {}
        for word, weight in _weighed(said).items():
            known[stem(word)] = max(known.get(stem(word), 0), weight)
        for at in scores:
            about = self._about[at]
            whole = sum(self._weights[word] for word in about)
            part = sum(self._weights[word] * known.get(word, 0) for word in about)
            scores[at] += _NAME * most * part / whole if whole else 0

    def _add_groups(self, scores: dict[int, float]) -> None:
        """Lift tools by the best of their group."""
        groups: defaultdict[str | None, list[float]] = defaultdict(list)
        for at, score in scores.items():
            groups[self._tools[at].tool_name.namespace].append(score)
        lift = {name: sum(sorted(found)[-_GROUP_TOOLS:]) for name, found in groups.items() if name}
        for at, tool in enumerate(self._tools):
            if tool.tool_name.namespace in lift:
                lifted = _GROUP * lift[tool.tool_name.namespace] / _GROUP_TOOLS
                scores[at] = scores.get(at, 0) + lifted

    def _add_providers(self, scores: dict[int, float]) -> None:
        """Lift tools that give what the best ones take."""
        best = sorted(scores, key=lambda at: -scores[at])[:_ASKING]
        lifts: defaultdict[int, float] = defaultdict(float)
        for at in best:
            namespace = self._tools[at].tool_name.namespace
            for word in self._needs(at):
                able = [each for each in self._providers.get((namespace, word), ()) if each != at]
                for each in able:
                    lifts[each] = max(lifts[each], _PROVIDER * scores[at] / len(able))
        for at, lift in lifts.items():
            scores[at] = scores.get(at, 0) + lift

    def _needs(self, at: int) -> frozenset[str]:
        """What a program must know before it can call a tool."""
        found: set[str] = set()
        for name in required_of(self._tools[at]):
            words = _stems([name]) - COMMON
            found |= words - _ANY or (self._about[at] if words & _KEYS else frozenset())
        return frozenset(found)

    def _provided(self) -> Mapping[tuple[str | None, str], list[int]]:
        """Reading tools that mention an object without taking it as input, by namespace and word."""
        found: defaultdict[tuple[str | None, str], list[int]] = defaultdict(list)
        for at, tool in enumerate(self._paused()):
            if _READING.isdisjoint(map(stem, words_of(tool.tool_name.name))):
                continue
            for word in self._about[at] - self._takes[at]:
                found[tool.tool_name.namespace, word].append(at)
        return found


def _weighed(said: list[str]) -> dict[str, float]:
    """The words of a request, and those that mean alike with a smaller weight."""
    weights = dict.fromkeys((other for word in said for other in related(word)), _RELATED)
    return weights | dict.fromkeys(said, 1.0)


def _about(tool: ToolDefinition) -> frozenset[str]:
    """The nouns of a tool's name, without its verb."""
    words = frozenset(stem(each) for each in words_of(tool.tool_name.name) if each not in COMMON)
    return words - _DOING or words


def _fields(tool: ToolDefinition) -> tuple[str, ...]:
    """The words of each column."""
    texts = (
        tool.tool_name.name,
        tool.tool_name.namespace or "",
        tool.description,
        " ".join(_parameters(tool.input_schema, LEVELS)),
        " ".join(_members(tool.output_schema, LEVELS)),
    )
    return tuple(" ".join(words_of(text[:INDEXED_CHARACTERS])) for text in texts)


def _stems(names: Iterable[str]) -> frozenset[str]:
    return frozenset(stem(word) for name in names for word in words_of(name))


def parameters_of(tool: ToolDefinition) -> list[str]:
    """The names of a tool's parameters, as its schema lists them."""
    schema = tool.input_schema
    names = schema.get("properties") if isinstance(schema, dict) else None
    return list(names) if isinstance(names, dict) else []


def required_of(tool: ToolDefinition) -> list[str]:
    """The names of the parameters that a call of a tool must have."""
    schema = tool.input_schema
    names = schema.get("required") if isinstance(schema, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


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


def _members(schema: JsonValue, levels: int) -> Iterator[str]:
    """Names of the members of a result, wherever they stand in it."""
    if not isinstance(schema, dict) or not levels:
        return
    for key in ("properties", "$defs", "definitions"):
        named = schema.get(key)
        if isinstance(named, dict):
            for name, each in named.items():
                yield name
                yield from _members(each, levels - 1)
    for key in ("items", "additionalProperties"):
        yield from _members(schema.get(key), levels - 1)
    for key in ("anyOf", "oneOf", "allOf"):
        parts = schema.get(key)
        for each in parts if isinstance(parts, list) else ():
            yield from _members(each, levels - 1)
