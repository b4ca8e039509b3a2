"""Why an RPC has failed, and what that means for the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import grpc

from .messages import text_in

ROUTE_LOST: Final = "x-code-mode-route-lost"
"""Header of a failure: the host that the route led to is gone."""

DETAIL_CHARACTERS: Final = 1_024
"""How much of a status' text an error shows."""

_CLOSED: Final = "code-mode session is closed"

_MISTRUST: Final = ("SSL_ERROR_SSL", "Verification Check failed")
"""gRPC's own words where a certificate is not trusted, has another name, or the host speaks no TLS."""


@dataclass(frozen=True, slots=True)
class RpcFailure:
    """A status that is not OK.

    Attributes:
        code: the status.
        text: what the host, or gRPC, says about it, on one line.
        route_lost: the host that the route led to is gone.
    """

    code: grpc.StatusCode
    text: str
    route_lost: bool

    @classmethod
    def of(cls, error: Any) -> RpcFailure:
        """The failure of a ``grpc.aio.AioRpcError``."""
        name = error.code().name.lower().replace("_", " ")
        details = " ".join((error.details() or "").split())
        lost = "true" in (
            text_in(error.trailing_metadata(), ROUTE_LOST),
            text_in(error.initial_metadata(), ROUTE_LOST),
        )
        return cls(error.code(), details[:DETAIL_CHARACTERS] or name, lost)

    @property
    def says_session_is_gone(self) -> bool:
        """Whether the host does not know the session."""
        return self.code is grpc.StatusCode.NOT_FOUND

    @property
    def may_be_the_end(self) -> bool:
        """Whether this is how the end of the host, or of the session, looks to a request that is under way."""
        return self.code is grpc.StatusCode.UNAVAILABLE or self.text == _CLOSED

    @property
    def may_be_over_soon(self) -> bool:
        """Whether the same request may succeed a moment later."""
        if any(words in self.text for words in _MISTRUST):
            return False
        return self.is_overload or self.code is grpc.StatusCode.UNAVAILABLE

    @property
    def is_broken_off(self) -> bool:
        """Whether the host, or a proxy before it, ended the RPC without an answer, as one does that ends itself."""
        return self.code is grpc.StatusCode.CANCELLED

    @property
    def is_overtime(self) -> bool:
        """Whether it took too long."""
        return self.code is grpc.StatusCode.DEADLINE_EXCEEDED

    @property
    def is_unimplemented(self) -> bool:
        """Whether the host has no such RPC."""
        return self.code is grpc.StatusCode.UNIMPLEMENTED

    @property
    def is_refusal(self) -> bool:
        """Whether the host has read the request and will not have it."""
        return self.code is grpc.StatusCode.INVALID_ARGUMENT

    @property
    def is_overload(self) -> bool:
        """Whether the host had too much to do at this moment."""
        return self.code is grpc.StatusCode.RESOURCE_EXHAUSTED
