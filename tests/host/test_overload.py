"""A burst of requests that end by themselves, at a host in this process."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pytest

from codemode.host.connection import ConnectionState
from codemode.host.stdio import StdioHost
from tests.runtime.doubles import bounded

from .fakes import HELLO, FakeProvider, failed
from .wire import frame


def _frames(data: bytes) -> list[Any]:
    said = []
    while data:
        length = int.from_bytes(data[:4], "little")
        said.append(json.loads(data[4 : 4 + length]))
        data = data[4 + length :]
    return said


async def test_a_burst_is_no_overload_when_its_requests_end_within_a_few_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert ConnectionState.__init__.__kwdefaults__ is not None
    monkeypatch.setitem(ConnectionState.__init__.__kwdefaults__, "in_flight", 8)
    (from_client, to_host), (from_host, to_client) = os.pipe(), os.pipe()
    asked = [
        {
            "type": "operation/request",
            "id": number,
            "request": {"method": "session/shutdown", "sessionId": "s"},
        }
        for number in range(1, 65)
    ]
    os.write(to_host, b"".join(frame(message) for message in (HELLO, *asked)))
    os.close(to_host)
    with (
        os.fdopen(from_client, "rb", buffering=0) as reading,
        os.fdopen(to_client, "wb", buffering=0) as writing,
    ):
        await bounded(StdioHost(FakeProvider()).run(reading, writing))
    with os.fdopen(from_host, "rb") as heard:
        _, *answers = _frames(await asyncio.to_thread(heard.read))

    refusal = "unknown code-mode session s"
    assert answers == [failed(number, refusal) for number in range(1, 65)]
