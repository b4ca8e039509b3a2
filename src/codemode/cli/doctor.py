"""``codemode doctor``: whether cells can run here, in which sandbox, and what to do about it."""

from __future__ import annotations

import json
import platform
import re
import sys
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import click

from ..engine.self_test import examine
from ..limits import Limits, amount
from ..process_ledger import descriptor_limit, open_descriptors, process_figures
from .terminal import can_be_drawn_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..engine.sandbox import Part
    from ..engine.self_test import SelfTest
    from ..process_ledger import Figure

FEW_DESCRIPTORS: Final = 256
"""A session takes 3 of them, and is not alone in its application."""

SANDBOX_SINCE: Final = {
    "landlock": "run on Linux 5.13 or newer with landlock among the security modules (lsm=… at "
    "boot), and let the container's own filter pass landlock_create_ruleset",
    "seccomp": "run on a kernel with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64, and let the "
    "container's own filter pass seccomp",
}

_REMEDIES: Final = (
    (r"V8 is missing|mini-racer|this V8|made for V8", "pip install mini-racer==0.14.1"),
    (
        r"Errno 24|EMFILE|Too many open files|\(descriptors\)",
        "raise the limit on descriptors: ulimit -n 4096",
    ),
    (r"Errno 23|ENFILE", "close files on this machine, or raise fs.file-max"),
    (
        r"Errno 12\b|ENOMEM|MemoryError|out of memory|SIGTRAP",
        "free memory, or raise the limits on it: ulimit -v, the container's memory",
    ),
    (r"Errno 11\b|EAGAIN", "raise the number of processes: ulimit -u, the container's pids"),
    (r"did not (answer|end)", "see whether the machine is overloaded or suspended, and try again"),
    (
        r"Errno 13\b|Permission denied",
        "let files be executed where codemode is installed (mount option noexec)",
    ),
    (r"Errno 2\b", "run codemode with a Python interpreter that is still there"),
)
_OTHER: Final = (
    "reinstall codemode and its dependencies; if that does not help, report this with the output "
    "of codemode doctor --json"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be.

    Attributes:
        what: what does not work.
        cause: why, as far as it is known.
        remedy: what to do.
        fatal: whether cells cannot run.
    """

    what: str
    cause: str
    remedy: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that ``doctor`` has found out."""

    versions: dict[str, str]
    engine: SelfTest
    descriptors: dict[str, int | None]
    process: dict[str, Figure]
    limits: dict[str, int | None]
    problems: tuple[Problem, ...]

    @property
    def healthy(self) -> bool:
        """Whether cells can run."""
        return not any(problem.fatal for problem in self.problems)

    def as_json(self) -> str:
        """One document."""
        engine = asdict(self.engine)
        engine.pop("sandbox")
        report = {
            "healthy": self.healthy,
            "versions": self.versions,
            "engine": engine,
            "sandbox": [part._asdict() for part in self.engine.sandbox or ()],
            "descriptors": self.descriptors,
            "process": {name: each._asdict() for name, each in self.process.items()},
            "limits": self.limits,
            "problems": [asdict(problem) for problem in self.problems],
        }
        return json.dumps(report, indent=2, ensure_ascii=False)


def doctor(*, as_json: bool) -> int:
    """Examine and print; return the exit code, 0 if cells can run."""
    found = diagnose()
    if as_json:
        click.echo(found.as_json())
    elif can_be_drawn_on(sys.stdout):
        _print_richly(found)
    else:
        for title, rows in _sections(found):
            click.echo(title)
            for mark, name, text in rows:
                click.echo(f"  {mark} {name}: {text}" if text else f"  {mark} {name}")
    return 0 if found.healthy else 1


def diagnose() -> Diagnosis:
    """Try everything; nothing of it raises or hangs."""
    engine = examine()
    descriptors = {"open": open_descriptors(), "limit": descriptor_limit()}
    return Diagnosis(
        versions=_versions(engine),
        engine=engine,
        descriptors=descriptors,
        process=dict(process_figures()),
        limits=asdict(Limits()),
        problems=tuple(_problems(engine, descriptors["limit"])),
    )


def _versions(engine: SelfTest) -> dict[str, str]:
    return {
        "codemode": _version("codemode"),
        "python": platform.python_version(),
        "mini-racer": _version("mini-racer"),
        "v8": engine.v8 or "unknown",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _problems(engine: SelfTest, descriptors: int | None) -> Iterator[Problem]:
    if not engine.works:
        cause, _, hint = engine.error.partition("\nHint: ")
        remedy = _remedy(cause) if "(descriptors)" in cause else hint or _remedy(cause)
        yield Problem("cells cannot run", cause, remedy, fatal=True)
    for part in engine.sandbox or ():
        if not part.in_force:
            yield Problem(f"workers run without {part.name}", part.note, _sandbox_remedy(part))
    if descriptors is not None and descriptors < FEW_DESCRIPTORS:
        yield Problem(
            "few sessions fit into this process",
            f"it may have {descriptors} descriptors open, and a session takes 3",
            "raise the limit on descriptors: ulimit -n 4096",
        )


def _remedy(cause: str) -> str:
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, cause)), _OTHER)


