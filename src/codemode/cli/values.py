"""Values of options that click has no type for."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click.shell_completion import CompletionItem

    from ..limits import Limits

    _LimitParam = click.ParamType[tuple[str, int | None]]
    _AddressParam = click.ParamType[tuple[str, int]]
    _OriginParam = click.ParamType[str]
else:
    _LimitParam = _AddressParam = _OriginParam = click.ParamType  # generic since click 8.4 only

_UNITS: Final = {
    "bytes": {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30},
    "ms": {"": 1, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000},
}
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_NUMBER: Final = re.compile(r"(\d(?:_?\d){0,17}(?:\.\d{1,9})?)\s*([a-zA-Z]*)")


class LimitType(_LimitParam):
    """``NAME=VALUE`` as the pair of a field of Limits and its number, or None for ``none``."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | None]:
        if isinstance(value, tuple):
            return value
        text, equals, amount = str(value).partition("=")
        name = text.strip().replace("-", "_")
        units = _limits()
        if name not in units:
            near = get_close_matches(name, units, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            self.fail(f"there is no limit {name!r}\nhint: {meant}There are: {', '.join(units)}.")
        if not equals:
            self.fail(f"{value!r} has no value\nhint: write {name}=VALUE.")
        if amount.strip().lower() == "none":
            return name, None
        number = parse_amount(amount, units[name])
        if number is None:
            self.fail(
                f"{amount!r} is no amount of {units[name]} for {name}\n"
                f"hint: {_example(name, units[name])}"
            )
        return name, number

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - rarely needed

        return [CompletionItem(f"{n}=") for n in _limits() if n.startswith(incomplete)]


LIMIT: Final = LimitType()

LIMITS: Final = click.option(
    "--limit",
    "-l",
    "limits",
    metavar="NAME=VALUE",
    type=LIMIT,
    multiple=True,
    help="Set a limit: heap_bytes=64MiB, compute_ms=5s, live_cells=none. Repeatable.",
)
"""The option of every command that runs cells."""


class AddressType(_AddressParam):
    """``HOST:PORT`` as a pair; this machine alone if there is no host."""

    name = "HOST:PORT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, colon, port = str(value).rpartition(":")
        if not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
            self.fail(f"{value!r} names no port\nhint: write 127.0.0.1:8000, or just 8000.")
        if host.startswith("[") and host.endswith("]"):
            return host[1:-1], int(port)
        if ":" in host:
            self.fail(f"{value!r} is ambiguous\nhint: write [{host}]:{port}.")
        return host if colon else "127.0.0.1", int(port)


ADDRESS: Final = AddressType()


class OriginType(_OriginParam):
    """A web page's origin, as browsers write it; any other text would never be met."""

    name = "ORIGIN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not _ORIGIN.fullmatch(text):
            self.fail(
                f"{text!r} is no origin as browsers write it\n"
                "hint: https://app.example.com, in small letters and without a path; "
                "with :8080 if it has a port."
            )
        return text


ORIGIN: Final = OriginType()


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


def make_limits(given: Iterable[tuple[str, int | None]]) -> Limits:
    """The limits with those that were given on the command line.

    Raises:
        click.BadParameter: one that cannot be switched off was, or no program could run with them.
    """
    from ..errors import UsageError  # noqa: PLC0415 - not for --help
    from ..limits import Limits  # noqa: PLC0415

    values: dict[str, Any] = dict(given)
    if values.get("live_cells") == 0:
        raise click.BadParameter(
            "with live_cells=0 no program could run\nhint: give 1 or more, or none.",
            param_hint="--limit",
        )
    try:
        return Limits(**values)
    except UsageError as error:
        raise click.BadParameter(str(error), param_hint="--limit") from error


def _limits() -> dict[str, str]:
    """The names of all limits, with their units."""
    from dataclasses import fields  # noqa: PLC0415 - 20 ms that --help does not need

    from ..limits import Limits  # noqa: PLC0415

    return {each.name: each.metadata["unit"] for each in fields(Limits)}


def _example(name: str, unit: str) -> str:
    if unit == "bytes":
        return f"{name}=1048576, {name}=512KiB, {name}=64MiB or {name}=1GiB."
    if unit == "ms":
        return f"{name}=250, {name}=250ms, {name}=2s or {name}=5min."
    return f"{name}=100."
