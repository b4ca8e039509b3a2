"""Standard output that cannot be written: an error in words, and an exit code of its own."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, Final, cast

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

BROKEN_PIPE: Final = 141
"""128 + SIGPIPE, as of a program that the signal ends."""


class OutputError(click.ClickException):
    """Standard output cannot be written; the text gives the reason."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"standard output: {error.strerror or error}")


class ReaderGoneError(click.exceptions.Exit):
    """The reader of standard output has left, as after ``| head``: an end without a word."""

    def __init__(self) -> None:
        super().__init__(BROKEN_PIPE)


def explained(error: OSError) -> OutputError | ReaderGoneError:
    """What an error in writing to standard output means for the command line."""
    return ReaderGoneError() if isinstance(error, BrokenPipeError) else OutputError(error)


@contextlib.contextmanager
def explained_stdout() -> Iterator[None]:
    """While this lasts, writing to ``sys.stdout`` raises what the command line can explain.

    Nothing else does: an ``OSError`` of another file stays one. Where standard output is closed
    from the start it stays ``None``.
    """
    if sys.stdout is None:
        yield
        return
    stream = _Explained(sys.stdout)
    try:
        with contextlib.redirect_stdout(cast("TextIO", stream)):
            yield
    finally:
        if stream.has_failed:
            _silence(sys.stdout)


class _Explained:
    """A stream whose errors are known to be its own."""

    def __init__(self, stream: TextIO) -> None:
        self.has_failed = False
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._errors():
            return self._stream.write(text)

    def flush(self) -> None:
        with self._errors():
            self._stream.flush()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.has_failed = True
            raise explained(error) from error


def _silence(stream: TextIO) -> None:
    """What is left in its buffer would fail once more when the interpreter ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
