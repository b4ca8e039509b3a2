"""What came of one program or scenario on two hosts, and which differences are meant.

A ``Hint:`` line is ours alone and never counts. A difference that is an improvement stands with
its reason in ``improvements.toml``.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

IMPROVEMENTS: Final = Path(__file__).with_name("improvements.toml")
"""A reason for every release, or a table of reasons by release where a difference is from some only."""

NEWEST: Final = "0.171.0"
"""The release of the published host that ours is held against."""

Verdict: TypeAlias = Literal["equal", "improved", "different"]
VERDICTS: Final[tuple[Verdict, ...]] = ("equal", "improved", "different")

_HINT: Final = "\nHint: "


@dataclass(frozen=True, slots=True)
class Comparison:
    """One program or scenario, and what both hosts made of it."""

    name: str
    verdict: Verdict
    published: Any
    ours: Any
    reason: str | None = None
    """Why the difference is an improvement, or what is wrong with saying that it is one."""
    tries: int = 1
    """How often it ran: what is marked ``timing`` runs again after a difference."""

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as a JSON object; what is equal is not repeated."""
        head = {"name": self.name, "verdict": self.verdict, "reason": self.reason}
        if self.verdict == "equal":
            return head
        return {**head, "published": self.published, "ours": self.ours}


def compare(name: str, published: Any, ours: Any, improvements: Mapping[str, str]) -> Comparison:
    """Compare what two hosts did, given as JSON values."""
    published, ours = without_hints(published), without_hints(ours)
    reason = improvements.get(name)
    # As text: in Python, True == 1 and 1 == 1.0.
    same = json.dumps(published, sort_keys=True) == json.dumps(ours, sort_keys=True)
    if same and reason is not None:
        gone = "there is no difference any more: drop it from improvements.toml"
        return Comparison(name, "different", published, ours, gone)
    if same:
        return Comparison(name, "equal", published, ours)
    return Comparison(name, "improved" if reason else "different", published, ours, reason)


def without_hints(value: Any) -> Any:
    """Return a JSON value in which no text has a ``Hint:`` line any more."""
    match value:
        case str():
            return value.partition(_HINT)[0]
        case list():
            return [without_hints(item) for item in value]
        case dict():
            return {key: without_hints(item) for key, item in value.items()}
        case _:
            return value


def load_improvements(release: str = NEWEST) -> dict[str, str]:
    """Return the reason for each difference from ``release`` that is meant, by program or scenario."""
    reasons: dict[str, str | dict[str, str]] = tomllib.loads(IMPROVEMENTS.read_text("utf-8"))
    of_release = {
        name: reason if isinstance(reason, str) else reason.get(release)
        for name, reason in reasons.items()
    }
    return {name: reason for name, reason in of_release.items() if reason is not None}


def counts(comparisons: Iterable[Comparison]) -> dict[Verdict, int]:
    """Return how many comparisons came to each verdict."""
    counted = Counter(comparison.verdict for comparison in comparisons)
    return {verdict: counted[verdict] for verdict in VERDICTS}


def summary(part: str, counted: Mapping[Verdict, int]) -> str:
    """Return the counts of one part as a line for people.

    >>> summary("programs", {"equal": 3, "improved": 1, "different": 0})
    'programs 4 equal 3 improved 1 different 0'
    """
    return " ".join([f"{part} {sum(counted.values())}", *(f"{k} {n}" for k, n in counted.items())])
