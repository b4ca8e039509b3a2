"""Events on their way to a client that the test plays."""

from __future__ import annotations

import asyncio

from codemode.grpc import code_mode_pb2 as pb
from codemode.host.rpc.events import Events
from codemode.protocol.types import CellId
from tests.host.fakes import settle
from tests.runtime.doubles import bounded


async def test_a_notification_that_is_not_wanted_any_more_is_not_written() -> None:
    events = Events()
    texts: list[str] = []

    async def write(event: pb.SessionEvent) -> None:
        texts.append(event.notification.text)

    notes = [
        asyncio.create_task(events.notify("e", CellId("1"), "call", text)) for text in ("a", "b")
    ]
    await settle()
    notes[0].cancel()
    await settle()
    events.close()
    await bounded(events.write_to(write))
    await bounded(asyncio.wait(notes))

    assert texts == ["b"]
    assert [note.cancelled() for note in notes] == [True, False]
