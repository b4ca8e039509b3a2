"""Many sessions that go on whatever happens to their hosts, and what became of what they did.

Each runs one program after another: it reads a counter that it has stored, tells the application the next number, stores it
and writes it. So a stored value that is lost shows as a number that comes back, and a result that is told twice as a
number that comes twice.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codemode import CodeMode, CodeModeError

if TYPE_CHECKING:
    from codemode import SessionProvider

PROGRAM = """
const n = (load("n") ?? 0) + 1;
await tools.record({ n });
await new Promise((done) => setTimeout(done, %d));
store("n", n);
text(n);
"""


@dataclass
class Member:
    """One session.

    Attributes:
        results: the numbers that its programs have written, in order.
        records: the numbers that they have told, in order.
        told: the errors that its model was told, by their first line.
        hit_at: when it first failed after the last ``Crowd.fault``, by ``time.monotonic``.
        back_at: when it first had a result after that.
        longest: seconds that an exec took, at most.
    """

    results: list[int] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    hit_at: float | None = None
    back_at: float | None = None
    longest: float = 0.0

    @property
    def values_lost(self) -> int:
        """How often a number came back that had been stored before."""
        return sum(
            after < before for before, after in zip(self.results, self.results[1:], strict=False)
        )

    @property
    def results_twice(self) -> int:
        """How many results were told twice."""
        return len(self.results) - len(set(self.results))

    @property
    def calls_twice(self) -> int:
        """How many nested calls were made twice, of cells whose commit did not come."""
        return len(self.records) - len(set(self.records))


@dataclass(frozen=True)
class Outcome:
    """What became of all, since the last fault."""

    results: int
    hit: int
    told: int
    values_lost: int
    results_twice: int
    calls_twice: int
    back: tuple[float, ...]
    longest: float
    not_back: int


class Crowd:
    """Sessions of one provider.

    Args:
        provider: makes them.
        count: how many.
        think: seconds between two programs of one session.
        work_ms: milliseconds that a program waits.
    """

    def __init__(
        self, provider: SessionProvider, count: int, *, think: float = 0.05, work_ms: int = 20
    ) -> None:
        self._provider = provider
        self._think = think
        self._program = PROGRAM % work_ms
        self._stop = asyncio.Event()
        self._went_on = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._fault_at: float | None = None
        self.members = [Member() for _ in range(count)]

    async def __aenter__(self) -> Crowd:
        opened = [asyncio.Event() for _ in self.members]
        self._tasks = [
            asyncio.create_task(self._live(member, event))
            for member, event in zip(self.members, opened, strict=True)
        ]
        await asyncio.gather(*(event.wait() for event in opened))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def _live(self, member: Member, opened: asyncio.Event) -> None:
        async def record(n: int) -> None:
            """Take a number."""
            member.records.append(n)

        async with CodeMode(tools=[record], provider=self._provider) as cm:
            while not self._stop.is_set():
                began = time.monotonic()
                failure = await self._once(cm, member)
                if failure is None:
                    member.longest = max(member.longest, time.monotonic() - began)
                    opened.set()
                    if member.hit_at is not None and member.back_at is None:
                        member.back_at = time.monotonic()
                else:
                    member.told[failure.splitlines()[0]] += 1
                    if self._fault_at is not None and member.hit_at is None:
                        member.hit_at = began
                try:
                    async with asyncio.timeout(self._think):
                        await self._stop.wait()
                except TimeoutError:
                    pass

    async def _once(self, cm: CodeMode, member: Member) -> str | None:
        try:
            result = await cm.exec(self._program)
        except CodeModeError as error:
            return str(error) or type(error).__name__
        if result.failed:
            return result.error_text or result.text
        member.results.append(int(result.output))
        self._went_on.set()
        return None

    async def go_on(self, rounds: int = 3) -> None:
        """Return when each session has had so many more results."""
        goals = [len(member.results) + rounds for member in self.members]
        while any(
            len(member.results) < goal for member, goal in zip(self.members, goals, strict=True)
        ):
            self._went_on.clear()
            await self._went_on.wait()

    def fault(self) -> None:
        """Something is about to happen: count from here."""
        self._fault_at = time.monotonic()
        for member in self.members:
            member.hit_at = member.back_at = None
            member.longest = 0.0
            member.told.clear()

    def outcome(self) -> Outcome:
        """What became of all."""
        members = self.members
        hit = [member for member in members if member.hit_at is not None]
        fault_at = self._fault_at or 0.0
        back = sorted(member.back_at - fault_at for member in hit if member.back_at is not None)
        return Outcome(
            results=sum(len(member.results) for member in members),
            hit=len(hit),
            told=sum(member.told.total() for member in members),
            values_lost=sum(member.values_lost for member in members),
            results_twice=sum(member.results_twice for member in members),
            calls_twice=sum(member.calls_twice for member in members),
            back=tuple(back),
            longest=max(member.longest for member in members),
            not_back=len(hit) - len(back),
        )
