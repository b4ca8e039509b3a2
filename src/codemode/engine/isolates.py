"""Isolates made ahead of time and freed behind: neither is on the path of an exec.

Making an isolate costs about 2 ms and freeing one up to as long as V8 needs to stop a script,
so each has a thread of its own. Both threads end with ``close``.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from typing import TYPE_CHECKING

from .v8 import Isolate

if TYPE_CHECKING:
    from collections.abc import Callable


class Isolates:
    """Keeps ``ahead`` isolates ready, and frees what is given back."""

    def __init__(self, *, ahead: int) -> None:
        self._ahead = ahead
        self._ready: deque[Isolate] = deque()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._frees: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = (
            threading.Thread(target=self._run, args=(self._jobs,), name="isolates", daemon=True),
            threading.Thread(target=self._run, args=(self._frees,), name="frees", daemon=True),
        )
        for thread in self._threads:
            thread.start()
        self._jobs.put(self._fill)

    def start(self, begin: Callable[[Isolate], None], *, quick: bool) -> None:
        """Call ``begin`` with a fresh isolate: here if one is ready and ``begin`` is quick."""
        if quick and (isolate := self._take_ready()) is not None:
            begin(isolate)
        else:
            self._jobs.put(lambda: begin(self._take_ready() or Isolate()))

    def free(self, job: Callable[[], None]) -> None:
        """Run ``job``, which frees an isolate whose program is over, on the thread for that."""
        self._frees.put(job)

    def stop(self, job: Callable[[], None]) -> None:
        """Run ``job``, which frees an isolate that may not obey, where it delays nobody."""
        threading.Thread(target=job, name="stop", daemon=True).start()

    def close(self, timeout: float) -> bool:
        """Free what is ready and end both threads; whether they ended within ``timeout`` s."""
        self._jobs.put(self._empty)
        self._jobs.put(None)
        self._frees.put(None)
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    def _take_ready(self) -> Isolate | None:
        try:
            isolate = self._ready.popleft()
        except IndexError:
            return None
        self._jobs.put(self._fill)
        return isolate

    def _fill(self) -> None:
        if len(self._ready) < self._ahead:
            self._ready.append(Isolate())
            self._jobs.put(self._fill)

    def _empty(self) -> None:
        self._ahead = 0
        while self._ready:
            self._ready.popleft().free()

    @staticmethod
    def _run(jobs: queue.SimpleQueue[Callable[[], None] | None]) -> None:
        while (job := jobs.get()) is not None:
            job()
