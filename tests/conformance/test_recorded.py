"""Every program of the corpus gives what the published host gave, or differs for a stated reason."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from codemode import LocalSessionProvider
from codemode_conformance.compare import load_improvements, without_hints
from codemode_conformance.corpus import Program, load
from codemode_conformance.rpc_scenario import load as load_rpc_scenarios
from codemode_conformance.scenario import load as load_scenarios

from .local import run_program
from .tries import Tries

HERE: Final = Path(__file__).parent
PROGRAMS: Final = load()
RECORDED: Final[dict[str, list[Any]]] = json.loads((HERE / "recorded.json").read_text("utf-8"))
IMPROVEMENTS: Final = load_improvements()
DEPARTURES: Final = json.loads(
    (HERE.parent / "surface" / "published" / "departures.json").read_text("utf-8")
)
"""Types of the published client beside ours; compared in ``tests/surface/test_published.py``."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[LocalSessionProvider]:
    async with LocalSessionProvider() as provider:
        yield provider


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=lambda program: program.name)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_program_gives_what_the_published_host_gives(
    program: Program, provider: LocalSessionProvider, tries: Tries
) -> None:
    recorded = [without_hints(each) for each in RECORDED[program.name]]
    for _ in tries(program.timing):
        outcomes = [without_hints(each.to_json()) for each in await run_program(provider, program)]
        if outcomes == recorded:
            break

    # As JSON text: in Python True == 1.
    same = json.dumps(outcomes, sort_keys=True) == json.dumps(recorded, sort_keys=True)
    if program.name in IMPROVEMENTS:
        assert not same, f"no difference any more: drop it from improvements.toml: {program.name}"
    else:
        assert outcomes == recorded


def test_every_improvement_names_a_program_or_scenario_and_gives_a_reason() -> None:
    known = PROGRAMS.keys() | load_scenarios().keys() | load_rpc_scenarios().keys()
    known |= {f"declarations/{case['name']}" for case in DEPARTURES}
    assert IMPROVEMENTS.keys() - known == set()
    assert [name for name, reason in IMPROVEMENTS.items() if not reason.strip()] == []
