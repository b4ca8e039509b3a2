"""What a large cell took is given back when it ends, although its worker lives on."""

from __future__ import annotations

import asyncio
import gc
from typing import Final

import pytest

from bench.process_tree import descendants, memory_of, supported
from codemode import CodeMode
from codemode.engine.spawners import ZygoteSpawner

SECONDS: Final = 20.0
"""How long the isolate of a cell that has ended may take to be freed; it takes some milliseconds."""

SAME_READINGS: Final = 6
"""After so many that are alike, half a second apart, memory does not change any more."""

LARGE: Final = (
    "let all = []; for (let i = 0; i < 300_000; i++) all.push({i, text: 'x' + i}); text(all.length)"
)
GROWTH_MIB: Final = 20.0
"""Measured: 8 MiB, and 45 MiB where V8 keeps the pages of large cells."""


def private_mib() -> float:
    """What belongs to one of our descendants alone, in MiB."""
    return sum(memory_of(pid).uss for pid in descendants())


ZYGOTE_MIB: Final = 20.0
"""Measured: 13 MiB resident, shared pages included, and 39 where it keeps the touched pages of V8's code."""


@pytest.mark.skipif(not supported(), reason="only root may look at the memory of a worker")
async def test_a_worker_is_small_again_after_a_dozen_large_cells() -> None:
    gc.collect()
    async with CodeMode() as code_mode:
        for _ in range(5):
            await code_mode.exec("text(1)")
        before = await settled(0)
        for _ in range(12):
            result = await code_mode.exec(LARGE)
            assert result.output == "300000"
        await code_mode.exec("text(1)")
        after = await settled(before + GROWTH_MIB)

    assert after < before + GROWTH_MIB


@pytest.mark.skipif(not supported(), reason="only root may look at the memory of a worker")
async def test_a_zygote_gives_back_the_code_that_loading_has_touched() -> None:
    spawner = ZygoteSpawner()
    try:
        worker = await spawner.start()
        resident = memory_of(next(iter(spawner._all)).pid).rss
        worker.kill()
        worker.release()
    finally:
        await spawner.aclose()

    assert resident < ZYGOTE_MIB


async def settled(bound: float) -> float:
    """The memory once it is within the bound, or does not change any more."""
    loop = asyncio.get_running_loop()
    until, last, same = loop.time() + SECONDS, -1.0, 0
    # One reading that is like the last says little: an isolate may be waiting for a processor to be freed on.
    while (now := private_mib()) > bound and same < SAME_READINGS and loop.time() < until:
        same = same + 1 if now == last else 0
        last = now
        await asyncio.sleep(0.5)
    return now
