"""LangChain: a middleware that hides an agent's tools behind exec and wait, through its own dispatch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("langchain", reason="LangChain is in the environment of `make adapters`")

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import interrupt
from pydantic import Field

from codemode.adapters.langchain import CodeModeMiddleware

from .media import PNG


@tool
async def lookup(key: str) -> dict[str, str]:
    "Look up a key."
    return {"key": key}


@tool
async def fail(key: str) -> str:
    "Always fails."
    raise ValueError(f"no {key}")


@tool
async def ask(question: str) -> str:
    "Ask a person."
    return str(interrupt(question))


class Scripted(GenericFakeChatModel):
    """A model that runs these programs, one a turn; ``shown`` are the names of the tools it was given."""

    shown: list[list[str]] = Field(default_factory=list)

    @classmethod
    def of(cls, *programs: str) -> Scripted:
        calls = [
            AIMessage("", tool_calls=[{"name": "exec", "args": {"code": each}, "id": f"call_{at}"}])
            for at, each in enumerate(programs, 1)
        ]
        messages: Iterator[AIMessage | str] = iter([*calls, AIMessage("done")])
        return cls(messages=messages)

    def bind_tools(self, tools: Any, **_options: Any) -> Any:
        self.shown.append([each.name for each in tools])
        return self


class Spy(AgentMiddleware[Any, Any]):
    """Sees each call that LangChain dispatches inside of it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
        self.seen.append(request.tool_call["name"])
        return await handler(request)


async def run(
    model: Scripted,
    *inside: AgentMiddleware[Any, Any],
    thread: str = "t",
    offered: tuple[BaseTool, ...] = (lookup, fail),
) -> list[ToolMessage]:
    """The messages of exec in one conversation."""
    code_mode = CodeModeMiddleware()
    agent = create_agent(
        model, tools=list(offered), middleware=[code_mode, *inside], checkpointer=InMemorySaver()
    )
    config: Any = {"configurable": {"thread_id": thread}}
    try:
        out = await agent.ainvoke({"messages": [("user", "hi")]}, config)
    finally:
        await code_mode.aclose()
    return [message for message in out["messages"] if isinstance(message, ToolMessage)]


def texts(message: ToolMessage) -> list[str]:
    return [
        block["text"] for block in message.content if isinstance(block, dict) and "text" in block
    ][1:]


async def test_a_program_calls_the_agents_tools_and_every_middleware_inside_sees_the_calls() -> (
    None
):
    model, spy = Scripted.of("text((await tools.lookup({key: 'a'})).key)"), Spy()
    [message] = await run(model, spy)

    assert texts(message) == ["a"]
    assert spy.seen == ["lookup"]
    assert model.shown[0] == ["exec", "wait"]


async def test_a_tool_that_fails_is_an_error_that_the_program_can_catch() -> None:
    model = Scripted.of(
        "try { await tools.fail({key: 'q'}) } catch (error) { text(String(error)) }"
    )
    [message] = await run(model)

    assert (message.status, "no q" in texts(message)[0]) == ("success", True)


async def test_stored_values_last_for_the_thread() -> None:
    messages = await run(Scripted.of("store('k', 5)", "text(load('k'))"))

    assert texts(messages[1]) == ["5"]


async def test_images_are_content_blocks_and_a_failure_has_the_status_of_one() -> None:
    messages = await run(Scripted.of(f"image('{PNG}')", "throw new Error('boom')"))

    assert messages[0].content[-1]["type"] == "image"  # type: ignore[index]
    assert [message.status for message in messages] == ["success", "error"]


async def test_an_interrupt_in_a_nested_tool_is_refused_and_runs_nothing_twice() -> None:
    model = Scripted.of(
        "try { await tools.ask({question: 'sure?'}) } catch (error) { text(String(error)) }"
    )
    [message] = await run(model, offered=(ask,))

    assert "`ask` interrupts the graph" in texts(message)[0]
