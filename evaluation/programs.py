"""The programs: one file for each suite, written from prompt and declarations only.

``//# user_task_7 [join, read]`` heads a task and says which shapes its program has; ``//# then`` stands where the
model must read what was printed before it can go on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "programs"
_HEAD = re.compile(r"(\w+) \[(.*)\]")


@dataclass(frozen=True, slots=True)
class Program:
    """What a model would write for a task, turn by turn."""

    suite: str
    task: str
    shapes: tuple[str, ...]
    turns: tuple[str, ...]


def load(folder: Path = FOLDER) -> dict[tuple[str, str], Program]:
    """All programs by suite and task."""
    found: dict[tuple[str, str], Program] = {}
    for path in sorted(folder.glob("*.js")):
        for chunk in re.split(r"^//# (?=user_task)", path.read_text("utf-8"), flags=re.MULTILINE)[
            1:
        ]:
            head, _, body = chunk.partition("\n")
            matched = _HEAD.fullmatch(head)
            if matched is None:
                raise ValueError(f"{path.name}: {head!r} is no head of a program")
            task, shapes = matched.groups()
            turns = tuple(
                part.strip() for part in re.split(r"^//# then\n", body, flags=re.MULTILINE)
            )
            found[path.stem, task] = Program(path.stem, task, tuple(shapes.split(", ")), turns)
    return found
