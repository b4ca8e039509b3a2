"""Every limit: its name, unit, default and the error that a model reads when it fires.

The table *is* the dataclass: each field carries its unit and its error text as metadata, so
that a limit cannot exist without them. A limit that may be switched off takes ``None``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from .errors import UsageError
from .lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import DataclassInstance

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

GREATEST = 2**53 - 1
"""No limit is greater: what counts them, here and in the system, is exact and does not overflow."""

_NEVER_ZERO = frozenset(
    {"heap_bytes", "worker_memory_bytes", "tool_threads", "workers", "zygotes", "descriptors"}
)
"""Where the system takes 0 for no bound at all, or nothing runs without one."""


def limit_field(
    default: int | None, unit: str, error: str, hint: str = "", *, optional: bool = False
) -> Any:
    """A field of a table of limits; ``error`` may name ``cap``, ``observed`` and ``what``."""
    return field(
        default=default,
        metadata={"unit": unit, "error": error, "hint": hint, "optional": optional},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what cells and sessions may use. All are on by default.

    Sizes are in bytes, times in milliseconds, tokens are 4 bytes of UTF-8; a cell counts the sizes
    of its own values in units of UTF-16. ``None`` switches a limit off where that is safe.

    Raises:
        UsageError: a value is not an integer in its range, or ``None`` where that is unsafe.
    """

    source_bytes: int = limit_field(
        MIB,
        "bytes",
        "the source is {observed}, more than {cap}",
        "store large data with store() or fetch it through a tool instead of writing it into the program.",
    )
    """Bytes of UTF-8 in the source of one program. A longer one is refused before it runs."""
    heap_bytes: int = limit_field(
        256 * MIB,
        "bytes",
        "the cell used more than {cap} of JavaScript heap",
        "work on the data in smaller pieces and keep only what you need.",
    )
    """Bytes of the JavaScript heap of one cell, measured after collections. A cell above it ends with an error."""
    worker_memory_bytes: int | None = limit_field(
        GIB,
        "bytes",
        "the cells of this session used more than {cap} of memory together",
        "work on the data in smaller pieces; large strings and typed arrays count too.",
        optional=True,
    )
    """Bytes that the worker of a session may take beyond what an empty one takes, heaps and array buffers
    of all its cells together; None: no bound."""
    compute_ms: int | None = limit_field(
        60_000,
        "ms",
        "the cell computed for {cap} without a pause",
        "split the work and await something between the parts, or run it in a tool.",
        optional=True,
    )
    """Milliseconds that a cell may compute without giving control back; None: no bound."""
    output_bytes: int = limit_field(
        16 * MIB,
        "bytes",
        "the cell wrote more than {cap} of output between two observations",
        "print a summary instead of everything.",
    )
    """Bytes of output that one cell may write between two observations. A cell above it ends with an error."""
    output_tokens: int = limit_field(
        10_000, "tokens", "the output was cut to {cap} (this is not an error)"
    )
    """Tokens of output in a result where the call asks for no other budget; the middle is cut out."""
    value_bytes: int = limit_field(
        16 * MIB,
        "bytes",
        "{what} is {observed}, more than {cap}",
        "pass a smaller value, or pass it in pieces.",
    )
    """Bytes of one argument, result, stored value or notification. A larger one is refused; the cell goes on."""
    value_members: int = limit_field(
        200_000,
        "members",
        "{what} has more than {cap}, those of everything inside it included",
        "pass fewer values at once, or pass them as one string.",
    )
    """Members of one argument, at all levels together. A larger one is refused; the cell goes on."""
    stored_bytes: int | None = limit_field(
        64 * MIB,
        "bytes",
        "the stored values of this session would take {observed}, more than {cap}",
        "store less, overwrite keys that you no longer need with null, or end the cells that"
        " started before a large value was replaced: they still see it.",
        optional=True,
    )
    """Bytes of all stored values of a session, with older versions that a live cell still reads; None: no bound."""
    live_cells: int | None = limit_field(
        128,
        "cells",
        "{observed} of this session are alive already, and {cap} are allowed",
        "wait for a running cell to finish, or end one with wait and terminate: true.",
        optional=True,
    )
    """Cells of a session that run or wait at the same time; None: no bound. A further ``exec`` is refused."""
    held_bytes: int = limit_field(
        64 * MIB,
        "bytes",
        "a session holds {cap} of output that nobody has been given and of calls and notifications"
        " that have not ended, so cells that nobody observes wait (this is not an error)",
    )
    """Bytes of memory for undelivered output and unfinished calls of all cells of a session. Above it,
    unobserved cells are paused."""
    timers: int = limit_field(
        10_000,
        "timers",
        "the cell has more than {cap} pending",
        "await timers in smaller groups.",
    )
    """Pending timers of one cell. One more is an error in the program."""
    tool_calls: int | None = limit_field(
        10_000,
        "calls",
        "the cell made more than {cap} to tools",
        "batch the work, or continue in a new cell.",
        optional=True,
    )
    """Calls that one cell may make in its life; None: no bound. One more is an error in the program."""
    concurrent_tool_calls: int = limit_field(
        256, "calls", "more than {cap} at once wait their turn (this is not an error)"
    )
    """Calls of one cell that run at the same time; further ones are queued."""
    queued_notifications: int = limit_field(
        1_024,
        "notifications",
        "a cell with more than {cap} undelivered waits (this is not an error)",
    )
    """Undelivered notifications of one cell; above it the cell is paused."""
    callback_grace_ms: int = limit_field(
        100, "ms", "a cancelled callback was dropped after {cap} (this is not an error)"
    )
    """Milliseconds that cancelled tools and notifications of a cell may take to end, together; then they
    are dropped."""
    termination_ms: int = limit_field(
        250, "ms", "the cell did not stop within {cap}, so its worker was killed"
    )
    """Milliseconds from the request to end a cell until its worker is killed."""
    unobserved_ms: int | None = limit_field(
        60 * 60_000,
        "ms",
        "nobody observed the cell for {cap} after it had yielded",
        "call wait before that, or start the work again.",
        optional=True,
    )
    """Milliseconds that a cell which has yielded lives without an observer; None: no bound."""
    result_kept_ms: int = limit_field(
        5 * 60_000,
        "ms",
        "the result of a closed cell is kept for {cap} (this is not an error)",
    )
    """Milliseconds that the result of a closed cell is kept for a later ``wait``."""
    min_yield_time_ms: int = limit_field(
        0,
        "ms",
        "an observation lasts {cap} where a model asks for less (this is not an error)",
    )
    """The least milliseconds of an observation; a shorter request is extended."""
    max_yield_time_ms: int | None = limit_field(
        None,
        "ms",
        "an observation was cut to {cap} (this is not an error)",
        optional=True,
    )
    """The most milliseconds of an observation; a longer request is cut. None: no bound."""

    def __post_init__(self) -> None:
        check_limits(self)

    def message(self, name: str, observed: int | None = None, *, what: str = "the value") -> str:
        """The error text of limit ``name``: what was exceeded, by how much, and what to do.

        Args:
            name: a field of this class.
            observed: the offending amount in the limit's unit, where it is known.
            what: what has the size, for limits on values.
        """
        return limit_message(self, name, observed, what=what)


