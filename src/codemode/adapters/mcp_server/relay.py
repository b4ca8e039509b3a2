"""Requests of inner MCP servers, for a user or a model, on their way to the client that caused them.

A request that comes in the context of a call, or of several calls of one client, goes to that client: so do
all of a server that a session has for itself. Inner servers are mostly shared by all sessions, and over a
pipe their requests do not name the call that they belong to. Such a request goes to the client that has a
call to that server under way, if there is exactly one; where there are several it is refused, because
one user must not read what another one is asked.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import mcp_types as types

from ...surface.text import on_one_line
from ...tools.mcp.naming import namespace_of
from .client import client_of_context
from .questions import UnansweredError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .client import ServedClient

_NONE: Final = "no call to this server is under way"
_SEVERAL: Final = (
    "several clients have calls to this server under way, and it does not say which of them it asks;"
    ' "perSession": true in the configuration gives each of them a server of its own'
)

log: Final = logging.getLogger(__name__)


class Relay:
    """Handlers for MCP servers that sessions share; see :class:`codemode.McpHandlers`.

    Args:
        clients: gives the clients of all sessions.
    """

    def __init__(self, clients: Callable[[], Iterable[ServedClient]]) -> None:
        self._clients = clients

    async def elicitation(
        self, server: str, params: types.ElicitRequestParams
    ) -> types.ElicitResult | types.ErrorData:
        """The user's answer to a server, or why there is none."""
        try:
            return await self._client(server).elicitation(server, params)
        except UnansweredError as error:
            return _refused(server, "elicitation", error)

    async def sampling(self, server: str, params: types.CreateMessageRequestParams) -> Any:
        """The answer of the client's model to a server, or why there is none."""
        try:
            return await self._client(server).sampling(server, params)
        except UnansweredError as error:
            return _refused(server, "sampling", error)

    def _client(self, server: str) -> ServedClient:
        namespace = namespace_of(server)
        caller = client_of_context()
        if caller is not None and caller.waits_for(namespace):
            return caller
        found = [each for each in self._clients() if each.waits_for(namespace)]
        if len(found) != 1:
            raise UnansweredError(_SEVERAL if found else _NONE)
        return found[0]


def _refused(server: str, what: str, error: UnansweredError) -> types.ErrorData:
    log.warning("MCP server %s asked for %s: %s", on_one_line(server), what, error)
    return types.ErrorData(code=types.INVALID_REQUEST, message=str(error))
