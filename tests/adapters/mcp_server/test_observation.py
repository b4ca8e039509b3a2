"""What the client of one request hears while its program runs."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from mcp_types import LOG_LEVEL_META_KEY, LoggingMessageNotification

from codemode.adapters.mcp_server import observation
from codemode.adapters.mcp_server.observation import Observation


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
    monkeypatch.setattr(observation, "BEAT_SECONDS", 0.001)
    client = Client(progress_token=7)
    watched = Observation(client.context, "info")
    async with watched.lasting(60):
        assert [await client.heard.get(), await client.heard.get()] == [
            (1, "running for 0 s"),
            (2, "running for 0 s"),
        ]
    assert not watched.due.is_set()


async def test_an_observation_is_due_after_its_time() -> None:
    watched = Observation(Client().context, "info")
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
    await Observation(client.context, level).hear("text")
    heard = [] if client.heard.empty() else [client.heard.get_nowait()]
    assert heard == ([(1, "text")] if hears else [])
