"""The way out, as the parts that write see it."""

from __future__ import annotations

from typing import Protocol


class Outlet(Protocol):
    """Takes whole frames, in order. Taking never fails and never waits; whoever sends much asks first."""

    def send(self, frame: bytes | bytearray) -> None:
        """Write one frame after those before it; harmless when nobody reads any more."""

    @property
    def has_room(self) -> bool:
        """Whether little is left unwritten."""

    async def room(self) -> None:
        """Return when little is left unwritten."""
