"""The two tools that a model is given, ``exec`` and ``wait``, and all that their texts say.

A :class:`ToolSpec` is neutral; its methods put it into the forms that model interfaces want. The
facts are those of the reference, the sentences are our own. Texts of tools are strangers' texts:
see :func:`codemode.surface.typescript.augmented_description`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct

from ..limits import Limits
from ..protocol.types import JsonValue, ToolDefinition
from .text import trim
from .typescript import (
    EXEC_TOOL_NAME,
    MCP_TYPES,
    augmented_description,
    contained,
    fenced,
    is_mcp_result,
    normalize,
)

WAIT_TOOL_NAME: Final = "wait"
SOURCE_PARAMETER: Final = "code"
"""The one argument of exec for models that only know JSON functions."""

DEFAULT_YIELD_TIME_MS: Final = 10_000
DEFAULT_TOKENS: Final = Limits().output_tokens

EXEC_GRAMMAR: Final = r"""
start: pragma_source | plain_source
pragma_source: PRAGMA_LINE NEWLINE SOURCE
plain_source: SOURCE

PRAGMA_LINE: /[ \t]*\/\/ @exec:[^\r\n]*/
NEWLINE: /\r?\n/
SOURCE: /[\s\S]+/
"""

JsonObject: TypeAlias = dict[str, Any]

_RAW_INPUT: Final = (
    "The input is the program itself: raw JavaScript, no JSON, no quotes around it, no Markdown"
    " fence."
)
_JSON_INPUT: Final = (
    f"The argument `{SOURCE_PARAMETER}` is the program itself: raw JavaScript, no Markdown fence."
)
_INTRODUCTION: Final = """\
Run a JavaScript program that calls tools, combines their results and prints what matters.
- {input}
- The program is an async ES module in a fresh V8 isolate: top-level `await` works, top-level \
`return` does not, and nothing but `store` lasts until the next call.
- Every nested tool is a method of the global `tools`. Names are made into identifiers, as in \
`await tools.mcp__calendar__list_events({{ day: "today" }})`. A method takes one object or one \
string, as its declaration says, and gives a promise of its result. Run independent calls at once \
with `Promise.all`. A failed call rejects with a string.
- Standard ECMAScript only: no Node, no imports, no file system, no network, no `console`. Not \
TypeScript.
- An optional first line sets options: `// @exec: {{"yield_time_ms": 10000, \
"max_output_tokens": 1000}}`.
- `yield_time_ms`: a program that still runs after this time goes on in the background, and you \
get a cell ID for `{wait}`. Defaults to {yield_ms} ms.
- `max_output_tokens`: longer output is cut in the middle. Defaults to {tokens} tokens.
- When the program ends, its isolate goes: promises nobody awaits are dropped without a word.