def _sandbox_remedy(part: Part) -> str:
    if sys.platform != "linux":
        return "run programs that you do not trust on Linux"
    return SANDBOX_SINCE.get(part.name, "let the container's own filter pass prctl and capset")


_Row = tuple[str, str, str]
_GOOD, _BAD, _PLAIN = "✓", "✗", "·"


def _sections(found: Diagnosis) -> Iterator[tuple[str, list[_Row]]]:
    yield "versions", [(_PLAIN, name, text) for name, text in found.versions.items()]
    yield "engine", [_engine_row(found.engine)]
    if found.engine.sandbox is not None:
        yield (
            "sandbox of a worker",
            [
                (_GOOD if part.in_force else _BAD, part.name, part.note)
                for part in found.engine.sandbox
            ],
        )
    has, may = found.descriptors["open"], found.descriptors["limit"]
    yield (
        "descriptors",
        [
            (_PLAIN, "open", "unknown" if has is None else str(has)),
            (_PLAIN, "limit", "none" if may is None else f"{may:,}"),
        ],
    )
    yield (
        "limits of a process, and what this one has",
        [(_PLAIN, name, _figure(each)) for name, each in found.process.items()],
    )
    yield "limits", [(_PLAIN, *row) for row in _limit_rows()]
    if found.problems:
        yield (
            "problems",
            [
                row
                for problem in found.problems
                for row in (
                    (_BAD if problem.fatal else "!", problem.what, ""),
                    (" ", "cause", problem.cause),
                    (" ", "remedy", problem.remedy),
                )
            ],
        )
    verdict = "cells can run" if found.healthy else "cells cannot run"
    yield "verdict", [(_GOOD if found.healthy else _BAD, verdict, "")]


def _engine_row(found: SelfTest) -> _Row:
    if not found.works:
        return (_BAD, "workers", found.error.partition("\n")[0])
    said = [
        found.start_method and f"start method {found.start_method}",
        f"first result {found.first_ms:.0f} ms",
        f"next session {found.next_ms:.0f} ms",
        found.worker_bytes and f"worker {amount(found.worker_bytes, 'bytes')}",
        found.zygote_bytes and f"zygote {amount(found.zygote_bytes, 'bytes')}, mostly shared",
    ]
    return (_GOOD, "workers", " · ".join(text for text in said if text))


def _figure(figure: Figure) -> str:
    limit = "none" if figure.limit is None else f"{figure.limit:,}"
    return f"{limit} (unknown)" if figure.used is None else f"{limit} ({figure.used:,})"


def _limit_rows() -> Iterator[tuple[str, str]]:
    defaults = Limits()
    for entry in fields(Limits):
        value = getattr(defaults, entry.name)
        yield entry.name, "none" if value is None else amount(value, entry.metadata["unit"])


def _print_richly(found: Diagnosis) -> None:
    from rich.console import Console  # noqa: PLC0415 - 100 ms, for terminals only
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    styles: dict[str, Any] = {_GOOD: "green", _BAD: "red", "!": "yellow"}
    for title, rows in _sections(found):
        table = Table.grid(padding=(0, 2))
        for mark, name, text in rows:
            table.add_row("", Text(mark, style=styles.get(mark, "dim")), Text(name), Text(text))
        console.print(Text(title, style="bold"))
        console.print(table)
