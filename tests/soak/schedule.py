"""A schedule: programs and faults with the times at which they come, all from one seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from codemode.protocol.types import ExecuteRequest, ToolDefinition
from tests.runtime.doubles import definitions

TOOLS: Final[tuple[ToolDefinition, ...]] = definitions("echo", "slow", "fail", "big", "never")
STEPS: Final = "say say many echo echo slow fail big timer yield store store notify spin".split()
LASTS: Final = "say say say say never loop".split()
FAULTS: Final = (
    "kill worker,kill worker,kill worker,stop worker,pause worker,pause worker,kill zygote,kill zygote,"
    "stop zygote,pause zygote,pause zygote,terminate,terminate,terminate,cancel,cancel,cancel,"
    "shut down,no descriptors"
).split(",")
MANY: Final = 200
SPAN_SECONDS: Final = 0.08
"""Programs begin, and faults come, within this time."""

COLD: Final = 0.2
"""How many schedules begin before there is a worker; in the others faults find one."""


@dataclass(frozen=True)
class Program:
    """A program whose output is known: one text for each step, numbered, and more for ``many``."""

    number: int
    at: float
    yield_ms: int
    steps: tuple[str, ...]

    @property
    def key(self) -> str:
        """Where it stores, each time the number of the step."""
        return f"key {self.number}"

    @property
    def ends(self) -> bool:
        """Whether it ends by itself."""
        return self.steps[-1] not in ("never", "loop")

    def request(self) -> ExecuteRequest:
        lines = [self._javascript(at, step) for at, step in enumerate(self.steps)]
        return ExecuteRequest(
            tool_call_id=f"call {self.number}",
            enabled_tools=TOOLS,
            source="\n".join(lines),
            yield_time_ms=self.yield_ms,
        )

    def texts(self) -> list[str]:
        """All that it writes if it gets to its end, or to where it stays."""
        found = []
        for at, step in enumerate(self.steps):
            if step == "many":
                found += [f"{self.number}:{at}.{n}" for n in range(MANY)]
            if step not in ("never", "loop"):
                found.append(f"{self.number}:{at}")
        return found

    def stored(self) -> list[int]:
        """What it stores under its key, in order."""
        return [at for at, step in enumerate(self.steps) if step == "store"]

    def _javascript(self, at: int, step: str) -> str:
        name = f"{self.number}:{at}"
        work = {
            "many": f"for (let n = 0; n < {MANY}; n++) text(`{name}.${{n}}`);",
            "echo": f"if (await tools.echo({at}) !== {at}) throw 'another answer';",
            "slow": "await tools.slow(1);",
            "fail": "await tools.fail(1).then(() => { throw 'no failure' }, () => 0);",
            "big": "if ((await tools.big(1)).length !== 300000) throw 'another size';",
            "timer": f"await new Promise(done => setTimeout(done, {at % 5}));",
            "yield": "yield_control(); await 0;",
            "store": f"store('{self.key}', {at});",
            "notify": f"notify('{name}');",
            "spin": "for (const end = Date.now() + 5; Date.now() < end;);",
            "never": "await tools.never(1);",
            "loop": "await 0; for (;;);",
        }.get(step, "")
        return f"{work} text('{name}');"


@dataclass(frozen=True)
class Fault:
    """Trouble that comes ``at`` so many seconds; ``whom``, a number, chooses among cells."""

    at: float
    kind: str
    whom: int


@dataclass(frozen=True)
class Schedule:
    """What happens in one session, beside another one whose only program is the neighbour.

    Attributes:
        cold: it begins with no worker, and no zygote either.
    """

    seed: int
    cold: bool
    programs: tuple[Program, ...]
    neighbour: Program
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        lines = [f"seed {self.seed}, {'cold' if self.cold else 'warm'}"]
        for program in (*self.programs, self.neighbour):
            lines.append(
                f"  {program.at * 1000:4.0f} ms  program {program.number}, yields after"
                f" {program.yield_ms} ms: {' '.join(program.steps)}"
            )
        lines += [f"  {f.at * 1000:4.0f} ms  {f.kind} (cell {f.whom})" for f in self.faults]
        return "\n".join(lines)


def make_schedule(seed: int) -> Schedule:
    """The schedule of this seed, the same on every machine."""
    dice = random.Random(seed)
    programs = tuple(_program(dice, number) for number in range(dice.randint(1, 5)))
    steps = ("say", "echo", "timer", "many", "echo", "slow", "store", "say")
    faults = [
        Fault(dice.uniform(0, SPAN_SECONDS), dice.choice(FAULTS), dice.randrange(len(programs)))
        for _ in range(dice.randint(1, 4))
    ]
    faults.sort(key=lambda fault: fault.at)
    cold = dice.random() < COLD
    return Schedule(seed, cold, programs, Program(99, 0.0, 10, steps), tuple(faults))


def _program(dice: random.Random, number: int) -> Program:
    steps = [dice.choice(STEPS) for _ in range(dice.randint(1, 10))]
    at = dice.uniform(0, SPAN_SECONDS / 2)
    return Program(number, at, dice.choice([0, 5, 20, 1000]), (*steps, dice.choice(LASTS)))
