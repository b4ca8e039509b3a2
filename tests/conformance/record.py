"""Run the corpus on a host and keep what it does as ``recorded.json``.

    python -m tests.conformance.record HOST [ARGUMENT ...]

Every program runs on several hosts, one after the other. A program whose outcomes differ between
them is named and not recorded: what is in the file is what an implementation has to match.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from .corpus import Program, load
from .oracle import HostError, HostLost, Outcome, V1Host

RECORDED: Final = Path(__file__).with_name("recorded.json")

PASSES: Final = 2

Outcomes: TypeAlias = tuple[Outcome, ...] | None
"""One outcome for each step of a program; ``None`` if the host did not survive it."""


def run_all(command: Sequence[str], programs: Iterable[Program]) -> dict[str, Outcomes]:
    """Run the programs on one host, started anew after each program that it does not survive."""
    outcomes: dict[str, Outcomes] = {}
    host = V1Host.start(command)
    try:
        for program in programs:
            outcomes[program.name] = _run(host, program)
            if outcomes[program.name] is None:
                host.close()
                host = V1Host.start(command)
    finally:
        host.close()
    return outcomes


def _run(host: V1Host, program: Program) -> Outcomes:
    try:
        return program.run(host)
    except (HostError, HostLost) as error:
        print(f"{program.name}: {error}", file=sys.stderr)
        return None


def stable(passes: Sequence[Mapping[str, Outcomes]]) -> dict[str, tuple[Outcome, ...]]:
    """Return the outcomes on which all passes agree."""
    first, *others = passes
    return {
        name: outcomes
        for name, outcomes in first.items()
        if outcomes is not None and all(other[name] == outcomes for other in others)
    }


def render(outcomes: Mapping[str, tuple[Outcome, ...]]) -> str:
    """Return the recording as text that is the same for the same outcomes."""
    document = {name: [step.to_json() for step in steps] for name, steps in outcomes.items()}
    return json.dumps(document, ensure_ascii=True, indent=1, sort_keys=True) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Record, and return 1 if a program had to be left out."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--passes", type=int, default=PASSES, help="how often each program runs")
    parser.add_argument("--output", type=Path, default=RECORDED)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the host and its arguments")
    options = parser.parse_args(arguments)
    programs = load()
    agreed = stable([run_all(options.command, programs.values()) for _ in range(options.passes)])
    options.output.write_text(render(agreed), encoding="ascii")
    refused = sorted(programs.keys() - agreed.keys())
    print(f"{len(agreed)} programs recorded, {len(refused)} refused", *refused, sep="\n  ")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
