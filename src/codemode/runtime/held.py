"""What the cells of a session have said and nobody has taken yet: together within a bound.

A cell is bounded by itself (``output_bytes``, and what its callbacks hold), but a session has many.
Each has a *share*: its output that waits for an observer, what its callbacks hold, and the
unfinished part of a record. Beyond the bound, cells wait, as one does whose callbacks are full.

Nobody waits who could end the wait. A cell that is *observed* goes on: what it says is about to be
taken, and observers are as many as the application has asked for. When a share becomes smaller, an
observer has come or a callback has ended, so all are looked at again. And halves of records alone
hold nobody back: the first cell that has one may finish it. What is left is a session in which
output waits for observers who do not come; its cells wait, too, and end as unobserved.

So a session holds no more than the bound, one value, and what observed cells may hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Held:
    """The shares of all cells of a session."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._shares: dict[Share, None] = {}  # in the order of their cells
        self._said = 0
        self._unfinished = 0
        self._tight = False
        self._reviewing = False
        self._again = False

    def share(self, on_turn: Callable[[], None]) -> Share:
        """A cell's share; ``on_turn`` is called when ``waits`` has changed."""
        share = Share(self, on_turn)
        self._shares[share] = None
        return share

    @property
    def bytes(self) -> int:
        """What all shares hold together."""
        return self._said + self._unfinished

    def update(self, share: Share, said: int, unfinished: int) -> None:
        """``share`` holds so much from now on."""
        if share not in self._shares:
            return
        self._said += said - share.said
        self._unfinished += unfinished - share.unfinished
        share.said, share.unfinished = said, unfinished
        self.review()

    def leave(self, share: Share) -> None:
        """Its cell is over; harmless if it has left."""
        self.update(share, 0, 0)
        self._shares.pop(share, None)

    def review(self) -> None:
        """Look who has to wait now. Whoever goes on may change that at once."""
        if not self._tight and self.bytes <= self._max_bytes:
            return
        self._again = True
        if self._reviewing:
            return
        self._reviewing = True
        try:
            while self._again:
                self._again = False
                self._tight = self.bytes > self._max_bytes
                first = self._first_unfinished()
                for share in list(self._shares):
                    share.wait(not self._goes(share, first))
        finally:
            self._reviewing = False

    def _goes(self, share: Share, first: Share | None) -> bool:
        if share.observed or self.bytes <= self._max_bytes:
            return True
        return share is first and self._said <= self._max_bytes

    def _first_unfinished(self) -> Share | None:
        unfinished = (each for each in self._shares if each.unfinished and not each.observed)
        return next(unfinished, None)


class Share:
    """What one cell holds of it.

    Attributes:
        said: bytes of what it has said.
        unfinished: bytes of a record that has begun.
        observed: whether somebody is there to take what it says.
        waits: whether it is to be held back.
    """

    __slots__ = ("_held", "_on_turn", "observed", "said", "unfinished", "waits")

    def __init__(self, held: Held, on_turn: Callable[[], None]) -> None:
        self._held = held
        self._on_turn = on_turn
        self.said = 0
        self.unfinished = 0
        self.observed = False
        self.waits = False

    def holds(self, said: int) -> None:
        """The cell holds so many bytes of what it has said."""
        if said != self.said:
            self._held.update(self, said, self.unfinished)

    def begins(self, unfinished: int) -> None:
        """So many bytes of its next record are here."""
        if unfinished != self.unfinished:
            self._held.update(self, self.said, unfinished)

    def observe(self, observed: bool) -> None:  # noqa: FBT001 - the one thing it says
        """Whether somebody observes the cell."""
        if observed is not self.observed:
            self.observed = observed
            self._held.review()

    def wait(self, waits: bool) -> None:  # noqa: FBT001 - the one thing it says
        """Hold the cell back, or let it go on (``Held``)."""
        if waits is not self.waits:
            self.waits = waits
            self._on_turn()

    def leave(self) -> None:
        """The cell is over."""
        self._held.leave(self)
