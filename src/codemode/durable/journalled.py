"""Cells whose inputs are journalled, at the seam between the life of cells and the engine.

A journalled session stands in for an engine session. Live, each input is written to the store and delivered, in order;
what the cell says passes through. A cell that a store knows is *resumed* instead of started: its
program runs again in a fresh isolate, gets all inputs of its journal at once, and what it says is compared and held back
until the last of their turns is over (``replay``). Its owner then hears what is left, as if the program's first turn had
said it: output that was not handed over, calls and timers without an answer.

A worker that dies under a cell is no end of it: the cell is resumed the same way in the next worker, and its owner hears
only what it has not heard.

A cell that cannot go on here - it says something else than before, takes its worker along ``REVIVALS`` times and once
more, or the store fails - is lost to its owner, and stays in the store with the reason.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from ..engine.events import ClockRead, Finished, Idle, ToolCalled, ValueAsked
from ..engine.interfaces import Repeatable
from ..errors import EngineError
from .held_events import HeldEvents
from .identity import engine_identity
from .journal import (
    FORMAT,
    ClockReadings,
    Head,
    JournalError,
    Settled,
    TimerFired,
    ValueLoaded,
    written,
)
from .outputs import Outputs
from .replay import DivergenceError
from .store import CallRequested, CellBegun, CellRefused, EndReached, EntryWritten, StoreError

if TYPE_CHECKING:
    from ..engine.catalogue import Catalogue
    from ..engine.events import Event
    from ..engine.interfaces import EngineCell, EngineSession
    from ..loop_share import LoopShare
    from .journal import InputEntry
    from .journals import CellOwner, Journals
    from .replay import Replay
    from .store import Change, OutputMark, StoredCell

REVIVALS: Final = 3
"""How many workers may die under one cell."""


class JournalledCell:
    """A cell between its owner and the engine: an ``EngineCell`` for the one, a ``Sink`` for the other."""

    def __init__(
        self,
        engine: EngineSession,
        journals: Journals,
        source: str,
        catalogue: Catalogue,
        sink: CellOwner,
    ) -> None:
        self.cell_id = sink.cell_id
        self._engine = engine
        self._journals = journals
        self._source = source
        self._catalogue = catalogue
        self._sink = sink
        self._inner: EngineCell | None = None
        self._names: list[str] = msgspec.json.decode(catalogue.names)
        self._outputs = journals.outputs[self.cell_id] = Outputs()
        self._before_loss: OutputMark | None = None
        """What the owner had heard when its worker was lost."""
        self._open_turns = 1
        self._late: deque[InputEntry] = deque()  # to be delivered behind a replay
        self._replay: Replay | None = None
        self._loads: deque[ValueLoaded] = deque()
        self._held = HeldEvents()
        self._stored: StoredCell | None = None  # as its new owner has found it
        self._revivals = 0
        self._reviving: asyncio.Task[None] | None = None
        self._over = False

    def __repr__(self) -> str:
        return f"<journalled cell {self.cell_id}, {self._outputs.count} outputs>"

    # ── the beginning ────────────────────────────────────────────────────────────────────────

    async def begin(self) -> None:
        """Write the head, then start the program."""
        seed = random.SystemRandom().getrandbits(64)
        head = Head(
            FORMAT,
            engine_identity(),
            self._source,
            tuple(self._names),
            seed,
            self._journals.limits,
        )
        number = int(self.cell_id) if self.cell_id.isdecimal() else 0
        tools = msgspec.msgpack.encode(self._sink.request.enabled_tools)
        request = msgspec.structs.replace(self._sink.request, enabled_tools=())
        begun = CellBegun(
            self.cell_id, number, msgspec.msgpack.encode(request), tools, written(head)
        )
        await self._journals.write(begun)
        repeatable = Repeatable(seed)
        self._inner = await self._engine.start(self._source, self._catalogue, self, repeatable)

    async def bring_back(self, stored: StoredCell) -> None:
        """Bring the cell to where its journal ends; its owner is a new one."""
        self._stored = stored
        await self._replayed()

    async def _replayed(self) -> None:
        """Start the program again, with the journal behind it."""
        # The store reads behind everything that it was asked to write by now: nothing awaits in between.
        self._late.clear()
        replay = await self._journals.read(self.cell_id, self._before_loss)
        self._replay = replay
        self._outputs = self._journals.outputs[self.cell_id] = replay.said
        self._loads = deque(each for each in replay.inputs if isinstance(each, ValueLoaded))
        self._held = HeldEvents()
        turns = [each for each in replay.inputs if not isinstance(each, ValueLoaded)]
        repeatable = Repeatable(replay.head.seed, replay.readings, is_replay=True)
        inner = await self._engine.start(replay.head.source, self._catalogue, self, repeatable)
        if self._over:
            await inner.close()
            return
        self._inner = inner
        for entry in turns:
            _deliver(inner, entry)

    # ── the owner's side (EngineCell) ────────────────────────────────────────────────────────

    def resolve(self, call: int, json: str) -> None:
        """Journal the answer, and deliver it."""
        seen = self._seen()
        self._input(Settled(seen.count, seen.digest, call, json=json), call)

    def reject(self, call: int, text: str) -> None:
        """Journal the failure, and deliver it."""
        seen = self._seen()
        self._input(Settled(seen.count, seen.digest, call, error=text), call)

    def fire_timer(self, timer: int) -> None:
        """Journal that the timer is due, and fire it."""
        seen = self._seen()
        self._input(TimerFired(seen.count, seen.digest, timer))

    def load(self, json: bytes | None) -> None:
        """Journal the value, and deliver it."""
        seen = self._seen()
        self._input(ValueLoaded(seen.count, seen.digest, json))

    def flush(self) -> None:
        """Ask for what was written so far; a cell that is replayed tells it afterwards."""
        if self._inner is not None and self._replay is None:
            self._inner.flush()
        else:
            asyncio.get_running_loop().call_soon(self._sink.on_flushed)

    def pause(self) -> None:
        """Hold back what the cell says."""
        if self._inner is not None:
            self._inner.pause()

    def resume(self) -> None:
        """Go on after ``pause``."""
        if self._inner is not None:
            self._inner.resume()

    async def close(self) -> bool:
        """Stop the program; its journal stays until the cell is given up."""
        self.let_go()
        return True if self._inner is None else await self._inner.close()

    def let_go(self) -> None:
        """Deliver and write nothing more."""
        self._over = True
        self._late.clear()
        if self._reviving is not None:
            self._reviving.cancel()

    def _seen(self) -> OutputMark:
        """What the owner has heard; while the cell is revived, what it had heard before."""
        return self._before_loss or self._outputs.mark

    def _input(self, entry: InputEntry, settles: int = 0) -> None:
        if self._over:
            return
        try:
            change = EntryWritten(self.cell_id, written(entry), settles)
        except JournalError as error:
            self._lose(error)
            return
        if not isinstance(entry, ValueLoaded):
            self._open_turns += 1
        # Delivered at once: what the cell does with it gets nowhere before it is written. A tool that runs, output
        # that is handed over, and values that are stored stand behind it in the store.
        self._quietly(change)
        if self._inner is not None and (self._replay is None or isinstance(entry, ValueLoaded)):
            _deliver(self._inner, entry)
        else:
            self._late.append(entry)

    def _lose(self, error: BaseException) -> None:
        """No input may reach a cell that is not in its journal: the cell is over here."""
        if not self._over:
            self._leave(f"The journal of this cell could not be written: {error}")

    def _refuse(self, reason: str) -> None:
        """Nobody is to bring the cell back unless somebody has looked at it."""
        self._journals.quietly(CellRefused(self.cell_id, reason))
        self._leave(reason)

    def _leave(self, reason: str) -> None:
        """The cell is over here, and stays in the store with what it has stored."""
        self.let_go()
        self._journals.outputs.pop(self.cell_id, None)
        self._sink.forget_stored()  # it commits when it ends by itself
        self._journals.on_left(self.cell_id)
        self._sink.on_lost(f"{reason.rstrip('.')}. The cell stays in the store.", None)

    # ── the engine's side (Sink) ─────────────────────────────────────────────────────────────

    @property
    def share(self) -> LoopShare:
        """The owner's share of the event loop."""
        return self._sink.share

    def on_events(self, events: list[Event]) -> None:
        """What the cell says: to be compared, or to be handed on."""
        if self._over:
            return
        passed: list[Event] = []
        for event in events:
            if isinstance(event, ClockRead):
                # A replay tells of those, too, that are not in its journal: a turn was cut short. Nothing that depends
                # on them gets out before they are written: the store keeps the order.
                self._quietly(EntryWritten(self.cell_id, written(ClockReadings(event.readings))))
            elif self._replay is None:
                self._outputs.add(event)
                self._note(event)
                passed.append(event)
            else:
                try:
                    passed += self._compared(self._replay, event)
                except DivergenceError as error:
                    self._diverge(error)
                    return
        if passed:
            self._sink.on_events(passed)

    def on_unfinished(self, size: int) -> None:
        """Part of a record has come."""
        self._sink.on_unfinished(size)

    def on_flushed(self) -> None:
        """What was written before a flush has been said."""
        self._sink.on_flushed()

    def on_lost(self, reason: str, limit: str | None) -> None:
        """The worker is gone: the cell goes on in the next one, unless it was the cause too often."""
        if self._over:
            return
        self._inner = None
        if self._replay is None and self._before_loss is None:
            # It was live: from here on its owner is one that has heard the beginning.
            self._before_loss = self._outputs.mark
            self._stored = None
        self._revivals += 1
        if limit is not None:
            self._over = True
            self._sink.on_lost(reason, limit)
            return
        if self._revivals > REVIVALS:
            self._refuse(f"{reason.rstrip('.')}. That happened {self._revivals} times to this cell")
            return
        self._replay = None
        self._reviving = asyncio.get_running_loop().create_task(self._revive(reason))

    async def _revive(self, reason: str) -> None:
        try:
            await self._replayed()
        except (StoreError, JournalError, EngineError) as error:
            if not self._over:
                self._leave(f"{reason} It could not be resumed: {error}")

    # ── live ─────────────────────────────────────────────────────────────────────────────────

    def _note(self, event: Event) -> None:
        if isinstance(event, Idle):
            self._open_turns = max(0, self._open_turns - 1)
        elif isinstance(event, ToolCalled):
            name, mark = self._name(event.index), self._outputs.mark
            self._quietly(CallRequested(self.cell_id, event.number, name, mark))
        elif isinstance(event, Finished):
            self._quietly(EndReached(self.cell_id, self._outputs.mark))

    def _quietly(self, change: Change) -> None:
        """Write what nothing waits for; a store that fails ends the cell all the same."""
        self._journals.quietly(change).add_done_callback(self._wrote)

    def _wrote(self, done: asyncio.Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._lose(error)

    def _name(self, index: int) -> str:
        return self._names[index] if 0 <= index < len(self._names) else ""

    # ── replayed ─────────────────────────────────────────────────────────────────────────────

    def _compared(self, replay: Replay, event: Event) -> list[Event]:
        """Take an event of a replay; what the owner is to hear, once it is through."""
        if isinstance(event, ValueAsked):
            replay.feed(event)
            return self._load_again(event)
        before = self._outputs.count
        replay.feed(event)
        if self._outputs.count > before:
            self._held.hold(self._outputs.count, event)
        return self._through(replay) if replay.is_through else []

    def _load_again(self, event: ValueAsked) -> list[Event]:
        """Answer ``load`` from the journal; ask the owner for what was asked last, and not answered."""
        assert self._inner is not None, "a cell that speaks was started"
        if self._loads:
            self._inner.load(self._loads.popleft().json)
            return []
        late = next((each for each in self._late if isinstance(each, ValueLoaded)), None)
        if late is None:
            return [event]
        self._late.remove(late)
        _deliver(self._inner, late)
        return []

    def _through(self, replay: Replay) -> list[Event]:
        """The cell is where it was: what the owner has not heard, and what it still has to do."""
        self._replay = None
        passed = self._unheard() if self._stored is None else self._left(replay)
        self._before_loss = None
        late = [entry for entry in self._late if not isinstance(entry, ValueLoaded)]
        self._late.clear()
        if replay.finished is None:
            # The owner counts the turns that it has begun; all of them but those of late inputs are over.
            passed += [Idle()] * max(0, self._open_turns - len(late))
            self._open_turns = len(late)
        assert self._inner is not None, "a cell that speaks was started"
        for entry in late:
            _deliver(self._inner, entry)
        self._held = HeldEvents()
        return passed

    def _left(self, replay: Replay) -> list[Event]:
        """For a new owner: output that was not handed over, and calls and timers without an answer."""
        stored = self._stored
        assert stored is not None, "a new owner is one of a stored cell"
        passed, settled = self._held.for_new_owner(
            replay, delivered=stored.delivered, is_committed=stored.committed
        )
        for called in settled:
            self._journals.on_settled(self._sink, called)
        for event in passed:
            if isinstance(event, ToolCalled):
                self._note(event)
        return passed

    def _unheard(self) -> list[Event]:
        """For the same owner: what the cell said after what was heard before its worker died."""
        assert self._before_loss is not None, "a cell is revived when its worker was lost"
        new = self._held.after(self._before_loss.count)
        for event in new:
            self._note(event)
        return new

    def _diverge(self, error: DivergenceError) -> None:
        assert self._replay is not None, "a divergence is found in a replay"
        limits = self._journals.other_limits(self._replay.head)
        self._refuse(f"The cell could not be brought back: {error}.{limits}")


def _deliver(cell: EngineCell, entry: InputEntry) -> None:
    if isinstance(entry, TimerFired):
        cell.fire_timer(entry.timer)
    elif isinstance(entry, ValueLoaded):
        cell.load(entry.json)
    elif entry.json is not None:
        cell.resolve(entry.call, entry.json)
    else:
        cell.reject(entry.call, entry.error or "")
