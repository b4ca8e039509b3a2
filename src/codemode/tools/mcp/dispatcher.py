"""The SDK's dispatcher with answers as the server gave them.

The session above it checks a result before it hands it on, and takes a page of tools or a result of a
tool whole or not at all. It is shown an empty one, which carries the true one past the check. What a
server's description of itself is needed whole, so there what is odd is left out.
"""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Any, Final

from mcp import MCPError
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from ...surface.text import on_one_line
from .faults import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.shared.dispatcher import CallOptions

    from .answers import AnswerTable

LIST: Final = "tools/list"
CALL: Final = "tools/call"
WHOLE: Final = "codemode/whole"
"""Where an empty result carries the true one."""
OLDEST: Final = HANDSHAKE_PROTOCOL_VERSIONS[0]
"""What is spoken with a server that names an unknown version."""

_EMPTY: Final[Mapping[str, Mapping[str, Any]]] = {
    CALL: {"content": [], "resultType": "complete"},
    LIST: {"tools": [], "resultType": "complete", "ttlMs": 0, "cacheScope": "private"},
}
_log: Final = logging.getLogger(__name__)


class Dispatcher(JSONRPCDispatcher[Any]):
    """Sends requests, and gives their answers as ``answers`` has noted them.

    Args:
        streams: of messages from and to the server.
        answers: what the transport notes.
    """

    def __init__(self, streams: tuple[Any, Any], answers: AnswerTable) -> None:
        super().__init__(*streams)
        self._answers = answers
        self._numbers = itertools.count(1)

    async def send_raw_request(
        self,
        method: str,
        params: Mapping[str, Any] | None,
        opts: CallOptions | None = None,
        **related: Any,
    ) -> dict[str, Any]:
        """Send a request; its result for the session.

        Raises:
            PeerError, HttpError, AnswerError: there is none, and the server is why.
            NoAnswerError: there is none, with the SDK's reason.
        """
        options: CallOptions = {**opts} if opts is not None else {}
        request = options.get("request_id")
        if request is None:
            request = options["request_id"] = next(self._numbers)
        with self._answers.awaited(request) as answer:
            try:
                raw = await super().send_raw_request(method, params, options, **related)
            except MCPError as error:
                if answer.fault is not None:
                    raise answer.fault from None
                raise NoAnswerError(error.code, error.message) from error
        return _for_session(method, raw if answer.result is None else answer.result)


def whole(result: dict[str, Any]) -> dict[str, Any]:
    """The true result that ``result`` carries, or is."""
    found: dict[str, Any] = result.get(WHOLE, result)
    return found


def _for_session(method: str, result: dict[str, Any]) -> dict[str, Any]:
    if method == "initialize":
        return _introduction(result)
    if method in _EMPTY and result.get("resultType") != "input_required":
        return {**_EMPTY[method], WHOLE: result}
    return result


def _introduction(said: dict[str, Any]) -> dict[str, Any]:
    """A server's description of itself, without what the SDK's session would not accept."""
    version, capabilities = said.get("protocolVersion"), said.get("capabilities")
    about, instructions = said.get("serverInfo"), said.get("instructions")
    if version not in HANDSHAKE_PROTOCOL_VERSIONS:
        _log.info("a server speaks an unknown version: %s", on_one_line(repr(version)[:100]))
        version = OLDEST
    given = capabilities if isinstance(capabilities, dict) else {}
    named = about if isinstance(about, dict) else {}
    return {
        "protocolVersion": version,
        "capabilities": {
            key: {"listChanged": each.get("listChanged") is True}
            for key, each in given.items()
            if key in ("tools", "prompts", "resources") and isinstance(each, dict)
        },
        "serverInfo": {key: str(named.get(key) or "unknown") for key in ("name", "version")},
        **({"instructions": instructions} if isinstance(instructions, str) else {}),
    }
