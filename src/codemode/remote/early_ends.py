"""Observations at a host that are to end before their time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ..protocol import messages as m
from ..sessions.waits import preempted

if TYPE_CHECKING:
    from ..protocol.session import Signal
    from ..protocol.types import WaitOutcome
    from .seam import Connection

_log = logging.getLogger(__name__)


class EarlyEnds:
    """Has the host end observations when their signals are set."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._watches: set[asyncio.Task[None]] = set()

    def watch(
        self, preempt: Signal | None, number: int, answer: asyncio.Future[WaitOutcome]
    ) -> None:
        """End the observation ``number`` when ``preempt`` is set, unless ``answer`` is there."""
        if preempt is None or answer.done():
            return
        if preempt.is_set():
            self._end(number)
            return
        early = preempted(preempt, lambda: self._end(number))
        task = asyncio.get_running_loop().create_task(early)
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)
        answer.add_done_callback(lambda _: task.cancel())

    def _end(self, number: int) -> None:
        if m.YIELD_OBSERVATION in self._connection.capabilities:
            self._connection.send(m.Yield(number))
        else:
            _log.debug("the host ends no observation early")
