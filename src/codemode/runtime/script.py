"""What the program of a cell has done and not been answered for: output, calls, timers, stored values.

The engine's events come here. Output goes to the buffer, calls and notifications to the delegate,
timers to the queue of macrotasks, stored values to the writes; what changes the cell's life is an
input of the state table. Nothing here decides about that life, except that a limit is reached.
"""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING, Final, cast

from msgspec import Struct

from ..engine import events as ev
from ..protocol.types import AudioItem, ImageItem, TextItem
from ..sessions.calls import CallFailure
from .callbacks import HELD_BYTES, CellCallbacks, call_name
from .cell_state import Input
from .macrotasks import MacrotaskQueue
from .output_buffer import OutputBuffer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine.interfaces import EngineCell
    from ..limits import Limits
    from ..loop_share import LoopShare
    from ..protocol.session import SessionDelegate
    from ..protocol.types import CellId, ExecuteRequest
    from .memory_budget import MemoryBudget
    from .values import Writes

_ITEMS: Final = (TextItem, ImageItem, AudioItem)
_ONLY_TEXTS: Final = {TextItem}


class Failure(Struct, frozen=True):
    """Why a program is over that did not succeed.

    Attributes:
        text: for whoever reads it.
        limit: the limit that ended it, if one did.
        worker_lost: whether it ended with its worker, and by no limit.
    """

    text: str
    limit: str | None = None
    worker_lost: bool = False


