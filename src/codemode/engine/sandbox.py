"""A worker's report of its sandbox (``worker/sandbox.cc``): hostile, and only to be shown."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..errors import EngineError

MAX_BYTES: Final = 4096
"""A longer report of a sandbox is refused."""

PARTS: Final = (
    "no new privileges",
    "not dumpable",
    "no capabilities",
    "landlock",
    "resource limits",
    "seccomp",
)
"""In the order in which a worker takes them on."""


class Part(NamedTuple):
    """One part of the sandbox.

    Attributes:
        name: one of ``PARTS``.
        in_force: whether the worker has it.
        note: what of it, or why not.
    """

    name: str
    in_force: bool
    note: str = ""


def read_report(data: bytes) -> tuple[Part, ...]:
    """The parts that a worker reports.

    Raises:
        EngineError: it is not of the form, or names other parts than there are.
    """
    try:
        parts = tuple(_part(line) for line in data[:MAX_BYTES].decode().splitlines())
    except ValueError:
        parts = ()
    if len(data) > MAX_BYTES or tuple(part.name for part in parts) != PARTS:
        raise EngineError("a worker described its sandbox in an unknown form")
    return parts


def _part(line: str) -> Part:
    name, in_force, note = line.split("\t")
    if in_force not in ("0", "1"):
        raise ValueError
    return Part(name, in_force == "1", _printable(note))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:200])
