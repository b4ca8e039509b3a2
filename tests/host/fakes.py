"""A client in memory, and sessions that do what a test tells them: no V8, no process, no clock."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from codemode.host.service import Service
from codemode.protocol.types import CellId, LiveCell, Result, Terminated, TextItem, Yielded

if TYPE_CHECKING:
    from collections.abc import Callable

    from codemode.limits import Limits
    from codemode.protocol.session import SessionDelegate, Signal
    from codemode.protocol.types import (
        ExecuteRequest,
        RuntimeResponse,
        WaitOutcome,
        WaitRequest,
    )

TURNS = 20
"""Turns of the loop within which everything in memory has settled."""


async def settle() -> None:
    """Let every task run until nothing is left to do."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class FakeOutlet:
    """Keeps what was sent; ``reads`` is the reader's mood."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.reads = asyncio.Event()
        self.reads.set()

    def send(self, frame: bytes | bytearray) -> None:
        self.frames.append(bytes(frame))

    @property
    def has_room(self) -> bool:
        return self.reads.is_set()

    async def room(self) -> None:
        await self.reads.wait()


class FakeCell:
    """A cell whose responses the test makes."""

    def __init__(self, session: FakeSession, cell_id: CellId, preempt: Signal | None) -> None:
        self.session = session
        self.cell_id = cell_id
        self.preempt = preempt
        self.first: asyncio.Future[RuntimeResponse] = asyncio.get_running_loop().create_future()

    async def initial_response(self) -> RuntimeResponse:
        return await self.first

    def result(self, text: str = "done", error: str | None = None) -> Result:
        return Result(cell_id=self.cell_id, items=(TextItem(text),), error_text=error)

    def yielded(self) -> Yielded:
        return Yielded(cell_id=self.cell_id, items=())

    def terminated(self) -> Terminated:
        return Terminated(cell_id=self.cell_id, items=())

    def close(self) -> None:
        """The runtime's last word about the cell."""
        self.session.delegate.cell_closed(self.cell_id)


class FakeSession:
    """Admits cells when it may, and answers waits and terminations when the test says so."""

    def __init__(self, delegate: SessionDelegate, limits: Limits | None) -> None:
        self.delegate = delegate
        self.limits = limits
        self.cells: list[FakeCell] = []
        self.admits = asyncio.Event()
        self.admits.set()
        self.waits: list[asyncio.Future[WaitOutcome]] = []
        self.ends: list[asyncio.Future[WaitOutcome]] = []
        self.preempts: list[Signal | None] = []
        self.on_shutdown: Callable[[], None] = lambda: None

    async def execute(self, request: ExecuteRequest, *, preempt: Signal | None = None) -> FakeCell:
        await self.admits.wait()
        cell = FakeCell(self, CellId(str(len(self.cells) + 1)), preempt)
        self.cells.append(cell)
        return cell

    async def wait(self, request: WaitRequest, *, preempt: Signal | None = None) -> WaitOutcome:
        self.preempts.append(preempt)
        return await self._answer(self.waits)

    async def terminate(self, cell_id: CellId) -> WaitOutcome:
        return await self._answer(self.ends)

    async def shutdown(self) -> None:
        self.on_shutdown()

    async def _answer(self, asked: list[asyncio.Future[WaitOutcome]]) -> WaitOutcome:
        future: asyncio.Future[WaitOutcome] = asyncio.get_running_loop().create_future()
        asked.append(future)
        return await future


class FakeProvider:
    """Makes fake sessions when it may, unless there is an error, and keeps them."""

    def __init__(self) -> None:
        self.sessions: list[FakeSession] = []
        self.makes = asyncio.Event()
        self.makes.set()
        self.error: Exception | None = None

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> Any:
        await self.makes.wait()
        if self.error is not None:
            raise self.error
        self.sessions.append(FakeSession(delegate, limits))
        return self.sessions[-1]

    async def aclose(self) -> None:
        pass


class Client:
    """The other side of a service: writes requests, reads what was answered since the last look."""

    def __init__(self) -> None:
        self.provider = FakeProvider()
        self.outlet = FakeOutlet()
        self.service = Service(self.provider, self.outlet)

    @property
    def session(self) -> FakeSession:
        """The session opened last."""
        return self.provider.sessions[-1]

    def say(self, message: Any) -> None:
        self.service.receive(json.dumps(message).encode())

    def ask(self, number: int, method: str, **fields: Any) -> None:
        request = {"method": method, "sessionId": "s", **fields}
        self.say({"type": "operation/request", "id": number, "request": request})

    def execute(self, number: int, **fields: Any) -> None:
        body = {"tool_call_id": "call", "enabled_tools": [], "source": "", **fields}
        self.ask(number, "session/execute", request=body)

    def wait(self, number: int, cell_id: str = "1", **fields: Any) -> None:
        request = {"cell_id": cell_id, "yield_time_ms": 1000}
        self.ask(number, "session/wait", request=request, **fields)

    def terminate(self, number: int, cell_id: str = "1", **fields: Any) -> None:
        self.ask(number, "session/terminate", cellId=cell_id, **fields)

    async def heard(self) -> list[Any]:
        """What the host has said since the last look, in order."""
        await settle()
        frames, self.outlet.frames = self.outlet.frames, []
        return [json.loads(frame[4:]) for frame in frames]


HELLO: dict[str, Any] = {
    "type": "connection/hello",
    "supportedVersions": [1],
    "requiredCapabilities": [],
    "optionalCapabilities": [],
}


async def connected(*capabilities: str) -> Client:
    """A client after the handshake."""
    client = Client()
    client.say({**HELLO, "optionalCapabilities": list(capabilities)})
    await client.heard()
    return client


async def opened(**fields: Any) -> Client:
    """A client with a session ``s``."""
    client = await connected()
    client.ask(1, "session/open", **fields)
    await client.heard()
    return client


async def started(**fields: Any) -> Client:
    """A client with a cell ``1`` whose first observation is open; its request has the id 2."""
    client = await opened(**fields)
    client.execute(2)
    await client.heard()
    return client


def ok(number: int, **value: Any) -> dict[str, Any]:
    return {
        "type": "operation/response",
        "id": number,
        "result": {"status": "ok", "value": value},
    }


def failed(number: int, message: str) -> dict[str, Any]:
    return {
        "type": "operation/response",
        "id": number,
        "result": {"status": "error", "message": message},
    }


def body(kind: str, *texts: str, cell_id: str = "1", error: str | None = None) -> dict[str, Any]:
    """A runtime response as it goes over the wire."""
    content = {
        "cell_id": cell_id,
        "content_items": [{"type": "input_text", "text": text} for text in texts],
        "code_mode_host_duration_ns": 0,
    }
    if kind == "Result":
        content |= {"error_text": error, "result_buffered_for_ns": 0}
    return {kind: content}


def waited(number: int, response: dict[str, Any], kind: str = "LiveCell") -> dict[str, Any]:
    return ok(number, type="wait/completed", outcome={kind: response})


def first(number: int, response: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "execute/initialResponse",
        "id": number,
        "result": {"status": "ok", "value": response},
    }


def closed(cell_id: str = "1") -> dict[str, Any]:
    return {"type": "cell/closed", "sessionId": "s", "cellId": cell_id}


def live(response: RuntimeResponse) -> WaitOutcome:
    return LiveCell(response)
