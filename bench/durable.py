"""What a store costs: sessions with an SQLite store beside one without, in turns."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Literal

from codemode import CodeMode, ExecResult
from codemode.durable.sqlite import SqliteStore

from .client import TRIVIAL, compared
from .scenario import BenchError, Conditions, Figure, Samples, Scenario

GROUP = "durable"

_IN_TURN = "for (let i = 0; i < 200; i++) await tools.echo({ i });"
_AT_ONCE = "await Promise.all(Array.from({ length: 300 }, (_, i) => tools.echo({ i })));"

Synchronous = Literal["full", "normal"]
_STORES: tuple[tuple[str, Synchronous], ...] = (
    ("on the disk", "full"),
    ("in the system's memory", "normal"),
)


def all_scenarios() -> tuple[Scenario, ...]:
    """All scenarios of this file."""
    return tuple(
        Scenario(
            name=f"{name}, with a store {where}",
            figures=(
                Figure("without a store", decimals=3),
                Figure("with it", decimals=3),
                Figure("more", "%", decimals=0),
            ),
            measure=partial(beside_none, source=source, synchronous=synchronous, per=per),
            samples=samples,
            warm_ups=2,
        )
        for name, source, per, samples in (
            ("an exec", TRIVIAL, 1, 100),
            ("a nested call after another", _IN_TURN, 200, 15),
            ("a nested call among 300", _AT_ONCE, 300, 15),
        )
        for where, synchronous in _STORES
    )


async def echo(i: int) -> int:
    """Give it back."""
    return i


async def beside_none(
    conditions: Conditions, *, source: str, synchronous: Synchronous, per: int
) -> Samples:
    """Two sessions take turns."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder, "cells.db"), synchronous=synchronous)
        async with (
            CodeMode(tools=[echo]) as plain,
            CodeMode(tools=[echo], store=store, session="bench") as durable,
        ):
            without, with_it, _ = await compared(
                partial(_run, plain, source), partial(_run, durable, source), conditions
            )
        await store.aclose()
    without, with_it = [each / per for each in without], [each / per for each in with_it]
    more = [100 * (b - a) / a for a, b in zip(without, with_it, strict=True)]
    return {"without a store": without, "with it": with_it, "more": more}


async def _run(code_mode: CodeMode, source: str) -> None:
    await _completed(code_mode.exec(source, yield_time_ms=60_000))


async def _completed(result: Awaitable[ExecResult]) -> None:
    found = await result
    if found.status != "completed":
        raise BenchError(f"a program should have completed: {found.output[:200]}")
