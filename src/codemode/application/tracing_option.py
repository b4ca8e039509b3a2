"""The option ``trace`` of a CodeMode: what it may be, and what is opened and closed for it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..trace.environment import process_folder, recorded_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..limits import Limits
    from ..protocol.session import Session, SessionDelegate, SessionProvider
    from ..trace.endpoint import ProcessEndpoint
    from ..trace.recorder import Recorder
    from ..trace.tracer import Sink, Tracer
    from .inspection import InspectedCodeMode


class Tracing:
    """The tracer of one session, and what else was opened for it.

    Args:
        tracer: numbers the events.
        recorder: ours to give back; None where the application has given a sink of its own.
        endpoint: where the process is looked at; None: not opted in.

    Attributes:
        inspected: what can be acted upon at the endpoint.
    """

    def __init__(
        self, tracer: Tracer, recorder: Recorder | None, endpoint: ProcessEndpoint | None
    ) -> None:
        self.tracer = tracer
        self.inspected: InspectedCodeMode | None = None
        self._recorder = recorder
        self._endpoint = endpoint
        self._unregister: Callable[[], None] | None = None

    async def open(
        self, provider: SessionProvider, delegate: SessionDelegate, limits: Limits
    ) -> Session:
        """Open a traced session."""
        from ..trace.tracing import open_traced  # noqa: PLC0415 - only for what is traced

        session = await open_traced(provider, delegate, limits, self.tracer)
        if self._endpoint is not None and self.inspected is not None:
            from .inspection import SessionInspection  # noqa: PLC0415 - only for what is looked at

            inspection = SessionInspection(self.inspected)
            self._unregister = self._endpoint.register(self.tracer.session, inspection)
        return session

    async def aclose(self) -> None:
        """Have on disk what was recorded. Idempotent."""
        if self._unregister is not None:
            self._unregister()
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            from ..trace.recorder import give_back  # noqa: PLC0415 - only for what is recorded

            # The last one to give a recorder back waits for its thread, which is at the disk.
            await asyncio.to_thread(give_back, recorder)


def tracing(trace: Sink | str | os.PathLike[str] | None) -> Tracing | None:
    """What ``trace`` and the environment ask for; None: nothing.

    Raises:
        UsageError: it is neither a folder nor a callable, or the folder cannot be made.
    """
    if trace is None:
        trace = recorded_in()
    if trace is None and process_folder() is None:
        return None
    from ..trace.tracer import Tracer  # noqa: PLC0415 - only for what is traced
    from ..trace.tracing import session_name  # noqa: PLC0415

    recorder = _recorder(trace) if isinstance(trace, str | os.PathLike) else None
    sink = trace if recorder is None else recorder
    if sink is not None and not callable(sink):
        raise UsageError(
            f"trace must be a folder or a function that takes events, got {trace!r}"
            '\nHint: trace="traces"'
        )
    endpoint = _endpoint()
    both = _together(sink, endpoint)
    return None if both is None else Tracing(Tracer(both, session_name()), recorder, endpoint)


def _recorder(folder: str | os.PathLike[str]) -> Recorder:
    from ..trace.recorder import borrow  # noqa: PLC0415 - only for what is recorded

    try:
        return borrow(folder)
    except OSError as error:
        raise UsageError(f"nothing can be recorded in {folder}: {error}") from error


def _endpoint() -> ProcessEndpoint | None:
    if process_folder() is None:
        return None
    from ..trace.endpoint import endpoint_of_process  # noqa: PLC0415 - only for what is looked at

    return endpoint_of_process()


def _together(sink: Sink | None, endpoint: ProcessEndpoint | None) -> Sink | None:
    if sink is None or endpoint is None:
        return sink or endpoint
    from ..trace.sinks import Tee  # noqa: PLC0415 - only for both

    return Tee(sink, endpoint)
