"""The observations of a session that the client can end early: executes by their ids, waits by theirs.

Ids are used once. A wait may be cancelled before it has come; it is then refused when it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import grpc

from ..connection import Recent
from .refusal import WAIT_CANCELLED, RpcError, reused

if TYPE_CHECKING:
    from collections.abc import Iterator


class WaitUnderWay:
    """A wait under way; belongs to the task that serves it.

    Attributes:
        early: set when it is to end early.
        ended: set when nothing of it is left.
    """

    def __init__(self) -> None:
        self.early = asyncio.Event()
        self.ended = asyncio.Event()
        self._task = asyncio.current_task()
        self._is_cancelled = False

    def cancel(self) -> None:
        """End it without an answer, unless it has one."""
        if self._task is not None:
            self._is_cancelled = True
            self._task.cancel()
            self._task = None

    def settle(self) -> None:
        """It has its answer; it can no longer be cancelled."""
        self._task = None

    def was_cancelled(self) -> bool:
        """Whether the cancellation that the task has met is this one; it is then over."""
        task = asyncio.current_task()
        if self._is_cancelled and task is not None:
            task.uncancel()
        return self._is_cancelled


class Observations:
    """The ids of one session."""

    def __init__(self) -> None:
        self._executes: dict[str, asyncio.Event] = {}
        self._used_executes = Recent[str]()
        self._waits: dict[str, WaitUnderWay] = {}
        self._used_waits = Recent[str]()
        self._refused_waits = Recent[str]()

    @contextlib.contextmanager
    def execute(self, execution_id: str) -> Iterator[asyncio.Event]:
        """The first observation of a cell; the event is set when it is to end early.

        Raises:
            RpcError: the id was used.
        """
        if execution_id in self._executes or execution_id in self._used_executes:
            raise reused(f"code-mode execution ID `{execution_id}` was reused")
        early = self._executes[execution_id] = asyncio.Event()
        self._used_executes.add(execution_id)
        try:
            yield early
        finally:
            del self._executes[execution_id]

    @contextlib.contextmanager
    def wait(self, wait_id: str) -> Iterator[WaitUnderWay]:
        """A wait, served by the running task.

        Raises:
            RpcError: the id was used, or the wait is cancelled.
        """
        if wait_id in self._refused_waits:
            raise _cancelled()
        if wait_id in self._waits or wait_id in self._used_waits:
            raise reused(f"code-mode wait ID `{wait_id}` was reused")
        wait = self._waits[wait_id] = WaitUnderWay()
        self._used_waits.add(wait_id)
        try:
            yield wait
        except asyncio.CancelledError:
            if wait.was_cancelled():
                raise _cancelled() from None
            raise
        finally:
            del self._waits[wait_id]
            wait.ended.set()

    def yield_execute(self, execution_id: str) -> None:
        """End the first observation of an execution early, if it is under way."""
        early = self._executes.get(execution_id)
        if early is not None:
            early.set()

    def yield_wait(self, wait_id: str) -> None:
        """End a wait early, if it is under way."""
        wait = self._waits.get(wait_id)
        if wait is not None:
            wait.early.set()

    async def cancel_wait(self, wait_id: str) -> None:
        """Cancel a wait that is under way, or is still to come; return when nothing of it is left."""
        wait = self._waits.get(wait_id)
        if wait is not None:
            wait.cancel()
            await wait.ended.wait()
        elif wait_id not in self._used_waits:
            self._refused_waits.add(wait_id)

    def cancel_all(self) -> None:
        """Cancel every wait."""
        for wait in self._waits.values():
            wait.cancel()


def _cancelled() -> RpcError:
    return RpcError(grpc.StatusCode.CANCELLED, WAIT_CANCELLED)
