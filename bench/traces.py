"""What a trace costs: recording beside none, reducing, disk, and the inspector's page."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from codemode import CodeMode, ExecResult
from codemode.trace.bundle import Bundle
from codemode.trace.events import TraceEvent
from codemode.trace.inspector.serving import serve_inspector
from codemode.trace.inspector.sources import Sources
from codemode.trace.recorder import FLUSH_SECONDS, Recorder
from codemode.trace.reducer import reduce

from .client import TRIVIAL, compared
from .scenario import BenchError, Conditions, Figure, Samples, Scenario, at_most

GROUP = "traces"

_CALLS = 1_000
_EVENTS = 100_000
_BUNDLE_CALLS = 10_000
_IN_TURN = f"for (let i = 0; i < {_CALLS}; i++) await tools.echo({{ i }});"
_AT_ONCE = f"""
for (let at = 0; at < {_BUNDLE_CALLS}; at += 250)
  await Promise.all(Array.from({{ length: 250 }}, (_, n) => tools.echo({{ i: at + n }})));
"""

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def all_scenarios() -> tuple[Scenario, ...]:
    """All scenarios of this file."""
    return (
        *(
            Scenario(
                name=f"{name}, {what}",
                figures=(
                    Figure("without a trace", decimals=3),
                    Figure("with it", decimals=3),
                    Figure("more", "%", goal=at_most(bound), decimals=1),
                ),
                measure=partial(beside_none, source=source, sink=sink, per=per),
                samples=samples,
                warm_ups=3,
            )
            for name, source, per, samples in (
                ("an exec", TRIVIAL, 1, 150),
                ("a nested call", _IN_TURN, _CALLS, 25),
            )
            for what, sink, bound in (
                ("into a file", "file", 5.0 if per == 1 else 8.0),
                ("into a function that does nothing", "nothing", 5.0 if per == 1 else 8.0),
            )
        ),
        Scenario(
            name=f"{_EVENTS:,} events reduced",
            figures=(Figure("all", "s", goal=at_most(1.5)),),
            measure=reduced,
            samples=5,
            warm_ups=1,
        ),
        Scenario(
            name=f"a recording of {_BUNDLE_CALLS:,} nested calls",
            figures=(Figure("on disk", "MiB", goal=at_most(3.0)),),
            measure=on_disk,
            samples=1,
        ),
        *([] if BROWSER is None else [_PAGE]),
    )


async def echo(i: int) -> int:
    """Give it back."""
    return i


def _sink(name: str, folder: str) -> Any:
    return Recorder(folder) if name == "file" else (lambda event: None)


async def beside_none(conditions: Conditions, *, source: str, sink: str, per: int) -> Samples:
    """Two sessions take turns; before each turn the recorder has written what came before."""
    with tempfile.TemporaryDirectory() as folder:
        recorder = _sink(sink, folder)
        async with CodeMode(tools=[echo]) as plain, CodeMode(tools=[echo], trace=recorder) as told:
            pause = 2 * FLUSH_SECONDS if sink == "file" and per > 1 else 0.0
            without, with_it, _ = await compared(
                partial(_run, plain, source, pause), partial(_run, told, source, pause), conditions
            )
        if isinstance(recorder, Recorder):
            recorder.close()
    # The pause is in both; what is left is the program's time.
    without = [(time - 1000 * pause) / per for time in without]
    with_it = [(time - 1000 * pause) / per for time in with_it]
    more = [100 * (b - a) / a for a, b in zip(without, with_it, strict=True)]
    return {"without a trace": without, "with it": with_it, "more": more}


async def _run(code_mode: CodeMode, source: str, pause: float) -> None:
    await _completed(code_mode.exec(source, yield_time_ms=60_000))
    if pause:
        await asyncio.sleep(pause)


async def _completed(result: Awaitable[ExecResult]) -> None:
    found = await result
    if found.status != "completed":
        raise BenchError(f"a program should have completed: {found.output[:200]}")


async def reduced(conditions: Conditions) -> Samples:
    """The events of real sessions, told again and again under other names, as a graph."""
    events: list[TraceEvent] = []
    async with CodeMode(tools=[echo], trace=events.append) as cm:
        await _completed(cm.exec(_IN_TURN, yield_time_ms=60_000))
    some = [event for event in events if hasattr(event, "cell_id")][:2_000]
    times = []
    many = _told_again(some, _EVENTS)
    for _ in range(conditions.samples):
        began = time.perf_counter()
        trace = reduce(many)
        times.append(time.perf_counter() - began)
        if trace.recording.events != _EVENTS:
            raise BenchError(f"{trace.recording.events} events were reduced")
    return {"all": times}


def _told_again(events: list[TraceEvent], number: int) -> list[TraceEvent]:
    found: list[TraceEvent] = []
    while len(found) < number:
        session = f"s{len(found)}"
        found += [replace(event, session=session, seq=seq) for seq, event in enumerate(events, 1)]
    return found[:number]


async def on_disk(conditions: Conditions) -> Samples:
    """The bytes of all files of a recording."""
    with tempfile.TemporaryDirectory() as folder:
        await _recorded(folder)
        path = Bundle(folder).path
        size = sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return {"on disk": [size / 2**20]}


async def looked_at(conditions: Conditions) -> Samples:
    """Recorded once; opened in a fresh page each time, by a browser that runs."""
    with tempfile.TemporaryDirectory() as folder:
        await _recorded(folder)
        return {"the page is ready": await _pages(folder, conditions.samples)}


_PAGE = Scenario(
    name=f"the inspector's page over {_BUNDLE_CALLS:,} nested calls",
    figures=(Figure("the page is ready", "s", goal=at_most(1.0)),),
    measure=looked_at,
    samples=5,
    timeout_seconds=120,
)


async def _recorded(folder: str) -> None:
    async with CodeMode(tools=[echo], trace=folder) as cm:
        await _completed(cm.exec(_AT_ONCE, yield_time_ms=60_000))


async def _pages(folder: str, number: int) -> list[float]:
    """Seconds from the request of a page until all of it is there, each time by a new server."""
    # The process of this scenario alone needs it.
    from playwright.async_api import async_playwright  # noqa: PLC0415

    times = []
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for _ in range(number):

            async def opened(url: str) -> None:
                page = await browser.new_page()
                began = time.perf_counter()
                await page.goto(url)
                await page.wait_for_selector("body[data-ready]")
                times.append(time.perf_counter() - began)
                await page.close()

            await _served(folder, opened)
        await browser.close()
    return times


async def _served(folder: str, use: Callable[[str], Awaitable[None]]) -> None:
    stop, url = asyncio.Event(), asyncio.get_running_loop().create_future()
    sources = Sources(Path(folder), None)
    serving = asyncio.create_task(serve_inspector(sources, on_ready=url.set_result, stop=stop))
    try:
        await use(await url)
    finally:
        stop.set()
        await serving
