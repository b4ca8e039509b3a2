"""Why an RPC is refused: a status and a text. The texts are those of the Codex host."""

from __future__ import annotations

from uuid import UUID

import grpc

from ...errors import CodeModeError, LimitError, SessionClosedError
from ..refused import RefusedError, TooManyCellsError

ID_BYTES = 256
"""Longest id or name that a client may choose."""


class RpcError(Exception):
    """The RPC is refused; the session lives. Never leaves the host."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code


def invalid(text: str) -> RpcError:
    """The request says what it must not."""
    return RpcError(grpc.StatusCode.INVALID_ARGUMENT, text)


def not_found(text: str) -> RpcError:
    """There is no such thing."""
    return RpcError(grpc.StatusCode.NOT_FOUND, text)


def exhausted(text: str) -> RpcError:
    """There is too much of it."""
    return RpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, text)


def reused(text: str) -> RpcError:
    """The id means something else already."""
    return RpcError(grpc.StatusCode.ALREADY_EXISTS, text)


SESSION_CLOSED = "code-mode session is closed"
WAIT_CANCELLED = "code-mode wait was cancelled"
CLIENT_LEFT = "code-mode client has left"


def of(error: Exception) -> RpcError:
    """What a session says against a request, as a status."""
    match error:
        case RpcError():
            return error
        case SessionClosedError():
            return RpcError(grpc.StatusCode.CANCELLED, SESSION_CLOSED)
        case grpc.aio.InternalError():  # gRPC's, of a write to nobody
            return RpcError(grpc.StatusCode.CANCELLED, CLIENT_LEFT)
        case TooManyCellsError() | LimitError():
            return exhausted(str(error))
        case CodeModeError() | RefusedError():
            return RpcError(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        case _:
            return RpcError(
                grpc.StatusCode.INTERNAL, f"code-mode host failed: {type(error).__name__}"
            )


def check_text(value: str, what: str) -> None:
    """Refuse an id or a name that says nothing, or too much.

    Raises:
        RpcError: it does.
    """
    if not value:
        raise invalid(f"code-mode {what} must not be empty")
    if len(value) * 4 > ID_BYTES and len(value.encode()) > ID_BYTES:
        raise invalid(f"code-mode {what} exceeds {ID_BYTES} bytes")


def checked_uuid(value: str, what: str) -> str:
    """The id as this host writes it.

    Raises:
        RpcError: it is no UUID.
    """
    if not value:
        raise invalid(f"code-mode {what} must not be empty")
    try:
        return str(UUID(value))
    except ValueError:
        raise invalid(f"code-mode {what} must be a UUID") from None
