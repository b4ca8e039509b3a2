"""Between a session and the connection to its host: what each offers the other, whatever the wire.

The words are those of ``protocol.messages``; a connection that speaks otherwise translates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from ..protocol import messages as m
    from ..protocol.types import CellId
    from .operations import Operation

OPEN_CALLBACKS: Final = 65_536
"""Callbacks that a host may have open with us; more are refused. 4,096 is what it is to keep to."""


class Owner(Protocol):
    """Who holds a callback."""

    def cancel(self, number: int) -> None: ...


class Route(Protocol):
    """The session at our end that a host's messages are for."""

    def delegate_asks(self, message: m.DelegateRequest) -> None: ...

    def cell_closed(self, cell_id: CellId) -> None: ...

    def stored(self, message: m.SessionStored) -> None: ...

    def connection_lost(self, reason: str) -> None: ...


class Connection(Protocol):
    """A conversation with a host."""

    @property
    def capabilities(self) -> frozenset[str]:
        """What the host can do beyond the first version, once a session is open."""

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked for something."""

    async def over(self) -> str:
        """Wait for the end; the reason."""

    def new_session_id(self) -> str:
        """A name that no session of this connection has had."""

    def attach(self, session_id: str, route: Route) -> None:
        """Messages for this session go there from now on."""

    def detach(self, session_id: str) -> None:
        """Nobody listens for this session any more."""

    async def leave(self, session_id: str) -> None:
        """As ``detach``; return when nothing of the session runs any more."""

    def submit(self, request: m.HostRequest, operation: Operation) -> int:
        """Ask; the number of the request.

        Raises:
            WorkerLostError: the host is gone.
            FrameError: the request cannot be said; nothing was sent.
        """

    def send(self, message: m.Cancel | m.Yield) -> None:
        """Say something that has no answer; nothing happens if nobody is there."""

    def answer(self, number: int, result: m.DelegateOk | m.DelegateFailed) -> None:
        """Answer a callback. What is too long to be said becomes its failure."""

    def own(self, number: int, owner: Owner) -> None:
        """This callback is there: that is where its cancellation goes."""

    def disown(self, number: int) -> None:
        """This callback is over."""

    async def writable(self) -> None:
        """Return when the host has taken most of what was said, or is gone. Bounded."""

    def give_up(self, why: str) -> None:
        """The host does not do what hosts do: it is lost, because it ``why``."""
