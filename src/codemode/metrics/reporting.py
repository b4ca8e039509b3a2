"""``/livez``, ``/readyz`` and ``/metrics`` of a process that runs cells on this machine."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from prometheus_client.exposition import CONTENT_TYPE_LATEST

from .figures import CapacityFigures, Figures, WorkerFigures
from .health import Health
from .http import HttpPage, MetricsServer
from .sessions import MeasuredSessionProvider

if TYPE_CHECKING:
    from ..runtime.local import LocalSessionProvider


class Reporting:
    """Counts the sessions of a provider, and reports them. Belongs to one event loop.

    Args:
        provider: makes the sessions; ``sessions`` is to be used in its place.
        max_sessions: open at once, at most.
        max_cells: live at once, at most; None: there is no such bound.
    """

    def __init__(
        self, provider: LocalSessionProvider, *, max_sessions: int, max_cells: int | None = None
    ) -> None:
        self._figures = Figures()
        self._max_sessions = max_sessions
        self._max_cells = max_cells
        self._capacity = CapacityFigures(max_sessions, max_cells)
        self._figures.registry.register(WorkerFigures(provider.engine))
        self._figures.registry.register(self._capacity)
        self._health = Health(provider.engine, self._no_room)
        self._server = MetricsServer(
            {"/livez": self._live, "/readyz": self._ready, "/metrics": self._metrics}
        )
        self.sessions = MeasuredSessionProvider(provider, self._figures)

    async def listen(self, host: str, port: int) -> int:
        """Serve the pages there; the port.

        Raises:
            OSError: the address cannot be used.
        """
        return await self._server.listen(host, port)

    def drain(self) -> None:
        """The process takes no session more: it is not ready any more, but alive."""
        self._health.is_draining = self._capacity.is_draining = True

    async def aclose(self) -> None:
        """Serve no page more."""
        await self._server.aclose()
        await self._health.aclose()

    def _no_room(self) -> str | None:
        sessions, cells = self._figures.open_sessions, self._figures.live_cells
        if sessions >= self._max_sessions:
            return f"no room: {sessions} sessions are open"
        if self._max_cells is not None and cells >= self._max_cells:
            return f"no room: {cells} cells are live"
        return None

    async def _live(self) -> HttpPage:
        return HttpPage(HTTPStatus.OK, b"ok\n")

    async def _ready(self) -> HttpPage:
        reasons = await self._health.reasons()
        if not reasons:
            return HttpPage(HTTPStatus.OK, b"ok\n")
        return HttpPage(HTTPStatus.SERVICE_UNAVAILABLE, "\n".join([*reasons, ""]).encode())

    async def _metrics(self) -> HttpPage:
        return HttpPage(HTTPStatus.OK, self._figures.text(), CONTENT_TYPE_LATEST)
