"""The callbacks of one cell: tool calls and notifications, each a task that somebody owns.

Both kinds begin in the order in which the script asked for them, a bounded number at once. What
they hold is bounded too: a cell that asks for more than the application keeps up with is held
back. Whoever ends them gives all of them one shared deadline, however many there are; a callback
that ignores it is dropped, and what it says later is heard by nobody.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec
from msgspec import UNSET

from ..errors import CodeModeError
from ..fair_executor import FAIR_EXECUTOR, no_pause
from ..large_values import LARGE_CHARACTERS, decoded_in_steps, encoded_in_steps, is_large
from ..protocol.session import TakesQueued
from ..protocol.types import ToolCall
from ..surface.json_members import has_more_members
from .held import memory_of
from .jsontext import decode_json, decoded_bytes, encode_json
from .lane import Lane

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from ..engine.events import ToolCalled
    from ..fair_executor import Pause
    from ..limits import Limits
    from ..loop_share import LoopShare
    from ..protocol.session import SessionDelegate
    from ..protocol.types import CellId, ToolDefinition

_log = logging.getLogger(__name__)

_Json = TypeVar("_Json", str, bytes)

CANCELLED_CALL: Final = "code mode nested tool call cancelled"

NOTIFICATIONS_AT_ONCE: Final = 64
"""Enough to keep a delegate far away busy, without a task for each of a thousand."""

HELD_BYTES: Final = 32 * 1024 * 1024
"""Arguments and texts of callbacks that have not ended; beyond, the cell is held back."""

ERROR_CHARACTERS: Final = 4096
"""An error may always be that long, or nobody could be told of a limit."""


class OutcomePort(Protocol):
    """Where the outcomes of tool calls go."""

    def resolve(self, call: int, json: str) -> None:
        """The call has returned ``json``."""

    def reject(self, call: int, text: str) -> None:
        """The call has failed."""


class CellCallbacks:
    """Runs what a cell asks of its delegate, each in a copy of ``context``, the one of its execute.

    ``answers`` gets each tool call's JSON value or error text.
    ``on_ended()`` is called whenever a callback has ended: there may be room again.
    """

    def __init__(  # noqa: PLR0913 - made in one place, of what its cell has
        self,
        cell_id: CellId,
        call_id: str,
        delegate: SessionDelegate,
        limits: Limits,
        context: Context,
        share: LoopShare,
        answers: OutcomePort,
        on_ended: Callable[[], None],
    ) -> None:
        self._cell_id = cell_id
        self._call_id = call_id
        self._delegate = delegate
        self._limits = limits
        self._answers = answers
        self._calls = Lane(limits.concurrent_tool_calls, context, share, on_ended)
        self._notes = Lane(NOTIFICATIONS_AT_ONCE, context, share, on_ended)
        self._over = False
        self._cancelling = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<callbacks of cell {self._cell_id}: {len(self._calls)} calls, {len(self._notes)} notes>"

    @property
    def full(self) -> bool:
        """Whether the cell is to be held back until some have ended."""
        many = len(self._notes) >= max(1, self._limits.queued_notifications)
        return many or self.bytes > HELD_BYTES

    @property
    def bytes(self) -> int:
        """What the callbacks that have not ended hold."""
        return self._calls.bytes + self._notes.bytes

    def call(self, called: ToolCalled, tool: ToolDefinition) -> None:
        """Run a tool call, or queue it."""
        if not self._over:
            text = called.input_json or ""
            size = memory_of(text) + decoded_bytes(text)
            must_wait = self._calls.add(lambda cancel: self._run_call(called, tool, cancel), size)
            if must_wait and isinstance(self._delegate, TakesQueued):
                name = call_name(called.number)
                self._delegate.call_queued(self._cell_id, name, tool.tool_name)

    def notify(self, text: str) -> None:
        """Deliver a notification, or queue it."""
        if not self._over:
            self._notes.add(lambda cancel: self._run_note(text, cancel), memory_of(text))

    def hold_calls(self, held: bool) -> None:  # noqa: FBT001 - the one thing it says
        """Begin no tool call while ``held``: nobody takes what they return."""
        self._calls.hold(held)

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    def drain(self, on_ended: Callable[[], None]) -> None:
        """Let the notifications end, then cancel the tool calls; ``cancel`` cuts it short."""
        self._over = True
        # Calls that only others' turns have kept from beginning were made all the same.
        self._calls.catch_up()
        self._calls.forget_waiting()
        if self._ending is not None:
            return
        if not len(self._notes) and not len(self._calls):
            on_ended()  # most cells end like this: no task, no round of the loop
        else:
            self._ending = asyncio.get_running_loop().create_task(self._end(on_ended))

    def cancel(self, on_ended: Callable[[], None]) -> None:
        """Cancel everything; drop what still runs after the grace that all share."""
        self._cancelling.set()
        self._notes.cancel()
        self._calls.cancel()
        self.drain(on_ended)

    async def _end(self, on_ended: Callable[[], None]) -> None:
        try:
            await self._drain_notes()
            await self._cancel_all()
        finally:
            on_ended()

    async def _drain_notes(self) -> None:
        if not len(self._notes) or self._cancelling.is_set():
            return
        cut = asyncio.get_running_loop().create_task(self._cancelling.wait())
        try:
            while len(self._notes):
                if running := self._notes.running:
                    await asyncio.wait([cut, *running], return_when=asyncio.FIRST_COMPLETED)
                else:  # those that are left have not had their turn yet
                    await asyncio.sleep(0)
                if cut.done():
                    return
        finally:
            cut.cancel()

    async def _cancel_all(self) -> None:
        lanes = (self._notes, self._calls)
        for lane in lanes:
            lane.cancel()
        running = [task for lane in lanes for task in lane.running]
        if running:
            await asyncio.wait(running, timeout=self._limits.callback_grace_ms / 1000)
        for lane in lanes:
            for task in lane.drop():
                if not task.done():
                    let_go(task, self._cell_id)

    # ── one callback ─────────────────────────────────────────────────────────────────────────

    async def _run_call(
        self, called: ToolCalled, tool: ToolDefinition, cancel: asyncio.Event
    ) -> None:
        # Whatever a tool does ends here: a SystemExit in a task would end the event loop.
        try:
            call = await self._tool_call(called, tool)
            value = await self._delegate.invoke_tool(call, cancel)
            if cancel.is_set():  # by us, and nobody listens; or by the tool itself
                self._answers.reject(called.number, CANCELLED_CALL)
                return
            text = await encoded_result(
                value, tool.name, self._limits, _encode_part, self._delegate
            )
        except GeneratorExit:
            raise
        except asyncio.CancelledError:
            self._answers.reject(called.number, CANCELLED_CALL)
        except BaseException as error:  # noqa: BLE001 - see above
            self._answers.reject(called.number, error_text(error, self._limits))
        else:
            self._answers.resolve(called.number, text)

    async def _tool_call(self, called: ToolCalled, tool: ToolDefinition) -> ToolCall:
        call = ToolCall(
            cell_id=self._cell_id,
            runtime_tool_call_id=call_name(called.number),
            tool_name=tool.tool_name,
            tool_kind=tool.kind,
            input=UNSET
            if called.input_json is None
            else await read_argument(called.input_json, tool.name, self._limits, self._delegate),
            line=called.line or None,
            column=called.column or None,
        )
        return of_cell(call, self._call_id, tool)

    async def _run_note(self, text: str, cancel: asyncio.Event) -> None:
        try:
            await self._delegate.notify(self._call_id, self._cell_id, text, cancel)
        except GeneratorExit:
            raise
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - a failed notification fails nobody
            _log.warning("a notification of cell %s failed: %r", self._cell_id, error)


_DROPPED: Final[set[asyncio.Task[None]]] = set()
"""Callbacks that outlived their grace; kept from the collector until they end by themselves."""


def let_go(task: asyncio.Task[None], cell_id: CellId) -> None:
    """Wait no longer for a callback that does not end."""
    _log.warning("a callback of cell %s ignored its cancellation", cell_id)
    _DROPPED.add(task)
    task.add_done_callback(_DROPPED.discard)


def say_closed(delegate: SessionDelegate, cell_id: CellId) -> None:
    """Tell the application that nothing more comes of a cell; its trouble with that is its own."""
    try:
        delegate.cell_closed(cell_id)
    except BaseException:  # noqa: BLE001 - the session goes on
        _log.exception("cell_closed of cell %s failed", cell_id)


def of_cell(call: ToolCall, call_id: str, tool: ToolDefinition | None) -> ToolCall:
    """``call`` with what its cell was told: the model's call that started it, and the tool's definition."""
    if tool is None:  # a host calls what its cell was not given
        return msgspec.structs.replace(call, call_id=call_id)
    given = tool.given or tool
    return msgspec.structs.replace(
        call,
        call_id=call_id,
        description=given.description,
        annotations=given.annotations,
        digest=given.digest,
    )


def call_name(number: int) -> str:
    """The id of a tool call within its cell."""
    return f"tool-{number}"


async def read_argument(json: str, tool_name: str, limits: Limits, owner: object) -> Any:
    """The argument of a call of ``tool_name``; if its text is long, it is not parsed in this thread.

    Args:
        owner: whose turn it takes; see :class:`~codemode.fair_executor.FairExecutor`.

    Raises:
        CodeModeError, ValueError, RecursionError: as :func:`decode_argument`.
    """
    if len(json) <= LARGE_CHARACTERS:
        return decode_argument(json, tool_name, limits)
    check_members(json, tool_name, limits)
    return await FAIR_EXECUTOR.run(owner, lambda pause: decoded_in_steps(json, decode_json, pause))


def decode_argument(json: str, tool_name: str, limits: Limits) -> Any:
    """The argument of a call of ``tool_name``.

    Raises:
        CodeModeError: it has more members than a value may.
        ValueError, RecursionError: this is no JSON, or nested too deep.
    """
    check_members(json, tool_name, limits)
    return decode_json(json)


def check_members(json: str, tool_name: str, limits: Limits) -> None:
    """Raise CodeModeError if an argument has more members than a value may."""
    if has_more_members(json, limits.value_members):
        what = f"the argument of tool `{tool_name}`"
        raise CodeModeError(limits.message("value_members", what=what))


def _encode_part(value: Any, _: int) -> str:
    return encode_json(value)


async def encoded_result(
    value: Any,
    tool_name: str,
    limits: Limits,
    encode: Callable[[Any, int], _Json],
    owner: object,
) -> _Json:
    """What a call of ``tool_name`` has returned, as JSON; if it is large, not made in this thread.

    Args:
        encode: gives the JSON of a value with so many levels around it.
        owner: whose turn it takes; see :class:`~codemode.fair_executor.FairExecutor`.

    Raises:
        CodeModeError: ``encode`` does not take it, or it is larger than a value may be.
    """
    if not is_large(value):
        return _encoded(value, tool_name, limits, encode, no_pause)
    return await FAIR_EXECUTOR.run(
        owner, lambda pause: _encoded(value, tool_name, limits, encode, pause)
    )


def _encoded(
    value: Any,
    tool_name: str,
    limits: Limits,
    encode: Callable[[Any, int], _Json],
    pause: Pause,
) -> _Json:
    try:
        json = encoded_in_steps(value, encode, pause)
    except (TypeError, ValueError, RecursionError) as error:
        raise CodeModeError(f"tool `{tool_name}` returned what JSON cannot say: {error}") from error
    size = _utf8_bytes(json)
    if size > limits.value_bytes:
        what = f"the result of tool `{tool_name}`"
        raise CodeModeError(limits.message("value_bytes", size, what=what))
    return json


def _utf8_bytes(json: str | bytes) -> int:
    if isinstance(json, bytes) or json.isascii():
        return len(json)
    return len(json.encode("utf-8", "replace"))


def error_text(error: BaseException, limits: Limits) -> str:
    """A tool's failure as the script reads it: our own errors bare, others with their type.

    One that is longer than a value may be is refused as one.
    """
    text = str(error)
    if not isinstance(error, CodeModeError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if len(text) <= max(limits.value_bytes, ERROR_CHARACTERS):
        return text
    return limits.message("value_bytes", len(text), what="the error of a tool")
