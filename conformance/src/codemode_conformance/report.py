"""All parts of a comparison run and told: what differs, the counts, and one JSON document."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import unified_diff
from itertools import islice
from typing import Any, Final

import click

from . import corpus, rpc_scenario, scenario
from .compare import NEWEST, Comparison, Verdict, load_improvements, summary
from .runner import Hosts, compare_programs, compare_rpc_scenarios, compare_scenarios

OUR_HOST: Final = (sys.executable, "-m", "codemode.host")

MAX_LINES: Final = 30
MAX_WIDTH: Final = 2000
"""How much is told of one difference; ``--json`` tells all."""


def run(
    hosts: Hosts, wanted: str = "", *, release: str = NEWEST, quiet: bool = False
) -> dict[str, list[Comparison]]:
    """Run all parts; print what differs as it is found, unless told to be quiet."""
    improvements = load_improvements(release)
    programs = [each for name, each in corpus.load().items() if wanted in name]
    scenarios = [each for name, each in scenario.load().items() if wanted in name]
    over_grpc = [each for name, each in rpc_scenario.load().items() if wanted in name]
    parts = {
        "programs": compare_programs(programs, hosts, improvements),
        "scenarios": compare_scenarios(scenarios, hosts, improvements),
        "scenarios over gRPC": compare_rpc_scenarios(over_grpc, hosts, improvements),
    }
    return {part: list(_shown(found, quiet=quiet)) for part, found in parts.items()}


def _shown(comparisons: Iterable[Comparison], *, quiet: bool) -> Iterable[Comparison]:
    for comparison in comparisons:
        if comparison.tries > 1 and not quiet:
            click.echo(f"tried again, for its timing: {comparison.name}")
        if comparison.verdict == "different" and not quiet:
            click.echo(f"different: {comparison.name}")
            for line in explanation(comparison):
                click.echo(f"  {line}")
        yield comparison


def explanation(comparison: Comparison) -> list[str]:
    """Return what is different, in lines for people."""
    if comparison.reason is not None:
        return [comparison.reason]
    published, ours = comparison.published, comparison.ours
    if isinstance(published, dict) and isinstance(ours, dict):
        lines = unified_diff(_lines(published), _lines(ours), lineterm="", n=1)
        shown: Iterator[str] = islice(lines, 2, MAX_LINES)  # the first two name the files
    else:
        shown = iter([f"-{_text(published)}", f"+{_text(ours)}"])
    return [line if len(line) <= MAX_WIDTH else f"{line[:MAX_WIDTH]}…" for line in shown]


def _lines(transcript: Mapping[str, Any]) -> list[str]:
    """Return a transcript with a frame, or an RPC, in each line."""
    if "frames" not in transcript:
        return [f"{label}: {_text(rpc)}" for label, rpc in transcript.items()]
    end = {key: value for key, value in transcript.items() if key != "frames"}
    return [_text(each) for each in [*transcript["frames"], end]]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def summaries(counted: Mapping[str, Mapping[Verdict, int]]) -> list[str]:
    """Return a line for each part, and the total last."""
    total: dict[Verdict, int] = {"equal": 0, "improved": 0, "different": 0}
    for count in counted.values():
        for verdict, number in count.items():
            total[verdict] += number
    return [summary(part, count) for part, count in counted.items()] + [summary("total", total)]


def document(
    parts: Mapping[str, Sequence[Comparison]], counted: Mapping[str, Mapping[Verdict, int]]
) -> dict[str, Any]:
    """Return everything as one JSON document: the counts, and whatever is not equal."""
    return {
        part: {
            **counted[part],
            "not_equal": [each.to_json() for each in comparisons if each.verdict != "equal"],
        }
        for part, comparisons in parts.items()
    }
