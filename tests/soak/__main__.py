"""``python -m tests.soak --seconds 60 [--seed N]``: random faults against a model, time-boxed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import asdict

from .cell import WrongError
from .growth import grow
from .soak import seeds_for, soak
from .stage import FoundError, Played

TELL_SECONDS = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long [60]")
    parser.add_argument("--seed", type=int, default=None, help="of the first schedule [random]")
    parser.add_argument(
        "--cells", type=int, default=0, help="then so many cells in one session [0]"
    )
    parser.add_argument("--only", action="store_true", help="play that one schedule and no other")
    chosen = parser.parse_args()
    first = time.monotonic_ns() % 10**9 if chosen.seed is None else chosen.seed
    print(f"soak: seeds from {first}", flush=True)
    told = time.monotonic()

    def tell(total: Played) -> None:
        nonlocal told
        if time.monotonic() - told >= TELL_SECONDS:
            told = time.monotonic()
            print(f"  {total.schedules} schedules, {total.faults.total()} faults", flush=True)

    seeds = [first] if chosen.only else seeds_for(chosen.seconds, first)
    try:
        total = soak(seeds, tell)
    except FoundError as error:
        print(f"WRONG, in this schedule:\n{error}", flush=True)
        print("to play it again: python -m tests.soak --only --seed SEED", flush=True)
        return 1
    print(
        f"{total.schedules} schedules, {total.cells} cells, {total.items} items, {total.values} stored values"
        f" and {total.calls} tool calls: all as they should be"
    )
    for kind, times in sorted(total.faults.items()):
        print(f"  {kind:16} {times:5}")
    return _grow(chosen.cells) if chosen.cells else 0


def _grow(cells: int) -> int:
    try:
        before, after = asyncio.run(grow(cells // 10, cells))
    except WrongError as error:
        print(f"WRONG: {error}", flush=True)
        return 1
    print(f"one session after {cells // 10:,} cells and after {cells:,}:")
    for name, held in asdict(before).items():
        print(f"  {name:20} {held:12,} {asdict(after)[name]:12,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
