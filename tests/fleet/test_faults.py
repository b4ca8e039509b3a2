"""Hosts that are killed, drained, restarted and added under sessions that go on: the short version of `make fleet`."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

from codemode import FleetSessionProvider

from .crowd import Crowd
from .loopback import Loopback

SECONDS = 60.0
SESSIONS = 12


async def test_sessions_outlive_hosts_that_are_killed_added_and_restarted() -> None:
    # Sessions end before their hosts do, whenever those have come.
    async with asyncio.timeout(SECONDS), AsyncExitStack() as hosts, AsyncExitStack() as stack:
        cluster = Loopback(hosts)
        for _ in range(3):
            await cluster.add()
        provider = await stack.enter_async_context(FleetSessionProvider(cluster))
        crowd = await stack.enter_async_context(Crowd(provider, SESSIONS))
        assert sorted(provider.spread().values()) == [4, 4, 4]

        crowd.fault()
        await cluster.hosts[0].kill()
        await crowd.go_on()
        killed, spread = crowd.outcome(), dict(provider.spread())

        crowd.fault()
        cluster.hosts.pop(0)
        await cluster.add()
        await provider.rebalance()
        await crowd.go_on()
        added = crowd.outcome()

        crowd.fault()
        for host in list(cluster.hosts):  # one after another: the next one is there before
            await cluster.add()
            host.process.send_signal(signal.SIGTERM)
            await host.process.wait()
            cluster.hosts.remove(host)
            await crowd.go_on(1)
        restarted = crowd.outcome()

    # Whoever had a cell there was told of it; nobody else was told anything.
    assert killed.hit <= 4 and killed.not_back == 0 and killed.told <= 2 * killed.hit
    dead, fewer, more = sorted(spread.values())
    assert dead == 0 and fewer + more == SESSIONS and more - fewer <= 4
    assert (added.hit, added.told) == (0, 0)
    assert (restarted.hit, restarted.told) == (0, 0)
    assert (restarted.values_lost, restarted.results_twice) == (0, 0)


async def test_a_host_is_drained_from_the_application_without_a_word() -> None:
    # Sessions end before their hosts do, whenever those have come.
    async with asyncio.timeout(SECONDS), AsyncExitStack() as hosts, AsyncExitStack() as stack:
        cluster = Loopback(hosts)
        first, second = await cluster.add(), await cluster.add()
        provider = await stack.enter_async_context(FleetSessionProvider(cluster))
        crowd = await stack.enter_async_context(Crowd(provider, 6))
        crowd.fault()
        left = await provider.drain(first.url)
        drained = dict(provider.spread())
        await crowd.go_on()
        provider.admit(first.url)
        moved = await provider.rebalance()
        await crowd.go_on()
        outcome, spread = crowd.outcome(), dict(provider.spread())

    assert left == 0
    assert drained[first.url] == 0
    assert moved <= 3
    assert sum(spread.values()) == 6 and spread[second.url] == 6 - moved
    assert (outcome.hit, outcome.told) == (0, 0)
    assert (outcome.values_lost, outcome.results_twice, outcome.calls_twice) == (0, 0, 0)
