"""The hostile programs: how they stand in ``programs/*.js``.

Each file is a class of attacks; its first line is ``// Class E: computing without end``. Then
``// @case NAME`` begins a program, whose whole name is ``E/NAME``, and lines say what must happen:

* ``// ends: completed`` (where nothing is said), ``failed``, ``refused``, ``limit NAME``, or ``runs``
  for one that has to be terminated; several are parted by ``or``;
* ``// prints: ["a", "b"]``: all that it prints, as JSON;
* ``// error: TypeError: x``: the first line of its error;
* ``// also: under the default limits``: it runs with these, too, where there is time for it.

The other lines are the program. ``⟦U+FEFF⟧`` is a character that an editor would hide or change,
``⟦100000 × [⟧`` is a text that is too long to be written out, and ``⟦poison⟧`` is what the file has
under ``// @let poison`` before its first program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from codemode.limits import Limits

PROGRAMS: Final = Path(__file__).parent / "programs"

MOST_CHARACTERS: Final = 16 * 2**20
"""No program is longer, written out."""

_TITLE: Final = re.compile(r"// Class ([A-Z]): (.+)")
_PART: Final = re.compile(r"^// @(case|let) (\S+)\n", re.MULTILINE)
_SAID: Final = re.compile(r"// (ends|prints|error|also): (.*)\n?")
_CODE_POINT: Final = re.compile(r"⟦U\+([0-9A-F]{4,6})⟧")
_NAMED: Final = re.compile(r"⟦([a-z-]+)⟧")
_REPEATED: Final = re.compile(r"⟦([0-9]+) × (.+?)⟧", re.DOTALL)
_LIMITS: Final = frozenset(f"limit {each.name}" for each in fields(Limits))
ENDS: Final = frozenset({"completed", "failed", "refused", "runs"}) | _LIMITS


@dataclass(frozen=True, slots=True)
class Program:
    """A hostile program, and what must happen.

    Attributes:
        name: its class and its own name, ``E/loop``.
        source: as it is given to ``exec``.
        ends: the ways in which it may end.
        prints: everything that it prints, where that is known.
        error: the first line of its error, where that is known.
        also: whether it runs under the default limits, too.
    """

    name: str
    source: str
    ends: frozenset[str] = frozenset({"completed"})
    prints: tuple[str, ...] | None = None
    error: str | None = None
    also: bool = False

    @property
    def group(self) -> str:
        """The letter of its class."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Group:
    """A class of attacks."""

    letter: str
    title: str
    programs: tuple[Program, ...]


def load(folder: Path = PROGRAMS) -> tuple[Group, ...]:
    """Every class, by its letter.

    Raises:
        ValueError: a file or a program does not say what it must.
    """
    groups = [parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.js"))]
    groups.sort(key=lambda group: group.letter)
    letters = [group.letter for group in groups]
    if len(set(letters)) < len(letters):
        raise ValueError(f"two files are of one class: {' '.join(letters)}")
    return tuple(groups)


def parse(text: str) -> Group:
    """The class that one file holds.

    >>> parse('''// Class X: an example
    ... // @case one
    ... // ends: failed or limit heap_bytes
    ... throw ⟦3 × a⟧;
    ... ''').programs
    (Program(name='X/one', source='throw aaa;', ends=frozenset({...}), prints=None, error=None, also=False),)
    """
    title = _TITLE.match(text)
    if title is None:
        raise ValueError(f"a file begins with its class, not with {text[:40]!r}")
    programs = tuple(_programs(title[1], text))
    names = [program.name for program in programs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"named twice: {', '.join(sorted(twice))}")
    return Group(title[1], title[2], programs)


def _programs(letter: str, text: str) -> Iterator[Program]:
    found = list(_PART.finditer(text))
    ends = [part.start() for part in found[1:]] + [len(text)]
    lets: dict[str, str] = {}
    for part, end in zip(found, ends, strict=True):
        body = text[part.end() : end].strip("\n")
        if part[1] == "let":
            lets[part[2]] = body
        else:
            yield _program(f"{letter}/{part[2]}", body, lets)


def _program(name: str, text: str, lets: Mapping[str, str]) -> Program:
    said: dict[str, str] = {}
    while line := _SAID.match(text):
        if line[1] in said:
            raise ValueError(f"{name} says twice what it {line[1]}")
        said[line[1]] = line[2]
        text = text[line.end() :]
    ends = frozenset(said.get("ends", "completed").split(" or "))
    if not ends <= ENDS:
        raise ValueError(f"{name} cannot end so: {', '.join(sorted(ends - ENDS))}")
    prints = said.get("prints")
    return Program(
        name,
        written_out(_NAMED.sub(lambda found: lets[found[1]], text)),
        ends,
        None if prints is None else tuple(map(written_out, json.loads(prints))),
        written_out(said["error"]) if "error" in said else None,
        "also" in said,
    )


def written_out(text: str) -> str:
    """``text`` with everything in it that stands for something longer or invisible.

    >>> written_out("⟦3 × ab⟧⟦U+0041⟧")
    'abababA'
    """
    text = _REPEATED.sub(_repeated, text)
    return _CODE_POINT.sub(lambda found: chr(int(found[1], 16)), text)


def _repeated(found: re.Match[str]) -> str:
    times = int(found[1])
    if times * len(found[2]) > MOST_CHARACTERS:
        raise ValueError(f"{times} × {found[2]!r} is too long")
    return times * found[2]
