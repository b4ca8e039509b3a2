"""``CodeMode.answer``: a model's call in any form, and what goes back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from anthropic.types import TextBlock, ToolUseBlock
from anthropic.types.beta import BetaToolUseBlock
from openai.types.chat import (
    ChatCompletionMessageCustomToolCall,
    ChatCompletionMessageFunctionToolCall,
)
from openai.types.responses import (
    ResponseCustomToolCall,
    ResponseFunctionToolCall,
    ResponseReasoningItem,
)

from codemode import CodeMode, UsageError

FUNCTION = {"name": "exec", "arguments": '{"code": "text(7)"}'}
CALLS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "responses custom": (
        ResponseCustomToolCall,
        {"type": "custom_tool_call", "call_id": "c1", "name": "exec", "input": "text(7)"},
    ),
    "responses function": (
        ResponseFunctionToolCall,
        {"type": "function_call", "call_id": "c1", **FUNCTION},
    ),
    "chat function": (
        ChatCompletionMessageFunctionToolCall,
        {"type": "function", "id": "c1", "function": FUNCTION},
    ),
    "chat custom": (
        ChatCompletionMessageCustomToolCall,
        {"type": "custom", "id": "c1", "custom": {"name": "exec", "input": "text(7)"}},
    ),
    "anthropic": (
        ToolUseBlock,
        {"type": "tool_use", "id": "c1", "name": "exec", "input": {"code": "text(7)"}},
    ),
    "anthropic beta": (
        BetaToolUseBlock,
        {"type": "tool_use", "id": "c1", "name": "exec", "input": {"code": "text(7)"}},
    ),
}
HEADER = "Script completed\nWall time T seconds\nOutput:\n"


@pytest_asyncio.fixture(name="cm", scope="module", loop_scope="module")
async def code_mode() -> AsyncIterator[CodeMode]:
    async with CodeMode() as cm:
        yield cm


def timeless(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"Wall time \d+\.\d seconds", "Wall time T seconds", value)
    if isinstance(value, dict):
        return {key: timeless(each) for key, each in value.items()}
    return [timeless(each) for each in value] if isinstance(value, list) else value


def answer_of(kind: str) -> dict[str, Any]:
    """What answers ``text(7)`` in the interface of a call."""
    if kind.startswith("responses"):
        said = [{"type": "input_text", "text": text} for text in (HEADER, "7")]
        return {"type": f"{CALLS[kind][1]['type']}_output", "call_id": "c1", "output": said}
    if kind.startswith("chat"):
        return {"role": "tool", "tool_call_id": "c1", "content": f"{HEADER}7"}
    said = [{"type": "text", "text": text} for text in (HEADER, "7")]
    return {"type": "tool_result", "tool_use_id": "c1", "content": said, "is_error": False}


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_object_of_the_vendor_and_a_dictionary_are_answered_alike(
    cm: CodeMode, kind: str
) -> None:
    form, call = CALLS[kind]
    answers: list[Any] = [await cm.answer(form(**call)), await cm.answer(call)]

    assert [timeless(each) for each in answers] == [answer_of(kind)] * 2


@pytest.mark.asyncio(loop_scope="module")
async def test_a_turns_items_are_answered_in_order_and_the_others_are_passed_over(
    cm: CodeMode,
) -> None:
    call = CALLS["responses custom"][1]
    turn: list[Any] = [
        ResponseReasoningItem(id="r", summary=[], type="reasoning"),
        ResponseCustomToolCall(**{**call, "call_id": "a", "input": "store('k', 1)"}),
        ResponseCustomToolCall(**{**call, "call_id": "b", "input": "text(load('k'))"}),
    ]
    answers: Any = await cm.answer(turn)
    content: list[Any] = [
        TextBlock(text="hm", type="text"),
        ToolUseBlock(id="u", type="tool_use", name="exec", input={"code": "text(load('k'))"}),
    ]
    blocks: Any = await cm.answer(content)

    assert [(each["call_id"], each["output"][-1]["text"]) for each in answers[1:]] == [("b", "1")]
    assert [each["call_id"] for each in answers] == ["a", "b"]
    assert [(each["tool_use_id"], each["content"][-1]["text"]) for each in blocks] == [("u", "1")]
    assert await cm.answer([]) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_call_of_chat_completions_may_lack_its_type(cm: CodeMode) -> None:
    answer = await cm.answer({"id": "c1", "function": FUNCTION})

    assert timeless(answer) == answer_of("chat function")


@pytest.mark.parametrize("form", ["function_call", "function"])
@pytest.mark.asyncio(loop_scope="module")
async def test_arguments_that_were_parsed_already_are_taken(cm: CodeMode, form: str) -> None:
    function = {"name": "exec", "arguments": {"code": "text(7)"}}
    call = {"type": form, "id": "c1", "call_id": "c1", **function, "function": function}

    assert "7" in str(await cm.answer(call))


@pytest.mark.parametrize("name", ["exec", "wait"])
@pytest.mark.parametrize("arguments", ["{", "[" * 100_000, "text(1)", '"', ""])
@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_model_did_wrong_is_an_answer_that_tells_it(
    cm: CodeMode, name: str, arguments: str
) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": name, "arguments": arguments}
    answer = await cm.answer(call)
    (part,) = answer["output"]

    assert answer["call_id"] == "c1"
    assert part["text"].startswith("failed to parse function arguments: ")
    assert "\nHint: pass " in part["text"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_failure_is_marked_where_the_interface_has_a_word_for_it(cm: CodeMode) -> None:
    block = ToolUseBlock(id="t", type="tool_use", name="exec", input={"program": "1"})
    answer = await cm.answer(block)

    assert answer["is_error"] is True


KINDS = "custom_tool_call, function_call, function, custom or tool_use"
MALFORMED: dict[str, tuple[Any, str]] = {
    "text": ("text(1)", f"expected a model's call of type {KINDS}; got a str"),
    "nothing": (None, f"expected a model's call of type {KINDS}; got a NoneType"),
    "empty": ({}, f"expected a model's call of type {KINDS}; got a dict"),
    "message": (
        {"type": "message", "content": []},
        f"expected a model's call of type {KINDS}; got one of type 'message'",
    ),
    "odd type": (
        {"type": ["x" * 99]},
        f"expected a model's call of type {KINDS}; got one of type ['{'x' * 57}…",
    ),
    "no id": (
        {"type": "custom_tool_call", "name": "exec", "input": "1"},
        "a call of type custom_tool_call needs `call_id`, a text; got nothing",
    ),
    "number as id": (
        {"type": "tool_use", "id": 7, "name": "exec", "input": {}},
        "a call of type tool_use needs `id`, a text; got a int",
    ),
    "no name": (
        {"type": "function_call", "call_id": "c", "arguments": "{}"},
        "a call of type function_call needs `name`, a text; got nothing",
    ),
    "no input": (
        {"type": "custom_tool_call", "call_id": "c", "name": "exec"},
        "a call of type custom_tool_call needs `input`, a text; got nothing",
    ),
    "object as raw input": (
        {"type": "custom", "id": "c", "custom": {"name": "exec", "input": {"code": "1"}}},
        "a call of type custom needs `input`, a text; got a dict",
    ),
    "text as block's input": (
        {"type": "tool_use", "id": "t", "name": "exec", "input": "1"},
        "a call of type tool_use needs `input`, an object; got a str",
    ),
    "list as arguments": (
        SimpleNamespace(type="function_call", call_id="c", name="exec", arguments=[]),
        "a call of type function_call needs `arguments`, a text; got a list",
    ),
    "no function": (
        {"type": "function", "id": "c"},
        "a call of type function needs `name`, a text; got nothing",
    ),
}


@pytest.mark.parametrize(("call", "problem"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_no_call_is_an_error_that_says_what_is_wrong(call: Any, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        await CodeMode().answer(call)

    said, _, hint = str(caught.value).partition("\nHint: ")
    assert said == problem
    assert hint.startswith("pass an item of response.output, of message.tool_calls or of")


@pytest.mark.parametrize("wrap", [lambda call: call, lambda call: [call]], ids=["one", "list"])
async def test_a_call_of_another_tool_is_the_applications_to_answer(wrap: Any) -> None:
    call = {"type": "custom_tool_call", "call_id": "c", "name": "weather", "input": ""}
    with pytest.raises(UsageError) as caught:
        await CodeMode().answer(wrap(call))

    assert str(caught.value) == (
        "code mode has the tools exec and wait, not 'weather'"
        "\nHint: answer calls of your own tools yourself, and hand over the others."
    )


async def test_a_list_with_one_malformed_call_runs_nothing() -> None:
    good = CALLS["responses custom"][1]
    cm = CodeMode()
    with pytest.raises(UsageError, match="needs `call_id`"):
        await cm.answer([good, {**good, "call_id": None}])

    assert repr(cm) == "<code mode, not in use, 0 tools>"
