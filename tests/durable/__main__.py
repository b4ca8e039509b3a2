"""``python -m tests.durable [--programs N] [--seed N]``: random programs, cut anywhere, until they end."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from .random_programs import Pieces, program


async def run(first: int, count: int) -> int:
    """Run so many programs; how many were wrong."""
    pieces = kills = wrong = 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            outcome = await Pieces(seed, Path(folder)).run()
            pieces += outcome.pieces
            kills += outcome.kills
            for each in outcome.wrong:
                print(f"seed {seed}: {each}", flush=True)
            wrong += bool(outcome.wrong)
    seconds = time.monotonic() - began
    print(
        f"{count} programs in {pieces} pieces, {kills} workers killed, {wrong} wrong, {seconds:.0f} s"
    )
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.durable", description=__doc__)
    parser.add_argument("--programs", type=int, default=1_000, help="how many [1000]")
    parser.add_argument("--seed", type=int, default=0, help="of the first [0]")
    parser.add_argument("--show", action="store_true", help="print the first program instead")
    chosen = parser.parse_args()
    if chosen.show:
        import random

        print(program(random.Random(chosen.seed)))
        return 0
    return 1 if asyncio.run(run(chosen.seed, chosen.programs)) else 0


if __name__ == "__main__":
    sys.exit(main())
