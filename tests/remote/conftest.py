"""Nothing outlives its test: no task, no process, no descriptor."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from codemode import ProcessSessionProvider
from tests.runtime.doubles import Recorder, settle

from .stage import Stage, bounded


def children() -> set[str]:
    """The processes that this one has started and not reaped."""
    found: set[str] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            found.update(task.read_text().split())
        except OSError:  # the thread that waits for a process ends with it, maybe just now
            continue
    return found


def descriptors() -> set[str]:
    found = set()
    for entry in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{entry}: {os.readlink(f'/proc/self/fd/{entry}')}")
        except FileNotFoundError:  # the listing itself
            continue
    return found


@pytest.fixture
async def leaves_nothing() -> AsyncIterator[None]:
    tasks, processes, files = asyncio.all_tasks(), children(), descriptors()
    yield
    await settle()
    assert asyncio.all_tasks() - tasks - {asyncio.current_task()} == set()
    assert children() - processes == set()
    assert descriptors() - files == set()


@pytest.fixture
async def stage(leaves_nothing: None) -> AsyncIterator[Stage]:
    with TemporaryDirectory(dir="/tmp") as folder:  # a socket's path is short
        stage = Stage(Path(folder))
        await stage.open()
        yield stage
        await stage.aclose()
        await settle()


@pytest.fixture
async def provider(stage: Stage) -> AsyncIterator[ProcessSessionProvider]:
    provider = ProcessSessionProvider(stage.command)
    yield provider
    await bounded(provider.aclose())


@pytest.fixture
def delegate() -> Recorder:
    return Recorder()
