"""``python -m tests.fuzz``: look for bytes that a decoder cannot stand; see ``targets``.

Guided by coverage where atheris can be had (``pip install --group fuzz``; it has wheels for some
Pythons only), else by Hypothesis alone, and says which. The corpus grows in out/fuzz and is used
again; an offending input is kept there, and the command that shows it is printed. Hypothesis keeps
its own in .hypothesis, and begins with them the next time.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import click

from .seeds import seeds
from .targets import TARGETS

OUT = Path(__file__).parents[2] / "out" / "fuzz"
STARTING_SECONDS = 60
"""How much longer than its time a target may take: it starts, and ends what it is at."""

_STATISTICS = re.compile(r"stat::number_of_executed_units: (\d+)")
_COVERAGE = re.compile(r"cov: (\d+)")
_KEPT = re.compile(r"Test unit written to (\S+)")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(TARGETS)))
@click.option("--seconds", type=click.IntRange(1), default=60, help="For all targets together.")
@click.option("--reproduce", type=click.Path(exists=True, path_type=Path), help="Run NAME on this.")
def main(names: tuple[str, ...], seconds: int, reproduce: Path | None) -> None:
    """Fuzz NAMES, by default every target."""
    if reproduce is not None:
        if len(names) != 1:
            raise click.UsageError("--reproduce needs the name of one target")
        TARGETS[names[0]](reproduce.read_bytes())
        click.echo(f"{names[0]}: this input is fine")
        return
    chosen = names or tuple(TARGETS)
    if importlib.util.find_spec("atheris") is None:
        raise SystemExit(_by_hypothesis(chosen, seconds))
    share = max(1, seconds // len(chosen))
    failed = [name for name in chosen if not _by_coverage(name, share)]
    click.echo(f"{len(chosen)} targets, {len(failed)} with findings")
    raise SystemExit(1 if failed else 0)


def _by_coverage(name: str, seconds: int) -> bool:
    """Whether ``seconds`` of fuzzing found nothing."""
    corpus, crashes, begin = OUT / "corpus" / name, OUT / "crashes", OUT / "seeds" / name
    for folder in (corpus, crashes, begin):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (begin / str(number)).write_bytes(seed)
    folders = map(str, (corpus, begin, crashes))
    command = [sys.executable, "-m", "tests.fuzz.one", name, str(seconds), *folders]
    log = OUT / f"{name}.log"
    with log.open("wb") as file:
        code = subprocess.run(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=seconds + STARTING_SECONDS,
            check=False,
        ).returncode
    said = log.read_text(errors="replace")
    runs, coverage = _STATISTICS.findall(said), _COVERAGE.findall(said)
    shown = f"{int(runs[-1]):,} inputs" if runs else "stopped early"
    shown += f", {coverage[-1]} edges" if coverage else ""
    click.echo(f"{name:<16} {shown:<28} {'ok' if code == 0 else f'exit {code}: see {log}'}")
    for path in _KEPT.findall(said):
        click.echo(f"  show it: {sys.executable} -m tests.fuzz {name} --reproduce {path}")
    return code == 0


def _by_hypothesis(names: tuple[str, ...], seconds: int) -> int:
    """The property tests of the targets, for longer than they usually run."""
    version = ".".join(map(str, sys.version_info[:2]))
    click.echo(
        f"atheris is not installed for Python {version} (pip install --group fuzz; there may be no"
        " wheel): nothing guides the search. Falling back on Hypothesis' explore profile."
    )
    tests = Path(__file__).with_name("test_targets.py")
    command = [sys.executable, "-m", "pytest", "-q", str(tests), "-k", " or ".join(names)]
    try:
        return subprocess.run(
            [*command, "--hypothesis-profile=explore"], timeout=seconds, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        click.echo(f"nothing found in {seconds} s")
        return 0


if __name__ == "__main__":
    main(prog_name="python -m tests.fuzz")
