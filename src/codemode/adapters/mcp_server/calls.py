"""Calls of ``exec`` and ``wait``: their sessions, their progress, and their answers."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import anyio
import mcp_types as types
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from ...errors import CodeModeError
from ...surface.declaration import EXEC_TOOL_NAME
from ...surface.description import WAIT_TOOL_NAME
from .content import answer, refusal
from .definitions import SESSION_PARAMETER
from .principal import principal_of
from .questions import RequestChannel, ResultChannel
from .request_progress import RequestProgress
from .sessions import LATELY_SECONDS, SESSION_HEADER, Key

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from mcp.server.context import ServerRequestContext

    from ...code_mode import CodeMode
    from ...surface.result import ExecResult
    from .questions import Question
    from .sessions import ServedSession, ServedSessions, SessionEnd

Answer: TypeAlias = types.CallToolResult | types.InputRequiredResult

CANCEL_SECONDS: Final = 10.0
"""How long the end of a cancelled program may take; limits of CodeMode end it long before."""

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServedCall:
    """A call of exec or wait."""

    name: str
    arguments: dict[str, Any]


class ServedCalls:
    """The calls that a server answers.

    Args:
        sessions: in which programs run.
        without_cells: a CodeMode that makes the answers about unknown cells.
        level: notes that the client of a session is there, and gives from which level on it wants
            log messages.
        seconds: a request takes at most so long, then its cell yields.
    """

    def __init__(
        self,
        sessions: ServedSessions,
        *,
        without_cells: CodeMode,
        level: Callable[[ServedSession, ServerRequestContext[Any, Any]], types.LoggingLevel],
        seconds: float,
    ) -> None:
        self._sessions = sessions
        self._without_cells = without_cells
        self._level = level
        self._seconds = seconds
        self._numbers = itertools.count(1)

    async def answer(
        self, context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> Answer:
        """What a client gets for ``tools/call``.

        Raises:
            MCPError: there is no such tool.
        """
        if params.name not in (EXEC_TOOL_NAME, WAIT_TOOL_NAME):
            raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name!r}")
        call = _resumed(params) or ServedCall(params.name, dict(params.arguments or {}))
        key = owner(context) or self._named(call, _principal(context))
        if isinstance(key, str):
            return refusal(key)
        is_known = self._sessions.has(key)
        try:
            if (
                call.name == WAIT_TOOL_NAME and not is_known
            ):  # a place is for those who run something
                result = await self._without_cells.call(call.name, call.arguments)
                return answer(result, *self._notes_of_end(key))
            async with self._sessions.use(key) as session:
                session.client.questions.answered(params.input_responses or {})
                found = await self._observed(session, context, call)
                is_known = True
                return found
        except CodeModeError as error:  # the application's: a limit, an engine that cannot run
            log.warning("%s failed: %s", call.name, error)
            return refusal(str(error))
        finally:
            if (
                key.kind == "name" and not is_known
            ):  # cancelled or failed: no client learns the name
                self._sessions.drop(key)

    async def _observed(
        self, session: ServedSession, context: ServerRequestContext[Any, Any], call: ServedCall
    ) -> Answer:
        client = session.client
        progress = RequestProgress(context, self._level(session, context))
        call_id = f"mcp-{next(self._numbers)}"
        heard = str(call.arguments.get("cell_id")) if call.name == WAIT_TOOL_NAME else call_id
        asks: RequestChannel | ResultChannel = RequestChannel(context)
        if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            asks = ResultChannel(context, progress.due)
        with client.heard_by(heard, progress.hear), client.questions.asked_through(asks):
            async with progress.lasting(self._seconds):
                result = await _whole(
                    session.code_mode.call(
                        call.name, call.arguments, call_id=call_id, preempt=progress.due
                    )
                )
            client.saw(result)
            client.has_stored = _has_stored(session.code_mode)
            if result.running and result.cell_id is not None:
                if isinstance(asks, ResultChannel) and asks.open:
                    client.keep(result)
                    return _asking(asks.open, session.key, result.cell_id)
                await progress.yielded(result.cell_id)
        return answer(client.whole(result), *self._notes(session, result))

    def _notes(self, session: ServedSession, result: ExecResult) -> list[str]:
        """Texts behind what the program wrote."""
        client, found = session.client, list[str]()
        if result.running:
            about = dict.fromkeys(each.about for each in client.questions.open)
            found += [f"A call waits for {each}: call wait." for each in about]
        if session.key.kind != "name":
            return found + self._notes_of_end(session.key)
        if client.running or client.has_stored:  # else it ends with this request
            found.append(
                f"Session ID {session.key.id}: pass it as `{SESSION_PARAMETER}` to keep stored values."
            )
        return found

    def _notes_of_end(self, key: Key) -> list[str]:
        """What has to be told of the session before; told once."""
        end = self._sessions.ended(key)
        self._sessions.forget(key)
        if end is None or end.reason != "idle":
            return []
        return ["The session was unused for too long and began anew: nothing is stored."]

    def _named(self, call: ServedCall, principal: str) -> Key | str:
        """The key of a client's session that the call names, or what is wrong with it."""
        wanted = call.arguments.pop(SESSION_PARAMETER, None)
        if wanted is None and call.name == EXEC_TOOL_NAME:
            return Key.new_name(principal)
        if not isinstance(wanted, str):
            return (
                f"`{SESSION_PARAMETER}` is missing or no string.\nHint: pass the session ID from"
                " the answer that named the cell."
            )
        key = Key("name", wanted, principal)
        end = self._sessions.ended(key)
        if self._sessions.has(key) or (end is not None and end.reason == "empty"):
            return key
        return f"{_why_gone(end)}\nHint: call exec without `{SESSION_PARAMETER}`."


