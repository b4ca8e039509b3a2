"""An open session at a host: its name there, and the route that leads to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from .service import HostStubs

CONTROL_SECONDS: Final = 10.0
"""How long a host may take to answer what it has not to wait for."""


class SessionStub:
    """RPCs of one session. It has no name before it is open."""

    def __init__(self, service: HostStubs) -> None:
        self._service = service
        self.session_id = ""
        self.route: str | None = None

    def __repr__(self) -> str:
        return f"<link to session {self.session_id or 'to come'}>"

    def call(self, name: str, request: Message, seconds: float | None = CONTROL_SECONDS) -> Any:
        """Begin an RPC that takes at most ``seconds``; None: somebody else bounds it."""
        return self._service.call(name, request, route=self.route, seconds=seconds)
