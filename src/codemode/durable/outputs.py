"""A running hash of what a cell has said: equal for cells that have said the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from ..engine.events import ClockRead, Idle
from .store import OutputMark

if TYPE_CHECKING:
    from ..engine.events import Event

DIGEST_BYTES: Final = 8


class Outputs:
    """Counts and hashes events. Readings of the clock and the ends of turns are no outputs."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.blake2b(digest_size=DIGEST_BYTES)

    def __repr__(self) -> str:
        return f"<{self.count} outputs, {self.digest.hex()}>"

    @property
    def digest(self) -> bytes:
        """Of everything so far."""
        return self._hash.digest()

    @property
    def mark(self) -> OutputMark:
        """Everything so far."""
        return OutputMark(self.count, self.digest)

    def add(self, event: Event) -> bool:
        """Take an event; whether it is an output."""
        if isinstance(event, ClockRead | Idle):
            return False
        text = msgspec.msgpack.encode((type(event).__name__, event))
        self._hash.update(len(text).to_bytes(4, "big"))
        self._hash.update(text)
        self.count += 1
        return True
