"""Run the corpus and the scenarios on a host, and keep what it does.

    python -m tests.conformance.record HOST [ARGUMENT ...]

Everything runs several times, each time on new hosts. What differs between them is named and not
recorded: what is in the files is what an implementation has to match.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeAlias

from codemode_conformance import corpus, rpc_scenario, scenario
from codemode_conformance.runner import SCENARIOS_AT_ONCE, ProgramHost, played, rpc_played

HERE: Final = Path(__file__).parent
PROGRAMS: Final = HERE / "recorded.json"
SCENARIOS: Final = HERE / "recorded_wire.json"
RPCS: Final = HERE / "recorded_rpc.json"

PASSES: Final = 3

Recording: TypeAlias = Mapping[str, Any]
"""What came of each program or scenario; a string if the host did not survive it."""


def programs(command: Sequence[str]) -> Recording:
    """Run every program."""
    with ProgramHost(command) as host:
        return {name: host.run(program) for name, program in corpus.load().items()}


def scenarios(command: Sequence[str]) -> Recording:
    """Play every scenario."""
    everything = scenario.load()
    with ThreadPoolExecutor(SCENARIOS_AT_ONCE) as pool:
        transcripts = pool.map(lambda each: played(each, command), everything.values())
        return dict(zip(everything, transcripts, strict=True))


def rpcs(command: Sequence[str]) -> Recording:
    """Play every scenario over gRPC."""
    everything = rpc_scenario.load()
    with ThreadPoolExecutor(SCENARIOS_AT_ONCE) as pool:
        played_all = pool.map(lambda each: rpc_played(each, command), everything.values())
        return dict(zip(everything, played_all, strict=True))


def stable(passes: Sequence[Recording]) -> Recording:
    """Return that on which all passes agree."""
    first, *others = passes
    return {
        name: result
        for name, result in first.items()
        if not isinstance(result, str) and all(other[name] == result for other in others)
    }


def render_programs(recording: Recording) -> str:
    """Return the recording as text that is the same for the same outcomes."""
    return json.dumps(recording, indent=1, sort_keys=True) + "\n"


def render_scenarios(recording: Recording) -> str:
    """Return the recording with a frame in each line."""
    scenarios = [
        f"{json.dumps(name)}: {{\n"
        f'"status": {json.dumps(each["status"])}, "last_words": {json.dumps(each["last_words"])},\n'
        '"frames": [\n' + ",\n".join(json.dumps(frame) for frame in each["frames"]) + "\n]}"
        for name, each in sorted(recording.items())
    ]
    return "{\n" + ",\n\n".join(scenarios) + "\n}\n"


def render_rpcs(recording: Recording) -> str:
    """Return the recording with an RPC in each line."""
    scenarios = [
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(f"{json.dumps(label)}: {json.dumps(rpc)}" for label, rpc in each.items())
        + "\n}"
        for name, each in sorted(recording.items())
    ]
    return "{\n" + ",\n\n".join(scenarios) + "\n}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Record, and return 1 if something had to be left out."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--passes", type=int, default=PASSES, help="how often everything runs")
    parser.add_argument("--only", default="", help="only the file with this in its name")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the host and its arguments")
    options = parser.parse_args(arguments)
    parts: list[tuple[Path, Callable[[Sequence[str]], Recording], Callable[[Recording], str]]] = [
        (PROGRAMS, programs, render_programs),
        (SCENARIOS, scenarios, render_scenarios),
        (RPCS, rpcs, render_rpcs),
    ]
    refused: list[str] = []
    for path, run, render in parts:
        if options.only not in path.name:
            continue
        passes = [run(options.command) for _ in range(options.passes)]
        agreed = stable(passes)
        path.write_text(render(agreed), encoding="ascii")
        left_out = sorted(passes[0].keys() - agreed.keys())
        print(
            f"{path.name}: {len(agreed)} recorded, {len(left_out)} refused", *left_out, sep="\n  "
        )
        refused += left_out
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
