"""Why a host ends, and that it does: signals, a last resort, and the exit status."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHUTDOWN_SECONDS: Final = 5.0
"""From the reason for the end to the end of everything that was begun."""

LAST_RESORT_SECONDS: Final = 1.0
"""After that the process ends, whatever still holds it; its workers end with it."""

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Ending(Struct, frozen=True):
    """Why the host ends.

    Attributes:
        reason: what went wrong, if anything did.
        signal: the signal that asked for it, if one did.
    """

    reason: str | None = None
    signal: int | None = None

    @property
    def status(self) -> int:
        """The exit status."""
        return 0 if self.reason is None else 1


@contextmanager
def ended_by_signals(end: Callable[[Ending], None]) -> Iterator[None]:
    """Have ``end`` called, on the running loop, for each signal that asks for the end."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        loop.add_signal_handler(number, end, Ending(signal=number))
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])


@contextmanager
def last_resort(ending: Ending) -> Iterator[None]:
    """End the process if the block does not end in time."""
    timer = threading.Timer(SHUTDOWN_SECONDS + LAST_RESORT_SECONDS, os._exit, [ending.status])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def leave(ending: Ending) -> int:
    """Say why, and return the exit status; a signal ends this process as it always does."""
    if ending.reason is not None:
        sys.stderr.write(f"Error: {ending.reason}\n")
    if ending.signal is not None:
        signal.signal(ending.signal, signal.SIG_DFL)
        os.kill(os.getpid(), ending.signal)
    return ending.status
