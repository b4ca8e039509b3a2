"""Five ways to do a task, each run to its end and judged by the task itself.

* ``direct``: the reference calls, one a request.
* ``parallel``: the same, as many at once as what had been read allows. It favours direct calls: it filters
  before it has read.
* ``staged``: each parallel request as a program that prints everything. A lower bound of code mode.
* ``blind``: programs by hand, from prompt and declarations only.
* ``oracle``: all reference calls as one program. An upper bound: no model could write it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from codemode import CodeMode, Next, SessionProvider, ToolCall
from codemode.estimate.accounting import Turn
from codemode.estimate.dependence import DirectCall, batches_of

from .dojo import SYSTEM
from .programs import Program
from .worlds import World

WAYS: Final = ("direct", "parallel", "staged", "blind", "oracle")
QUIET_SECONDS: Final = 0.015
"""Calls that come within this time of each other were made at once."""
_TIME = re.compile(r"Wall time \S+ seconds")


@dataclass
class Ran:
    """What came of one way."""

    turns: tuple[Turn, ...]
    passed: bool
    calls: int
    answered_itself: bool | None = None
    printed: tuple[str, ...] = ()
    world: World | None = None


@dataclass
class Waves:
    """Counts the tool calls that wait for one another: all that are under way end at once."""

    done: int = 0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)
    _timer: asyncio.TimerHandle | None = None

    async def __call__(self, call: ToolCall, following: Next) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(QUIET_SECONDS, self._release)
        await future
        return await following(call)

    def _release(self) -> None:
        self.done += 1
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


async def run_programs(
    world: World, codes: Sequence[str], provider: SessionProvider, middleware: Sequence[Any] = ()
) -> tuple[list[Turn], list[str], bool]:
    """Programs one after another, until one fails: what was said and shown, what was printed."""
    waves = Waves()
    turns: list[Turn] = []
    printed: list[str] = []
    chain = [waves, world.record, *middleware]
    async with CodeMode(tools=world.tools(), middleware=chain, provider=provider) as cm:
        for code in codes:
            before = waves.done
            result = await cm.run(code)
            shown = _TIME.sub("Wall time 0.1 seconds", result.text)
            turns.append(Turn((code,), (shown,), waves.done - before))
            printed.append(result.output)
            if result.failed:
                return turns, printed, False
    return turns, printed, True


async def all_ways(
    suite: Any, task: Any, program: Program, provider: SessionProvider
) -> dict[str, Ran]:
    """A task in each of the ways."""
    answer = task.GROUND_TRUTH_OUTPUT or "Done."
    last = Turn((answer,), is_answer=True)
    world = World.open(suite, task)
    calls = world.directly()
    passed = world.passed(task.GROUND_TRUTH_OUTPUT)
    batches = batches_of(calls, SYSTEM + task.PROMPT)
    found = {
        "direct": Ran((*requests_of([[each] for each in calls]), last), passed, len(calls)),
        "parallel": Ran((*requests_of(batches), last), passed, len(calls)),
    }
    written = {
        "staged": [staged_program(batch) for batch in batches],
        "blind": list(program.turns),
        "oracle": ["\n".join(f"text({_awaited(call)});" for call in calls)],
    }
    for way, codes in written.items():
        world = World.open(suite, task)
        turns, printed, is_whole = await run_programs(world, codes, provider)
        shown = "\n".join(printed)
        own = is_whole and world.passed(shown)
        good = own or (is_whole and world.passed(task.GROUND_TRUTH_OUTPUT))
        made = Ran((*turns, last), good, len(world.calls), own, tuple(printed), world)
        found[way] = made
    return found


def requests_of(batches: Sequence[Sequence[DirectCall]]) -> list[Turn]:
    """Batches of calls as requests of a model."""
    return [
        Turn(
            tuple(call.name + json.dumps(call.arguments, ensure_ascii=False) for call in batch),
            tuple(call.result for call in batch),
            1,
        )
        for batch in batches
    ]


def _called(call: DirectCall) -> str:
    return f"tools.{call.name}({json.dumps(call.arguments, ensure_ascii=False)})"


def _awaited(call: DirectCall) -> str:
    return f"await {_called(call)}"


def staged_program(batch: Sequence[DirectCall]) -> str:
    """A batch as a program: reads at once, and what changes something in order."""
    if len(batch) == 1 or not all(call.reads for call in batch):
        return "\n".join(f"text({_awaited(call)});" for call in batch)
    return "text(await Promise.all([\n  " + ",\n  ".join(map(_called, batch)) + "]));"
