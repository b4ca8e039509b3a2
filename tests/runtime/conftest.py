"""Nothing that runs on the event loop outlives its test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from .doubles import Recorder, ScriptedEngine, settle


@pytest.fixture
async def leaves_no_task() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    await settle()
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


@pytest.fixture
async def engine(leaves_no_task: None) -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
async def delegate(leaves_no_task: None) -> Recorder:
    return Recorder()
