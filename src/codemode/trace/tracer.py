"""The tracer of one session: numbers its events and hands them to the sink, and never fails the session."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from .events import TraceEvent

Sink: TypeAlias = "Callable[[TraceEvent], object]"
"""Takes each event, at once and without waiting: it is called in the event loop."""

_log = logging.getLogger(__name__)


class Tracer:
    """Emits the events of one session.

    Args:
        sink: takes them.
        session: the session's name, which no other session of the sink has.
    """

    def __init__(self, sink: Sink, session: str) -> None:
        self.session = session
        self._sink = sink
        self._seq = 0
        self._has_failed = False

    @property
    def has_call_scope(self) -> bool:
        """Whether the sink wants nested calls to run in a context of its own."""
        return hasattr(self._sink, "call_scope")

    def call_scope(self, cell_id: str, call: str) -> AbstractContextManager[object]:
        """The context in which the sink wants this nested call to run; it must want one."""
        scope: Any = self._sink
        found: AbstractContextManager[object] = scope.call_scope(self.session, cell_id, call)
        return found

    def __repr__(self) -> str:
        return f"<tracer of {self.session}, {self._seq} events>"

    def emit(self, event: type[TraceEvent], /, **fields: Any) -> None:
        """Make an event and hand it over. What goes wrong is logged once, and concerns nobody else."""
        try:
            self._seq += 1
            self._sink(
                event(seq=self._seq, at_ms=time.time() * 1000, session=self.session, **fields)
            )
        except Exception:  # noqa: BLE001 - a sink is anybody's code, and a session goes on without it
            if not self._has_failed:
                self._has_failed = True
                _log.exception("the trace of session %s is incomplete", self.session)
