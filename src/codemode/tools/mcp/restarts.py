"""When a server that failed may be started again, and how often one is asked for its tools: pure."""

from __future__ import annotations

from typing import Final

FIRST_DELAY_S: Final = 1.0
LONGEST_DELAY_S: Final = 60.0
FIRST_LIST_PAUSE_S: Final = 0.25
"""The first pause between two listings of a server that announces changes."""
LONGEST_LIST_PAUSE_S: Final = 60.0
"""The pause of one that asks for it again and again."""
_MOST: Final = 32


class Restarts:
    """Pauses between the starts of one server: none, then one second, two, four, up to a minute.

    >>> restarts = Restarts()
    >>> pauses = []
    >>> for _ in range(4):
    ...     restarts.failed(now=100.0)
    ...     pauses.append(restarts.pause(now=100.0))
    >>> pauses
    [0.0, 1.0, 2.0, 4.0]
    """

    def __init__(self) -> None:
        self._failures = 0
        self._next = 0.0

    def failed(self, now: float) -> None:
        """It could not be started, or was lost."""
        delay = FIRST_DELAY_S * 2.0 ** (self._failures - 1) if self._failures else 0.0
        self._next = now + min(delay, LONGEST_DELAY_S)
        self._failures = min(self._failures + 1, _MOST)

    def worked(self) -> None:
        """It answered a call: what was is forgotten."""
        self._failures = 0

    def pause(self, now: float) -> float:
        """Seconds until it may be started again; 0 if it may be now."""
        return max(0.0, self._next - now)


class ListPauses:
    """Pauses between the lists of one server's tools: longer for one that never rests.

    >>> pauses = ListPauses()
    >>> [pauses.after(is_restless=each) for each in (False, True, True, False)]
    [0.25, 0.5, 1.0, 0.25]
    """

    def __init__(self) -> None:
        self._last = FIRST_LIST_PAUSE_S

    def after(self, *, is_restless: bool) -> float:
        """Seconds to wait after a list; restless is whose tools changed while the last pause ran."""
        longer = min(2 * self._last, LONGEST_LIST_PAUSE_S)
        self._last = longer if is_restless else FIRST_LIST_PAUSE_S
        return self._last
