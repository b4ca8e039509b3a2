"""The two tools that a model is given, ``exec`` and ``wait``, and their texts.

The facts are those of the reference, the sentences are our own. Texts of tools are strangers'
texts: see :func:`codemode.surface.declaration.augmented_description`. Which tools the text of exec
describes is decided in :mod:`codemode.surface.tool_catalogue`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct

from ..limits import Limits
from ..protocol.types import NAMESPACE_SEPARATOR, JsonValue, ToolDefinition
from .declaration import EXEC_TOOL_NAME, contained, fenced
from .identifiers import normalize
from .mcp_result import MCP_TYPES
from .text import first_line, trim
from .toolspec import ToolSpec

WAIT_TOOL_NAME: Final = "wait"
SOURCE_PARAMETER: Final = "code"
"""The one argument of exec for models that only know JSON functions."""

SHARED_MCP_TYPES: Final = f"Shared MCP Types:\n{fenced(MCP_TYPES)}"

DEFAULT_YIELD_TIME_MS: Final = 10_000
DEFAULT_TOKENS: Final = Limits().output_tokens

EXEC_GRAMMAR: Final = r"""
start: SOURCE
SOURCE: /[\s\S]+/
"""
"""Any text but none. A pragma is part of it, and is read by :mod:`codemode.surface.source`."""

JsonObject: TypeAlias = dict[str, Any]

_RAW_INPUT: Final = (
    "The input is the program itself: raw JavaScript, no JSON, no quotes around it, no Markdown"
    " fence."
)
_JSON_INPUT: Final = (
    f"The argument `{SOURCE_PARAMETER}` is the program itself: raw JavaScript, no Markdown fence."
)
_INTRODUCTION: Final = """\
Run a JavaScript program that calls tools, combines results and prints what matters.
- {input}
- Async ES module in a fresh V8 isolate: top-level `await`, no top-level `return`. Only `store` \
lasts. Promises and timers that nothing awaits end with it.
- Tools are methods of `tools`, as in `await tools.mcp__calendar__list_events({{ day: "today" }})`, \
and take one object or string, as declared. A failed call rejects with a string. Run independent \
calls with `Promise.all`.
- Plain ECMAScript: no TypeScript, Node, imports, files, network, `console`.
- Optional first line: `// @exec: {{"yield_time_ms": 10000, "max_output_tokens": 1000}}`. A longer \
run goes on in the background, with a cell ID for `{wait}`. Defaults to {yield_ms} ms. Longer output \
is cut in the middle. Defaults to {tokens} tokens.

