"""What a session has let through, for rules that count."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from ...protocol.types import CellId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NUMBERS: Final = msgspec.msgpack.Decoder(tuple[int, int])
_TIME: Final = msgspec.msgpack.Decoder(float)


@dataclass(slots=True)
class Count:
    """What one rule has counted.

    Attributes:
        calls: how many calls it let through.
        bytes: of their arguments and results, as JSON in UTF-8.
        times: of the last calls, by the clock of the history.
        keys: of all calls, where the rule has keys.
    """

    calls: int = 0
    bytes: int = 0
    times: deque[float] = field(default_factory=deque)
    keys: set[str] = field(default_factory=set)


class KeptCount(Struct, frozen=True):
    """A part of a count, for whoever keeps it beyond the process; a later one with the same key replaces it.

    Attributes:
        key: which part of which rule's count.
        content: encoded.
        cell_id: whose, where the rule counts by cells.
    """

    key: str
    content: bytes
    cell_id: str = ""


class CallHistory:
    """The counts of the rules of one session.

    Args:
        clock: seconds that never go back.
        names: the rules whose counts are kept beyond the process, by names that the next one gives them, too.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        names: Mapping[str, object] | None = None,
    ) -> None:
        self.clock = clock
        self._counts: dict[tuple[int, CellId | None], tuple[object, Count]] = {}
        self._rules = dict(names or {})
        self._names = {id(rule): name for name, rule in self._rules.items()}
        self._changes: list[KeptCount] | None = None

    def __repr__(self) -> str:
        return f"<history of {len(self._counts)} rules>"

    def count(self, rule: object, cell_id: CellId | None = None) -> Count:
        """What ``rule`` has counted, in one cell or, if None, in the session."""
        key = id(rule), cell_id
        if key not in self._counts:
            self._counts[key] = (rule, Count())  # the rule is kept, so that its id stays its own
        return self._counts[key][1]

    def forget(self, cell_id: CellId) -> None:
        """The cell is over."""
        for key in [key for key in self._counts if key[1] == cell_id]:
            del self._counts[key]

    # ── counting ─────────────────────────────────────────────────────────────────────────────

    def add(
        self, rule: object, cell_id: CellId | None = None, *, calls: int = 0, size: int = 0
    ) -> None:
        """Count calls and bytes."""
        count = self.count(rule, cell_id)
        count.calls += calls
        count.bytes += size
        self._note(rule, cell_id, "n", (count.calls, count.bytes))

    def add_time(self, rule: object, *, most: int) -> None:
        """Note that a call goes on now; the last ``most`` of these times are kept."""
        count, now = self.count(rule), self.clock()
        count.calls += 1
        count.times.append(now)
        while len(count.times) > most:
            count.times.popleft()
        self._note(rule, None, f"t{count.calls % most}", time.time() - (self.clock() - now))

    def add_key(self, rule: object, key: str) -> None:
        """Note that a call with this key goes on."""
        self.count(rule).keys.add(key)
        self._note(rule, None, f"k{key}", None)

    # ── beyond the process ───────────────────────────────────────────────────────────────────

    def take_changes(self) -> tuple[KeptCount, ...]:
        """What was counted since the last time; nothing is collected before the first ``restore``."""
        changes, self._changes = self._changes or [], None if self._changes is None else []
        return tuple(changes)

    def restore(self, kept: Iterable[KeptCount]) -> None:
        """Go on from what another process has counted, and collect changes from here on."""
        self._changes = []
        for each in kept:
            name, _, part = each.key.partition("/")
            rule = self._rules.get(name)
            if rule is None:
                continue  # the policy has no such rule any more
            count = self.count(rule, CellId(each.cell_id) if each.cell_id else None)
            if part.startswith("k"):
                count.keys.add(part[1:])
            elif part.startswith("t"):
                ago = max(0.0, time.time() - _TIME.decode(each.content))
                count.times = deque(sorted((*count.times, self.clock() - ago)))
                count.calls = max(count.calls, len(count.times))
            else:
                count.calls, count.bytes = _NUMBERS.decode(each.content)

    def _note(self, rule: object, cell_id: CellId | None, part: str, value: object) -> None:
        name = self._names.get(id(rule))
        if self._changes is not None and name is not None:
            content = msgspec.msgpack.encode(value)
            self._changes.append(KeptCount(f"{name}/{part}", content, cell_id or ""))
