"""How a run ended: its status, exit code and report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from msgspec import Struct

from ..limits import amount

if TYPE_CHECKING:
    from ..protocol.types import CellId
    from ..surface.result import ExecResult

Status: TypeAlias = Literal["completed", "failed", "lost", "limit", "interrupted"]

EXIT_CODES: Final[dict[Status, int]] = {
    "completed": 0,
    "failed": 1,
    "lost": 3,
    "limit": 4,
    "interrupted": 130,
}


class ProgramOutcome(Struct, frozen=True):
    """The end of a program.

    Attributes:
        status: which end.
        error: why, for people, or None.
        limit: the limit's name, if one was reached.
    """

    status: Status
    error: str | None = None
    limit: str | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of ``codemode run`` for this outcome."""
        return EXIT_CODES[self.status]


class CallReport(Struct, frozen=True, kw_only=True):
    """One nested call; ``started_ms`` counts from the start of the program, ``bytes`` is of its result."""

    id: str
    name: str
    status: Literal["ok", "failed", "cancelled"]
    error: str | None
    started_ms: float
    duration_ms: float
    bytes: int


class Report(Struct, frozen=True, kw_only=True):
    """What ``--json`` prints."""

    status: Status
    exit_code: int
    error: str | None
    limit: str | None
    cell_id: CellId | None
    items: list[dict[str, Any]]
    notifications: list[str]
    calls: list[CallReport]
    observations: int
    duration_ms: float


def outcome_of(result: ExecResult) -> ProgramOutcome:
    """The end that a result tells of. Its text plays no part in that: a program can throw any."""
    if result.error_text is None:
        return ProgramOutcome("completed")
    if result.limit is not None:
        return ProgramOutcome("limit", result.error_text, result.limit)
    return ProgramOutcome("lost" if result.worker_lost else "failed", result.error_text)


def out_of_time(max_seconds: float) -> ProgramOutcome:
    """The end by ``--max-seconds``."""
    return ProgramOutcome(
        "limit",
        f"Limit reached (max_seconds): the program ran for more than {max_seconds:g} s."
        "\nHint: give it longer with --max-seconds, or let it do less.",
        "max_seconds",
    )


def too_much_kept(size: int) -> ProgramOutcome:
    """The end of a program whose output ``--json`` could not keep any longer."""
    return ProgramOutcome(
        "limit",
        f"Limit reached (output_bytes): --json keeps all output until the end, and it was more"
        f" than {amount(size, 'bytes')}."
        "\nHint: let the program print less, or run it without --json.",
        "output_bytes",
    )
