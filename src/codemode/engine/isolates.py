"""Isolates made ahead of time and freed behind: neither is on the path of an exec.

Making an isolate costs about 2 ms and freeing one up to as long as V8 needs to stop a script,
so each has a thread of its own. Both threads end with ``close``.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from ..errors import EngineError
from .v8 import Isolate

if TYPE_CHECKING:
    from collections.abc import Callable


LEAD_SECONDS: Final = 0.0015
"""A program that has just got an isolate is left alone for so long before the next is made, unless
that was the last one: making it would take a processor, and caches, from a program that needs
no longer than this."""


class Isolates:
    """Keeps ``ahead`` isolates ready, and frees what is given back.

    Args:
        ahead: how many to keep ready.
        first: one that exists already.
    """

    def __init__(self, *, ahead: int, first: Isolate | None = None) -> None:
        self._ahead = ahead
        self._closed = False
        self._ready: deque[Isolate] = deque(() if first is None else (first,))
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._frees: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = (
            threading.Thread(target=_run, args=(self._jobs,), name="isolates", daemon=True),
            threading.Thread(target=_run, args=(self._frees,), name="frees", daemon=True),
        )
        for thread in self._threads:
            thread.start()
        self._jobs.put(self._fill)

    def start(
        self,
        begin: Callable[[Isolate], None],
        failed: Callable[[Exception], None],
        *,
        quick: bool,
    ) -> None:
        """Call ``begin`` with a fresh isolate: here if one is ready and ``begin`` is quick.

        Whatever goes wrong, there or in making the isolate, goes to ``failed``.
        """
        if quick and (isolate := self._take_ready()) is not None:
            self._begin(begin, failed, isolate)
        else:
            self._jobs.put(lambda: self._begin(begin, failed, self._take_ready()))

    def free(self, job: Callable[[], None]) -> None:
        """Run ``job``, which frees an isolate whose program is over, on the thread for that."""
        self._frees.put(job)

    def stop(self, job: Callable[[], None]) -> None:
        """Run ``job``, which frees an isolate that may not obey, where it delays nobody."""
        threading.Thread(target=job, name="stop", daemon=True).start()

    def close(self, timeout: float) -> bool:
        """Free what is ready and end both threads; whether they ended within ``timeout`` s."""
        self._closed = True
        self._jobs.put(self._empty)
        self._jobs.put(None)
        self._frees.put(None)
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @staticmethod
    def _begin(
        begin: Callable[[Isolate], None],
        failed: Callable[[Exception], None],
        isolate: Isolate | None,
    ) -> None:
        try:
            isolate = isolate or Isolate()
            begin(isolate)
        except Exception as error:  # noqa: BLE001 - nobody may wait for ever for what died here
            if isolate is not None:
                isolate.free()
            failed(error)

    def _take_ready(self) -> Isolate | None:
        try:
            isolate = self._ready.popleft()
        except IndexError:
            return None
        self._jobs.put(self._fill)
        return isolate

    def _fill(self) -> None:
        if self._ready:
            time.sleep(LEAD_SECONDS)
        if self._closed or len(self._ready) >= self._ahead:
            return
        try:
            self._ready.append(Isolate())
        except (EngineError, MemoryError):
            return  # whoever needs one tries again, and learns why there is none
        self._jobs.put(self._fill)

    def _empty(self) -> None:
        while self._ready:
            self._ready.popleft().free()


def _run(jobs: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (job := jobs.get()) is not None:
        job()
