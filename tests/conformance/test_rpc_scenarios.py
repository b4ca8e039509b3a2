"""Our gRPC host answers every scenario as is recorded, and so does the published one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from codemode_conformance.compare import compare, load_improvements
from codemode_conformance.report import OUR_HOST
from codemode_conformance.rpc_scenario import RpcScenario, load, parse
from codemode_conformance.runner import rpc_played

from . import record
from .ahead import played_ahead
from .package import Package
from .tries import Tries
from .verdict import accept

RECORDED: record.Recording = json.loads(record.RPCS.read_text("ascii"))
IMPROVEMENTS = load_improvements()

Play: TypeAlias = Callable[[RpcScenario], Any]


@pytest.fixture(scope="module")
def on_our_host(request: pytest.FixtureRequest) -> Iterator[Play]:
    yield from played_ahead(request, rpc_played, OUR_HOST)


@pytest.fixture(scope="module")
def on_the_published_host(request: pytest.FixtureRequest, package: Package) -> Iterator[Play]:
    yield from played_ahead(request, rpc_played, [str(package.host)])


@pytest.mark.xdist_group("scenarios over gRPC")
@pytest.mark.parametrize("scenario", load().values(), ids=lambda scenario: scenario.name)
def test_our_host_answers_what_is_recorded(
    scenario: RpcScenario, on_our_host: Play, tries: Tries
) -> None:
    name, recorded = scenario.name, RECORDED[scenario.name]
    for number in tries(scenario.timing):
        ours = on_our_host(scenario) if number == 1 else rpc_played(scenario, OUR_HOST)
        comparison = compare(name, recorded, ours, IMPROVEMENTS)
        if comparison.verdict != "different":
            break

    accept(comparison)


@pytest.mark.parametrize("scenario", load().values(), ids=lambda scenario: scenario.name)
def test_the_published_host_answers_what_is_recorded(
    scenario: RpcScenario, on_the_published_host: Play, package: Package, tries: Tries
) -> None:
    recorded, host = RECORDED[scenario.name], [str(package.host)]
    for number in tries(scenario.timing):
        frames = on_the_published_host(scenario) if number == 1 else rpc_played(scenario, host)
        if frames == recorded:
            break

    assert frames == recorded


def test_every_scenario_is_recorded() -> None:
    assert RECORDED.keys() == load().keys()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("@scenario a\nshout x\n", "x/a: 'shout'"),
        ("@scenario a\nread s many\n", "x/a: invalid literal for int() with base 10: 'many'"),
    ],
)
def test_a_scenario_that_is_not_understood_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        list(parse("x", text))
