"""What a server asks of us and tells us: its requests, its log, and that its tools changed.

A connection serves many users, and a handler has to know for whom a server asks: it runs in the
context (contextvars) of the call that the request belongs to. The newest protocol and HTTP carry
which call that is. Over a pipe a server does not name it; then it is the call under way, and while
there are several the request has the values that all of them have.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Final

import mcp_types
from pydantic import TypeAdapter

from ...surface.text import on_one_line
from .faults import AnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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
_of_a_call: Final[ContextVar[bool]] = ContextVar("codemode_mcp_of_a_call", default=False)
"""Whether this context is a call's; the one of a connection is not."""

_log: Final = logging.getLogger(__name__)
_server_log: Final = logging.getLogger("codemode.mcp")
"""What servers log, each below it under its own name."""


class ClientCallbacks:
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
        self._calls: dict[object, Context] = {}
        self._log = _server_log.getChild(on_one_line(name).replace(".", "_"))

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

    @contextmanager
    def calling(self) -> Iterator[None]:
        """While this lasts, a call of the current context is under way."""
        key = object()
        self._calls[key] = copy_context()
        token = _of_a_call.set(True)
        try:
            yield
        finally:
            _of_a_call.reset(token)
            del self._calls[key]

    async def answers(
        self, session: ClientSession, wanted: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Answers to the requests that a server has put into the result of a call.

        Raises:
            AnswerError: one of them is refused.
        """
        from mcp.client import ClientRequestContext  # noqa: PLC0415 - only newest servers come here

        found: dict[str, Any] = {}
        for key, request in wanted.items():
            context = ClientRequestContext(session=session, request_id=key)
            answer = await session.dispatch_input_request(context, request)
            if isinstance(answer, mcp_types.ErrorData):
                raise AnswerError(f"it asked for what it did not get: {answer.message}")
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
        context = copy_context() if _of_a_call.get() else self._context_of_calls()

        async def answered() -> Any:
            return await handler(self._name, params)

        try:
            loop = asyncio.get_running_loop()
            return form.validate_python(await loop.create_task(answered(), context=context))
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - the application's code must not end the connection
            name = on_one_line(self._name)
            _log.exception("the application's handler of %s failed for %s", what, name)
            return _refusal(f"the client failed to answer the request for {what}")
        finally:
            self._under_way -= 1

    def _context_of_calls(self) -> Context:
        """A context with the values that all calls under way have in common."""
        first, *others = self._calls.values() or [Context()]
        common, missing = Context(), object()
        for var, value in first.items():
            if all(each.get(var, missing) is value for each in others):
                common.run(var.set, value)
        return common

    async def _list_roots(self, _: ClientRequestContext) -> Any:
        uris = self._handlers.roots or ()
        return mcp_types.ListRootsResult.model_validate({"roots": [{"uri": each} for each in uris]})

    async def _logged(self, params: Any) -> None:
        level = _LEVELS.get(params.level, logging.INFO)
        if self._log.isEnabledFor(level):
            source = f"{params.logger}: " if params.logger else ""
            said = self._redact(f"{source}{params.data}")[:LOGGED_CHARACTERS]
            self._log.log(level, "%s", on_one_line(said))

    async def _heard(self, message: IncomingMessage) -> None:
        if isinstance(message, mcp_types.ToolListChangedNotification):
            self.tools_changed()
        elif isinstance(message, Exception):
            name = on_one_line(self._name)
            _log.debug("MCP server %s sent what is no message: %s", name, type(message))


def _refusal(text: str) -> Any:
    return mcp_types.ErrorData(code=mcp_types.INVALID_REQUEST, message=text)
