"""The option ``trace`` of a CodeMode: what it may be, and what is opened and closed for it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..trace.environment import recorded_in

if TYPE_CHECKING:
    from ..limits import Limits
    from ..protocol.session import Session, SessionDelegate, SessionProvider
    from ..trace.recorder import Recorder
    from ..trace.tracer import Sink, Tracer


class Tracing:
    """The tracer of one session, and the recorder that it was given, if it is ours to close."""

    def __init__(self, tracer: Tracer, recorder: Recorder | None) -> None:
        self.tracer = tracer
        self._recorder = recorder

    async def open(
        self, provider: SessionProvider, delegate: SessionDelegate, limits: Limits
    ) -> Session:
        """Open a traced session."""
        from ..trace.tracing import open_traced  # noqa: PLC0415 - only for what is traced

        return await open_traced(provider, delegate, limits, self.tracer)

    async def aclose(self) -> None:
        """Have on disk what was recorded. Idempotent."""
        from ..trace.recorder import give_back  # noqa: PLC0415 - only for what is traced

        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            # The last one to give a recorder back waits for its thread, which is at the disk.
            await asyncio.to_thread(give_back, recorder)


def tracing(trace: Sink | str | os.PathLike[str] | None) -> Tracing | None:
    """What ``trace`` asks for; None: nothing.

    Raises:
        UsageError: it is neither a folder nor a callable, or the folder cannot be made.
    """
    if trace is None:
        trace = recorded_in()
    if trace is None:
        return None
    from ..trace.recorder import borrow  # noqa: PLC0415 - only for what is traced
    from ..trace.tracer import Tracer  # noqa: PLC0415
    from ..trace.tracing import session_name  # noqa: PLC0415

    if isinstance(trace, str | os.PathLike):
        try:
            recorder = borrow(trace)
        except OSError as error:
            raise UsageError(f"nothing can be recorded in {trace}: {error}") from error
        return Tracing(Tracer(recorder, session_name()), recorder)
    if not callable(trace):
        raise UsageError(
            f"trace must be a folder or a function that takes events, got {trace!r}"
            '\nHint: trace="traces"'
        )
    return Tracing(Tracer(trace, session_name()), None)
