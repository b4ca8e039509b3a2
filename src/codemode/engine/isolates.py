"""Isolates made ahead of time and freed behind: neither is on the path of an exec.

Making an isolate costs about 2 ms, most of it V8's own and without the GIL, and that bounds execs
that follow one another: so two threads make them. Freeing one takes up to as long as V8 needs to
stop a script, and has a thread of its own. All of them end with ``close``.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from ..errors import EngineError
from .isolate import Isolate

if TYPE_CHECKING:
    from collections.abc import Callable

MAKERS: Final = 2

LEAD_SECONDS: Final = 0.0015
"""A program that has just got an isolate is left alone for so long before the next is made, unless
that was the last one: making it would take a processor, and caches, from a program that needs
no longer than this."""


class Isolates:
    """Keeps ``ahead`` isolates ready, and frees what is given back.

    A program that finds none ready comes before the filling up: it waits for one isolate at most.

    Args:
        ahead: how many to keep ready.
        first: one that exists already.
    """

    def __init__(self, *, ahead: int, first: Isolate | None = None) -> None:
        self._ahead = ahead
        self._closed = False
        self._ready: deque[Isolate] = deque(() if first is None else (first,))
        self._starts: deque[_Start] = deque()
        self._making = 0
        self._quiet_until = 0.0
        self._changed = threading.Condition()
        self._frees: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = (
            *(
                threading.Thread(target=self._make, name="isolates", daemon=True)
                for _ in range(MAKERS)
            ),
            threading.Thread(target=_run, args=(self._frees,), name="frees", daemon=True),
        )
        for thread in self._threads:
            thread.start()

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
        start = _Start(begin, failed)
        with self._changed:
            isolate = self._ready.popleft() if quick and self._ready else None
            if isolate is None:
                self._starts.append(start)
            else:
                self._quiet_until = time.monotonic() + LEAD_SECONDS
            self._changed.notify_all()
        if isolate is not None:
            start.run(isolate)

    def free(self, job: Callable[[], None]) -> None:
        """Run ``job``, which frees an isolate whose program is over, on the thread for that."""
        self._frees.put(job)

    def stop(self, job: Callable[[], None]) -> None:
        """Run ``job``, which frees an isolate that may not obey, where it delays nobody."""
        threading.Thread(target=job, name="stop", daemon=True).start()

    def close(self, timeout: float) -> bool:
        """Free what is ready and end the threads; whether they ended within ``timeout`` s."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._frees.put(None)
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _make(self) -> None:
        """A making thread: starts first, then what is missing ahead."""
        while (work := self._claim()) is not None:
            start, isolate = work
            if start is not None:
                start.run(isolate)
            else:
                self._make_ahead()
        with self._changed:
            starts, ready = tuple(self._starts), tuple(self._ready)
            self._starts.clear()
            self._ready.clear()
        for start in starts:
            start.failed(EngineError("the engine is closed"))
        for isolate in ready:
            isolate.free()

    def _make_ahead(self) -> None:
        isolate = None
        try:
            isolate = Isolate()
        except Exception:  # noqa: BLE001 - a thread that ends here would be missed by all
            self._ahead = 0  # whoever needs one has it made, and learns why there is none
        with self._changed:
            self._making -= 1
            if isolate is not None:
                self._ready.append(isolate)

    def _claim(self) -> tuple[_Start | None, Isolate | None] | None:
        """Wait for work: a start and what is ready for it, or neither if one is missing ahead.

        None if no more work ever comes. Seen and taken in one: two makers that saw the same
        isolate missing would both make it.
        """
        with self._changed:
            while not self._closed:
                if self._starts:
                    return self._starts.popleft(), self._ready.popleft() if self._ready else None
                delay: float | None = None
                if len(self._ready) + self._making < self._ahead:
                    delay = self._quiet_until - time.monotonic() if self._ready else 0.0
                    if delay <= 0:
                        self._making += 1
                        return None, None
                self._changed.wait(delay)
            return None


class _Start(NamedTuple):
    """A program that wants an isolate."""

    begin: Callable[[Isolate], None]
    failed: Callable[[Exception], None]

    def run(self, isolate: Isolate | None) -> None:
        try:
            isolate = isolate or Isolate()
            self.begin(isolate)
        except Exception as error:  # noqa: BLE001 - nobody may wait for ever for what died here
            if isolate is not None:
                isolate.free()
            self.failed(error)


def _run(jobs: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (job := jobs.get()) is not None:
        job()
