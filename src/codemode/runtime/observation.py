"""Somebody who waits for an answer about a cell: how long, until when, and the answer."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Final

import msgspec

from ..sessions.waits import MAX_SECONDS, preempted, retrieved

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.session import Signal
    from ..protocol.types import WaitOutcome


GATHER_SECONDS: Final = 0.005
"""An observation that ends at output lasts so long at least: each one costs a cell a turn."""


class Observation:
    """One caller, who waits for at most ``seconds``, or without a clock of its own.

    The answer is a bare future: a caller who is cancelled cancels it, and that is how the cell
    sees that nobody is there any more, before it answers.
    """

    def __init__(
        self,
        seconds: float | None = None,
        preempt: Signal | None = None,
        *,
        first: bool = False,
        ends_at_output: bool = False,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._ends_at_output = ends_at_output
        self.seconds = seconds
        self.preempt = preempt
        self.first = first
        self.answer: asyncio.Future[WaitOutcome] = loop.create_future()
        self.answer.add_done_callback(retrieved)
        self._asked_at = loop.time()
        self._clocks: list[asyncio.Handle | asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<observation of {self.seconds} s, {'answered' if self.answer.done() else 'open'}>"

    @property
    def is_over_at_once(self) -> bool:
        """Whether it leaves the cell no time at all."""
        preempted = self.preempt is not None and self.preempt.is_set()
        return preempted or (self.seconds is not None and self.seconds <= 0)

    def arm(self, on_deadline: Callable[[], None]) -> None:
        """Call ``on_deadline`` when the time is up, and when it is preempted; maybe at once.

        A round of the loop later would be too late for somebody who gives no time: in that round
        a fast program's end can be read, and whether it is would be a matter of luck.
        """
        if self.is_over_at_once:
            on_deadline()
            return
        loop = asyncio.get_running_loop()
        if self.seconds is not None:
            # The loop keeps a cancelled timer, and its context, until its time comes: an empty one.
            seconds = min(self.seconds, MAX_SECONDS)
            self._clocks.append(loop.call_later(seconds, on_deadline, context=Context()))
        if self.preempt is not None:
            self._clocks.append(loop.create_task(preempted(self.preempt, on_deadline)))

    def output_came(self, on_deadline: Callable[[], None]) -> None:
        """There is output: if it waits for that, call ``on_deadline`` soon, so that some more gathers."""
        if self._ends_at_output:
            self._ends_at_output = False
            loop = asyncio.get_running_loop()
            due = self._asked_at + GATHER_SECONDS
            self._clocks.append(loop.call_at(due, on_deadline, context=Context()))

    def arm_last(self, seconds: float, give_up: Callable[[], None]) -> None:
        """Call ``give_up`` if it is still unanswered after ``seconds``."""
        self._clocks.append(asyncio.get_running_loop().call_later(seconds, give_up))

    def disarm(self) -> None:
        """Stop its clocks."""
        for clock in self._clocks:
            clock.cancel()
        self._clocks.clear()

    def settle(self, outcome: WaitOutcome) -> bool:
        """Answer, with the time that it took; whether somebody was there to be answered."""
        self.disarm()
        if self.answer.done():
            return False
        took = int((asyncio.get_running_loop().time() - self._asked_at) * 1e9)
        response = msgspec.structs.replace(outcome.response, host_duration_ns=took)
        self.answer.set_result(type(outcome)(response))  # type: ignore[arg-type]  # the pair as it was
        return True

    def refuse(self, error: Exception) -> None:
        """Answer with an error."""
        self.disarm()
        if not self.answer.done():
            self.answer.set_exception(error)
