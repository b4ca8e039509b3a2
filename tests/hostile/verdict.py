"""What was seen of a hostile program, and what of that is wrong. Pure: nothing here acts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codemode.limits import GIB, KIB, MIB, Limits
from codemode.protocol.types import Result, Terminated, TextItem, Yielded

if TYPE_CHECKING:
    from .corpus import Program

_LIMIT: Final = re.compile(r"Limit reached \((\w+)\): ")

KEPT: Final = "still here"
"""What each hostile session has stored before, and must say afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a program ended.

    Attributes:
        how: one of ``corpus.ENDS``.
        prints: its texts; other items as a word for what they are.
        error: its error, or why it was refused.
    """

    how: str
    prints: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of one program on one route.

    Attributes:
        end: how it ended; a program that was terminated "runs".
        seconds: how long it was watched.
        termination_ms: how long the termination took, if there was one.
        neighbour_ms: the longest that the neighbour's live cell took to answer meanwhile.
        memory: the most that all processes had at once, in bytes (PSS), this one included.
        growth: how much of that had come since the program began.
        afterwards: what the same session printed when asked for ``KEPT``, or its error.
        left: what was there that was not there before.
    """

    end: End
    seconds: float = 0.0
    termination_ms: float | None = None
    neighbour_ms: float = 0.0
    memory: int = 0
    growth: int = 0
    afterwards: str = KEPT
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What may be seen at most; a slow machine multiplies the times.

    Attributes:
        termination_ms: of a termination.
        answer_ms: of the neighbour's answers.
        growth: of memory, in bytes.
    """

    termination_ms: float = 500
    answer_ms: float = 1_000
    growth: int = 2 * GIB

    @classmethod
    def of(cls, limits: Limits, *, patience: float = 1) -> Bounds:
        """The bounds that hold under ``limits``.

        A session's worker may take ``worker_memory_bytes``. What it says may be in the application
        and in the host at the same time, in several forms: as frames, as text, as JSON.
        """
        assert limits.worker_memory_bytes is not None and limits.stored_bytes is not None
        said = limits.output_bytes + limits.stored_bytes + limits.value_bytes
        return cls(
            termination_ms=500 * patience,
            answer_ms=1_000 * patience,
            growth=limits.worker_memory_bytes + 4 * said + 64 * MIB,
        )


def end_of(response: object) -> End:
    """The end that a response tells of; after a yield, or when it was terminated, it "runs"."""
    assert isinstance(response, Yielded | Result | Terminated), "no frontier was asked for"
    prints = tuple(
        item.text if isinstance(item, TextItem) else type(item).__name__ for item in response.items
    )
    if not isinstance(response, Result):
        return End(how="runs", prints=prints)
    error = response.error_text
    if error is None:
        return End(how="completed", prints=prints)
    found = _LIMIT.match(error)
    return End(how=f"limit {found[1]}" if found else "failed", prints=prints, error=error)


def refused(error: Exception) -> End:
    """The end of a program that was not started."""
    found = _LIMIT.match(str(error))
    return End(how=f"limit {found[1]}" if found else "refused", error=str(error))


def joined(first: End, last: object) -> End:
    """What has come so far, and a further response."""
    later = end_of(last)
    return End(how=later.how, prints=first.prints + later.prints, error=later.error)


def judge(program: Program, seen: Seen, bounds: Bounds) -> list[str]:
    """What went wrong, a line each: what happened, and what was expected."""
    wrong = _wrong_end(program, seen.end)
    if seen.termination_ms is not None and seen.termination_ms > bounds.termination_ms:
        wrong.append(
            f"terminating it took {seen.termination_ms:.0f} ms, more than {bounds.termination_ms:.0f} ms"
        )
    if seen.neighbour_ms > bounds.answer_ms:
        wrong.append(
            f"the neighbour answered after {seen.neighbour_ms:.0f} ms, more than {bounds.answer_ms:.0f} ms"
        )
    if seen.growth > bounds.growth:
        wrong.append(f"memory grew by {size(seen.growth)}, more than {size(bounds.growth)}")
    if seen.afterwards != KEPT:
        wrong.append(f"its session said {seen.afterwards[:300]!r} afterwards, not {KEPT!r}")
    wrong += [f"left behind: {each}" for each in seen.left]
    return wrong


def _wrong_end(program: Program, end: End) -> list[str]:
    expected = " or ".join(sorted(program.ends))
    if end.how not in program.ends:
        because = "" if end.error is None else f" ({end.error[:300]})"
        return [f"it ended as {end.how!r}{because}, expected {expected!r}"]
    wrong = []
    if program.prints is not None and end.prints != program.prints:
        wrong.append(f"it printed {str(end.prints)[:600]}, expected {program.prints}")
    first = (end.error or "").partition("\n")[0]
    if program.error is not None and first != program.error:
        wrong.append(f"its error was {first[:300]!r}, expected {program.error!r}")
    return wrong


def size(count: int) -> str:
    """``count`` bytes for people.

    >>> size(3 * 2**20)
    '3 MiB'
    """
    return f"{count / MIB:.0f} MiB" if count >= MIB else f"{count / KIB:.0f} KiB"
