"""LangChain: a middleware that hides an agent's tools behind exec and wait, through its own dispatch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("langchain", reason="LangChain is in the environment of `make adapters`")

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain.tools import ToolRuntime
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool, ToolException, tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from pydantic import Field

from codemode.adapters.langchain import CodeModeMiddleware
from examples.agents.scripted_model import ScriptedModel

from .cases import Desk, FrameworkCases
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


class TestLangChain(FrameworkCases):
    async def converse(self, model: ScriptedModel, desk: Desk) -> str:
        @tool
        async def lookup(key: str, runtime: ToolRuntime[Any, Any]) -> dict[str, str]:
            "Look up a key."
            return desk.lookup(key, runtime.context["user"])

        @tool
        async def refund(cents: int) -> str:
            "Give money back."
            if not interrupt({"tool": "refund", "cents": cents}):
                raise ToolException("the user said no")
            return desk.refund(cents)

        @tool
        async def hang() -> str:
            "Never answers."
            return await desk.hang()

        code_mode = CodeModeMiddleware(limits=desk.limits)
        client = ChatOpenAI(
            model="scripted", base_url=f"{model.url}/v1", api_key="none", use_responses_api=True
        )
        refund.handle_tool_error = True
        agent = create_agent(
            client,
            tools=[lookup, refund, hang],
            middleware=[code_mode],
            checkpointer=InMemorySaver(),
            context_schema=dict,
        )
        config: Any = {"configurable": {"thread_id": desk.user}}
        context: Any = {"user": desk.user}
        said: Any = {"messages": [("user", "hi")]}
        try:
            while True:
                if desk.streamed:
                    async for out in agent.astream(  # noqa: B007 - the last one counts
                        said, config, context=context, stream_mode="values"
                    ):
                        pass
                else:
                    out = await agent.ainvoke(said, config, context=context)
                asked = out.get("__interrupt__", ())
                if not asked:
                    text: str = out["messages"][-1].text
                    return text
                desk.asked += [each.value["tool"] for each in asked]
                said = Command(resume=desk.approve)
        finally:
            await code_mode.aclose()

    async def test_several_questions_of_one_program_are_answered_in_turn(self) -> None:
        desk = Desk()
        program = """
            text(await tools.refund({cents: 1}));
            const both = [tools.refund({cents: 2}), tools.refund({cents: 3})];
            for (const each of await Promise.all(both)) text(each);
        """
        [told] = await self._told(desk, program)

        assert told.text.splitlines() == ["refunded 1", "refunded 2", "refunded 3"]
        assert (desk.asked, desk.refunds) == (["refund"] * 3, [1, 2, 3])


async def test_an_answer_that_comes_to_another_process_runs_nothing_again() -> None:
    done: list[str] = []

    @tool
    async def note(text: str) -> None:
        "Keep a note."
        done.append(text)

    saver = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "t"}}
    program = "await tools.note({text: 'a'}); await tools.ask({question: 'sure?'})"
    said: Any = {"messages": [("user", "hi")]}
    for model in (Scripted.of(program), Scripted.of()):
        code_mode = CodeModeMiddleware()  # a process of its own knows of no earlier program
        agent = create_agent(model, tools=[note, ask], middleware=[code_mode], checkpointer=saver)
        out = await agent.ainvoke(said, config)
        await code_mode.aclose()
        said = Command(resume="yes")
    [told] = [message for message in out["messages"] if isinstance(message, ToolMessage)]

    assert (told.status, done) == ("error", ["a"])
