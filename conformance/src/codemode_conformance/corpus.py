"""The conformance programs: how they stand in ``programs/*.js``, and how one of them is run.

Each file is a topic. ``// @case NAME`` begins a program, whose whole name is ``TOPIC/NAME``; the
lines that follow are its source, as it is sent. After it these directives may stand:

* ``// @cell``: the source of one more cell follows, in the same session;
* ``// @wait``: observe the latest cell once more;
* ``// @terminate``: end the latest cell.

After the name of a case, ``tools=A,B`` adds tools that are given on request only, and
``yield_time_ms=N`` shortens the observations of a program that does not end, and ``timing`` marks a
program whose output time alone keeps in order: on a busy machine it may be run again. A character that an
editor would hide or change is written as ``⟦U+FEFF⟧``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from .client import HostSession, Outcome, V1Host
from .scripted_tools import table

PROGRAMS: Final = Path(__file__).parent / "programs"

DEFAULT_YIELD_TIME_MS: Final = 10_000

_DIRECTIVE: Final = re.compile(r"^// @(case|cell|wait|terminate)\b *(.*)$", re.MULTILINE)
_CODE_POINT: Final = re.compile(r"⟦U\+([0-9A-F]{4,6})⟧")


@dataclass(frozen=True, slots=True)
class Cell:
    """Run a program in a cell of its own."""

    source: str


Step: TypeAlias = Cell | Literal["wait", "terminate"]


@dataclass(frozen=True, slots=True)
class Program:
    """One case of the corpus: the steps of one session."""

    name: str
    steps: tuple[Step, ...]
    extra_tools: tuple[str, ...] = ()
    yield_time_ms: int = DEFAULT_YIELD_TIME_MS
    timing: bool = False
    """Whether time alone keeps its output in order, so that a difference is a reason to run it again."""

    def run(self, host: V1Host) -> tuple[Outcome, ...]:
        """Run the program in a new session and return an outcome for each step."""
        session = host.open_session(table(self.extra_tools))
        outcomes = tuple(self._take(step, session) for step in self.steps)
        session.close()
        return outcomes

    def _take(self, step: Step, session: HostSession) -> Outcome:
        match step:
            case Cell(source):
                return session.execute(source, yield_time_ms=self.yield_time_ms)
            case "wait":
                return session.wait(yield_time_ms=self.yield_time_ms)
            case "terminate":
                return session.terminate()


def load(folder: Path = PROGRAMS) -> dict[str, Program]:
    """Return every program by its whole name, in the order of the files.

    :raises ValueError: a name is used twice, or a directive is out of place.
    """
    programs: dict[str, Program] = {}
    for path in sorted(folder.glob("*.js")):
        for program in parse(path.stem, path.read_text(encoding="utf-8")):
            if program.name in programs:
                raise ValueError(f"{program.name} stands twice in the corpus")
            programs[program.name] = program
    return programs


def parse(topic: str, text: str) -> Iterator[Program]:
    """Yield the programs of one file, whose stem is ``topic``.

    >>> [program] = parse("text", "// @case one\\ntext(1)\\n")
    >>> program.name, program.steps
    ('text/one', (Cell(source='text(1)'),))
    """
    header, steps = "", list[Step]()
    for directive, argument, body in _sections(text):
        if directive == "case":
            if header:
                yield _program(topic, header, steps)
            header, steps = argument, []
        elif not header:
            raise ValueError(f"{topic}.js: @{directive} stands before the first @case")
        steps.append(_step(directive, body))
    if header:
        yield _program(topic, header, steps)


def _sections(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each directive with its argument and with the text up to the next one."""
    found = list(_DIRECTIVE.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    for match, end in zip(found, ends, strict=True):
        yield match[1], match[2].strip(), text[match.end() : end].strip("\n")


def _step(directive: str, body: str) -> Step:
    match directive:
        case "wait" | "terminate" if body:
            raise ValueError(f"@{directive} takes no source: {body!r}")
        case "wait":
            return "wait"
        case "terminate":
            return "terminate"
        case _:
            return Cell(_CODE_POINT.sub(lambda found: chr(int(found[1], 16)), body))


def _program(topic: str, header: str, steps: list[Step]) -> Program:
    name, *options = header.split()
    given = dict(option.partition("=")[::2] for option in options)
    program = Program(
        name=f"{topic}/{name}",
        steps=tuple(steps),
        extra_tools=tuple(filter(None, given.pop("tools", "").split(","))),
        yield_time_ms=int(given.pop("yield_time_ms", DEFAULT_YIELD_TIME_MS)),
        timing=given.pop("timing", None) is not None,
    )
    if given:
        raise ValueError(f"{program.name}: unknown options {sorted(given)}")
    return program