def check_limits(limits: DataclassInstance) -> None:
    """Raise UsageError if a field of a table of limits is not an integer in its range, nor a ``None`` it may be."""
    for entry in fields(limits):
        value = getattr(limits, entry.name)
        if value is None and entry.metadata["optional"]:
            continue
        if type(value) is not int or value < 0:
            none = " or None" if entry.metadata["optional"] else ""
            raise UsageError(
                f"limit {entry.name} must be a non-negative integer"
                f" ({entry.metadata['unit']}){none}, got {value!r}"
            )
        if value > GREATEST or (value == 0 and entry.name in _NEVER_ZERO):
            least = 1 if entry.name in _NEVER_ZERO else 0
            raise UsageError(
                f"limit {entry.name} must be from {least} to 2**53 - 1 ({entry.metadata['unit']})"
            )


def limit_message(
    limits: DataclassInstance, name: str, observed: int | None = None, *, what: str = "the value"
) -> str:
    """The error text of the field ``name`` of a table of limits; see :meth:`Limits.message`."""
    entry = next(f for f in fields(limits) if f.name == name)
    unit = entry.metadata["unit"]
    cap = getattr(limits, name)
    text = entry.metadata["error"].format(
        cap="none" if cap is None else amount(cap, unit),
        observed="too large" if observed is None else amount(observed, unit),
        what=what,
    )
    hint = entry.metadata["hint"]
    return f"Limit reached ({name}): {text}." + (f"\nHint: {hint}" if hint else "")


