"""What a server asks of us and tells us: its requests, its log, and that its tools changed."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import mcp_types
from pydantic import TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mcp import ClientSession
    from mcp.client import ClientRequestContext, IncomingMessage

    from ..redaction import Redaction
    from .handlers import McpHandlers

AT_ONCE: Final = 8
"""Requests of one server that are with the application at once; more are refused."""
LOGGED_CHARACTERS: Final = 4_000

_SAMPLED: Final[TypeAdapter[Any]] = TypeAdapter(
    mcp_types.CreateMessageResult | mcp_types.CreateMessageResultWithTools | mcp_types.ErrorData
)
_ELICITED: Final[TypeAdapter[Any]] = TypeAdapter(mcp_types.ElicitResult | mcp_types.ErrorData)

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "notice": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "alert": logging.CRITICAL,
    "emergency": logging.CRITICAL,
}
_log: Final = logging.getLogger(__name__)
_server_log: Final = logging.getLogger("codemode.mcp")
"""What servers log, each below it under its own name."""


class Callbacks:
    """The callbacks of one connection, in the SDK's form."""

    def __init__(
        self,
        name: str,
        handlers: McpHandlers,
        redact: Redaction,
        on_tools_changed: Callable[[], None],
    ) -> None:
        self.tools_changed = on_tools_changed
        self._name = name
        self._handlers = handlers
        self._redact = redact
        self._under_way = 0
        self._log = _server_log.getChild(name.replace(".", "_"))

    def options(self) -> dict[str, Any]:
        """For the SDK's session: it announces what is here, and refuses what is not."""
        offered = self._handlers
        return {
            "sampling_callback": self._sample if offered.sampling else None,
            "elicitation_callback": self._elicit if offered.elicitation else None,
            "list_roots_callback": self._list_roots if offered.roots is not None else None,
            "logging_callback": self._logged,
            "message_handler": self._heard,
            "client_info": mcp_types.Implementation(name="codemode", version="1"),
        }

    async def answers(
        self, session: ClientSession, wanted: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Answers to the requests that a server has put into the result of a call.

        Raises:
            MCPError: one of them is refused.
        """
        from mcp import MCPError  # noqa: PLC0415 - only newest servers come here
        from mcp.client import ClientRequestContext  # noqa: PLC0415 - the same

        found: dict[str, Any] = {}
        for key, request in wanted.items():
            context = ClientRequestContext(session=session, request_id=key)
            answer = await session.dispatch_input_request(context, request)
            if isinstance(answer, mcp_types.ErrorData):
                raise MCPError.from_error_data(answer)
            found[key] = answer
        return found or None

    async def _sample(self, _: ClientRequestContext, params: Any) -> Any:
        return await self._asked("sampling", self._handlers.sampling, params, _SAMPLED)

    async def _elicit(self, _: ClientRequestContext, params: Any) -> Any:
        return await self._asked("elicitation", self._handlers.elicitation, params, _ELICITED)

    async def _asked(self, what: str, handler: Any, params: Any, form: TypeAdapter[Any]) -> Any:
        if self._under_way >= AT_ONCE:
            return _refusal(f"{AT_ONCE} requests are under way already; ask again later")
        self._under_way += 1
        try:
            return form.validate_python(await handler(self._name, params))
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - the application's code must not end the connection
            _log.exception("the application's handler of %s failed for %s", what, self._name)
            return _refusal(f"the client failed to answer the request for {what}")
        finally:
            self._under_way -= 1

    async def _list_roots(self, _: ClientRequestContext) -> Any:
        uris = self._handlers.roots or ()
        return mcp_types.ListRootsResult.model_validate({"roots": [{"uri": each} for each in uris]})

    async def _logged(self, params: Any) -> None:
        level = _LEVELS.get(params.level, logging.INFO)
        if self._log.isEnabledFor(level):
            source = f"{params.logger}: " if params.logger else ""
            self._log.log(level, "%s", self._redact(f"{source}{params.data}")[:LOGGED_CHARACTERS])

    async def _heard(self, message: IncomingMessage) -> None:
        if isinstance(message, mcp_types.ToolListChangedNotification):
            self.tools_changed()
        elif isinstance(message, Exception):
            _log.debug("MCP server %s sent what is no message: %s", self._name, type(message))


def _refusal(text: str) -> Any:
    return mcp_types.ErrorData(code=mcp_types.INVALID_REQUEST, message=text)