Global helpers:
- `text(value: unknown): void` - print one text item: strings as they are, objects as JSON.
{image}
- `audio(urlOrItem: string | {{ audio_url: string }} | AudioContent): void` - output a sound, \
given as a base64 data URL or an MCP block.
- `generatedImage(result: {{ image_url: string; output_hint?: string }}): void` - output the \
result of an image generation tool.
- `content(blocks: ContentBlock | ContentBlock[]): void` - output MCP content blocks.
- `store(key: string, value: unknown): void` - keep a JSON value for later programs.
- `load(key: string): unknown` - a copy of a kept value, or `undefined`.
- `notify(value: unknown): void` - send a text to the user's side at once, while the program runs.
- `yield_control(): void` - hand over the output so far at once; the program runs on.
- `exit(): never` - end the program successfully at once.
- `setTimeout(callback: () => void, delayMs?: number): number`, `clearTimeout(id?: number): void` \
- timers do not keep the program alive; await a promise.
- `as_settled(promises): AsyncGenerator` - for each promise, in the order in which they settle: \
`{{ index, status: "fulfilled", value }}` or `{{ index, status: "rejected", reason }}`. \
`stream_settled(promises, callback): Promise<void>` awaits the callback for each of these.
- `ALL_TOOLS: {{ name: string; description: string }}[]` - every tool with its declaration."""
_IMAGE_WITH_DETAIL: Final = (
    "- `image(urlOrItem: string | { image_url: string; detail?: Detail } | ImageContent,"
    " detail?: Detail): void` - output an image, given as a base64 data URL or an MCP block;"
    ' `Detail` is `"auto" | "low" | "high" | "original"`.'
)
_IMAGE: Final = (
    "- `image(urlOrItem: string | { image_url: string } | ImageContent): void` - output an image,"
    " given as a base64 data URL or an MCP block."
)
_DEFERRED: Final = """\
Some tools are not described here. They are methods of `tools` and entries of `ALL_TOOLS` all the
same: find one with `ALL_TOOLS.filter(t => /word/i.test(t.name + t.description))` and print it."""

_WAIT: Final = """\
Wait for a running exec cell: gives its new output, or its end.
- Use it only after exec answered `Script running with cell ID …`.
- `cell_id` is the ID from that answer.
- `yield_time_ms` is how long to wait before it yields again; a cell that ends earlier answers at \
once.
- `max_tokens` bounds the output of this one wait.
- `terminate: true` ends the cell instead of waiting for it.
- You get only what is new since the last answer, or the final result.
- If the cell yields again, wait again with the same ID.
- If the cell has ended meanwhile, you get its result, and the ID is used up."""


class NamespaceDescription(Struct, frozen=True):
    """What heads the tools of one namespace."""

    name: str
    description: str = ""


class ToolSpec(Struct, frozen=True, kw_only=True):
    """A tool for a model, in no interface's form.

    Attributes:
        name: what the model calls.
        description: what the model reads when it calls with JSON arguments.
        parameters: JSON Schema of these arguments.
        raw_description: the same for raw text as input, where the tool takes that.
        grammar: a Lark grammar of that text.
    """

    name: str
    description: str
    parameters: JsonObject
    raw_description: str | None = None
    grammar: str | None = None

    def openai(self) -> JsonObject:
        """For the OpenAI Responses API: a custom tool if it takes raw text, else a function.

        >>> [exec_tool().openai()["type"], wait_tool().openai()["type"]]
        ['custom', 'function']
        """
        if self.grammar is None or self.raw_description is None:
            return self.openai_function()
        return {
            "type": "custom",
            "name": self.name,
            "description": self.raw_description,
            "format": {"type": "grammar", "syntax": "lark", "definition": self.grammar},
        }

    def openai_function(self) -> JsonObject:
        """For the OpenAI Responses API and models that only know functions.

        >>> exec_tool().openai_function()["parameters"]["required"]
        ['code']
        """
        return {"type": "function", "strict": False, **self.function()}

    def function(self) -> JsonObject:
        """A name, a description and JSON Schema parameters, as most interfaces want them.

        >>> sorted(wait_tool().function())
        ['description', 'name', 'parameters']
        """
        return {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }

    def anthropic(self) -> JsonObject:
        """For the Anthropic Messages API.

        >>> sorted(wait_tool().anthropic())
        ['description', 'input_schema', 'name']
        """
        return {
            "name": self.name,
            "description": self.description,
            "input_schema": self.parameters,
        }


def exec_tool(
    tools: Sequence[ToolDefinition] = (),
    *,
    deferred: Sequence[ToolDefinition] = (),
    namespaces: Mapping[str, NamespaceDescription] | None = None,
    list_tools: bool = True,
    default_yield_time_ms: int = DEFAULT_YIELD_TIME_MS,
    image_detail: bool = True,
) -> ToolSpec:
    """The ``exec`` tool for a model.

    Args:
        tools: what a program may call, described in the text in this order.
        deferred: what it may call too, but finds in ``ALL_TOOLS`` only.
        namespaces: headings, by the namespace of a tool's name.
        list_tools: False if the model gets the tools outside of exec as well.
        default_yield_time_ms: what the text says where the pragma is silent.
        image_detail: False for a model that takes no image detail.

    >>> from codemode.protocol.types import ToolName
    >>> now = ToolDefinition(name="now", tool_name=ToolName("now"), description="Current time.")
    >>> print(exec_tool([now]).description.partition("### ")[2])
    `now`
    Current time.
    <BLANKLINE>
    exec tool declaration:
    ```ts
    declare const tools: { now(args: unknown): Promise<unknown>; };
    ```
    """
    sections: list[str] = []
    if deferred:
        sections.append(_DEFERRED)
    if list_tools:
        if any(is_mcp_result(tool.output_schema) for tool in (*tools, *deferred)):
            sections.append(f"Shared MCP Types:\n{fenced(MCP_TYPES)}")
        sections += _tool_sections(tools, namespaces or {})

    def described(input_sentence: str) -> str:
        introduction = _INTRODUCTION.format(
            input=input_sentence,
            wait=WAIT_TOOL_NAME,
            yield_ms=default_yield_time_ms,
            tokens=DEFAULT_TOKENS,
            image=_IMAGE_WITH_DETAIL if image_detail else _IMAGE,
        )
        return "\n\n".join((introduction, *sections))

    return ToolSpec(
        name=EXEC_TOOL_NAME,
        description=described(_JSON_INPUT),
        parameters=_object(
            {SOURCE_PARAMETER: _parameter("string", "JavaScript source text.")}, SOURCE_PARAMETER
        ),
        raw_description=described(_RAW_INPUT),
        grammar=EXEC_GRAMMAR,
    )


def wait_tool() -> ToolSpec:
    """The ``wait`` tool for a model.

    >>> sorted(wait_tool().parameters["properties"])
    ['cell_id', 'max_tokens', 'terminate', 'yield_time_ms']
    """
    properties = {
        "cell_id": _parameter("string", "ID of the running exec cell."),
        "max_tokens": _parameter(
            "number", f"Most output tokens of this wait. Defaults to {DEFAULT_TOKENS} tokens."
        ),
        "terminate": _parameter("boolean", "True ends the cell. Defaults to false: wait for it."),
        "yield_time_ms": _parameter(
            "number", f"How long to wait for the cell. Defaults to {DEFAULT_YIELD_TIME_MS} ms."
        ),
    }
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


def _tool_sections(
    tools: Iterable[ToolDefinition], namespaces: Mapping[str, NamespaceDescription]
) -> Iterator[str]:
    """Consecutive tools of one namespace share one heading; a blank text gives none."""
    current: str | None = None
    for tool in tools:
        namespace = tool.tool_name.namespace
        heading = namespaces.get(namespace or "")
        if heading is not None and namespace != current and trim(heading.description):
            yield f"## {_inline(heading.name)}\n{contained(trim(heading.description))}"
        current = namespace
        yield f"{_heading(tool.name)}\n{augmented_description(tool)}"


def _heading(name: str) -> str:
    identifier = normalize(name)
    return f"### `{identifier}`" + ("" if identifier == name else f" (`{_inline(name)}`)")


def _inline(name: str) -> str:
    """``name`` on one line and without backticks."""
    return re.sub("[`\x00-\x1f\x7f-\x9f\u2028\u2029]", "_", name)
