"""The trace of a host's sessions, where the environment asks for one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..trace.environment import process_folder, recorded_in

if TYPE_CHECKING:
    from ..protocol.session import SessionProvider
    from ..trace.tracer import Sink

_log = logging.getLogger(__name__)


def recorded(provider: SessionProvider) -> SessionProvider:
    """``provider``, with its sessions recorded and shown as ``CODEMODE_TRACE`` and ``CODEMODE_INSPECT`` ask.

    A folder that cannot be made is logged: a client that asks for nothing of the kind must not go without a host.
    The recorder ends with the process.
    """
    sinks = _sinks()
    if not sinks:
        return provider
    from ..trace.sinks import Tee  # noqa: PLC0415 - only for what is traced
    from ..trace.tracing import TracedSessionProvider  # noqa: PLC0415

    return TracedSessionProvider(provider, sinks[0] if len(sinks) == 1 else Tee(*sinks))


def _sinks() -> list[Sink]:
    sinks: list[Sink] = []
    folder = recorded_in()
    if folder is not None:
        from ..trace.recorder import borrow  # noqa: PLC0415 - a host that records nothing starts without it

        try:
            sinks.append(borrow(folder))
        except OSError as error:
            _log.warning("nothing is recorded in %s: %s", folder, error)
    if process_folder() is not None:
        from ..trace.endpoint import endpoint_of_process  # noqa: PLC0415 - as above

        endpoint = endpoint_of_process()
        if endpoint is not None:
            sinks.append(endpoint)
    return sinks
