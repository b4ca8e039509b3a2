"""Where a host answers for its health and its figures: plain HTTP beside gRPC, without a token."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...metrics.sessions import MeasuredSessionProvider
    from ...runtime.local import LocalSessionProvider
    from ..capacity import Capacity
    from ..listen import Address


class HostStatus:
    """The status of one host.

    Args:
        provider: makes its sessions; ``sessions`` is to be used in its place.
        address: where it answers.
        capacity: how much the host takes on.
    """

    def __init__(
        self, provider: LocalSessionProvider, address: Address, capacity: Capacity
    ) -> None:
        from ...metrics.reporting import Reporting  # noqa: PLC0415 - an extra

        self._address = address
        self._reporting = Reporting(
            provider, max_sessions=capacity.sessions, max_cells=capacity.cells
        )

    @property
    def sessions(self) -> MeasuredSessionProvider:
        """Makes the sessions that are counted."""
        return self._reporting.sessions

    async def listen(self) -> None:
        """Listen, and write the address to standard error: the system may choose the port.

        Raises:
            OSError: the address is not available.
        """
        address = self._address
        try:
            port = await self._reporting.listen(address.host, address.port)
        except OSError as error:
            # asyncio puts more into the text than the reason.
            why = os.strerror(error.errno) if error.errno else str(error)
            raise OSError(f"cannot listen on {address.target} for --status: {why}") from None
        host = f"[{address.host}]" if ":" in address.host else address.host
        if sys.stderr is not None:
            sys.stderr.write(f"status on http://{host}:{port}\n")
            sys.stderr.flush()

    def drain(self) -> None:
        """The host takes no session more."""
        self._reporting.drain()

    async def aclose(self) -> None:
        """Answer no more."""
        await self._reporting.aclose()
