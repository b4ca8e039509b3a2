"""How one host of a fleet stands with a provider: what is open there, and whether it is to be asked.

Pure: the clock is given. A host that did not answer is a *suspect* for a while: it is asked again when that is
over, or before that when all others are suspects, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .places import HostPlace

SUSPECT_SECONDS: Final = 10.0
"""How long a host that did not answer is asked last."""

REFUSED_SECONDS: Final = 1.0
"""How long one that has refused a session is not asked at all."""

TRUSTED_SECONDS: Final = 1.0
"""How long an answer counts, before the host is asked again whether it serves."""


@dataclass(slots=True)
class Standing:
    """One host.

    Attributes:
        place: where it is, as its ``Places`` said last.
        sessions: how many are open or being opened there.
        is_listed: its ``Places`` names it.
        is_drained: the application has asked for nothing more there.
        suspect_until: it is asked last until then.
        refused_until: it is not asked until then.
        trusted_until: it is not asked whether it serves until then.
        trouble: what was wrong last.
    """

    place: HostPlace
    sessions: int = 0
    is_listed: bool = True
    is_drained: bool = False
    suspect_until: float = 0.0
    refused_until: float = 0.0
    trusted_until: float = 0.0
    trouble: str = ""

    def answered(self, now: float) -> None:
        """It serves."""
        self.suspect_until = 0.0
        self.trusted_until = now + TRUSTED_SECONDS

    def failed(self, now: float, trouble: str) -> None:
        """It did not answer, or does not serve."""
        self.trouble = trouble
        self.suspect_until = now + SUSPECT_SECONDS

    def refused(self, now: float, trouble: str) -> None:
        """It serves, and did not open a session."""
        self.trouble = trouble
        self.trusted_until = 0.0
        self.refused_until = now + REFUSED_SECONDS

    @property
    def takes_sessions(self) -> bool:
        """Whether it may be asked at all."""
        has_room = self.place.room is None or self.sessions < self.place.room
        return has_room and self.is_listed and not (self.is_drained or self.place.is_draining)

    def why_not(self) -> str:
        """Why it is not asked, or did not answer."""
        if not self.is_listed:
            return "it is not listed any more"
        if self.is_drained or self.place.is_draining:
            return "it is drained"
        if not self.takes_sessions:
            return f"it has room for {self.place.room} sessions"
        return self.trouble or "it was not asked"


def in_order(standings: Iterable[Standing], now: float, spread: dict[str, float]) -> list[Standing]:
    """The hosts that may be asked for a session: trusted ones before suspects, then by number of sessions.

    Args:
        standings: all of the fleet.
        now: the time.
        spread: a number between 0 and 1 for each endpoint, which decides between those that have as many.
    """
    fit = [each for each in standings if each.takes_sessions and each.refused_until <= now]
    return sorted(
        fit,
        key=lambda each: (
            each.suspect_until > now,
            each.sessions,
            spread.get(each.place.endpoint, 0.0),
        ),
    )
