"""Recorded runs: what a model, or a script, did with a task, so that anyone can verify it without a key.

One JSON object a line::

    {"format": "codemode-evaluation/1", "suite", "task", "mode": "code" | "direct", "agent", "trial", "prompt",
     "turns": [{"calls": [{"name", "arguments"}], "results": ["…"], "usage": {"input", "cached", "output"}}],
     "answer", "passed", "versions"}

A replay makes every call again, in a world of its own, and compares each result and the judge's verdict. Runs are
read and written by :func:`load` and :func:`line` alone, so that another form could take their place. A trace
of the sessions (:mod:`codemode.trace`) can be recorded beside them: it has what ran, and not the judge's verdict.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from codemode import CodeMode, LocalSessionProvider, SessionProvider
from codemode.surface.toolspec import ToolSpec

from . import dojo, programs
from .drivers import Driver, Said, Use
from .worlds import World

FORMAT: Final = "codemode-evaluation/1"
MOST_TURNS: Final = 30
_TIME = re.compile(r"Wall time \S+ seconds")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """Which run of whom at which task this is."""

    suite: str
    task: str
    mode: str
    agent: str
    trial: int


def line(run: Json) -> str:
    """A run as a line of a file."""
    return json.dumps(run, ensure_ascii=False) + "\n"


def load(path: Path) -> Iterator[Json]:
    """The runs of a file.

    Raises:
        ValueError: a line is no run of this format.
    """
    for number, text in enumerate(path.read_text("utf-8").splitlines(), 1):
        run = json.loads(text)
        if not isinstance(run, dict) or run.get("format") != FORMAT:
            raise ValueError(f"{path}, line {number}: this is no run of the format {FORMAT}")
        yield run


def direct_specs(suite: Any) -> list[ToolSpec]:
    """A suite's functions as tools of a model."""
    return [
        ToolSpec(
            name=each.name,
            description=each.description,
            parameters=each.parameters.model_json_schema(),
        )
        for each in suite.tools
    ]


class Session:
    """A task's world, and calls of a model in it, directly or as programs."""

    def __init__(
        self, suite: Any, task: Any, mode: str, provider: SessionProvider, trace: Path | None = None
    ) -> None:
        self.world = World.open(suite, task)
        self.mode = mode
        self._cm = CodeMode(
            tools=self.world.tools(),
            middleware=[self.world.record],
            provider=provider,
            trace=trace,
        )

    async def __aenter__(self) -> Session:
        await self._cm.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._cm.aclose()

    @property
    def specs(self) -> list[ToolSpec]:
        """What the model gets."""
        if self.mode == "direct":
            return direct_specs(self.world.suite)
        return [self._cm.exec_tool, self._cm.wait_tool]

    async def call(self, name: str, arguments: Any) -> str:
        """What one call gives back."""
        if name in ("exec", "wait"):
            return (await self._cm.call(name, arguments)).text
        result = await self._cm.run(
            f"text(await tools[{json.dumps(name)}]({json.dumps(arguments)}))"
        )
        return result.text if result.failed else result.output


async def record_script(path: Path) -> int:
    """Record the programs of this repository as runs."""
    count = 0
    suites = dojo.suites()
    async with LocalSessionProvider() as provider:
        with path.open("w", encoding="utf-8") as file:
            for (suite_name, name), program in programs.load().items():
                suite = suites[suite_name]
                task = suite.user_tasks[name]
                run = _begun(Trial(suite_name, name, "code", "by hand", 1), task)
                async with Session(suite, task, "code", provider) as session:
                    for code in program.turns:
                        shown = await session.call("exec", code)
                        run["turns"].append(_turn([Use("", "exec", code)], [shown], {}))
                    run["answer"] = task.GROUND_TRUTH_OUTPUT or "Done."
                    run["passed"] = session.world.passed(run["answer"])
                file.write(line(run))
                count += 1
    return count


async def record_model(
    driver: Driver, trial: Trial, provider: SessionProvider, trace: Path | None = None
) -> Json:
    """One trial of a model at one task; its session is recorded into ``trace`` as well."""
    suite = dojo.suites()[trial.suite]
    task = suite.user_tasks[trial.task]
    run = _begun(trial, task)
    async with Session(suite, task, trial.mode, provider, trace) as session:
        said: Said = await driver.begin(dojo.SYSTEM, task.PROMPT, session.specs)
        while said.uses and len(run["turns"]) < MOST_TURNS:
            shown = [await session.call(use.name, use.arguments) for use in said.uses]
            run["turns"].append(_turn(said.uses, shown, said.usage))
            said = await driver.go_on(list(zip(said.uses, shown, strict=True)))
        run["answer"] = said.text
        run["usage_of_answer"] = said.usage
        run["passed"] = session.world.passed(said.text)
    return run


async def replay(path: Path) -> tuple[int, list[str]]:
    """Make every call of a file again: how many runs hold, and what does not."""
    good = 0
    problems: list[str] = []
    suites = dojo.suites()
    async with LocalSessionProvider() as provider:
        for run in load(path):
            suite = suites[run["suite"]]
            task = suite.user_tasks[run["task"]]
            found: list[str] = []
            async with Session(suite, task, run["mode"], provider) as session:
                for number, turn in enumerate(run["turns"], 1):
                    made = zip(turn["calls"], turn["results"], strict=True)
                    for call, recorded in made:
                        now = await session.call(call["name"], call["arguments"])
                        if _timeless(now) != _timeless(recorded):
                            told = f"recorded {_timeless(recorded)[:80]!r}, now {_timeless(now)[:80]!r}"
                            found.append(f"turn {number}: {told}")
                if session.world.passed(run["answer"]) != run["passed"]:
                    found.append(f"the verdict was {run['passed']}")
            good += not found
            problems += [f"{run['suite']} {run['task']}: {each}" for each in found]
    return good, problems


def rates(runs: Iterable[Json]) -> list[dict[str, Any]]:
    """Pass rates by agent and mode, with 95 % intervals (Wilson), for tasks with three trials or more."""
    trials: dict[tuple[str, str], dict[tuple[str, str], list[bool]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for run in runs:
        trials[run["agent"], run["mode"]][run["suite"], run["task"]].append(bool(run["passed"]))
    rows = []
    for (agent, mode), tasks in sorted(trials.items()):
        verdicts = [passed for each in tasks.values() for passed in each]
        low, high = interval(sum(verdicts), len(verdicts))
        fewest = min(map(len, tasks.values()))
        rows.append(
            {
                "agent": agent,
                "mode": mode,
                "tasks": len(tasks),
                "trials": fewest,
                "rate": sum(verdicts) / len(verdicts),
                "low": low,
                "high": high,
                "says_something": fewest >= 3,
            }
        )
    return rows


def interval(passed: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for a rate.

    >>> tuple(round(each, 3) for each in interval(9, 10))
    (0.596, 0.982)
    """
    rate = passed / count
    middle = rate + z * z / (2 * count)
    around = z * math.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return (middle - around) / scale, (middle + around) / scale


def _begun(trial: Trial, task: Any) -> Json:
    versions = {each: metadata.version(each) for each in ("codemode", "agentdojo")}
    head = {"format": FORMAT, **asdict(trial), "prompt": task.PROMPT}
    return {**head, "versions": versions, "turns": []}


def _turn(uses: Sequence[Use], shown: Sequence[str], usage: Json) -> Json:
    calls = [{"name": use.name, "arguments": use.arguments} for use in uses]
    return {"calls": calls, "results": list(shown), "usage": usage or None}


def _timeless(text: str) -> str:
    return _TIME.sub("Wall time _ seconds", text)
