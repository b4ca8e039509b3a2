"""Values of options that click has no type for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from ..lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click.shell_completion import CompletionItem

    from ..limits import Limits

    _LimitParam = click.ParamType[tuple[str, int | None]]
    _AddressParam = click.ParamType[tuple[str, int]]
    _OriginParam = click.ParamType[str]
else:
    _LimitParam = _AddressParam = _OriginParam = click.ParamType  # generic since click 8.4 only

_ORIGIN: Final = lazy_pattern(
    r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
)


class LimitType(_LimitParam):
    """``NAME=VALUE`` as the pair of a limit's name and its number, or None for ``none``."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | None]:
        from ..errors import UsageError  # noqa: PLC0415 - not for --help
        from ..limits import Limits, read_limit  # noqa: PLC0415 - the same
        from ..process_limits import ProcessLimits  # noqa: PLC0415 - the same

        if isinstance(value, tuple):
            return value
        try:
            return read_limit(str(value), (Limits, ProcessLimits))
        except UsageError as error:
            self.fail(str(error))

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


def make_limits(given: Iterable[tuple[str, int | None]]) -> Limits:
    """The limits with those that were given on the command line; those of the process are set.

    Raises:
        click.BadParameter: one that cannot be switched off was, or no program could run with them.
    """
    from ..errors import UsageError  # noqa: PLC0415 - not for --help
    from ..limits import Limits  # noqa: PLC0415
    from ..process_ledger import limit_process_by  # noqa: PLC0415

    try:
        values: dict[str, Any] = dict(limit_process_by(dict(given)))
    except UsageError as error:
        raise click.BadParameter(str(error), param_hint="'--limit'") from error
    if values.get("live_cells") == 0:
        raise click.BadParameter(
            "with live_cells=0 no program could run\nhint: give 1 or more, or none.",
            param_hint="--limit",
        )
    try:
        return Limits(**values)
    except UsageError as error:
        raise click.BadParameter(str(error), param_hint="--limit") from error


def _limits() -> list[str]:
    """The names of all limits."""
    from dataclasses import fields  # noqa: PLC0415 - 20 ms that --help does not need

    from ..limits import Limits  # noqa: PLC0415
    from ..process_limits import ProcessLimits  # noqa: PLC0415

    return [each.name for each in (*fields(Limits), *fields(ProcessLimits))]