class CellScript:
    """The program's side of a cell: the sink of its events, and all that gathers from them.

    ``cell.Cell`` inherits from it, and is the only class that does: a cell is one object.
    """

    def __init__(  # noqa: PLR0913 - made in one place, of what its cell has
        self,
        cell_id: CellId,
        request: ExecuteRequest,
        delegate: SessionDelegate,
        limits: Limits,
        share: LoopShare,
        writes: Writes,
        budget: MemoryBudget,
    ) -> None:
        self.cell_id = cell_id
        self.share = share
        self.request = request
        self._limits = limits
        self._is_hushed = False
        self._tool_calls = 0
        self._error_place: tuple[int, int] | None = None
        self._frontier_calls: list[str] = []
        self._engine: EngineCell | None = None
        self._output = OutputBuffer(limits.output_bytes)
        self._writes = writes
        self._macrotasks = MacrotaskQueue(
            limits,
            on_frontier=lambda: self._feed(Input.FRONTIER),
            on_overrun=lambda: self._reach_limit("compute_ms"),
        )
        self._callbacks = CellCallbacks(
            cell_id,
            request.tool_call_id,
            delegate,
            limits,
            copy_context(),
            share,
            settle=self._macrotasks.settle,
            on_room=self._on_room,
        )
        self._usage = budget.usage(self._regulate)

    # ── what the owner of the cell's life does ───────────────────────────────────────────────

    def _feed(self, event: Input, about: Failure | None = None) -> None:
        """An input of the state table; an end comes with its failure, if it failed."""
        raise NotImplementedError

    def _on_output(self) -> None:
        """There is output that no observer has been given."""
        raise NotImplementedError

    def _run_in(self, engine: EngineCell) -> None:
        self._engine = engine
        self._macrotasks.begin(engine)
        self._regulate()

    def _hush(self, _: object = None) -> None:
        """The script runs no more: from here on only its output counts."""
        self._is_hushed = True
        self._macrotasks.stop()

    def _release(self) -> None:
        """The cell is over: it writes nothing more, sees no stored values, and holds nothing."""
        self._writes.discard()
        self._usage.leave()

    def _take_frontier_calls(self, _: object = None) -> tuple[str, ...]:
        """The tool calls made since this was last asked, in order."""
        calls, self._frontier_calls = tuple(self._frontier_calls), []
        return calls

    # ── the engine's side (ev.Sink) ──────────────────────────────────────────────────────────

    def on_events(self, events: list[ev.Event]) -> None:
        if {*map(type, events)} == _ONLY_TEXTS:  # there may be ten thousand
            if not self._output.extend(cast("list[TextItem]", events)) and not self._is_hushed:
                self._reach_limit("output_bytes")
            events = []
        for event in events:
            if not self._is_hushed or isinstance(event, _ITEMS):
                self._HANDLERS[type(event)](self, event)
        self._count_memory()
        if len(self._output):
            self._on_output()
        if self._callbacks.full:
            self._regulate()

    def on_flushed(self) -> None:
        if self._macrotasks.flushed():
            self._feed(Input.FLUSHED)

    def on_lost(self, reason: str, limit: str | None) -> None:
        self._is_hushed = True
        self._macrotasks.lost()
        self._feed(Input.LOST, Failure(reason, limit, worker_lost=limit is None))

    def forget_stored(self) -> None:
        """Commit nothing of what the cell has stored: its end is not here."""
        self._writes.discard()

    def on_unfinished(self, size: int) -> None:
        self._usage.set_unfinished(size)

    # ── holding back ─────────────────────────────────────────────────────────────────────────

    def _on_room(self) -> None:
        self._count_memory()
        self._regulate()

    def _count_memory(self) -> None:
        held = self._output.memory + self._callbacks.bytes + self._macrotasks.held_bytes
        self._usage.set_buffered(held)

    def _regulate(self) -> None:
        """Pause the script while the application does not keep up with it."""
        if self._is_hushed:
            return
        # A frozen script takes no results; those of calls that have begun are held for it.
        results = self._macrotasks.held_bytes
        self._callbacks.hold_calls(results > HELD_BYTES or (results > 0 and self._usage.waits))
        if self._callbacks.full or self._usage.waits:
            self._macrotasks.pause()
        else:
            self._macrotasks.resume()

    # ── events ───────────────────────────────────────────────────────────────────────────────

    def _on_item(self, item: TextItem | ImageItem | AudioItem) -> None:
        if not self._output.add(item) and not self._is_hushed:
            self._reach_limit("output_bytes")

    def _on_tool_called(self, called: ev.ToolCalled) -> None:
        tools = self.request.enabled_tools
        bound = self._limits.tool_calls
        self._tool_calls += 1
        if bound is not None and self._tool_calls > bound:
            self._reach_limit("tool_calls")
        elif not 0 <= called.index < len(tools):
            self._macrotasks.settle(called.number, CallFailure("unknown tool"))
        else:
            self._frontier_calls.append(call_name(called.number))
            self._callbacks.call(called, tools[called.index])

    def _on_notified(self, event: ev.Notified) -> None:
        self._callbacks.notify(event.text)

    def _on_yield_asked(self, _: ev.YieldAsked) -> None:
        self._feed(Input.YIELD_ASKED)

    def _on_timer_set(self, timer: ev.TimerSet) -> None:
        if not self._macrotasks.set_timer(timer.number, timer.delay_ms):
            self._reach_limit("timers")

    def _on_timer_cleared(self, timer: ev.TimerCleared) -> None:
        self._macrotasks.clear_timer(timer.number)

    def _on_stored(self, value: ev.ValueStored) -> None:
        observed = self._writes.put(value.key, value.json, self._limits.stored_bytes)
        if observed is not None:
            self._reach_limit("stored_bytes", observed)

    def _on_error_placed(self, place: ev.ErrorPlaced) -> None:
        self._error_place = (place.line, place.column)

    def _on_value_asked(self, event: ev.ValueAsked) -> None:
        if self._engine is not None:
            self._engine.load(self._writes.get(event.key))

    def _on_finished(self, finished: ev.Finished) -> None:
        self._is_hushed = True
        self._feed(Input.FINISHED, self._failure_of(finished))

    def _on_idle(self, _: ev.Idle) -> None:
        self._macrotasks.ended()

    _HANDLERS: Final[dict[type, Callable[..., None]]] = {
        TextItem: _on_item,
        ImageItem: _on_item,
        AudioItem: _on_item,
        ev.ToolCalled: _on_tool_called,
        ev.Notified: _on_notified,
        ev.YieldAsked: _on_yield_asked,
        ev.TimerSet: _on_timer_set,
        ev.TimerCleared: _on_timer_cleared,
        ev.ValueStored: _on_stored,
        ev.ValueAsked: _on_value_asked,
        ev.Finished: _on_finished,
        ev.Idle: _on_idle,
        ev.ErrorPlaced: _on_error_placed,
    }

    def _reach_limit(self, name: str, observed: int | None = None) -> None:
        self._is_hushed = True
        self._feed(Input.LIMIT, Failure(self._limits.message(name, observed), name))

    def _failure_of(self, finished: ev.Finished) -> Failure | None:
        error = finished.error_text
        if error is None:
            return None
        from ..surface.hints import hint_for  # noqa: PLC0415 - only for an error

        names = [tool.name for tool in self.request.enabled_tools]
        hint = hint_for(self.request.source, error, names, self._error_place)
        return Failure(error if hint is None else f"{error}\nHint: {hint}", finished.limit)
