"""Which call of its kind a call is: what makes its idempotency key.

The calls of a cell are identified by tool, canonical arguments and occurrence: the second call of ``pay`` with the
same arguments is another one than the first. Two calls that are alike are interchangeable, so that the order in
which a cell's promises settle does not matter. A cell that is made again from its journal makes the same
calls, and so has the same keys.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from ..surface.canonical_json import canonical

if TYPE_CHECKING:
    from ..protocol.types import CellId, JsonValue, ToolCall, ToolName

DIGITS: Final = 32


class Occurrences:
    """Counts the calls of the cells of one session.

    Args:
        session: what tells it from all others.
    """

    def __init__(self, session: str) -> None:
        self._session = session
        self._counts: dict[CellId, dict[bytes, int]] = {}

    def __repr__(self) -> str:
        return f"<occurrences in {len(self._counts)} cells>"

    def key(self, call: ToolCall) -> str:
        """The idempotency key of the next call of this kind; ask once for each call, in order."""
        kind = call_kind(call.tool_name, call.input)
        counts = self._counts.setdefault(call.cell_id, {})
        occurrence = counts[kind] = counts.get(kind, 0) + 1
        return idempotency_key(self._session, call.cell_id, kind, occurrence)

    def forget(self, cell_id: CellId) -> None:
        """The cell is over."""
        self._counts.pop(cell_id, None)


def call_kind(tool_name: ToolName, value: JsonValue) -> bytes:
    """What calls with the same tool and the same arguments have in common: 16 bytes."""
    text = json.dumps([tool_name.namespace, tool_name.name]) + canonical(value)
    return hashlib.sha256(text.encode()).digest()[:16]


def idempotency_key(session: str, cell_id: CellId, kind: bytes, occurrence: int) -> str:
    """The key of a call, in hexadecimal digits."""
    text = json.dumps([session, cell_id, kind.hex(), occurrence])
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
