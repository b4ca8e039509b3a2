"""Signals made of others."""

import asyncio

from codemode.signals import EitherSignal


async def test_it_is_set_as_soon_as_one_is() -> None:
    one, other = asyncio.Event(), asyncio.Event()
    either = EitherSignal(one, other)
    waiting = asyncio.create_task(either.wait())
    await asyncio.sleep(0)
    assert (either.is_set(), waiting.done()) == (False, False)
    other.set()
    async with asyncio.timeout(20):
        await waiting
    assert (either.is_set(), repr(either)) == (True, "<either of 2 signals, set>")


async def test_whoever_stops_to_wait_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    waiting = asyncio.create_task(EitherSignal(asyncio.Event(), asyncio.Event()).wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
