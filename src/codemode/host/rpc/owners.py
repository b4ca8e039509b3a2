"""Whose a session is: the token with which it was opened, or the connection where no token is asked for.

The ID of a session is no secret: it stands in logs of clients, and a proxy sees it. So an RPC for a
session of somebody else is answered as if there were none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .metadata import bearer_token

if TYPE_CHECKING:
    import grpc

    from ...tokens import Source


class Owners:
    """Names for those who open sessions.

    Args:
        tokens: what clients have to bring; None: nothing.
    """

    def __init__(self, tokens: Source | None) -> None:
        self._tokens = tokens

    def of(self, context: grpc.aio.ServicerContext[Any, Any]) -> str:
        """Who calls. Two connections through one Unix socket have one name: the file is the proof."""
        if self._tokens is None:
            return f"connection {context.peer()}"
        token = bearer_token(context.invocation_metadata())
        name = None if token is None else self._tokens.current().name_of(token)
        # Let in a moment ago; if the token was taken out since, nothing is its.
        return "nobody" if name is None else f"token {name}"
