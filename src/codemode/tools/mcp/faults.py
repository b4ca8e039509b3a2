"""What can go wrong with a request, told apart by where it comes from and never by a number or a text.

The codes of JSON-RPC errors are the server's to choose, ``-32000`` and its neighbours most of all, and
the SDK uses some of them for faults of its own. So whatever a server sends is noted before the SDK
reads it (:mod:`codemode.tools.mcp.answers`), and raised as one of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcp import MCPError
from mcp_types import INTERNAL_ERROR

if TYPE_CHECKING:
    from ...protocol.types import JsonValue

SAID_CHARACTERS: Final = 2_000
"""Characters of a server's words that are kept for an error text."""


class PeerError(MCPError):
    """The server answered with an error of its own: its code, message and data, whatever they are."""


class NoAnswerError(MCPError):
    """No answer came, for the SDK's reason: the connection ended, or the stream that it was to come on."""


class AnswerError(MCPError):
    """The server answered with what cannot be taken.

    Attributes:
        is_too_large: whether less would have done.
    """

    def __init__(self, reason: str, *, is_too_large: bool = False) -> None:
        super().__init__(INTERNAL_ERROR, reason)
        self.is_too_large = is_too_large


@dataclass(frozen=True, slots=True)
class HttpStatus:
    """How a server behind a URL refused a request.

    Attributes:
        status: of HTTP.
        phrase: what the status is called.
        said: the text of the body, plain; may be empty.
        retry_after: the header of that name; may be empty.
        has_session: whether the request was made in a session.
        is_answer: whether the body answers this very request, as JSON-RPC.
    """

    status: int
    phrase: str
    said: str = ""
    retry_after: str = ""
    has_session: bool = False
    is_answer: bool = False

    def __str__(self) -> str:
        told = f"HTTP {self.status} {self.phrase}".rstrip()
        waits = f" (Retry-After: {self.retry_after})" if self.retry_after else ""
        return told + waits


class HttpError(MCPError):
    """A server behind a URL refused a request by a status, or answered with no message at all."""

    def __init__(
        self, refusal: HttpStatus, code: int = INTERNAL_ERROR, data: JsonValue = None
    ) -> None:
        said = f": {refusal.said}" if refusal.said else ""
        super().__init__(code, f"{refusal}{said}", data)
        self.refusal = refusal
