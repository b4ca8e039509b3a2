"""Engines for tests: each behind the same seam."""

from collections.abc import AsyncIterator, Callable

import pytest

from codemode.engine.seam import Engine
from codemode.engine.threads import ThreadsEngine
from codemode.engine.workers import WorkersEngine

ENGINES: dict[str, Callable[[], Engine]] = {
    "threads": ThreadsEngine,
    "zygote": lambda: WorkersEngine(start_method="zygote"),
    "spawn": lambda: WorkersEngine(start_method="spawn"),
}


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """Every engine in turn."""
    made = ENGINES[request.param]()
    yield made
    await made.aclose()


@pytest.fixture(params=["zygote", "spawn"])
async def workers(request: pytest.FixtureRequest) -> AsyncIterator[WorkersEngine]:
    """Workers, started in either way."""
    made = WorkersEngine(start_method=request.param)
    yield made
    await made.aclose()


@pytest.fixture
async def forked() -> AsyncIterator[WorkersEngine]:
    """Workers from a zygote."""
    made = WorkersEngine(start_method="zygote")
    yield made
    await made.aclose()


@pytest.fixture
async def in_threads() -> AsyncIterator[ThreadsEngine]:
    """The in-process engine."""
    made = ThreadsEngine()
    yield made
    await made.aclose()
