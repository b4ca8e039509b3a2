"""Google's Agent Development Kit: a toolset that shows exec and wait, and dispatches through the kit."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("google.adk", reason="the kit is in an environment of `make adapters`")

from google.adk.agents import LlmAgent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.models.google_llm import Gemini
from google.adk.runners import InMemoryRunner
from google.adk.tools.function_tool import FunctionTool
from google.adk.tools.tool_context import ToolContext
from google.genai import types

from codemode import CodeMode
from codemode.adapters.google_adk import CodeModeAdkToolset, nested, tools
from examples.agents.scripted_model import Say, ScriptedModel

from .cases import Desk, FrameworkCases
from .wire import answers, tool_names

CONFIRMATION = "adk_request_confirmation"


def gemini(model: ScriptedModel) -> Gemini:
    return Gemini(model="gemini-3-pro", base_url=model.url, client_kwargs={"api_key": "none"})


def agent_of(model: ScriptedModel, offered: list[Any], **options: Any) -> LlmAgent:
    return LlmAgent(name="desk", model=gemini(model), tools=offered, **options)


def desk_tools(desk: Desk) -> list[Any]:
    async def lookup(key: str, tool_context: ToolContext) -> dict[str, str]:
        "Look up a key."
        return desk.lookup(key, tool_context.state["user"])

    async def refund(cents: int) -> str:
        "Give money back."
        return desk.refund(cents)

    async def hang() -> str:
        "Never answers."
        return await desk.hang()

    return [lookup, FunctionTool(refund, require_confirmation=True), hang]


class Chat:
    """A conversation with an agent, which answers what the kit asks."""

    def __init__(self, agent: LlmAgent, desk: Desk) -> None:
        self._desk = desk
        self._runner = InMemoryRunner(agent=agent, app_name="desk")

    async def __aenter__(self) -> Chat:
        await self._runner.session_service.create_session(
            app_name="desk",
            user_id=self._desk.user,
            session_id="s",
            state={"user": self._desk.user},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.close()

    async def say(self, text: str) -> str:
        """The agent's answer, through all confirmations."""
        message = types.UserContent(parts=[types.Part(text=text)])
        while True:
            said, asked = await self._run(message)
            if not asked:
                return said
            answer = {"confirmed": self._desk.approve}
            parts = [
                types.Part(
                    function_response=types.FunctionResponse(
                        id=call.id, name=CONFIRMATION, response=answer
                    )
                )
                for call in asked
            ]
            message = types.UserContent(parts=parts)

    async def _run(self, message: types.Content) -> tuple[str, list[types.FunctionCall]]:
        said, asked = "", []
        mode = StreamingMode.SSE if self._desk.streamed else StreamingMode.NONE
        async for event in self._runner.run_async(
            user_id=self._desk.user,
            session_id="s",
            new_message=message,
            run_config=RunConfig(streaming_mode=mode),
        ):
            for call in event.get_function_calls():
                if call.name == CONFIRMATION:
                    asked.append(call)
                    wanted = (call.args or {})["toolConfirmation"]["payload"]["calls"]
                    self._desk.asked += [each["name"] for each in wanted]
            if event.is_final_response() and event.content and event.content.parts:
                said = event.content.parts[0].text or said
        return said, asked


class TestGoogleAdk(FrameworkCases):
    says_failure = True

    async def converse(self, model: ScriptedModel, desk: Desk) -> str:
        toolset = CodeModeAdkToolset(desk_tools(desk), limits=desk.limits)
        async with Chat(agent_of(model, [toolset]), desk) as chat:
            return await chat.say("hi")


async def test_callbacks_around_tools_see_nested_calls() -> None:
    seen: list[str] = []

    def before(tool: Any, args: Any, tool_context: Any) -> None:
        seen.append(tool.name)

    desk = Desk()
    with ScriptedModel("await tools.lookup({key: 'a'})", Say("done")) as model:
        agent = agent_of(model, [CodeModeAdkToolset(desk_tools(desk))], before_tool_callback=before)
        async with Chat(agent, desk) as chat:
            await chat.say("hi")

    assert seen == ["exec", "lookup"]


async def test_a_nested_tool_changes_the_state_of_the_session() -> None:
    async def remember(name: str, tool_context: ToolContext) -> None:
        "Remember the user's name."
        tool_context.state["name"] = name

    desk = Desk()
    with ScriptedModel("await tools.remember({name: 'Ann'})", Say("done")) as model:
        async with Chat(agent_of(model, [CodeModeAdkToolset([remember])]), desk) as chat:
            await chat.say("hi")
            session = await chat._runner.session_service.get_session(
                app_name="desk", user_id=desk.user, session_id="s"
            )

    assert session is not None
    assert session.state == {"user": "ann", "name": "Ann"}


async def test_an_image_of_a_nested_tool_is_one_for_the_program() -> None:
    def picture() -> types.Part:
        "A picture."
        return types.Part.from_bytes(data=b"hi", mime_type="image/png")

    with ScriptedModel("image(await tools.picture({}))", Say("done")) as model:
        async with Chat(agent_of(model, [CodeModeAdkToolset([picture])]), Desk()) as chat:
            await chat.say("hi")
        [told] = answers(model.requests[-1])

    assert told.images == 1


async def test_exec_and_wait_are_tools_of_a_code_mode_of_ones_own() -> None:
    def double(x: int) -> int:
        "Twice x."
        return 2 * x

    program = "text(await tools.double({x: 21}))"
    async with CodeMode(tools=nested([double])) as cm:
        with ScriptedModel(program, Say("done")) as model:
            async with Chat(agent_of(model, list(tools(cm))), Desk()) as chat:
                await chat.say("hi")
            told = answers(model.requests[-1])

    assert (tool_names(model.requests[0]), told[0].text) == (["exec", "wait"], "42")


async def test_a_confirmation_that_comes_to_another_process_runs_nothing_again() -> None:
    desk = Desk()
    program = "await tools.lookup({key: 'a'}); await tools.refund({cents: 5})"
    toolset = CodeModeAdkToolset(desk_tools(desk))
    with ScriptedModel(program, Say("done")) as model:
        async with Chat(agent_of(model, [toolset]), desk) as chat:
            run = chat._run

            async def forgetful(message: types.Content) -> Any:
                found = await run(message)
                await toolset.close()  # what a new process knows of earlier programs: nothing
                return found

            chat._run = forgetful  # type: ignore[method-assign]
            await chat.say("hi")
        [told] = answers(model.requests[-1])

    assert told.text.startswith("the program that asked for this confirmation is gone")
    assert (desk.looked_up, desk.refunds) == (["a"], [])
