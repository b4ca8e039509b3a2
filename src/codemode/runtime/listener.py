"""Hears what a cell says, and puts each word where it belongs.

Output goes to the outbox, calls and notifications to the delegate, timers to the turns, stored
values to the writes; what changes the cell's life is told to its owner. Nothing here decides
about that life, except that a limit has been reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

from msgspec import Struct

from ..engine import events as ev
from ..protocol.types import AudioItem, ImageItem, TextItem
from .callbacks import HELD_BYTES, CellCallbacks, call_name
from .outbox import Outbox
from .state import Input
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from ..engine.interfaces import EngineCell
    from ..limits import Limits
    from ..loop_share import LoopShare
    from ..protocol.session import SessionDelegate
    from ..protocol.types import CellId, ExecuteRequest
    from .held import Held
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


class CellLife(Protocol):
    """Who decides about the cell's life."""

    def hear(self, event: Input, failure: Failure | None = None) -> None:
        """Something has happened to the cell; an end comes with its failure, if it failed."""

    def said(self) -> None:
        """There is output that nobody has been given."""


class Listener:
    """The sink of one cell's events, and everything that gathers from them."""

    def __init__(  # noqa: PLR0913 - made in one place, of what its cell has
        self,
        cell_id: CellId,
        request: ExecuteRequest,
        delegate: SessionDelegate,
        limits: Limits,
        context: Context,
        share: LoopShare,
        writes: Writes,
        held: Held,
        owner: CellLife,
    ) -> None:
        self.cell_id = cell_id
        self.request = request
        self._limits = limits
        self._owner = owner
        self._hushed = False
        self._tool_calls = 0
        self._error_place: tuple[int, int] | None = None
        self._frontier_calls: list[str] = []
        self._engine: EngineCell | None = None
        self.outbox = Outbox(limits.output_bytes)
        self.writes = writes
        self.turns = Turns(
            limits,
            on_frontier=lambda: owner.hear(Input.FRONTIER),
            on_overrun=lambda: self._reach_limit("compute_ms"),
        )
        self.callbacks = CellCallbacks(
            cell_id,
            request.tool_call_id,
            delegate,
            limits,
            context,
            share,
            answers=self.turns,
            on_room=self._on_callback_ended,
        )
        self.share = share
        self._held = held.share(self._regulate)

    def begin(self, engine: EngineCell) -> None:
        """The program runs in ``engine``."""
        self._engine = engine
        self.turns.begin(engine)
        self._regulate()

    def thaw(self) -> None:
        """Let the script go on from its frontier."""
        self.turns.thaw()
        self._note_what_is_held()
        self._regulate()

    def hush(self) -> None:
        """The script runs no more: from here on only its output counts."""
        self._hushed = True
        self.turns.stop()

    def count(self, *, observed: bool) -> None:
        """What it holds may have changed, and whether somebody is there to take it."""
        self._note_what_is_held()
        self._held.observe(observed)

    def let_go(self) -> None:
        """The cell is over: it writes nothing more, sees no stored values, and holds nothing."""
        self.writes.discard()
        self._held.leave()

    def take_frontier_calls(self) -> tuple[str, ...]:
        """The tool calls made since this was last asked, in order."""
        calls, self._frontier_calls = tuple(self._frontier_calls), []
        return calls

    # ── the engine's side (ev.Sink) ──────────────────────────────────────────────────────────

    def on_events(self, events: list[ev.Event]) -> None:
        if {*map(type, events)} == _ONLY_TEXTS:  # there may be ten thousand
            if not self.outbox.extend(cast("list[TextItem]", events)) and not self._hushed:
                self._reach_limit("output_bytes")
            events = []
        for event in events:
            if not self._hushed or isinstance(event, _ITEMS):
                self._HANDLERS[type(event)](self, event)
        self._on_said()

    def on_flushed(self) -> None:
        if self.turns.flushed():
            self._owner.hear(Input.FLUSHED)

    def on_lost(self, reason: str, limit: str | None) -> None:
        self._hushed = True
        self.turns.lost()
        self._owner.hear(Input.LOST, Failure(reason, limit, worker_lost=limit is None))

    def forget_stored(self) -> None:
        """Commit nothing of what the cell has stored: its end is not here."""
        self.writes.discard()

    def on_unfinished(self, size: int) -> None:
        self._held.begins(size)

    # ── holding back ─────────────────────────────────────────────────────────────────────────

    def _on_said(self) -> None:
        self._note_what_is_held()
        if len(self.outbox):
            self._owner.said()
        if self.callbacks.full:
            self._regulate()

    def _on_callback_ended(self) -> None:
        self._note_what_is_held()
        self._regulate()

    def _note_what_is_held(self) -> None:
        self._held.holds(self.outbox.memory + self.callbacks.bytes + self.turns.held_bytes)

    def _regulate(self) -> None:
        if self._hushed:
            return
        # A frozen script takes no results; those of calls that have begun are held for it.
        results = self.turns.held_bytes
        self.callbacks.hold_calls(results > HELD_BYTES or (results > 0 and self._held.waits))
        if self.callbacks.full or self._held.waits:
            self.turns.pause()
        else:
            self.turns.resume()

    # ── what the cell says ───────────────────────────────────────────────────────────────────

    def _on_item(self, item: TextItem | ImageItem | AudioItem) -> None:
        if not self.outbox.add(item) and not self._hushed:
            self._reach_limit("output_bytes")

    def _on_tool_called(self, called: ev.ToolCalled) -> None:
        tools = self.request.enabled_tools
        bound = self._limits.tool_calls
        self._tool_calls += 1
        if bound is not None and self._tool_calls > bound:
            self._reach_limit("tool_calls")
        elif not 0 <= called.index < len(tools):
            self.turns.reject(called.number, "unknown tool")
        else:
            self._frontier_calls.append(call_name(called.number))
            self.callbacks.call(called, tools[called.index])

    def _on_notified(self, event: ev.Notified) -> None:
        self.callbacks.notify(event.text)

    def _on_yield_asked(self, _: ev.YieldAsked) -> None:
        self._owner.hear(Input.YIELD_ASKED)

    def _on_timer_set(self, timer: ev.TimerSet) -> None:
        if not self.turns.set_timer(timer.number, timer.delay_ms):
            self._reach_limit("timers")

    def _on_timer_cleared(self, timer: ev.TimerCleared) -> None:
        self.turns.clear_timer(timer.number)

    def _on_stored(self, value: ev.ValueStored) -> None:
        observed = self.writes.put(value.key, value.json, self._limits.stored_bytes)
        if observed is not None:
            self._reach_limit("stored_bytes", observed)

    def _on_error_placed(self, place: ev.ErrorPlaced) -> None:
        self._error_place = (place.line, place.column)

    def _on_value_asked(self, event: ev.ValueAsked) -> None:
        if self._engine is not None:
            self._engine.load(self.writes.get(event.key))

    def _on_finished(self, finished: ev.Finished) -> None:
        self._hushed = True
        self._owner.hear(Input.FINISHED, self._failure(finished))

    def _on_idle(self, _: ev.Idle) -> None:
        self.turns.ended()

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

    # ── small things ─────────────────────────────────────────────────────────────────────────

    def _reach_limit(self, name: str, observed: int | None = None) -> None:
        self._hushed = True
        self._owner.hear(Input.LIMIT, Failure(self._limits.message(name, observed), name))

    def _failure(self, finished: ev.Finished) -> Failure | None:
        error = finished.error_text
        if error is None:
            return None
        from ..surface.hints import hint_for  # noqa: PLC0415 - only for an error

        names = [tool.name for tool in self.request.enabled_tools]
        hint = hint_for(self.request.source, error, names, self._error_place)
        return Failure(error if hint is None else f"{error}\nHint: {hint}", finished.limit)
