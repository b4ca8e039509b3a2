"""What a person sees on standard error while a program runs, and when it has ended."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol

import click

from .terminal import can_be_drawn_on, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status as Spinner

    from .outcome import CallReport, ProgramOutcome

CALLS_SHOWN: Final = 40
"""So many calls are listed; more are counted only."""


class StatusLine(Protocol):
    """What the run tells about itself."""

    def aside(self) -> AbstractContextManager[object]:
        """Standard output is written meanwhile: do not draw."""

    def note(self, label: str, text: str) -> None:
        """Something happened: a notification, a file."""

    def called(self, name: str) -> None:
        """A nested call begins."""

    def returned(self, call: CallReport) -> None:
        """It is over."""

    def ended(self, outcome: ProgramOutcome, seconds: float) -> None:
        """The run is over."""

    def close(self) -> None:
        """Nothing is drawn any more. Idempotent."""


def make_status() -> StatusLine:
    """For a terminal with a spinner and colour; else plain lines, and no more than needed."""
    return TerminalStatus() if can_be_drawn_on(sys.stderr) else PlainStatus()


class PlainStatus:
    """Lines for a log: notifications, files, errors."""

    def aside(self) -> AbstractContextManager[object]:
        return nullcontext()

    def note(self, label: str, text: str) -> None:
        click.echo(f"{label}: {text}", err=True)

    def called(self, name: str) -> None:
        pass

    def returned(self, call: CallReport) -> None:
        pass

    def ended(self, outcome: ProgramOutcome, seconds: float) -> None:
        if outcome.status == "interrupted":
            click.echo(f"interrupted after {duration(seconds * 1000)}", err=True)
        elif outcome.error is not None:
            message, hint = split_hint(outcome.error)
            click.echo(f"error: {message}", err=True)
            if hint:
                click.echo(f"hint: {hint}", err=True)

    def close(self) -> None:
        pass


class TerminalStatus:
    """A spinner that counts, a line for each nested call, and a last line that sums up."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - 100 ms, for terminals only

        self._console: Console = Console(stderr=True, highlight=False)
        self._spinner: Spinner = self._console.status("running", spinner="dots")
        self._under_way: dict[str, int] = {}
        self._calls = 0
        self._began = time.monotonic()
        self._paused = _Paused(self._spinner)
        self._spinner.start()

    def aside(self) -> AbstractContextManager[object]:
        return self._paused

    def note(self, label: str, text: str) -> None:
        self._print(f"[bold]{label}:[/] ", printable(text))

    def called(self, name: str) -> None:
        self._under_way[name] = self._under_way.get(name, 0) + 1
        self._update()

    def returned(self, call: CallReport) -> None:
        self._under_way[call.name] -= 1
        if not self._under_way[call.name]:
            del self._under_way[call.name]
        self._calls += 1
        self._update()
        if self._calls > CALLS_SHOWN and call.status != "failed":
            return
        took = duration(call.duration_ms)
        if call.status == "failed":
            why = (call.error or "").partition("\n")[0]
            self._print("  [red]✗[/] ", f"{call.name}  {took}  {printable(why)}")
        else:
            mark = "[green]✓[/]" if call.status == "ok" else "[yellow]–[/]"
            self._print(f"  {mark} ", f"{call.name}  {took}", style="dim")
        if self._calls == CALLS_SHOWN:
            self._print("  [dim]…[/] ", "further calls are counted", style="dim")

    def ended(self, outcome: ProgramOutcome, seconds: float) -> None:
        self.close()
        if outcome.error is not None and outcome.status != "interrupted":
            message, hint = split_hint(outcome.error)
            self._print("[bold red]error:[/] ", printable(message))
            if hint:
                self._print("[bold cyan]hint:[/] ", printable(hint))
        colour = {"completed": "green", "interrupted": "yellow"}.get(outcome.status, "red")
        took = duration(seconds * 1000)
        facts = " · ".join(filter(None, (f" in {took}", _count(self._calls))))
        self._print(f"[{colour}]{outcome.status}[/]", facts, style="dim")

    def close(self) -> None:
        self._spinner.stop()

    def _update(self) -> None:
        names = [f"{n} ×{k}" if k > 1 else n for n, k in self._under_way.items()]
        shown = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
        calls = _count(self._calls)
        self._spinner.update(" · ".join(filter(None, ("running", calls, shown))))

    def _print(self, markup: str, text: str, *, style: str = "") -> None:
        from rich.text import Text  # noqa: PLC0415 - loaded with the console

        line = Text.from_markup(markup)
        line.append(text, style=style)
        self._console.print(line, soft_wrap=True)


class _Paused:
    """Pauses a spinner while others write to the terminal; they may begin and end in any order."""

    def __init__(self, spinner: Spinner) -> None:
        self._spinner = spinner
        self._inside = 0

    def __enter__(self) -> None:
        self._inside += 1
        self._spinner.stop()

    def __exit__(self, *_: object) -> None:
        self._inside -= 1
        if not self._inside:
            self._spinner.start()


def split_hint(error: str) -> tuple[str, str]:
    """An error's text and its hint, if its last line is one.

    >>> split_hint("it broke\\nHint: mend it.")
    ('it broke', 'mend it.')
    """
    text, marker, hint = error.rpartition("\nHint: ")
    return (text, hint) if marker and "\n" not in hint else (error, "")


def _count(calls: int) -> str:
    return f"{calls:,} call{'' if calls == 1 else 's'}" if calls else ""


def duration(milliseconds: float) -> str:
    """A time for people: ``12 ms``, ``3.4 s``."""
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1_000:.1f} s"
