"""What the client of one request hears while its program runs."""

import asyncio
import gc
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from mcp_types import LOG_LEVEL_META_KEY, LoggingMessageNotification

from codemode.adapters.mcp_server import request_progress
from codemode.adapters.mcp_server.request_progress import RequestProgress


class Client:
    """The request's session of the SDK, as far as an observation uses it."""

    def __init__(self, version: str = "2025-11-25", **meta: Any) -> None:
        self.heard: asyncio.Queue[object] = asyncio.Queue()
        self.context = cast(
            "Any",
            SimpleNamespace(session=self, meta=meta, protocol_version=version, request_id=1),
        )

    async def report_progress(self, progress: float, total: float | None, message: str) -> None:
        self.heard.put_nowait((progress, message))

    async def send_notification(
        self, notification: LoggingMessageNotification, related_request_id: int
    ) -> None:
        self.heard.put_nowait((related_request_id, notification.params.data))


async def test_a_client_that_wants_progress_hears_that_its_program_still_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(request_progress, "BEAT_SECONDS", 0.001)
    client = Client(progress_token=7)
    watched = RequestProgress(client.context, "info")
    async with watched.lasting(60):
        assert [await client.heard.get(), await client.heard.get()] == [
            (1, "running for 0 s"),
            (2, "running for 0 s"),
        ]
    assert not watched.due.is_set()


async def test_a_client_that_cannot_be_told_ends_neither_the_program_nor_loudly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(request_progress, "BEAT_SECONDS", 0.001)
    client, told = Client(progress_token=7), asyncio.Event()

    async def refuse(progress: float, total: float | None, message: str) -> None:
        told.set()
        raise ConnectionError("gone")

    monkeypatch.setattr(client, "report_progress", refuse)
    missed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: missed.append(context))
    async with RequestProgress(client.context, "info").lasting(60):
        await told.wait()
    gc.collect()
    assert missed == []
    assert [each.getMessage() for each in caplog.records] == [
        "a client cannot be told that its program runs: ConnectionError('gone')"
    ]


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_nothing_beats_after_an_observation(
    monkeypatch: pytest.MonkeyPatch, is_cancelled: bool
) -> None:
    monkeypatch.setattr(request_progress, "BEAT_SECONDS", 0.001)
    client, sending, ended = Client(progress_token=7), asyncio.Event(), False

    async def stuck(progress: float, total: float | None, message: str) -> None:
        nonlocal ended
        sending.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(10):
                await asyncio.sleep(0)
            ended = True

    monkeypatch.setattr(client, "report_progress", stuck)
    with anyio.CancelScope() as scope:
        async with RequestProgress(client.context, "info").lasting(60):
            await sending.wait()
            if is_cancelled:
                scope.cancel()
                await asyncio.Event().wait()
        assert ended
    assert ended


async def test_an_observation_is_due_after_its_time() -> None:
    watched = RequestProgress(Client().context, "info")
    async with watched.lasting(0):
        await watched.due.wait()


@pytest.mark.parametrize(
    ("version", "meta", "level", "hears"),
    [
        ("2025-11-25", {}, "info", True),
        ("2025-11-25", {}, "debug", True),
        ("2025-11-25", {}, "notice", False),
        ("2026-07-28", {}, "info", False),
        ("2026-07-28", {LOG_LEVEL_META_KEY: "info"}, "info", True),
        ("2026-07-28", {LOG_LEVEL_META_KEY: "error"}, "info", False),
        ("2026-07-28", {LOG_LEVEL_META_KEY: "loud"}, "info", False),
    ],
)
async def test_log_messages_are_for_those_who_want_them(
    version: str, meta: dict[str, Any], level: Any, hears: bool
) -> None:
    client = Client(version, **meta)
    await RequestProgress(client.context, level).hear("text")
    heard = [] if client.heard.empty() else [client.heard.get_nowait()]
    assert heard == ([(1, "text")] if hears else [])
