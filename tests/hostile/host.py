"""Our V1 host with tight limits for every session: ``python -m tests.hostile.host COMPUTE_MS``.

The host that people start has limits of its own, of which a client can narrow the heap only. Tight
ones make the suite quick.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from codemode.host.pipes import take_standard_streams
from codemode.host.stdio import StdioHost
from codemode.limits import Limits
from codemode.runtime.local import LocalSessionProvider

from .settings import TIGHT

if TYPE_CHECKING:
    from codemode.protocol.session import SessionDelegate
    from codemode.runtime.session import SessionRuntime


class TightProvider(LocalSessionProvider):
    """Gives every session the same limits, whatever it asks for."""

    def __init__(self, compute_ms: int) -> None:
        super().__init__()
        self._tight = replace(TIGHT, compute_ms=compute_ms)

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> SessionRuntime:
        del limits
        return await super().create_session(delegate, limits=self._tight)


async def serve() -> int:
    reading, writing = take_standard_streams()
    ending = await StdioHost(TightProvider(int(sys.argv[1]))).run(reading, writing)
    return ending.status


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))
