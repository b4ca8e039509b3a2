"""Ctrl-C while a command starts: the process ends at once, without a word.

Python turns SIGINT into ``KeyboardInterrupt`` from its first line on. Modules that load then show a traceback of
code that is not the user's, and what is raised in a callback of the import system is lost. So the programs of this
package begin by ending at once, and take the exception only where they can deal with it.

Only the signal module is imported here: what Ctrl-C does before :func:`end_at_once` has run is Python's decision.
"""

from __future__ import annotations

import os
import signal

INTERRUPTED = 130
"""The exit code, as shells give it to a program that SIGINT has ended: 128 + 2."""


def end_at_once() -> None:
    """Let Ctrl-C end this process. Where the parent process has switched Ctrl-C off, it stays off."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _end(*_: object) -> None:
    os._exit(INTERRUPTED)


class AsExceptions:
    """While the block runs, Ctrl-C raises ``KeyboardInterrupt``: there is something to clean up.

    Without effect unless :func:`end_at_once` was called: elsewhere, signals are the application's.
    """

    def __enter__(self) -> None:
        self._changes = signal.getsignal(signal.SIGINT) is _end
        if self._changes:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, *_: object) -> None:
        if self._changes:
            signal.signal(signal.SIGINT, _end)
