"""Cells that a host has closed and not finished."""

from __future__ import annotations

import asyncio

import pytest

from codemode.remote.rpc.retirement import Retirement
from tests.remote.stage import bounded


async def test_a_host_that_closes_a_cell_and_never_sends_its_last_call_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codemode.remote.rpc.retirement.CALLS_SECONDS", 0.0)
    why: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    retired: list[str] = []
    retirement = Retirement(lambda *_: False, retired.append, why.set_result)
    retirement.started("1")
    retirement.call_came("1", 1)
    retirement.closed("1", "e", 2)

    assert await bounded(why) == "a cell was closed before its last tool call"
    assert retired == []
