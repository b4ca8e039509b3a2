"""Stored values on their way to a client that keeps a copy, and back (``docs/protocol.md``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec import Raw

from ..protocol import messages as m
from ..protocol.v1 import encode, in_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .outlet import Outlet


@runtime_checkable
class KeepsValues(Protocol):
    """A session whose stored values can be watched, and set before its first cell."""

    def on_commit(self, tell: Callable[[Mapping[str, bytes]], None]) -> None: ...

    def restore(self, values: Mapping[str, bytes]) -> None: ...


class CommitReports:
    """Tells the client what the cells of one session commit."""

    def __init__(self, session_id: str, outlet: Outlet) -> None:
        self._session_id = session_id
        self._outlet = outlet

    def tell(self, written: Mapping[str, bytes]) -> None:
        """A cell has committed this."""
        parts = list(in_parts(written.items()))
        for left, part in zip(reversed(range(len(parts))), parts, strict=True):
            self._outlet.send(encode(m.SessionStored(self._session_id, part, left > 0)))


def as_json(values: Mapping[str, Raw]) -> dict[str, bytes]:
    """Values from a frame as the JSON that a session keeps.

    Raises:
        UnicodeDecodeError: one is not UTF-8.
    """
    kept = {key: bytes(value) for key, value in values.items()}
    for json in kept.values():
        json.decode()
    return kept
