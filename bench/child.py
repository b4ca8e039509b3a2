"""The process of one scenario: conditions and what to measure come in, samples go out."""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
from collections.abc import Awaitable, Callable

from .scenario import BenchError, Conditions, Samples

Job = tuple[Callable[[Conditions], Awaitable[Samples]], Conditions]


async def _run(job: Job) -> Samples:
    measure, conditions = job
    return await measure(conditions)


def main() -> None:
    """Run one job; a failure is the last line of stderr and the exit status."""
    job: Job = pickle.load(sys.stdin.buffer)  # from our parent: the runner of these benchmarks
    try:
        found = asyncio.run(_run(job))
    except BenchError as error:
        sys.exit(str(error))
    print(json.dumps({name: list(samples) for name, samples in found.items()}))


if __name__ == "__main__":
    main()
