"""Stored values on their way to a client that keeps a copy, and back (``docs/protocol.md``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from msgspec import Raw

from ..limits import MIB
from ..protocol import messages as m
from ..protocol.v1 import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .outlet import Outlet

PART_BYTES: Final = 16 * MIB
"""A part of a commit; one value alone may be larger."""


@runtime_checkable
class KeepsValues(Protocol):
    """A session whose stored values can be watched, and set before its first cell."""

    def on_commit(self, tell: Callable[[Mapping[str, str]], None]) -> None: ...

    def restore(self, values: Mapping[str, str]) -> None: ...


class CommitReports:
    """Tells the client what the cells of one session commit."""

    def __init__(self, session_id: str, outlet: Outlet) -> None:
        self._session_id = session_id
        self._outlet = outlet

    def tell(self, written: Mapping[str, str]) -> None:
        """A cell has committed this."""
        part: dict[str, Raw] = {}
        size = 0
        for key, json in written.items():
            value = json.encode(errors="replace")
            if part and size + len(value) > PART_BYTES:
                self._send(part, more=True)
                part, size = {}, 0
            part[key] = Raw(value)
            size += len(value)
        self._send(part, more=False)

    def _send(self, part: dict[str, Raw], *, more: bool) -> None:
        self._outlet.send(encode(m.SessionStored(self._session_id, part, more)))


def as_texts(values: Mapping[str, Raw]) -> dict[str, str]:
    """Values from a frame as the JSON texts that a session keeps.

    Raises:
        UnicodeDecodeError: one is not UTF-8.
    """
    return {key: bytes(value).decode() for key, value in values.items()}
