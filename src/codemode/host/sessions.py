"""What a host does for a session whoever carries its messages, and the names of a connection's sessions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from ..protocol.messages import RevisedExecuteRequest
from ..protocol.types import LiveCell, MissingCell, Pending, Result
from ..surface.output import truncate
from .connection import Recent
from .refused import RefusedError, TooManyCellsError
from .tool_catalog import ToolCatalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..protocol.session import Session, Signal, StartedCell
    from ..protocol.types import ExecuteRequest, RuntimeResponse, WaitOutcome
    from .cells import CellCount, ResponseOrder

OPEN_SESSIONS: Final = 4_096
"""Of a host. Each costs little before its first cell, and a process of its own after it."""

TOO_MANY_SESSIONS: Final = "code-mode host has too many open sessions"


class HostSession(msgspec.Struct, frozen=True):
    """An open session.

    Attributes:
        runtime: what runs its cells.
        cells: what is told about them.
        count: how many cells the host has.
        truncates: its items are cut to the client's budget here.
        catalog: the tools that its client names by a revision.
    """

    runtime: Session
    cells: ResponseOrder
    count: CellCount
    truncates: bool
    catalog: ToolCatalog = msgspec.field(default_factory=ToolCatalog)

    async def start(self, request: ExecuteRequest, preempt: Signal) -> StartedCell:
        """Start a cell; when the client knows of it, ``cells.started`` follows.

        Raises:
            TooManyCellsError: the host has no room for it.
            RefusedError: its tools have a revision that the session does not know, or knows otherwise.
            CodeModeError: the session refuses it.
        """
        if isinstance(request, RevisedExecuteRequest):
            tools = self.catalog.resolve(request.catalog_revision, request.enabled_tools)
            request = msgspec.structs.replace(request, enabled_tools=tools)
        if self.count.is_full:
            raise TooManyCellsError
        self.cells.begin()
        try:
            return await self.runtime.execute(request, preempt=preempt)
        except BaseException:
            self.cells.failed()
            raise

    def fit(self, response: RuntimeResponse, max_tokens: int | None) -> RuntimeResponse:
        """The response with its items cut to the budget, if that is asked of us."""
        if not self.truncates:
            return response
        error = response.error_text if isinstance(response, Result) else None
        return msgspec.structs.replace(response, items=truncate(response.items, error, max_tokens))

    def fit_outcome(self, outcome: WaitOutcome, max_tokens: int | None) -> WaitOutcome:
        """The outcome with the items of its response cut to the budget, if that is asked of us."""
        if not self.truncates or isinstance(outcome.response, Pending):
            return outcome
        response = self.fit(outcome.response, max_tokens)
        if isinstance(outcome, MissingCell):
            assert isinstance(response, Result)
            return MissingCell(response)
        return LiveCell(response)


class Sessions:
    """Names of sessions: open, about to be, used before, or free."""

    def __init__(self) -> None:
        self._open: dict[str, HostSession] = {}
        self._opening: set[str] = set()
        self._used = Recent[str]()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def opening(self, session_id: str) -> Iterator[None]:
        """Keep the name for a session that is being made; ``add`` follows inside, or it is free again.

        Raises:
            RefusedError: the name cannot be given to a new session, or there are too many.
        """
        if session_id in self._open or session_id in self._opening:
            raise RefusedError(f"code-mode session ID `{session_id}` is already open")
        if session_id in self._used:
            raise RefusedError(f"code-mode session ID `{session_id}` was reused")
        if len(self._open) + len(self._opening) >= OPEN_SESSIONS:
            raise RefusedError(TOO_MANY_SESSIONS)
        self._opening.add(session_id)
        try:
            yield
        finally:
            self._opening.discard(session_id)

    def add(self, session_id: str, session: HostSession) -> None:
        """The session is open under this name."""
        self._open[session_id] = session

    def find(self, session_id: str) -> HostSession:
        """The open session of this name, or RefusedError."""
        try:
            return self._open[session_id]
        except KeyError:
            raise RefusedError(f"unknown code-mode session {session_id}") from None

    def remove(self, session_id: str) -> HostSession:
        """Forget the open session of this name, and keep the name from being used again."""
        session = self.find(session_id)
        del self._open[session_id]
        self._used.add(session_id)
        return session
