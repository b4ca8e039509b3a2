"""Following one cell: every output, call and notification as an event, from its start to its end.

A session hands over output when an observation ends. One that can ends it as soon as there is
output; a cell of another is observed again and again, for a tenth of a second each time. And an
observation is ended early when the cell has called a tool or sent a notification: then the output so
far goes first, and the events after it. Output and calls of one turn of the program may come in
another order than they were made in; nothing comes twice and nothing is left out.

A reader that leaves ends the cell. ``stop`` ends it, too, and its last output still comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..errors import CodeModeError, SessionError
from ..protocol.types import MissingCell, Pending, Yielded
from ..sessions.waits import preempted
from .event_queue import EventQueue
from .events import CellOutput, CellStarted, CellYielded
from .output_waits import OBSERVE_MS, wait_for_output

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..protocol.session import Session, Signal
    from ..protocol.types import CellId, ExecuteRequest, RuntimeResponse, WaitOutcome
    from .activity import Activity
    from .cell_record import CellRecord
    from .events import CellEvent

_log = logging.getLogger(__name__)

CLOSE_SECONDS: Final = 5.0
"""How long a cell that is over may take to report its end, and an unwanted one to end."""


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """How a program is followed.

    Attributes:
        call_id: the model's call; None: it has none.
        yield_seconds: after how long the cell yields, if the program does not; None: never.
        max_output_tokens: budget of the result at the end; None: the pragma's, or no budget.
        stop: ends the cell when it is set.
        on_too_much: called when the cell has written more than can be kept; None: it goes on.
    """

    call_id: str | None
    yield_seconds: float | None = None
    max_output_tokens: int | None = None
    stop: Signal | None = None
    on_too_much: Callable[[], None] | None = None


class Follower:
    """One cell on its way from a request to its end.

    Args:
        session: where it runs.
        activity: the delegate of that session.
        request: starts it; its yield time is how long each observation lasts.
        following: how.
        before_output: is awaited before output of the cell is shown.

    Attributes:
        cell_id: the cell, once it was admitted.
        response: its last response, once ``events`` is exhausted.
    """

    def __init__(
        self,
        session: Session,
        activity: Activity,
        request: ExecuteRequest,
        following: FollowOptions,
        before_output: Callable[[CellId], Awaitable[None]] | None = None,
    ) -> None:
        self.cell_id: CellId | None = None
        self.response: RuntimeResponse | None = None
        self._session = session
        self._activity = activity
        self._request = request
        self._observe_ms = OBSERVE_MS if request.yield_time_ms is None else request.yield_time_ms
        self._yield_seconds = following.yield_seconds
        self._yielded_at = time.monotonic()
        self._stop = following.stop
        self._before_output = before_output
        self._queue = EventQueue()

    async def events(self) -> AsyncGenerator[CellEvent, None]:
        """What happens, without the end.

        Raises:
            CodeModeError: the cell could not be started, or it is lost.
        """
        stopping = self._watch_stop()
        try:
            started = await self._session.execute(self._request, preempt=self._queue.news)
            call_id, cell_id = self._request.tool_call_id, started.cell_id
            self.cell_id = cell_id
            record = self._activity.started(
                cell_id, call_id, self._queue, source=self._request.source
            )
            yield CellStarted(cell_id=cell_id, call_id=call_id)
            response = await started.initial_response()
            while True:
                # The store, against its own bound; what happens meanwhile is told behind the output.
                if response.items and self._before_output is not None:
                    await self._before_output(cell_id)
                for event in self._told_by(response):
                    yield event
                if not isinstance(response, Yielded):
                    break
                response = _response(await self._observe(cell_id))
            self.response = response
            while not record.is_closed and await self._hears_more(record):
                for event in self._queue.take():
                    yield event
            for event in self._queue.take():
                yield event
        finally:
            self._queue.close()
            if stopping is not None:
                stopping.cancel()
            if self.cell_id is not None and self.response is None:
                await self._end_unwanted(self.cell_id)

    def _told_by(self, response: RuntimeResponse) -> list[CellEvent]:
        """The output of an observation, what happened meanwhile, and whether the cell yields."""
        cell_id = response.cell_id
        events: list[CellEvent] = [
            CellOutput(cell_id=cell_id, item=item) for item in response.items
        ]
        yields = self._has_yielded(response) or self._is_due()
        events.extend(self._queue.take())
        if yields and isinstance(response, Yielded):
            self._yielded_at = time.monotonic()
            running = self._activity.running(cell_id)
            events.append(CellYielded(cell_id=cell_id, waiting_for=running))
        return events

    async def _observe(self, cell_id: CellId) -> WaitOutcome:
        if self._stop is not None and self._stop.is_set():
            return await self._session.terminate(cell_id)
        return await wait_for_output(self._session, cell_id, self._left(), preempt=self._queue.news)

    def _left(self) -> float:
        """Seconds until the cell is to yield."""
        if self._yield_seconds is None:
            return math.inf
        return self._yielded_at + self._yield_seconds - time.monotonic()

    async def _hears_more(self, record: CellRecord) -> bool:
        """Wait for a callback of a cell that is over; False if it goes on for too long."""
        try:
            # The last callback of the cell against its bound.
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._queue.news.wait()
        except TimeoutError:
            if not record.is_busy:
                _log.warning("cell %s is over and was not closed", record.cell_id)
                return False
        return True

    def _has_yielded(self, response: RuntimeResponse) -> bool:
        """Whether the program ended this observation, and not its time or an event."""
        if not isinstance(response, Yielded):
            return False
        if response.by_program is not None:
            return response.by_program
        # A host does not report it: an observation that ended before its time is a yield.
        in_time = response.host_duration_ns < self._observe_ms * 1_000_000
        return in_time and not self._queue.news.is_set()

    def _is_due(self) -> bool:
        return self._left() <= 0

    def _watch_stop(self) -> asyncio.Task[None] | None:
        """Have ``stop`` end the observation that is under way."""
        if self._stop is None:
            return None
        return asyncio.create_task(preempted(self._stop, self._queue.news.set))

    async def _end_unwanted(self, cell_id: CellId) -> None:
        """End a cell whose events are not read any more."""
        try:
            # The end of the cell against its bound; it may have ended by itself.
            async with asyncio.timeout(CLOSE_SECONDS):
                with contextlib.suppress(SessionError):  # it ends already, or the session does
                    await self._session.terminate(cell_id)
        except (TimeoutError, CodeModeError) as error:
            _log.warning("cell %s was not ended: %r", cell_id, error)
        self._activity.forget(cell_id)


def _response(outcome: WaitOutcome) -> RuntimeResponse:
    if isinstance(outcome, MissingCell):
        return outcome.response
    assert not isinstance(outcome.response, Pending), "no frontier was asked for"
    return outcome.response
