"""Two sessions on one engine, and nothing left of them afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from codemode.engine import spawners, worker_connection
from tests.engine.driving import eventually, held
from tests.runtime.doubles import settle

from .stage import Stage, bounded

SILENCE_SECONDS = 1.0
FORK_SECONDS = 0.3


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that end what is stopped are short: that they are there is what is tested."""
    monkeypatch.setattr(worker_connection, "ANSWER_SECONDS", SILENCE_SECONDS)
    monkeypatch.setattr(spawners, "FORK_SECONDS", FORK_SECONDS)


@pytest.fixture
async def stage(impatient: None) -> AsyncIterator[Stage]:
    before, tasks = held(), asyncio.all_tasks()
    stage = await Stage.open()
    yield stage
    await bounded(stage.aclose())
    await settle()
    assert asyncio.all_tasks() - tasks - {asyncio.current_task()} == set()
    await eventually(lambda: held() <= before)
