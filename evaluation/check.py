"""The short part: figures that must not move without somebody looking. For CI, in half a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from . import bfcl, servers, tasks
from .catalogues import suite_sizes
from .dojo import suites
from .tables import Row, read

CONVERSATIONS = 10
_UNSTEADY = frozenset({"waves"})
"""How many calls waited for one another depends on how busy the machine is."""


async def differences() -> list[str]:
    """What differs from the results in the repository."""
    found: list[str] = []
    rows, leaks, _ = await tasks.run_tasks(tasks.SHORT)
    mine = [row for row in read("tasks.csv") if row["suite"] in tasks.SHORT]
    found += _compare("tasks.csv", mine, rows)
    found += _compare(
        "leaks.csv", [r for r in read("leaks.csv") if r["suite"] in tasks.SHORT], leaks
    )
    sizes = [
        {"suite": name, "tools": len(s.tools), **suite_sizes(s)} for name, s in suites().items()
    ]
    found += _compare("suites.csv", read("suites.csv"), sizes)
    found += _compare("search.csv", read("search.csv"), servers.run_search())
    conversations = await bfcl.run_bfcl(CONVERSATIONS)
    strayed = {row["conversation"] for row in conversations if not row["same_state"]}
    found += [f"BFCL's {each} ends in another state" for each in sorted(strayed)]
    return found


def run() -> list[str]:
    """The same, from outside of a loop."""
    return asyncio.run(differences())


def _compare(name: str, recorded: Iterable[Row], now: Iterable[Row]) -> list[str]:
    before, after = ([_steady(row) for row in rows] for rows in (recorded, now))
    if len(before) != len(after):
        return [f"{name}: {len(before)} rows are recorded, and {len(after)} there now"]
    return [
        f"{name}: {' '.join(map(str, list(old.values())[:3]))}: {key} was {old[key]!r}, and is {new[key]!r} now"
        for old, new in zip(before, after, strict=True)
        for key in old
        if old[key] != new[key]
    ]


def _steady(row: Row) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in _UNSTEADY}
