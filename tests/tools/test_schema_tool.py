"""``codemode.Tool``: a JSON Schema and a callable."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from codemode import CodeMode, Tool, ToolCall, ToolDefinitionError, ToolError, ToolName

from .conftest import Call

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Where."}},
    "required": ["city"],
}


def warm(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"city": arguments["city"], "degrees": 3.5}


async def test_a_function_gets_the_arguments_as_the_program_wrote_them(call: Call) -> None:
    got: list[Any] = []
    tool = Tool("keep", got.append, input_schema=SCHEMA)

    assert await call(tool, {"city": "Oslo", "more": [1, None]}) is None
    assert await call(tool) is None
    assert got == [{"city": "Oslo", "more": [1, None]}, {}]


async def test_a_coroutine_function_is_awaited_and_a_sync_one_runs_in_a_thread(call: Call) -> None:
    here = threading.get_ident()

    async def aside(_: object) -> bool:
        return threading.get_ident() == here

    def away(_: object) -> bool:
        return threading.get_ident() == here

    assert await call(Tool("aside", aside), {}) is True
    assert await call(Tool("away", away), {}) is False
    assert await call(Tool("away", away, thread=False), {}) is True


async def test_a_freeform_tool_gets_the_text(call: Call) -> None:
    shout = Tool("shout", lambda text: text.upper(), kind="freeform")

    assert await call(shout, "hey") == "HEY"
    with pytest.raises(ToolError, match=r"^tool `shout` expects a string input$"):
        await call(shout, {"text": "hey"})


@pytest.mark.parametrize("value", ["x", [], 1, None])
async def test_arguments_that_are_no_object_are_refused(call: Call, value: Any) -> None:
    with pytest.raises(ToolError, match=r"^tool `warm` expects a JSON object for arguments$"):
        await call(Tool("warm", warm), value)


async def test_the_call_comes_as_a_second_argument_where_it_is_wanted(call: Call) -> None:
    def told(arguments: dict[str, Any], made: ToolCall) -> str:
        return f"{made.runtime_tool_call_id} {arguments}"

    assert await call(Tool("told", told, takes_call=True), {"a": 1}) == "tool-1 {'a': 1}"


async def test_what_a_function_raises_is_what_the_program_catches(call: Call) -> None:
    def refuse(_: object) -> None:
        raise ToolError("not today")

    with pytest.raises(ToolError, match=r"^not today$"):
        await call(Tool("refuse", refuse), {})
    with pytest.raises(ToolError, match="tool `odd` returned"):
        await call(Tool("odd", lambda _: object()), {})


async def test_a_model_reads_its_schemas_and_a_program_calls_it() -> None:
    result = {"type": "object", "properties": {"degrees": {"type": "number"}}}
    tool = Tool(
        "now",
        warm,
        namespace="weather",
        description="The weather.",
        input_schema=SCHEMA,
        output_schema=result,
    )
    async with CodeMode(tools=[tool]) as cm:
        text = cm.exec_tool.description
        ran = await cm.run("text((await tools.weather__now({city: 'Oslo'})).degrees)")

    assert "The weather." in text
    assert "weather__now(args: {\n  // Where.\n  city: string;\n})" in text
    assert ran.output == "3.5"


def test_its_definition_is_a_copy_of_what_was_given() -> None:
    schema = {"type": "object", "properties": {}}
    tool = Tool("warm", warm, input_schema=schema)
    schema["type"] = "string"

    assert tool.definition.input_schema == {"type": "object", "properties": {}}
    assert tool.definition.tool_name == ToolName("warm")
    assert tool.definition is tool.definition
    assert Tool("any", warm).definition.input_schema == {"type": "object"}
    assert Tool("free", str, kind="freeform").definition.input_schema is None


CYCLE: dict[str, Any] = {}
CYCLE["me"] = CYCLE
WRONG: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "no name": (("", warm), {}, "the name of a tool is a text that is not empty, got ''"),
    "function first": (
        (warm, "warm"),
        {},
        f"the name of a tool is a text that is not empty, got {warm!r}",
    ),
    "no function": (
        ("warm", SCHEMA),
        {},
        f"tool `warm` cannot call {SCHEMA!r}\nHint: Tool('warm', function, …)",
    ),
    "namespace": (
        ("warm", warm),
        {"namespace": ""},
        "tool `warm` has an empty namespace\nHint: leave it out.",
    ),
    "kind": (
        ("warm", warm),
        {"kind": "object"},
        "tool `warm` has the kind 'object'\nHint: it is 'function' or 'freeform'.",
    ),
    "schema of a text": (
        ("warm", warm),
        {"kind": "freeform", "input_schema": SCHEMA},
        "tool `warm` is freeform and takes a text, which has no input_schema",
    ),
    "schema as text": (
        ("warm", warm),
        {"input_schema": "{}"},
        "input_schema of tool `warm` is a JSON Schema as a dict, got a str",
    ),
    "cycle": (
        ("warm", warm),
        {"output_schema": CYCLE},
        "output_schema of tool `warm` is no JSON: Circular reference detected",
    ),
    "no json": (
        ("warm", warm),
        {"input_schema": {"default": {1, 2}}},
        "input_schema of tool `warm` is no JSON: Object of type set is not JSON serializable",
    ),
}


@pytest.mark.parametrize(("given", "options", "text"), WRONG.values(), ids=WRONG.keys())
def test_what_makes_no_tool_is_told_where_it_is_made(
    given: tuple[Any, ...], options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ToolDefinitionError) as caught:
        Tool(*given, **options)

    assert str(caught.value) == text
