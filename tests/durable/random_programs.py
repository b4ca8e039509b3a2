"""Random programs, cut anywhere and gone on with until they end; nothing may be lost, or done twice.

Each program prints a line for everything that it learns - answers, failures, timers, random numbers, readings of the
clock, loaded values - and at its end how many lines there were and what they were together. It is run in pieces: at
random moments its CodeMode is closed, as a process that dies would leave the store, or its worker is killed.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

from msgspec import Struct

from codemode import CodeMode, tool
from codemode.protocol.types import ToolCall

PROGRAM_SECONDS = 60.0
"""The bound on one program; it takes a fraction of a second."""

PRELUDE = """
const lines = [];
const say = (what, value) => { const line = what + " " + JSON.stringify(value); lines.push(line); text(line); };
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const hash = () => { let h = 7; for (const c of lines.join("\\n")) h = (h * 31 + c.codePointAt(0)) >>> 0; return h; };
"""
POSTLUDE = '\ntext("END " + lines.length + " " + hash());\n'


class Outcome(Struct, frozen=True):
    """What became of a program.

    Attributes:
        wrong: what must not be; empty for a right one.
        pieces: in how many CodeModes it ran.
        kills: how many workers were killed under it.
    """

    seed: int
    wrong: tuple[str, ...]
    pieces: int
    kills: int


def program(chance: random.Random) -> str:
    """A program of a few parallel branches, each of a few steps."""
    branches = [_branch(chance, at) for at in range(chance.randint(1, 5))]
    joined = chance.choice(["all", "allSettled"])
    return PRELUDE + f"await Promise.{joined}([\n" + ",\n".join(branches) + "\n]);" + POSTLUDE


def _branch(chance: random.Random, number: int) -> str:
    steps = "\n".join(
        f"    {_step(chance, f'{number}.{at}')}" for at in range(chance.randint(1, 6))
    )
    return f"  (async () => {{\n{steps}\n  }})()"


def _step(chance: random.Random, name: str) -> str:
    ms = chance.randint(0, 4)
    return chance.choice(
        [
            f'say("{name}", await tools.echo({{ name: "{name}", drawn: Math.random() }}));',
            f'say("{name}", await tools.echo({{ name: "same", drawn: 0 }}));',
            f'try {{ await tools.fail({{ name: "{name}" }}); }} catch (error) {{ say("{name}", String(error)); }}',
            f'await wait({ms}); say("{name}", Date.now() > 0);',
            f'say("{name}", Math.random());',
            f'say("{name}", Date.now());',
            f'store("{name}", Math.random()); say("{name}", load("{name}"));',
            f'say("{name}", await Promise.race([wait({ms}).then(() => "timer"),'
            f' tools.echo({{ name: "{name}", drawn: 1 }}).then(() => "call")]));',
            f'say("{name}", (await Promise.all([1, 2, 3].map((n) => tools.echo({{ name: "{name}", drawn: n }})))).length);',
        ]
    )


class Pieces:
    """One program, run piece by piece."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        self._chance = random.Random(seed)
        self._store = folder / f"{seed}.db"
        self._calls: dict[str, list[tuple[int, str]]] = {}
        self._output: list[str] = []
        self._pieces = 0
        self._kills = 0

    async def run(self) -> Outcome:
        """Run it to its end."""
        source = program(self._chance)
        wrong: list[str] = []
        try:
            async with asyncio.timeout(PROGRAM_SECONDS):
                status = await self._piece(source)
                while status == "running":
                    status = await self._piece(None)
        except TimeoutError:
            status = "endless"
        if status != "completed":
            wrong.append(f"it has {status}: {self._output[-3:]}")
        wrong += self._judged()
        return Outcome(self._seed, tuple(wrong), self._pieces, self._kills)

    async def _piece(self, source: str | None) -> str:
        """Start the program, or go on with it, for a moment of chance."""
        self._pieces += 1
        echo, fail = self._tools()
        # The last of many pieces has all the time that it needs.
        moment = self._chance.randint(0, 12) if self._pieces < 30 else 10_000
        async with CodeMode(tools=[echo, fail], store=self._store, session="s") as code_mode:
            if source is None:
                result = await code_mode.wait("1", yield_time_ms=moment)
            else:
                result = await code_mode.exec(source, yield_time_ms=moment)
            self._output += result.output.splitlines()
            if result.status == "running" and self._chance.random() < 0.2:
                self._kill_worker(code_mode)
                result = await code_mode.wait("1", yield_time_ms=moment)
                self._output += result.output.splitlines()
            if result.status not in ("running", "completed"):
                self._output.append(result.text)
        return result.status

    def _tools(self) -> tuple[Any, Any]:
        async def note(call: ToolCall, answer: str) -> None:
            made = self._calls.setdefault(call.idempotency_key, [])
            made.append((call.attempt, answer))
            await asyncio.sleep(self._chance.choice([0, 0, 0.001, 0.003]))

        @tool(idempotent=True)
        async def echo(call: ToolCall, name: str, drawn: float) -> str:
            "Says what it was given."
            await note(call, f"{name} {drawn}")
            return f"{name} {drawn}"

        @tool(idempotent=True)
        async def fail(call: ToolCall, name: str) -> str:
            "Fails."
            await note(call, f"fail {name}")
            raise ValueError(name)

        return echo, fail

    def _kill_worker(self, code_mode: CodeMode) -> None:
        session: Any = code_mode._opening._session
        pid = session._engine._engine.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self._kills += 1

    def _judged(self) -> list[str]:
        wrong = []
        *lines, end = self._output or [""]
        expected = f"END {len(lines)} {_hash(lines)}"
        if end != expected:
            wrong.append(f"output was lost, given twice, or changed: {end!r}, not {expected!r}")
        for made in self._calls.values():
            if len({answer for _, answer in made}) != 1:
                wrong.append(f"one key for several calls: {made}")
            first_attempts = sum(attempt == 1 for attempt, _ in made)
            if first_attempts > self._kills + 1:
                wrong.append(f"made {first_attempts} times as if it were new: {made}")
        answered = Counter(line.split(" ", 1)[0] for line in lines)
        wrong += [f"said twice: {name}" for name, count in answered.items() if count > 1]
        return wrong


def _hash(lines: list[str]) -> int:
    value = 7
    for character in "\n".join(lines):
        value = (value * 31 + ord(character)) % 2**32
    return value
