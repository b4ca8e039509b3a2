"""A cell on its way back to where it was: what it is given, and whether it says what it said.

Pure: whoever runs the cell delivers ``inputs`` in order behind the start, all at once, and feeds the events that come.
Nothing that the cell asks for is done before the replay is through: its calls are collected, and those that have an
answer in the journal need none. What is left then is what the cell waits for. A cell that says something else than it
said is a divergence, found before anything was done.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ..engine.events import Finished, Idle, TimerCleared, TimerSet, ToolCalled
from .journal import ClockReadings, Head, JournalError, Settled, TimerFired, ValueLoaded
from .outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..engine.events import Event
    from .journal import InputEntry, JournalEntry
    from .store import OutputMark


class DivergenceError(JournalError):
    """The cell did not do again what it did: nothing was executed."""


class Replay:
    """The replay of one journal.

    Args:
        entries: as :func:`codemode.durable.journal.read_journal` gives them.
        marks: of outputs behind which something was done: they must come, and be the same.

    Attributes:
        head: what to start the cell with.
        readings: of its clock, for the engine.
        inputs: what to deliver, in order.
        calls: the calls that have no answer yet, by number, in the order in which they were made.
        timers: the timers that are set, by number.
        finished: the end of the program, if it came.
        said: what it has said so far.
    """

    def __init__(self, entries: Iterable[JournalEntry], marks: Iterable[OutputMark] = ()) -> None:
        first, *rest = entries
        assert isinstance(first, Head), "a journal that was read begins with its head"
        self.head = first
        self.readings = b"".join(each.readings for each in rest if isinstance(each, ClockReadings))
        self.inputs: list[InputEntry] = [
            each for each in rest if not isinstance(each, Head | ClockReadings)
        ]
        self.calls: dict[int, ToolCalled] = {}
        self.timers: dict[int, TimerSet] = {}
        self.finished: Finished | None = None
        self.said = Outputs()
        # What answers a ``load`` begins no turn: the program waits for it within one.
        self._turns_before = sum(not isinstance(each, ValueLoaded) for each in self.inputs)
        self._turns = 0
        self._checked = 0
        self._marks = deque(sorted(marks, key=lambda each: each.count))

    def __repr__(self) -> str:
        return f"<replay of {len(self.inputs)} inputs, {self._turns} turns, {self.said!r}>"

    @property
    def is_through(self) -> bool:
        """Whether every turn of the journal is done: what comes now is live."""
        return self.finished is not None or self._turns > self._turns_before

    @property
    def outputs(self) -> int:
        """How much the cell has said so far; what was delivered before is not delivered again."""
        return self.said.count

    def feed(self, event: Event) -> None:
        """Take what the cell said.

        Raises:
            DivergenceError: it is not what it said before.
        """
        if isinstance(event, Idle):
            self._turns += 1
        elif self.said.add(event):
            self._note(event)
            self._check()
        if self.is_through:
            self._check_end()

    def _note(self, event: Event) -> None:
        match event:
            case ToolCalled():
                self.calls[event.number] = event
            case TimerSet():
                self.timers[event.number] = event
            case TimerCleared():
                self.timers.pop(event.number, None)
            case Finished():
                self.finished = event
            case _:
                pass

    def _check(self) -> None:
        """Compare what was seen before each input and mark that came after so many outputs."""
        while self._checked < len(self.inputs):
            entry = self.inputs[self._checked]
            if entry.seen > self.said.count:
                return
            if entry.seen == self.said.count and entry.outputs != self.said.digest:
                raise DivergenceError(
                    f"the cell has said something else than before, up to output {entry.seen}"
                    f" (input {self._checked + 1} of {len(self.inputs)}); nothing was executed"
                )
            self._checked += 1
        while self._marks and self._marks[0].count <= self.said.count:
            mark = self._marks.popleft()
            if mark.count == self.said.count and mark.digest != self.said.digest:
                raise DivergenceError(
                    f"the cell has said something else than before, up to output {mark.count};"
                    " nothing was executed"
                )

    def _check_end(self) -> None:
        self._check()
        if self._checked < len(self.inputs):
            raise DivergenceError(
                f"the cell has said less than before: {self.said.count} outputs, and"
                f" {self.inputs[self._checked].seen} came before input {self._checked + 1};"
                " nothing was executed"
            )
        if self._marks:
            raise DivergenceError(
                f"the cell has said less than before: {self.said.count} outputs, and there were"
                f" {self._marks[-1].count}; nothing was executed"
            )
        for entry in self.inputs:
            if isinstance(entry, Settled):
                if self.calls.pop(entry.call, None) is None:
                    raise DivergenceError(
                        f"the cell has not made call {entry.call} again, which was answered;"
                        " nothing was executed"
                    )
            elif isinstance(entry, TimerFired):
                self.timers.pop(entry.timer, None)
        self.inputs = []