def amount(value: int, unit: str) -> str:
    """``value`` for people: ``16 MiB``, ``250 ms``, ``60 s``, ``10,000 timers``."""
    if unit == "bytes":
        for size, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
            if value >= size:
                return f"{value / size:.4g} {name}"
        return f"{value} bytes"
    if unit == "ms" and value > 60_000 and value % 60_000 == 0:
        return f"{value // 60_000} min"
    if unit == "ms" and value >= 1_000:
        return f"{value / 1_000:.4g} s"
    return f"{value:,} {unit}"


_UNITS = {
    "bytes": {"": 1, "b": 1, "kib": KIB, "mib": MIB, "gib": GIB},
    "ms": {"": 1, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000},
}
_NUMBER = lazy_pattern(r"([0-9](?:_?[0-9]){0,17}(?:\.[0-9]{1,9})?)\s*([a-zA-Z]*)")


def read_limit(
    text: str, tables: Sequence[type[DataclassInstance]] = (Limits,)
) -> tuple[str, int | None]:
    """``NAME=VALUE`` as a person writes it: the name of a limit and its number, None for ``none``.

    Args:
        text: what was written.
        tables: of limits; the name is a field of one of them.

    Raises:
        UsageError: there is no such limit, or this is no amount of its unit.

    >>> read_limit("heap-bytes = 64MiB"), read_limit("live_cells=none")
    (('heap_bytes', 67108864), ('live_cells', None))
    """
    before, equals, amount = text.partition("=")
    name = before.strip().replace("-", "_")
    units = {each.name: each.metadata["unit"] for table in tables for each in fields(table)}
    if name not in units:
        from difflib import get_close_matches  # noqa: PLC0415 - only for an error

        near = get_close_matches(name, units, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no limit {name!r}\nhint: {meant}There are: {', '.join(units)}.")
    if not equals:
        raise UsageError(f"{text!r} has no value\nhint: write {name}=VALUE.")
    if amount.strip().lower() == "none":
        return name, None
    number = parse_amount(amount, units[name])
    if number is None:
        raise UsageError(
            f"{amount!r} is no amount of {units[name]} for {name}"
            f"\nhint: {_example(name, units[name])}"
        )
    return name, number


def parse_amount(text: str, unit: str) -> int | None:
    """``text`` in ``unit``, or None if it is no such amount.

    >>> parse_amount("64MiB", "bytes"), parse_amount("1.5s", "ms"), parse_amount("5x", "ms")
    (67108864, 1500, None)
    """
    found = _NUMBER.fullmatch(text.strip())
    factor = _UNITS.get(unit, {"": 1}).get(found[2].lower()) if found else None
    if found is None or factor is None:
        return None
    amount = float(found[1]) * factor if "." in found[1] else int(found[1]) * factor
    return int(amount) if amount == int(amount) else None


def _example(name: str, unit: str) -> str:
    if unit == "bytes":
        return f"{name}=1048576, {name}=512KiB, {name}=64MiB or {name}=1GiB."
    if unit == "ms":
        return f"{name}=250, {name}=250ms, {name}=2s or {name}=5min."
    return f"{name}=100."
