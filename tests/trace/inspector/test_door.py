"""Who gets in at the inspector's page, and at the socket of a process."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from codemode import CodeMode, UsageError
from codemode.trace.endpoint import KEPT_EVENTS, ProcessEndpoint
from codemode.trace.events import TurnStartedEvent
from codemode.trace.inspector.sources import Process, Sources

from .conftest import Inspect
from .test_page import history, record


def asked(address: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a request, which may name any host."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=20)
    try:
        connection.putrequest("GET", path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return response.status, names, response.read()
    finally:
        connection.close()


def test_data_is_for_who_has_the_token_and_asks_from_the_page_itself(
    inspect: Inspect, tmp_path: Path
) -> None:
    record(tmp_path, history())
    address = inspect(str(tmp_path))
    token = address.partition("#token=")[2]
    bearer = f"Bearer {token}"
    port = urlsplit(address).port

    page = asked(address, "/")
    found = {
        "page": page[0],
        "no token": asked(address, "/api/sources")[0],
        "another token": asked(address, "/api/sources", Authorization="Bearer x")[0],
        "the token": asked(address, "/api/sources", Authorization=bearer)[0],
        "another name": asked(address, "/", Host=f"evil.example:{port}")[0],
        "another port": asked(address, "/", Host="127.0.0.1:1")[0],
        "another site": asked(
            address, "/api/sources", Authorization=bearer, Origin="https://evil.example"
        )[0],
        "localhost": asked(address, "/", Host=f"localhost:{port}")[0],
        "a path": asked(address, "/page/..%2fapp.py")[0],
        "no source": asked(address, "/api/changes?source=x", Authorization=bearer)[0],
        "no number": asked(address, "/api/changes?after=-1", Authorization=bearer)[0],
    }
    assert found == {
        "page": 200,
        "no token": 401,
        "another token": 401,
        "the token": 200,
        "another name": 403,
        "another port": 403,
        "another site": 403,
        "localhost": 200,
        "a path": 404,
        "no source": 400,
        "no number": 400,
    }
    policy = page[1]["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert page[1]["referrer-policy"] == "no-referrer"


def event(number: int) -> TurnStartedEvent:
    return TurnStartedEvent(seq=number, at_ms=1.0, session="s", turn="t")


async def question(endpoint: ProcessEndpoint, **fields: Any) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(endpoint.path, limit=2**24)
    writer.write(json.dumps(fields).encode() + b"\n")
    answer: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_process_gives_its_events_and_waits_for_the_next(tmp_path: Path) -> None:
    endpoint = ProcessEndpoint(tmp_path / "sockets")
    try:
        for number in range(1, 4):
            endpoint(event(number))
        first = await question(endpoint, ask="events")
        reader, writer = await asyncio.open_unix_connection(endpoint.path)
        writer.write(b'{"ask": "events", "after": 3, "wait_ms": 20000}\n')
        await question(endpoint, ask="about")  # once it is answered, the one before it waits
        endpoint(event(4))
        second = json.loads(await reader.readline())
        writer.close()
        await writer.wait_closed()

        assert [each["seq"] for each in first["events"]] == [1, 2, 3]
        assert ([each["seq"] for each in second["events"]], second["next"]) == ([4], 4)
    finally:
        endpoint.close()
    assert list((tmp_path / "sockets").iterdir()) == []


async def test_old_events_are_forgotten_and_counted(tmp_path: Path) -> None:
    endpoint = ProcessEndpoint(tmp_path / "sockets")
    try:
        for number in range(1, KEPT_EVENTS + 11):
            endpoint(event(number))
        answer = await question(endpoint, ask="events")
        assert (answer["forgotten"], answer["events"][0]["seq"]) == (10, 11)
    finally:
        endpoint.close()


async def test_a_question_that_changes_something_needs_the_token(tmp_path: Path) -> None:
    endpoint = ProcessEndpoint(tmp_path / "sockets")
    try:
        told = {
            name: (await question(endpoint, ask=name, **fields))["error"].partition(",")[0]
            for name, fields in {
                "terminate": {"session": "s", "cell": "1"},
                "approve": {"token": "x"},
                "wrong": {},
            }.items()
        }
        token = endpoint.path.with_suffix(".token").read_text(encoding="utf-8")
        let_in = await question(endpoint, ask="terminate", session="s", cell="1", token=token)
    finally:
        endpoint.close()
    needs = f"this needs the token in {endpoint.path.with_suffix('.token')}"
    assert told == {
        "terminate": needs,
        "approve": needs,
        "wrong": "nothing is known here of 'wrong'",
    }
    assert let_in["error"].startswith("the session 's' is over")


def test_socket_and_token_are_the_users_alone(tmp_path: Path) -> None:
    endpoint = ProcessEndpoint(tmp_path / "sockets")
    modes = {
        path.suffix: stat.S_IMODE(path.stat().st_mode)
        for path in (endpoint.path.parent, endpoint.path, endpoint.path.with_suffix(".token"))
    }
    endpoint.close()
    assert modes == {"": 0o700, ".sock": 0o600, ".token": 0o600}


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(UsageError, match="is open to other users"):
        ProcessEndpoint(folder)


async def test_a_process_that_cannot_be_looked_at_works_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CODEMODE_INSPECT", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        async with CodeMode() as cm:
            result = await cm.exec("text(1)")
    assert result.items[-1].text == "1"  # type: ignore[union-attr]  # it is a text
    assert "this process cannot be inspected" in caplog.text


async def test_what_a_dead_process_has_left_is_removed(tmp_path: Path) -> None:
    endpoint = ProcessEndpoint(tmp_path / "sockets")
    kept = endpoint.path.read_bytes() if endpoint.path.is_file() else b""
    token = endpoint.path.with_suffix(".token").read_bytes()
    endpoint.close()
    gone = tmp_path / "sockets" / "999999999.sock"
    gone.write_bytes(kept)
    gone.with_suffix(".token").write_bytes(token)

    assert await Sources(None, tmp_path / "sockets").all() == []
    assert list((tmp_path / "sockets").iterdir()) == []


async def test_a_process_is_told_apart_by_its_number(tmp_path: Path) -> None:
    endpoint = ProcessEndpoint(tmp_path / "sockets")
    try:
        [about] = await Sources(None, tmp_path / "sockets").all()
        process = Process(endpoint.path, "")
        await process.refresh(0, 0)
    finally:
        endpoint.close()
    assert (about["id"], about["kind"], about["process"], about["can_act"]) == (
        f"process-{os.getpid()}",
        "process",
        os.getpid(),
        True,
    )
