"""The trace of a host's sessions, where the environment asks for one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..trace.environment import recorded_in

if TYPE_CHECKING:
    from ..protocol.session import SessionProvider

_log = logging.getLogger(__name__)


def recorded(provider: SessionProvider) -> SessionProvider:
    """``provider``, with its sessions recorded in the folder that ``CODEMODE_TRACE`` names, if it names one.

    A folder that cannot be made is logged: a client that asks for nothing of the kind must not go without a host.
    The recorder ends with the process.
    """
    folder = recorded_in()
    if folder is None:
        return provider
    from ..trace.recorder import borrow  # noqa: PLC0415 - a host that records nothing starts without it
    from ..trace.tracing import TracedSessionProvider  # noqa: PLC0415

    try:
        return TracedSessionProvider(provider, borrow(folder))
    except OSError as error:
        _log.warning("nothing is recorded in %s: %s", folder, error)
        return provider
