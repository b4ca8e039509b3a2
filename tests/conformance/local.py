"""The corpus on our own sessions, without a wire between: outcomes as the V1 client makes them."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from codemode import (
    CellId,
    ExecuteRequest,
    LiveCell,
    Result,
    Session,
    SessionProvider,
    Terminated,
    ToolCall,
    ToolDefinition,
    ToolError,
    ToolName,
    WaitRequest,
    Yielded,
)
from codemode_conformance import client
from codemode_conformance.client import Kind, Outcome
from codemode_conformance.corpus import Cell, Program
from codemode_conformance.scripted_tools import NeverAnswers, ScriptedTool, ToolTable, table
from codemode_conformance.scripted_tools import ToolError as ScriptedError

_KINDS: Final[dict[type, Kind]] = {Yielded: "yielded", Result: "result", Terminated: "terminated"}


class ScriptedDelegate:
    """Plays the delegate with the scripted tools, and keeps what was asked of it."""

    def __init__(self, tools: ToolTable) -> None:
        self._tools = tools
        self.calls: list[client.ToolCall] = []
        self.notifications: list[str] = []

    async def invoke_tool(self, call: ToolCall, _: object) -> Any:
        value = None if call.input is msgspec.UNSET else call.input
        name = call.tool_name
        self.calls.append(client.ToolCall(name.name, name.namespace, value))
        try:
            return self._tools.answer(name.namespace, name.name, value)
        except NeverAnswers:
            return await asyncio.Event().wait()
        except ScriptedError as error:
            raise ToolError(str(error)) from error

    async def notify(self, _call_id: str, _cell_id: CellId, text: str, _: object) -> None:
        self.notifications.append(text)

    def cell_closed(self, cell_id: CellId) -> None:
        pass


async def run_program(provider: SessionProvider, program: Program) -> tuple[Outcome, ...]:
    """Run one program in a session of its own; an outcome for each step."""
    tools = table(program.extra_tools)
    delegate = ScriptedDelegate(tools)
    session = await provider.create_session(delegate)
    definitions = tuple(_definition(tool) for tool in tools.tools)
    outcomes: list[Outcome] = []
    latest = CellId("")
    try:
        for step in program.steps:
            response = await _take(session, step, program.yield_time_ms, definitions, latest)
            latest = response.cell_id
            outcomes.append(_outcome(response, delegate))
    finally:
        await session.shutdown()
    return tuple(outcomes)


async def _take(
    session: Session,
    step: object,
    yield_time_ms: int,
    definitions: tuple[ToolDefinition, ...],
    latest: CellId,
) -> Yielded | Result | Terminated:
    if isinstance(step, Cell):
        request = ExecuteRequest(
            tool_call_id="call",
            enabled_tools=definitions,
            source=step.source,
            yield_time_ms=yield_time_ms,
        )
        return await (await session.execute(request)).initial_response()
    if step == "wait":
        outcome = await session.wait(WaitRequest(cell_id=latest, yield_time_ms=yield_time_ms))
    else:
        outcome = await session.terminate(latest)
    response = outcome.response
    assert isinstance(outcome, LiveCell) or isinstance(response, Result)
    assert isinstance(response, Yielded | Result | Terminated)
    return response


def _definition(tool: ScriptedTool) -> ToolDefinition:
    return ToolDefinition(
        name=tool.flat_name,
        tool_name=ToolName(tool.name, tool.namespace),
        description=tool.description,
        kind=tool.kind,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
    )


def _outcome(response: Yielded | Result | Terminated, delegate: ScriptedDelegate) -> Outcome:
    calls, delegate.calls = tuple(delegate.calls), []
    notifications, delegate.notifications = tuple(delegate.notifications), []
    return Outcome(
        kind=_KINDS[type(response)],
        items=tuple(msgspec.to_builtins(item) for item in response.items),
        error_text=response.error_text if isinstance(response, Result) else None,
        tool_calls=calls,
        notifications=notifications,
    )