def _has_stored(code_mode: CodeMode) -> bool:
    try:
        return bool(code_mode.stored_values())
    except CodeModeError:  # the cells run in a host that does not tell
        return True


def owner(context: ServerRequestContext[Any, Any]) -> Key | None:
    """Whose request it is; None for a client of the stateless protocol, which names none."""
    if context.request is None:
        return Key("pipe")
    http_session = context.request.headers.get(SESSION_HEADER)
    if http_session is None or context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return None
    return Key("http", http_session, _principal(context))


def _principal(context: ServerRequestContext[Any, Any]) -> str:
    return "" if context.request is None else principal_of(context.request.scope)


def _why_gone(end: SessionEnd | None) -> str:
    if end is None:
        return "There is no such session: it ended long ago, or never was."
    unused = f"it had not been used for {end.unused_seconds:.0f} s"
    if end.reason == "idle":
        return f"There is no such session any more: {unused}."
    return (
        f"There is no such session any more: it made room for another one when {unused}"
        f" (sessions are kept for {LATELY_SECONDS:g} s at least)."
    )


def _asking(questions: Sequence[Question], key: Key, cell_id: str) -> types.InputRequiredResult:
    """The result that asks a client of the stateless protocol; the cell runs on."""
    return types.InputRequiredResult(
        input_requests={each.id: each.request for each in questions},
        request_state=json.dumps([cell_id, key.id if key.kind == "name" else None]),
    )


def _resumed(params: types.CallToolRequestParams) -> ServedCall | None:
    """The call that a request goes on with when it brings answers: that of its cell."""
    if params.request_state is None:
        return None
    cell_id, session = json.loads(params.request_state)  # ours: sealed on its way, and unsealed
    arguments = dict(params.arguments or {}) if params.name == WAIT_TOOL_NAME else {}
    arguments |= {"cell_id": cell_id}
    if session is not None:
        arguments[SESSION_PARAMETER] = session
    return ServedCall(WAIT_TOOL_NAME, arguments)


async def _whole(call: Coroutine[Any, Any, ExecResult]) -> ExecResult:
    """Run the call to its end, and if this task is cancelled to the end of its cancellation.

    The SDK cancels again at every await. What a cancelled exec does to leave no cell needs some;
    so it has a task of its own.
    """
    task = asyncio.create_task(call)
    try:
        # The call against the SDK's cancellation, which comes at every await until this returns.
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        with anyio.move_on_after(CANCEL_SECONDS, shield=True):
            await asyncio.gather(task, return_exceptions=True)
        raise
