"""How a run ended: its status, exit code and report."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from msgspec import Struct

from ..limits import Limits

if TYPE_CHECKING:
    from ..protocol.types import CellId

Status: TypeAlias = Literal["completed", "failed", "lost", "limit", "interrupted"]

EXIT_CODES: Final[dict[Status, int]] = {
    "completed": 0,
    "failed": 1,
    "lost": 3,
    "limit": 4,
    "interrupted": 130,
}

_LIMIT: Final = re.compile(r"(?:\w*Error: )?Limit reached \((\w+)\): ")
_LOST: Final = "The worker process of this session was "
_LIMIT_NAMES: Final = frozenset(each.name for each in fields(Limits)) | {"max_seconds"}


class Outcome(Struct, frozen=True):
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
        return EXIT_CODES[self.status]


class CallReport(Struct, frozen=True, kw_only=True):
    """One nested call. Times are milliseconds since the program started."""

    id: str
    name: str
    status: Literal["ok", "failed", "cancelled"]
    error: str | None
    started_ms: float
    duration_ms: float


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


def outcome_of(error_text: str | None) -> Outcome:
    """The end that a result's error text tells of.

    A result has no other mark yet: this reads the stable first line of the runtime's own errors.
    """
    if error_text is None:
        return Outcome("completed")
    found = _LIMIT.match(error_text)
    if found and found[1] in _LIMIT_NAMES:
        return Outcome("limit", error_text, found[1])
    return Outcome("lost" if error_text.startswith(_LOST) else "failed", error_text)


def out_of_time(max_seconds: float) -> Outcome:
    """The end by ``--max-seconds``."""
    return Outcome(
        "limit",
        f"Limit reached (max_seconds): the program ran for more than {max_seconds:g} s."
        "\nHint: give it longer with --max-seconds, or let it do less.",
        "max_seconds",
    )
