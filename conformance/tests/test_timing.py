"""Only what is marked ``timing`` is played again, and this is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from codemode_conformance import report, runner
from codemode_conformance.corpus import parse as parse_programs
from codemode_conformance.rpc_scenario import parse as parse_rpcs
from codemode_conformance.scenario import Scenario, parse

HOSTS = (("published",), ("ours",))


def host_that_differs_at_first() -> Callable[[Scenario, Sequence[str]], Any]:
    plays: list[str] = []

    def play(scenario: Scenario, command: Sequence[str]) -> Any:
        plays.append(scenario.name)
        return "late" if command == HOSTS[1] and plays.count(scenario.name) <= 2 else "in time"

    return play


def test_a_difference_of_what_is_marked_is_played_again_and_any_other_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "played", host_that_differs_at_first())
    scenarios = list(parse("x", "@scenario marked timing\nsleep 0\n@scenario plain\nsleep 0\n"))

    found = list(runner.compare_scenarios(scenarios, HOSTS, {}))
    list(report._shown(found, quiet=False))

    assert [(each.name, each.verdict, each.tries) for each in found] == [
        ("x/marked", "equal", 2),
        ("x/plain", "different", 1),
    ]
    assert capsys.readouterr().out.splitlines() == [
        "tried again, for its timing: x/marked",
        "different: x/plain",
        '  -"in time"',
        '  +"late"',
    ]


def test_every_part_has_the_mark() -> None:
    [program] = parse_programs("x", "// @case a timing\n1\n")
    [scenario] = parse("x", "@scenario a unordered timing\nhello\n")
    [rpc] = parse_rpcs("x", "@scenario a timing\nopen s\n")

    assert [program.timing, scenario.timing, rpc.timing] == [True, True, True]
