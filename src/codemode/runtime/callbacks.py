"""The callbacks of one cell: tool calls and notifications, each a task that somebody owns.

Tool calls run side by side up to a limit, the others wait their turn; notifications run one
after another, so that the application sees them in order. Whoever ends them gives all of them
one shared deadline, however many there are.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..errors import CodeModeError
from ..protocol.types import ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..engine.events import ToolCalled
    from ..limits import Limits
    from ..protocol.session import SessionDelegate
    from ..protocol.types import CellId, ToolDefinition

_log = logging.getLogger(__name__)

CANCELLED_CALL: Final = "code mode nested tool call cancelled"

WAITING_BYTES: Final = 4 * 1024 * 1024
"""Arguments of waiting tool calls that are kept; beyond, the cell is held back."""

_LONE: Final = re.compile(r"\\\\|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


class Callbacks:
    """Runs what a cell asks of its delegate.

    ``answer(number, text, failed)`` gets each tool call's JSON value or error text.
    ``on_room()`` is called when a cell that was held back may go on.
    """

    def __init__(
        self,
        cell_id: CellId,
        call_id: str,
        delegate: SessionDelegate,
        limits: Limits,
        answer: Callable[[int, str, bool], None],
        on_room: Callable[[], None],
    ) -> None:
        self._cell_id = cell_id
        self._call_id = call_id
        self._delegate = delegate
        self._limits = limits
        self._answer = answer
        self._on_room = on_room
        self._running: dict[asyncio.Task[None], asyncio.Event] = {}
        self._waiting: deque[tuple[ToolCalled, ToolDefinition]] = deque()
        self._waiting_bytes = 0
        self._texts: deque[str] = deque()
        self._notifier: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def full(self) -> bool:
        """Whether the cell is to be held back until ``on_room``."""
        return (
            len(self._texts) >= self._limits.queued_notifications
            or self._waiting_bytes > WAITING_BYTES
        )

    def call(self, called: ToolCalled, tool: ToolDefinition) -> None:
        """Run a tool call, or queue it."""
        if self._ended:
            return
        if len(self._running) < max(1, self._limits.concurrent_tool_calls):
            self._start_call(called, tool)
        else:
            self._waiting.append((called, tool))
            self._waiting_bytes += len(called.input_json or "")

    def notify(self, text: str) -> None:
        """Deliver a notification after those before it."""
        if self._ended:
            return
        self._texts.append(text)
        if self._notifier is None:
            cancel = asyncio.Event()
            self._notifier = self._spawn(self._deliver_texts(cancel), cancel)

    async def drain(self) -> None:
        """Let the notifications end, then cancel the tool calls. Unbounded, but for ``cancel``."""
        self._waiting.clear()
        while self._notifier is not None:
            await asyncio.wait([self._notifier])
        await self.cancel()

    async def cancel(self) -> None:
        """Cancel everything, wait for the grace that all share, and drop what still runs."""
        self._ended = True
        self._waiting.clear()
        self._texts.clear()
        running = dict(self._running)
        for task, cancel in running.items():
            cancel.set()
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=self._limits.callback_grace_ms / 1000)
        for task in self._running:
            _log.warning("a callback of cell %s ignores its cancellation: dropped", self._cell_id)
            _DROPPED.add(task)
            task.add_done_callback(_DROPPED.discard)
        self._running.clear()

    def _spawn(
        self, work: Coroutine[Any, Any, None], cancel: asyncio.Event
    ) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._running[task] = cancel
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if task is self._notifier:
            self._notifier = None
        was_full = self.full
        while self._waiting and len(self._running) < self._limits.concurrent_tool_calls:
            called, tool = self._waiting.popleft()
            self._waiting_bytes -= len(called.input_json or "")
            self._start_call(called, tool)
        if was_full and not self.full:
            self._on_room()

    def _start_call(self, called: ToolCalled, tool: ToolDefinition) -> None:
        cancel = asyncio.Event()
        self._spawn(self._run_call(called, tool, cancel), cancel)

    async def _run_call(
        self, called: ToolCalled, tool: ToolDefinition, cancel: asyncio.Event
    ) -> None:
        # Whatever a tool does ends here: a SystemExit in a task would end the event loop.
        try:
            call = self._tool_call(called, tool)
            value = await self._delegate.invoke_tool(call, cancel)
            text = self._encode(value, tool.name)
        except asyncio.CancelledError:
            if not cancel.is_set():  # the tool cancelled itself; nobody else did
                self._answer(called.number, CANCELLED_CALL, True)
            return
        except BaseException as error:  # noqa: BLE001 - see above
            self._answer(called.number, _error_text(error), True)
            return
        if not cancel.is_set():
            self._answer(called.number, text, False)

    def _tool_call(self, called: ToolCalled, tool: ToolDefinition) -> ToolCall:
        name = f"tool-{called.number}"
        if called.input_json is None:
            return ToolCall(
                cell_id=self._cell_id,
                runtime_tool_call_id=name,
                tool_name=tool.tool_name,
                tool_kind=tool.kind,
            )
        return ToolCall(
            cell_id=self._cell_id,
            runtime_tool_call_id=name,
            tool_name=tool.tool_name,
            tool_kind=tool.kind,
            input=decode_json(called.input_json),
        )

    def _encode(self, value: Any, tool_name: str) -> str:
        try:
            text = encode_json(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise CodeModeError(f"tool `{tool_name}` returned what JSON cannot say: {error}") from error
        if len(text) > self._limits.value_bytes:
            what = f"the result of tool `{tool_name}`"
            raise CodeModeError(self._limits.message("value_bytes", len(text), what=what))
        return text

    async def _deliver_texts(self, cancel: asyncio.Event) -> None:
        while self._texts and not cancel.is_set():
            text = self._texts.popleft()
            try:
                await self._delegate.notify(self._call_id, self._cell_id, text, cancel)
            except asyncio.CancelledError:
                if cancel.is_set():
                    return
            except BaseException as error:  # noqa: BLE001 - a failed notification fails nobody
                _log.warning("a notification of cell %s failed: %r", self._cell_id, error)
            if len(self._texts) == self._limits.queued_notifications - 1:
                self._on_room()


_DROPPED: Final[set[asyncio.Task[None]]] = set()
"""Callbacks that outlived their grace; kept from the collector until they end by themselves."""


def decode_json(text: str) -> Any:
    """JSON from a cell as Python values; lone surrogates become U+FFFD, integers stay exact."""
    if "\\u" in text:
        text = _LONE.sub(lambda m: "\ufffd" if m[0] != "\\\\" else m[0], text)
    return json.loads(text)


def encode_json(value: Any) -> str:
    """Python values as JSON for a cell.

    Raises:
        TypeError, ValueError, RecursionError: JSON cannot say this.
    """
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError):  # lone surrogates, integers beyond 64 bits
        return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _error_text(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, CodeModeError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
