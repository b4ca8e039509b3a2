"""Loops of an application over the vendors' own packages: checked by mypy, called by nobody."""

from __future__ import annotations

from typing import Any, assert_type

from anthropic import AsyncAnthropic
from anthropic.types import MessageParam, ToolResultBlockParam, ToolUnionParam, ToolUseBlock
from anthropic.types.beta import BetaMessageParam, BetaToolUnionParam
from openai import AsyncOpenAI
from openai.types.chat import (
    ChatCompletionMessageParam,
    ChatCompletionToolMessageParam,
    ChatCompletionToolUnionParam,
)
from openai.types.responses import (
    ResponseCustomToolCall,
    ResponseCustomToolCallOutputParam,
    ResponseFunctionToolCall,
    ResponseInputItemParam,
    ToolParam,
)
from openai.types.responses.response_input_item_param import FunctionCallOutput

from codemode import CodeMode


async def responses(cm: CodeMode, client: AsyncOpenAI) -> None:
    tools: list[ToolParam] = [cm.exec_tool.openai(), cm.wait_tool.openai()]
    tools.append(cm.exec_tool.openai_function())
    items: list[ResponseInputItemParam] = [{"role": "user", "content": "hi"}]
    response = await client.responses.create(model="m", input=items, tools=tools)
    for item in response.output:
        if item.type == "custom_tool_call" or item.type == "function_call":
            items.append(await cm.answer(item))
            result = await cm.exec("text(1)")
            items.append(result.openai_output(item))
    items.extend(await cm.answer(response.output))
    await client.responses.create(
        model="m",
        previous_response_id=response.id,
        input=await cm.answer(response.output),
    )


async def chat(cm: CodeMode, client: AsyncOpenAI) -> None:
    tools: list[ChatCompletionToolUnionParam] = [
        cm.exec_tool.openai_chat(),
        cm.exec_tool.openai_chat_custom(),
        cm.wait_tool.openai_chat(),
    ]
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
    completion = await client.chat.completions.create(model="m", messages=messages, tools=tools)
    calls = completion.choices[0].message.tool_calls or []
    for call in calls:
        messages.append(await cm.answer(call))
        result = await cm.exec("text(1)")
        messages.append(result.chat_message(call))
        messages.append(result.chat_message(call.id))
    messages.extend(await cm.answer(calls))


async def messages(cm: CodeMode, client: AsyncAnthropic) -> None:
    tools: list[ToolUnionParam] = [cm.exec_tool.anthropic(), cm.wait_tool.anthropic()]
    turns: list[MessageParam] = [{"role": "user", "content": "hi"}]
    message = await client.messages.create(model="m", max_tokens=1, messages=turns, tools=tools)
    answers: list[ToolResultBlockParam] = []
    for block in message.content:
        if block.type == "tool_use":
            answers.append(await cm.answer(block))
            answers.append((await cm.exec("text(1)")).anthropic_result(block))
    turns.append({"role": "user", "content": answers})
    turns.append({"role": "user", "content": await cm.answer(message.content)})


async def beta_messages(cm: CodeMode, client: AsyncAnthropic) -> None:
    tools: list[BetaToolUnionParam] = [cm.exec_tool.anthropic(), cm.wait_tool.anthropic()]
    turns: list[BetaMessageParam] = [{"role": "user", "content": "hi"}]
    message = await client.beta.messages.create(
        model="m", max_tokens=1, messages=turns, tools=tools
    )
    turns.append({"role": "user", "content": await cm.answer(message.content)})


async def dictionaries(cm: CodeMode, call: dict[str, object]) -> None:
    assert_type(await cm.answer(call), dict[str, Any])
    assert_type(await cm.answer([call, call]), list[dict[str, Any]])


async def each_form_has_its_answer(
    cm: CodeMode,
    custom: ResponseCustomToolCall,
    function: ResponseFunctionToolCall,
    block: ToolUseBlock,
) -> None:
    assert_type(await cm.answer(custom), ResponseCustomToolCallOutputParam | FunctionCallOutput)
    assert_type(await cm.answer(function), ResponseCustomToolCallOutputParam | FunctionCallOutput)
    assert_type(await cm.answer(block), ToolResultBlockParam)
    message: ChatCompletionToolMessageParam = (await cm.exec("1")).chat_message("c1")
    del message
