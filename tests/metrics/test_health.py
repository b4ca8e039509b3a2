"""Whether a process is ready: decided from what its engine can do now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from codemode.engine.census import Census
from codemode.errors import EngineError
from codemode.metrics import health
from codemode.metrics.health import PROVEN_SECONDS, RENEW_SECONDS, Health

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Engine:
    """Counts what it is asked to start, and does so if it can."""

    def __init__(self, last_start: float | None, trouble: str | None = None) -> None:
        self.census = Census()
        if last_start is not None:
            self.census.last_start = time.monotonic() - last_start
        self.trouble = trouble
        self.renewed = 0

    async def renew(self) -> None:
        self.renewed += 1
        if self.trouble is not None:
            raise EngineError(self.trouble)
        self.census.on_start()


@pytest.fixture
async def made() -> AsyncIterator[Any]:
    found: list[Health] = []

    def make(engine: Engine, no_room: str | None = None) -> Health:
        found.append(Health(engine, lambda: no_room))  # type: ignore[arg-type]
        return found[-1]

    yield make
    for each in found:
        await each.aclose()


async def test_a_worker_that_was_started_just_now_is_proof_enough(made: Any) -> None:
    engine = Engine(last_start=1.0)

    assert await made(engine).reasons() == []
    assert engine.renewed == 0


@pytest.mark.parametrize("last_start", [RENEW_SECONDS + 1, PROVEN_SECONDS + 1, None])
async def test_an_old_proof_is_renewed_when_somebody_asks(
    made: Any, last_start: float | None
) -> None:
    engine = Engine(last_start)

    assert await made(engine).reasons() == []
    assert engine.renewed == 1


async def test_a_failed_start_counts_when_the_last_good_one_is_too_old(made: Any) -> None:
    trouble = "no worker could be started: no memory"

    assert await made(Engine(RENEW_SECONDS + 1, trouble)).reasons() == []
    assert await made(Engine(PROVEN_SECONDS + 1, trouble)).reasons() == [trouble]


async def test_a_start_that_hangs_is_not_waited_for_for_ever(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    class Hanging(Engine):
        async def renew(self) -> None:
            self.renewed += 1
            await asyncio.Event().wait()

    monkeypatch.setattr(health, "START_SECONDS", 0.01)
    engine = Hanging(None)
    asked = made(engine)

    assert await asked.reasons() == ["no worker was started for 60 s"]
    assert await asked.reasons() == ["no worker was started for 60 s"]
    assert engine.renewed == 1


async def test_a_process_that_drains_or_is_full_is_not_ready(made: Any) -> None:
    engine = Engine(None)
    asked = made(engine, "no room: 4 sessions are open")
    asked.is_draining = True

    assert await asked.reasons() == ["draining", "no room: 4 sessions are open"]
    assert engine.renewed == 0
