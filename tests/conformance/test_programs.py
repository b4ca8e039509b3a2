"""Over a wire our host gives what is recorded, and the published one does so, too.

Each is held against the recording, not against the other: without the package our host is still
tested, and a failure says which of the two has changed. All programs run in process
(``test_recorded``); over each wire it is a tenth of them, chosen by ``--sample-seed``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from codemode import GrpcSessionProvider
from codemode_conformance.compare import compare, load_improvements
from codemode_conformance.corpus import Program, load
from codemode_conformance.report import OUR_HOST
from codemode_conformance.runner import ProgramHost
from tests.remote.rpc.hosts import listening

from . import record
from .local import run_program
from .package import Package
from .sample import ONE_OF, sample
from .verdict import accept

RECORDED: record.Recording = json.loads(record.PROGRAMS.read_text("ascii"))
IMPROVEMENTS = load_improvements()


@pytest.fixture(scope="module")
def our_host() -> Iterator[ProgramHost]:
    with ProgramHost(OUR_HOST) as host:
        yield host


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def over_grpc() -> AsyncIterator[GrpcSessionProvider]:
    async with listening("ours") as host, GrpcSessionProvider(host.url) as provider:
        yield provider


@pytest.fixture(scope="module")
def published_host(package: Package) -> Iterator[ProgramHost]:
    with ProgramHost([str(package.host)]) as host:
        yield host


def test_our_host_gives_what_is_recorded_over_v1(
    v1_program: Program, our_host: ProgramHost
) -> None:
    ours = our_host.run(v1_program)

    accept(compare(v1_program.name, RECORDED[v1_program.name], ours, IMPROVEMENTS))


@pytest.mark.asyncio(loop_scope="module")
async def test_our_host_gives_what_is_recorded_over_grpc(
    grpc_program: Program, over_grpc: GrpcSessionProvider
) -> None:
    name = grpc_program.name
    outcomes = [each.to_json() for each in await run_program(over_grpc, grpc_program)]

    accept(compare(name, _as_told_over_grpc(RECORDED[name], outcomes), outcomes, IMPROVEMENTS))


def _as_told_over_grpc(recorded: Any, ours: list[Any]) -> Any:
    """Leave out the calls with which a cell ended: gRPC may tell of the end first, at both hosts."""
    told = [len(outcome["tool_calls"]) for outcome in ours]
    return [
        {**outcome, "tool_calls": outcome["tool_calls"][:count]}
        if outcome["kind"] == "result"
        else outcome
        for outcome, count in zip(recorded, told, strict=True)
    ]


@pytest.mark.parametrize("program", load().values(), ids=lambda program: program.name)
def test_the_published_host_gives_what_is_recorded(
    program: Program, published_host: ProgramHost
) -> None:
    assert published_host.run(program) == RECORDED[program.name]


def test_every_program_is_recorded() -> None:
    assert RECORDED.keys() == load().keys()


def test_a_seed_chooses_a_tenth_and_another_seed_another_tenth() -> None:
    tenth = len(load()) // ONE_OF
    first, again, other = sample("V1", 0), sample("V1", 0), sample("V1", 1)

    assert first == again
    assert [len(each) for each in (first, other)] == [tenth, tenth]
    assert first != other
    assert first != sample("gRPC", 0)
