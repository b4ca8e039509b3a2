"""Texts of strangers on a person's terminal: their text is shown, their control sequences are not."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING

from ..lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_CONTROLS = lazy_pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """``text`` without what steers a terminal or turns the direction of writing.

    >>> printable("a\\x1b[2Jb\\n") == "a\\ufffd[2Jb\\n"
    True
    """
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether what is written to ``stream`` is read by a person."""
    return stream is not None and stream.isatty()


def can_be_drawn_on(stream: TextIO | None) -> bool:
    """Whether ``stream`` is a terminal that takes colours and moves its cursor."""
    return is_terminal(stream) and os.environ.get("TERM", "") not in ("dumb", "unknown")


@contextlib.contextmanager
def log_on_stderr(form: str) -> Iterator[None]:
    """Show warnings and errors that are logged while this lasts.

    Args:
        form: a line, as :class:`logging.Formatter` takes it.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Formatter(form))
    with logged_by(handler):
        yield


@contextlib.contextmanager
def logged_by(handler: logging.Handler) -> Iterator[None]:
    """Have ``handler`` receive all that is logged while this lasts."""
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))
