"""Our host sends the frames that are recorded for every scenario, and so does the published one.

Each is held against the recording, as the programs are. Scenarios mostly sleep: those that were
selected run several at once, ahead of the tests that look at what came of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from codemode_conformance.compare import compare, load_improvements
from codemode_conformance.report import OUR_HOST
from codemode_conformance.runner import played
from codemode_conformance.scenario import Scenario, load, parse

from . import record
from .ahead import played_ahead
from .package import Package
from .tries import Tries
from .verdict import accept

RECORDED: record.Recording = json.loads(record.SCENARIOS.read_text("ascii"))
IMPROVEMENTS = load_improvements()

Play: TypeAlias = Callable[[Scenario], Any]


@pytest.fixture(scope="module")
def on_our_host(request: pytest.FixtureRequest) -> Iterator[Play]:
    yield from played_ahead(request, played, OUR_HOST)


@pytest.fixture(scope="module")
def on_the_published_host(request: pytest.FixtureRequest, package: Package) -> Iterator[Play]:
    yield from played_ahead(request, played, [str(package.host)])


@pytest.mark.xdist_group("scenarios over V1")
@pytest.mark.parametrize("scenario", load().values(), ids=lambda scenario: scenario.name)
def test_our_host_sends_what_is_recorded(
    scenario: Scenario, on_our_host: Play, tries: Tries
) -> None:
    name, recorded = scenario.name, RECORDED[scenario.name]
    for number in tries(scenario.timing):
        ours = on_our_host(scenario) if number == 1 else played(scenario, OUR_HOST)
        comparison = compare(name, recorded, ours, IMPROVEMENTS)
        if comparison.verdict != "different":
            break

    accept(comparison)


@pytest.mark.parametrize("scenario", load().values(), ids=lambda scenario: scenario.name)
def test_the_published_host_sends_what_is_recorded(
    scenario: Scenario, on_the_published_host: Play, package: Package, tries: Tries
) -> None:
    recorded, host = RECORDED[scenario.name], [str(package.host)]
    for number in tries(scenario.timing):
        frames = on_the_published_host(scenario) if number == 1 else played(scenario, host)
        if frames == recorded:
            break

    assert frames == recorded


def test_every_scenario_is_recorded() -> None:
    assert RECORDED.keys() == load().keys()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("@scenario a\nshout 1\n", "x/a: 'shout'"),
        ("@scenario a sorted\nhello\n", "x/a: unknown options ['sorted']"),
        ("@scenario a\nopen one s\n", "x/a: invalid literal for int() with base 10: 'one'"),
    ],
)
def test_a_scenario_that_is_not_understood_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        list(parse("x", text))
