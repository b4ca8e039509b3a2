"""``make fleet``: faults of hosts under many sessions, and a table of what they cost.

python -m tests.fleet [NAME …]      those whose names begin so; all without one
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.table import Table

from codemode import FleetSessionProvider, GrpcSessionProvider
from tests.fleet.crowd import Crowd
from tests.fleet.figures import measured
from tests.fleet.haproxy import haproxy
from tests.fleet.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from codemode.fleet.ray import RayHost
    from tests.fleet.crowd import Outcome

SESSIONS = 60
HOSTS = 3
SETTLE_SECONDS = 2.0
BACK_SECONDS = 90.0
TOKEN = "a-token-for-the-fleet"


class Row(NamedTuple):
    """A fault, and what became of it."""

    fault: str
    outcome: Outcome | None
    note: str = ""

    @property
    def is_good(self) -> bool:
        """Nothing that was promised is lost."""
        found = self.outcome
        return found is None or not (found.values_lost or found.results_twice or found.not_back)


async def _came_back(crowd: Crowd) -> None:
    """Wait until every session has gone on, within a bound."""
    try:
        async with asyncio.timeout(BACK_SECONDS):
            await crowd.go_on(4)
    except TimeoutError:
        pass  # the table tells who is not back


async def on_loopback(fault: str) -> Row:
    """A fault of one of three hosts; nothing places them but us."""
    async with AsyncExitStack() as hosts:
        places = Loopback(hosts)
        for _ in range(HOSTS):
            await places.add()
        async with FleetSessionProvider(places) as provider, Crowd(provider, SESSIONS) as crowd:
            await asyncio.sleep(SETTLE_SECONDS)
            crowd.fault()
            host = places.hosts[0]
            note = f"{provider.spread()[host.url]} sessions there"
            if fault == "kill":
                await host.kill()
            elif fault == "silent":
                host.process.send_signal(signal.SIGSTOP)
            elif fault == "drain":
                host.process.send_signal(signal.SIGTERM)
            elif fault == "add":
                await places.add()
                note = f"{await provider.rebalance()} idle sessions moved"
            else:
                for each in list(places.hosts):
                    await places.add()
                    each.process.send_signal(signal.SIGTERM)
                    await each.process.wait()
                    places.hosts.remove(each)
                    await crowd.go_on(1)
                note = f"{HOSTS} hosts, one after another"
            await _came_back(crowd)
            return Row(f"{fault}, list of hosts", crowd.outcome(), note)


async def behind_haproxy(fault: str) -> Row:
    """A fault of one of three hosts behind a balancer, with a client that knows only that."""
    name = f"{fault}, behind HAProxy"
    if shutil.which("haproxy") is None:
        return Row(name, None, "not run: haproxy is not installed")
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as hosts:
            places = Loopback(hosts)
            for _ in range(HOSTS):
                await places.add()
            targets = [host.url.removeprefix("http://") for host in places.hosts]
            async with (
                haproxy(Path(folder), targets) as url,
                GrpcSessionProvider(url) as provider,
                Crowd(provider, SESSIONS) as crowd,
            ):
                await asyncio.sleep(SETTLE_SECONDS)
                crowd.fault()
                number = signal.SIGKILL if fault == "kill" else signal.SIGTERM
                places.hosts[0].process.send_signal(number)
                await _came_back(crowd)
                return Row(name, crowd.outcome())


async def on_ray(fault: str) -> Row:
    """A fault of one node of a Ray cluster."""
    name = f"{fault}, Ray"
    try:
        from tests.fleet.ray_cluster import RayNodes, ray_nodes
    except ImportError as error:
        return Row(name, None, f"not run: {error.name} is not installed")
    from codemode.fleet.ray import RayPlaces

    with ray_nodes(HOSTS) as nodes:
        assert isinstance(nodes, RayNodes)
        places = RayPlaces(token=TOKEN)
        async with (
            FleetSessionProvider(places, token=TOKEN, wait_seconds=60) as provider,
            Crowd(provider, SESSIONS) as crowd,
        ):
            known = await places.refresh()
            victim: RayHost = next(host for host in known if nodes.may_be_struck(host))
            await provider.rebalance()
            await asyncio.sleep(SETTLE_SECONDS)
            crowd.fault()
            began = time.monotonic()
            note = f"{provider.spread().get(victim.endpoint, 0)} sessions there"
            if fault == "kill":
                nodes.strike(victim, signal.SIGKILL)
            elif fault == "silent":
                nodes.strike(victim, signal.SIGSTOP)
            elif fault == "drain":
                await places.drain(victim.node)
                note += f", drained in {time.monotonic() - began:.1f} s"
            else:
                nodes.add()
                while len(await places.refresh()) <= HOSTS:
                    pass
                note = f"a host after {time.monotonic() - began:.1f} s"
                note += f", {await provider.rebalance()} idle sessions moved"
            await _came_back(crowd)
            return Row(name, crowd.outcome(), note)


async def ray_commands() -> Row:
    """What people type: up, status, a host that dies and is started again, drain, down."""
    name = "commands, Ray"
    try:
        from tests.fleet.ray_cluster import ray_nodes
    except ImportError as error:
        return Row(name, None, f"not run: {error.name} is not installed")
    with ray_nodes(2) as nodes:

        def command(*words: str) -> Any:
            done = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "codemode",
                    "fleet",
                    "ray",
                    *words,
                    "--address",
                    nodes.address,
                    "--json",
                ],
                capture_output=True,
                check=True,
                text=True,
            )
            return json.loads(done.stdout)

        first, second = command("up")
        os.kill(first["pid"], signal.SIGKILL)
        began = time.monotonic()
        while len(again := command("status")) < 2 or first["pid"] in [
            each["pid"] for each in again
        ]:
            pass
        restarted = time.monotonic() - began
        (drained,) = command("drain", second["node"])
        states = sorted(each["state"] for each in command("status"))
        ended = command("down")
    assert (drained["node"], drained["state"]) == (second["node"], "drained")
    assert states == ["drained", "serving"]
    assert ended == {"ended": 2}
    return Row(name, None, f"a killed host was there again after {restarted:.1f} s")


ROWS: dict[str, Callable[[], Coroutine[None, None, Row]]] = {
    **{
        f"list/{each}": partial(on_loopback, each)
        for each in ("kill", "silent", "drain", "add", "rolling restart")
    },
    **{f"haproxy/{each}": partial(behind_haproxy, each) for each in ("kill", "drain")},
    **{f"ray/{each}": partial(on_ray, each) for each in ("kill", "silent", "drain", "add")},
    "ray/commands": ray_commands,
}


def _shown(row: Row) -> list[str]:
    found = row.outcome
    if found is None:
        return [row.fault, *8 * ["–"], row.note]
    back = "–"
    if found.back:
        back = f"{found.back[0]:.1f} / {statistics.median(found.back):.1f} / {found.back[-1]:.1f}"
    return [
        row.fault,
        str(found.results),
        str(found.hit),
        str(found.told),
        str(found.values_lost),
        str(found.results_twice),
        str(found.calls_twice),
        back,
        f"{found.longest:.2f}" + (f", {found.not_back} not back" if found.not_back else ""),
        row.note,
    ]


def main(names: list[str]) -> int:
    """Run those whose names begin so; 1 if something that was promised is lost."""
    console = Console(width=180)
    if names == ["figures"]:
        for line in asyncio.run(measured()):
            console.print(line)
        return 0
    table = Table(title=f"{SESSIONS} sessions on {HOSTS} hosts")
    for column in (
        "fault",
        "results",
        "hit",
        "errors",
        "values lost",
        "results twice",
        "calls twice",
        "back after, s (first / median / last)",
        "longest exec, s",
        "",
    ):
        table.add_column(column)
    is_good = True
    for name, run in ROWS.items():
        if names and not any(name.startswith(each) for each in names):
            continue
        console.print(f"{name} …", style="dim")
        try:
            row = asyncio.run(run())
        except Exception as error:  # noqa: BLE001 - the others are run all the same
            row, is_good = Row(name, None, f"failed: {type(error).__name__}: {error}"), False
        is_good &= row.is_good
        table.add_row(*_shown(row))
    console.print(table)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
