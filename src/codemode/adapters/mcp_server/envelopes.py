"""The envelope of a JSON-RPC message, checked before the SDK reads the message.

The SDK takes a request whose ID is neither an integer nor a string for a notification, and never
answers it; its errors do not name what is wrong. Here such a request gets an error with its own ID.
An ID such as ``5.0`` is the integer 5: some languages have floating-point numbers only.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import mcp_types as types
import msgspec
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from starlette.responses import Response

from ...limits import GREATEST
from ...surface.text import well_formed

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SHOWN_CHARACTERS: Final = 60
"""How much of a value is quoted in an error."""
DIGITS: Final = 400
"""How many characters of a number are read."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message that is no JSON-RPC message.

    Attributes:
        request_id: the ID of the request that it would have been; None if there is none.
        text: which member is wrong, and what it should be.
        code: of the JSON-RPC error.
    """

    request_id: int | float | str | None
    text: str
    code: int = types.INVALID_REQUEST

    @property
    def answer(self) -> bytes:
        """The JSON-RPC error that tells the client."""
        error = {"code": self.code, "message": self.text}
        return json.dumps({"jsonrpc": "2.0", "id": self.request_id, "error": error}).encode()


class _Envelope(msgspec.Struct):
    jsonrpc: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    method: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    params: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def checked(data: bytes) -> bytes | Malformed:
    """The message as the SDK should read it, or what is wrong with its envelope.

    >>> checked(b'{"jsonrpc":"2.0","id":5.0,"method":"ping"}')
    b'{"jsonrpc":"2.0","id":5,"method":"ping"}'
    >>> checked(b'{"jsonrpc":"2.0","id":5.5,"method":"ping"}').text
    '`id` must be an integer or a string, got 5.5'
    """
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
    except msgspec.ValidationError:
        return Malformed(None, "a message must be one JSON object; batches are not supported")
    except (msgspec.DecodeError, RecursionError):
        return data  # the SDK's reader has the last word on what is JSON
    if envelope.method is msgspec.UNSET:
        return data  # an answer to a request of ours
    request_id = _value(envelope.id)
    if isinstance(request_id, float) and request_id.is_integer() and abs(request_id) <= GREATEST:
        members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        members["id"] = msgspec.Raw(str(int(request_id)).encode())
        data = msgspec.json.encode(members)
    elif envelope.id is not msgspec.UNSET and type(request_id) not in (int, str):
        return Malformed(request_id, _wrong("id", "an integer or a string", envelope.id))
    for name, kind, fits in (
        ("jsonrpc", '"2.0"', _value(envelope.jsonrpc) == "2.0"),
        ("method", "a string", isinstance(_value(envelope.method), str)),
        ("params", "an object", _is_object(envelope.params)),
    ):
        if not fits:
            return Malformed(request_id, _wrong(name, kind, getattr(envelope, name)))
    return data


def id_in(data: bytes) -> int | str | None:
    """The ID in a request that is no JSON for a strict reader: half a surrogate pair, for one."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return None
    found = said.get("id") if isinstance(said, dict) and "method" in said else None
    return found if type(found) in (int, str) else None


class Envelopes:
    """An ASGI application around another one: answers bodies whose envelope is wrong.

    Args:
        app: gets the others; each body has to come in one message.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        unread: list[Message] = [await receive()]
        found = checked(unread[0].get("body", b""))
        if isinstance(found, Malformed):
            answer = Response(found.answer, 400, media_type="application/json")
            await answer(scope, receive, send)
            return
        unread[0] = {**unread[0], "body": found}

        async def replay() -> Message:
            return unread.pop() if unread else await receive()

        await self._app(scope, replay, send)


async def naming_parameters(
    ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """A middleware of the SDK's server: its errors name the parameter that is wrong."""
    try:
        return await call_next(ctx)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = first["loc"] if first["loc"][:1] == ("params",) else ("params", *first["loc"])
        path = ".".join(map(str, where))
        got = "" if first["type"] == "missing" else f", got {_cut(repr(first['input']))}"
        text = f"`{_cut(path)}`: {first['msg']}{got}"
        raise MCPError(types.INVALID_PARAMS, well_formed(text)) from error


def _value(raw: msgspec.Raw | msgspec.UnsetType) -> int | float | str | None:
    """A string or a number as it is; None for anything else, and for a number that is too long."""
    if isinstance(raw, msgspec.UnsetType):
        return None
    text = bytes(raw)
    if not text.startswith(b'"') and (text[0] not in b"-0123456789" or len(text) > DIGITS):
        return None
    found: int | float | str = json.loads(text)
    # 1e999 is a number of JSON, and no float that JSON could say again.
    return found if not isinstance(found, float) or math.isfinite(found) else None


def _is_object(raw: msgspec.Raw | msgspec.UnsetType) -> bool:
    return isinstance(raw, msgspec.UnsetType) or bytes(raw)[:1] in (b"{", b"n")


def _wrong(name: str, kind: str, raw: msgspec.Raw | msgspec.UnsetType) -> str:
    if isinstance(raw, msgspec.UnsetType):
        return f"`{name}` is missing; it must be {kind}"
    return f"`{name}` must be {kind}, got {_cut(bytes(raw).decode(errors='replace'))}"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
