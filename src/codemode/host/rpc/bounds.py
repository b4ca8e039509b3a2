"""How long the request of each RPC may be, and how many fields it may have: judged before it is parsed.

gRPC has one bound on messages for a whole server, 64 MiB. Only what carries a program, its tools, a result or
stored values may be so long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...grpc.values import MESSAGE_BYTES
from .refusal import exhausted, invalid
from .requests import ENABLED_TOOLS, TOO_MANY_FILTERS, TOO_MANY_TOOLS, TOOL_FILTERS
from .stored import TOO_MANY_VALUES, VALUES
from .wire import has_more_fields

SMALL_BYTES: Final = 64 * 1024
"""Of a request with nothing but ids, names and numbers; 64 filters with the longest names are half of it."""

OTHER_FIELDS: Final = 64
"""Those of a request that do not repeat, and what newer clients may say besides."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What an RPC takes.

    Attributes:
        size: of the request, in bytes.
        fields: of the request itself, not of the messages in it.
        too_many: what is said against more.
    """

    size: int = SMALL_BYTES
    fields: int = OTHER_FIELDS
    too_many: str = f"code-mode request exceeds {OTHER_FIELDS} fields"


_BOUNDS: Final = {
    "Execute": Bound(MESSAGE_BYTES, ENABLED_TOOLS + OTHER_FIELDS, TOO_MANY_TOOLS),
    "SubscribeToToolCalls": Bound(SMALL_BYTES, TOOL_FILTERS + OTHER_FIELDS, TOO_MANY_FILTERS),
    "CompleteToolCall": Bound(MESSAGE_BYTES),
    "Restore": Bound(MESSAGE_BYTES, VALUES + OTHER_FIELDS, TOO_MANY_VALUES),
}
_OTHERS: Final = Bound()


def check_bounds(name: str, request: bytes) -> None:
    """Refuse a request that is not to be parsed.

    Args:
        name: the RPC.
        request: as it came.

    Raises:
        RpcError: it is too long, or has too many fields.
        DecodeError: it is no message.
    """
    bound = _BOUNDS.get(name, _OTHERS)
    if len(request) > bound.size:
        raise exhausted(f"code-mode {name} request of {len(request)} bytes exceeds {bound.size}")
    if has_more_fields(request, bound.fields):
        raise invalid(bound.too_many)