Globals:
- `text(value)`: print; objects as JSON.
- `image(urlOrItem, detail?: "auto" | "low" | "high" | "original")`, `audio(urlOrItem)`: output a \
base64 data URL, `{{ image_url }}`, `{{ audio_url }}` or MCP block.
- `content(blocks)`: output MCP content blocks.
- `generatedImage(result)`: output an image tool's result.
- `store(key, value)`, `load(key)`: keep JSON for later programs.
- `notify(value)`: tell the user's side at once.
- `yield_control()`: hand over the output so far.
- `exit()`: end successfully.
- `setTimeout(callback, ms?)`, `clearTimeout(id)`.
- `as_settled(promises)`: async iterator of `Promise.allSettled` entries with `index`, as they \
settle. `stream_settled(promises, callback)` awaits a callback for each.
- `ALL_TOOLS`: `{{ name, description }}` of all tools, with declarations."""
_DEFERRED: Final = (
    "Tools that are not described here, but are methods of `tools` and entries of `ALL_TOOLS` all"
    " the same: {count}. {how}"
)
_BY_FILTER: Final = (
    "Find one with `ALL_TOOLS.filter(t => /word/i.test(t.name + t.description))` and print it"
    " before you call it."
)
_BY_SEARCH: Final = (
    'Find some with `await tools.{name}("what you need")`, best first, or with'
    " `ALL_TOOLS.filter(t => /word/i.test(t.name + t.description))`; print what you find before"
    " you call it."
)
_NAMED_NAMESPACES: Final = 40
"""Namespaces of deferred tools that the text names."""
_GIST_CHARACTERS: Final = 160

_WAIT: Final = (
    "Wait for a running exec cell: gives what is new since the last answer, or its end."
    " If it yields again, wait again with the same ID; after its end the ID is used up."
)


class NamespaceDescription(Struct, frozen=True):
    """What heads the tools of one namespace."""

    name: str
    description: str = ""


def exec_tool(sections: Iterable[str] = (), *, default_tokens: int = DEFAULT_TOKENS) -> ToolSpec:
    """The ``exec`` tool for a model.

    Args:
        sections: what its text has behind the introduction, in order.
        default_tokens: what an observation may cost where a program sets no budget.

    >>> exec_tool(["### `now`"]).description.endswith("\\n\\n### `now`")
    True
    """
    behind = tuple(sections)

    def text(input_sentence: str) -> str:
        introduction = _INTRODUCTION.format(
            input=input_sentence,
            wait=WAIT_TOOL_NAME,
            yield_ms=DEFAULT_YIELD_TIME_MS,
            tokens=default_tokens,
        )
        return "\n\n".join((introduction, *behind))

    return ToolSpec(
        name=EXEC_TOOL_NAME,
        description=text(_JSON_INPUT),
        parameters=_object(
            {SOURCE_PARAMETER: _parameter("string", "JavaScript source text.")}, SOURCE_PARAMETER
        ),
        raw_description=text(_RAW_INPUT),
        grammar=EXEC_GRAMMAR,
    )


def deferral(
    deferred: Sequence[ToolDefinition],
    namespaces: Mapping[str, NamespaceDescription],
    *,
    search: str | None = None,
) -> str:
    """The lines about tools that the text does not describe: how many, where, how to find them.

    Args:
        deferred: these tools.
        namespaces: what their namespaces are for.
        search: the public name of the tool that searches, if there is one.
    """
    how = _BY_FILTER if search is None else _BY_SEARCH.format(name=search)
    lines = [_DEFERRED.format(count=len(deferred), how=how)]
    counts = Counter(tool.tool_name.namespace for tool in deferred if tool.tool_name.namespace)
    for namespace, number in list(counts.items())[:_NAMED_NAMESPACES]:
        heading = namespaces.get(namespace)
        gist = "" if heading is None else _gist(heading.description)
        prefix = normalize(namespace + NAMESPACE_SEPARATOR)
        lines.append(f"- `{prefix}…` ({number})" + (f": {gist}" if gist else ""))
    if len(counts) > _NAMED_NAMESPACES:
        lines.append(f"- and {len(counts) - _NAMED_NAMESPACES} more groups")
    return "\n".join(lines)


def tool_section(tool: ToolDefinition) -> str:
    """One tool of the text; its description has the declaration behind it already."""
    return f"{_heading(tool.name)}\n{tool.description}"


def with_headings(
    sections: Iterable[tuple[ToolDefinition, str]], namespaces: Mapping[str, NamespaceDescription]
) -> Iterator[str]:
    """Consecutive tools of one namespace share one heading; a blank text gives none."""
    current: str | None = None
    for tool, section in sections:
        namespace = tool.tool_name.namespace
        heading = namespaces.get(namespace or "")
        if heading is not None and namespace != current and trim(heading.description):
            yield namespace_section(heading)
        current = namespace
        yield section


def namespace_section(heading: NamespaceDescription) -> str:
    """What heads the tools of a namespace."""
    return f"## {_inline(heading.name)}\n{contained(trim(heading.description))}"


_UNTIL: Final = (
    "Do not return before this, or the cell's end, or yield_time_ms: {conditions}, or a call that the"
    " result names, such as `tool-3`. `output`: it wrote something. `calls`: the calls that run now"
    " have their answers. `end`: it is over."
)


def wait_tool(*, default_tokens: int = DEFAULT_TOKENS, conditions: Sequence[str] = ()) -> ToolSpec:
    """The ``wait`` tool for a model; an observation may cost ``default_tokens``.

    Args:
        default_tokens: what an observation may cost where the model sets no budget.
        conditions: what a model may wait for; the published tool knows no conditions.

    >>> sorted(wait_tool().parameters["properties"])
    ['cell_id', 'max_tokens', 'terminate', 'yield_time_ms']
    """
    properties = {
        "cell_id": _parameter("string", "The ID that exec gave."),
        "max_tokens": _parameter("number", f"Defaults to {default_tokens} tokens."),
        "terminate": _parameter("boolean", "End the cell instead."),
        "yield_time_ms": _parameter("number", f"Defaults to {DEFAULT_YIELD_TIME_MS} ms."),
    }
    if conditions:
        named = ", ".join(f"`{each}`" for each in conditions)
        properties["until"] = _parameter("string", _UNTIL.format(conditions=named))
    return ToolSpec(
        name=WAIT_TOOL_NAME, description=_WAIT, parameters=_object(properties, "cell_id")
    )


def _parameter(kind: str, description: str) -> JsonObject:
    return {"type": kind, "description": description}


def _object(properties: Mapping[str, JsonValue], required: str) -> JsonObject:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [required],
        "additionalProperties": False,
    }


def _gist(text: str) -> str:
    """The first line of ``text``, on one line of a list."""
    return _inline(first_line(contained(text), _GIST_CHARACTERS))


def _heading(name: str) -> str:
    identifier = normalize(name)
    return f"### `{identifier}`" + ("" if identifier == name else f" (`{_inline(name)}`)")


def _inline(name: str) -> str:
    """``name`` on one line and without backticks."""
    return re.sub("[`\x00-\x1f\x7f-\x9f\u2028\u2029]", "_", name)
