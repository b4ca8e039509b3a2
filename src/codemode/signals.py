"""Signals made of others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .protocol.session import Signal


class EitherSignal:
    """Set as soon as one of several signals is; a :class:`~codemode.protocol.session.Signal`."""

    def __init__(self, *signals: Signal) -> None:
        self._signals = signals

    def __repr__(self) -> str:
        return f"<either of {len(self._signals)} signals, {'set' if self.is_set() else 'not set'}>"

    def is_set(self) -> bool:
        """Whether one of them is set."""
        return any(each.is_set() for each in self._signals)

    async def wait(self) -> bool:
        """Return when one of them is set."""
        waiting = [asyncio.ensure_future(each.wait()) for each in self._signals]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        return True
