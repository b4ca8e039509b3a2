"""Several sinks as one."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .events import TraceEvent
    from .tracer import Sink


class Tee:
    """A sink that hands each event to several, in order: ``CodeMode(trace=Tee(recorder, OpenTelemetrySink()))``."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def __call__(self, event: TraceEvent) -> None:
        """Take an event."""
        for sink in self._sinks:
            sink(event)

    @contextmanager
    def call_scope(self, session: str, cell_id: str, call: str) -> Iterator[None]:
        """The context of a nested call, of each sink that has one."""
        with ExitStack() as scopes:
            for sink in self._sinks:
                scope = getattr(sink, "call_scope", None)
                if scope is not None:
                    scopes.enter_context(scope(session, cell_id, call))
            yield
