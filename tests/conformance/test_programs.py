"""Our host gives what is recorded for every program, and so does the published one.

Each is held against the recording, not against the other: without the package our host is still
tested, and a failure says which of the two has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from codemode.conformance.compare import compare, load_improvements
from codemode.conformance.corpus import Program, load
from codemode.conformance.report import OUR_HOST
from codemode.conformance.runner import ProgramHost

from . import record
from .package import Package
from .verdict import accept

RECORDED: record.Recording = json.loads(record.PROGRAMS.read_text("ascii"))
IMPROVEMENTS = load_improvements()


@pytest.fixture(scope="module")
def our_host() -> Iterator[ProgramHost]:
    with ProgramHost(OUR_HOST) as host:
        yield host


@pytest.fixture(scope="module")
def published_host(package: Package) -> Iterator[ProgramHost]:
    with ProgramHost([str(package.host)]) as host:
        yield host


@pytest.mark.parametrize("program", load().values(), ids=lambda program: program.name)
def test_our_host_gives_what_is_recorded(program: Program, our_host: ProgramHost) -> None:
    ours = our_host.run(program)

    accept(compare(program.name, RECORDED[program.name], ours, IMPROVEMENTS))


@pytest.mark.parametrize("program", load().values(), ids=lambda program: program.name)
def test_the_published_host_gives_what_is_recorded(
    program: Program, published_host: ProgramHost
) -> None:
    assert published_host.run(program) == RECORDED[program.name]


def test_every_program_is_recorded() -> None:
    assert RECORDED.keys() == load().keys()
