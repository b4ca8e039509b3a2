"""Tools go to a host once; after that an execute names them by their revision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from codemode import ExecuteRequest, ProcessSessionProvider, SessionError
from codemode.protocol.messages import CAPABILITIES, CATALOG_REVISION
from codemode.remote.sent_tools import SentTools
from codemode.remote.session import RemoteSession
from tests.runtime.doubles import Recorder, definitions, request

from .stage import Puppet, Stage, bounded, result

A, B = definitions("a"), definitions("b")


def said(sent: SentTools, *requests: ExecuteRequest) -> list[tuple[int | None, int]]:
    """The revision, and how many tools go with it, of requests whose cells begin one after another."""
    named = []
    for each in requests:
        message = sent.request(each)
        sent.begun(message)
        named.append((getattr(message, "catalog_revision", None), len(message.enabled_tools)))
    return named


def with_tools(tools: tuple[Any, ...]) -> ExecuteRequest:
    return msgspec.structs.replace(request("text(1)"), enabled_tools=tools)


def test_a_list_of_tools_is_sent_once_and_each_other_list_has_the_next_revision() -> None:
    requests = (with_tools(A), with_tools(A), with_tools(B), with_tools(()), with_tools(B))

    assert said(SentTools(), *requests) == [(1, 1), (1, 0), (2, 1), (None, 0), (2, 0)]


def test_tools_are_sent_until_a_cell_has_begun_with_them() -> None:
    sent = SentTools()
    first, second = sent.request(with_tools(A)), sent.request(with_tools(A))
    sent.begun(first)
    third = sent.request(with_tools(A))

    assert [len(each.enabled_tools) for each in (first, second, third)] == [1, 1, 0]


def test_an_older_list_that_begins_late_does_not_make_a_newer_one_known() -> None:
    sent = SentTools()
    older, _newer = sent.request(with_tools(A)), sent.request(with_tools(B))
    sent.begun(older)

    assert len(sent.request(with_tools(B)).enabled_tools) == 1


@asynccontextmanager
async def opened(
    provider: ProcessSessionProvider, stage: Stage, *capabilities: str
) -> AsyncIterator[tuple[RemoteSession, Puppet]]:
    """A session at a host; the host leaves at the end, so that closing the session waits for no answer."""
    creating = asyncio.create_task(provider.create_session(Recorder()))
    host = await stage.host()
    await host.shake_hands(*capabilities)
    await host.open_session()
    yield await bounded(creating), host
    host.exit()
    await bounded(host.gone())


async def heard(session: RemoteSession, host: Puppet, cell_id: str) -> dict[str, Any]:
    """The execute that the host sees; its cell begins, and ends."""
    executing = asyncio.create_task(session.execute(with_tools(A)))
    number, asked = await host.hear_request("session/execute")
    host.started(number, cell_id)
    host.initial(number, result(cell_id))
    await bounded((await bounded(executing)).initial_response())
    body: dict[str, Any] = asked["request"]
    return {"revision": body.get("catalog_revision"), "tools": len(body["enabled_tools"])}


async def test_a_host_that_knows_revisions_is_sent_the_tools_once(
    provider: ProcessSessionProvider, stage: Stage
) -> None:
    async with opened(provider, stage) as (session, host):
        executes = [await heard(session, host, cell_id) for cell_id in "12"]

        assert executes == [{"revision": 1, "tools": 1}, {"revision": 1, "tools": 0}]


async def test_a_host_that_knows_none_is_sent_the_tools_each_time(
    provider: ProcessSessionProvider, stage: Stage
) -> None:
    older = [name for name in CAPABILITIES if name != CATALOG_REVISION]
    async with opened(provider, stage, *older) as (session, host):
        executes = [await heard(session, host, cell_id) for cell_id in "12"]

        assert executes == [{"revision": None, "tools": 1}] * 2


async def test_an_execute_whose_revision_was_forgotten_is_sent_again_with_its_tools(
    provider: ProcessSessionProvider, stage: Stage
) -> None:
    async with opened(provider, stage) as (session, host):
        await heard(session, host, "1")

        executing = asyncio.create_task(session.execute(with_tools(A)))
        number, _ = await host.hear_request("session/execute")
        host.refuse(number, "unknown code-mode catalog revision")
        number, asked = await host.hear_request("session/execute")
        host.started(number, "2")
        host.initial(number, result("2"))
        await bounded((await bounded(executing)).initial_response())

        assert "catalog_revision" not in asked["request"]
        assert len(asked["request"]["enabled_tools"]) == 1
        assert await heard(session, host, "3") == {"revision": 1, "tools": 1}


async def test_a_host_that_refuses_twice_is_not_asked_a_third_time(
    provider: ProcessSessionProvider, stage: Stage
) -> None:
    async with opened(provider, stage) as (session, host):
        await heard(session, host, "1")

        executing = asyncio.create_task(session.execute(with_tools(A)))
        for _attempt in range(2):
            number, _ = await host.hear_request("session/execute")
            host.refuse(number, "unknown code-mode catalog revision")

        with pytest.raises(SessionError, match="unknown code-mode catalog revision"):
            await bounded(executing)
