"""A program on its way: somebody observes it to its end and remembers what was said to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from codemode.errors import EngineError, SessionClosedError, SessionError
from codemode.protocol.types import (
    CellId,
    Item,
    LiveCell,
    Result,
    RuntimeResponse,
    Terminated,
    TextItem,
    WaitOutcome,
    WaitRequest,
    Yielded,
)
from codemode.runtime.session import SessionRuntime

from .schedule import Program

T = TypeVar("T")

SECONDS: Final = 15.0
"""An answer that has not come by now never will: that is what a soak is looking for."""


class WrongError(Exception):
    """Something is not as the model says."""


async def answered(work: Awaitable[T], what: str) -> T:
    """What ``work`` gives; a hang is a finding."""
    try:
        async with asyncio.timeout(SECONDS):
            return await work
    except TimeoutError as error:
        raise WrongError(f"no answer within {SECONDS:g} s: {what}") from error


class Cell:
    """One program in one session.

    Attributes:
        texts: what was delivered, in order.
        end: how it ended, as told to whoever asked first; None if nobody was told.
        refused: why there is no cell.
        left: its first observer was cancelled, which ends it.
    """

    def __init__(self, session: SessionRuntime, program: Program) -> None:
        self.program = program
        self.cell_id: CellId | None = None
        self.texts: list[str] = []
        self.end: Result | Terminated | None = None
        self.refused: Exception | None = None
        self.left = False
        self.terminations = 0
        self._session = session
        self._asking: asyncio.Task[RuntimeResponse | None] | None = None
        self._told: set[int] = set()

    async def run(self) -> None:
        """Start it and observe it until it is over."""
        await asyncio.sleep(self.program.at)
        name = f"program {self.program.number}"
        while self.end is None:
            first = self.cell_id is None
            self._asking = asyncio.create_task(self._start() if first else self._wait())
            await answered(asyncio.wait([self._asking]), f"{name}, {'exec' if first else 'wait'}")
            if self._asking.cancelled():
                if first or self.left:
                    self.left = True
                    return
                continue
            response = self._asking.result()
            if response is None:
                return
            self._hear(response)

    async def terminate(self) -> None:
        """End it, as a second caller."""
        if self.cell_id is None:
            return
        self.terminations += 1
        try:
            ending = self._session.terminate(self.cell_id)
            outcome = await answered(ending, f"program {self.program.number}, terminate")
        except (SessionError, SessionClosedError):
            return
        if isinstance(outcome, LiveCell):
            self._hear(outcome.response)  # type: ignore[arg-type]  # no frontier was asked for

    def cancel_observation(self) -> None:
        """Whoever asks at the moment goes away."""
        if self._asking is not None and not self._asking.done():
            self._asking.cancel()

    async def _start(self) -> RuntimeResponse | None:
        try:
            started = await self._session.execute(self.program.request())
        except (EngineError, SessionClosedError) as error:
            self.refused = error
            return None
        self.cell_id = started.cell_id
        try:
            return await started.initial_response()
        except asyncio.CancelledError:
            self.left = True
            raise

    async def _wait(self) -> RuntimeResponse | None:
        assert self.cell_id is not None
        asked = WaitRequest(cell_id=self.cell_id, yield_time_ms=self.program.yield_ms)
        try:
            outcome: WaitOutcome = await self._session.wait(asked)
        except SessionClosedError:
            return None
        return outcome.response if isinstance(outcome, LiveCell) else None  # type: ignore[return-value]

    def _hear(self, response: RuntimeResponse) -> None:
        if isinstance(response, Yielded):
            self._add(response.items)
        elif self.end is None:
            self.end = response
            self._add(response.items)
        elif (type(self.end), self.end.items) != (type(response), response.items):
            raise WrongError(f"two ends of one cell: {self.end} and {response}")

    def _add(self, items: tuple[Item, ...]) -> None:
        self.texts += [item.text for item in items if isinstance(item, TextItem)]
