"""Engines for tests."""

from collections.abc import AsyncIterator

import pytest

from codemode.engine.workers import WorkersEngine


@pytest.fixture(params=["zygote", "spawn"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[WorkersEngine]:
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
