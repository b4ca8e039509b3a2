"""Where a test plays the host: it reads what the client says and says what it likes, in its order."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from codemode.protocol.messages import CAPABILITIES, STORED_VALUES

SECONDS: Final = 10.0
"""The bound on every wait here; it is never used up."""

PUPPET: Final = Path(__file__).with_name("puppet_host.py")

Message: TypeAlias = dict[str, Any]
T = TypeVar("T")


async def bounded(awaitable: Awaitable[T]) -> T:
    """What ``awaitable`` gives, within the one bound of these tests."""
    async with asyncio.timeout(SECONDS):
        return await awaitable


class Puppet:
    """One host process, as the test plays it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.seen: list[Message] = []

    async def hear(self) -> Message:
        """The client's next message."""
        length = int.from_bytes(await bounded(self._reader.readexactly(4)), "little")
        message: Message = json.loads(await bounded(self._reader.readexactly(length)))
        self.seen.append(message)
        return message

    async def hear_request(self, method: str) -> tuple[int, Message]:
        """The next message, which is this request: its id and what it asks."""
        message = await self.hear()
        assert (message["type"], message["request"]["method"]) == ("operation/request", method)
        return message["id"], message["request"]

    def say(self, **message: Any) -> None:
        self.say_bytes(frame(json.dumps(message).encode()))

    def say_bytes(self, data: bytes) -> None:
        self._order(b"w", data)

    def say_to_stderr(self, text: str) -> None:
        self._order(b"e", text.encode())

    def close_output(self) -> None:
        self._order(b"c")

    def exit(self, status: int = 0) -> None:
        self._order(b"x", bytes([status]))

    def _order(self, order: bytes, payload: bytes = b"") -> None:
        self._writer.write(order + len(payload).to_bytes(4, "little") + payload)

    async def gone(self) -> None:
        """Return when the process has ended; what the client still said is in ``seen``."""
        async with asyncio.timeout(SECONDS):
            while head := await self._reader.read(4):
                length = int.from_bytes(head, "little")
                self.seen.append(json.loads(await self._reader.readexactly(length)))

    def close(self) -> None:
        self._writer.close()

    # ── whole sentences ──────────────────────────────────────────────────────────────────────

    async def shake_hands(self, *capabilities: str) -> None:
        await self.hear()
        self.say(
            type="connection/ready",
            selectedVersion=1,
            capabilities=list(capabilities or (*CAPABILITIES, STORED_VALUES)),
        )

    async def open_session(self) -> str:
        number, asked = await self.hear_request("session/open")
        self.ready(number, asked["sessionId"])
        return str(asked["sessionId"])

    def ready(self, number: int, session_id: str) -> None:
        self.answer(number, type="session/ready", sessionId=session_id)

    async def start_cell(self, cell_id: str = "1") -> int:
        number, _ = await self.hear_request("session/execute")
        self.started(number, cell_id)
        return number

    def started(self, number: int, cell_id: str) -> None:
        self.answer(number, type="execution/started", cellId=cell_id)

    async def shut(self) -> None:
        """Shut the session, and end the cells that the client still waits for before that."""
        message = await self.hear()
        while message["request"]["method"] == "session/terminate":
            self.outcome(message["id"], terminated(message["request"]["cellId"]))
            message = await self.hear()
        assert message["request"]["method"] == "session/shutdown"
        session_id = message["request"]["sessionId"]
        self.answer(message["id"], type="session/closed", sessionId=session_id)

    def answer(self, number: int, **value: Any) -> None:
        self.say(type="operation/response", id=number, result={"status": "ok", "value": value})

    def refuse(self, number: int, message: str) -> None:
        failed = {"status": "error", "message": message}
        self.say(type="operation/response", id=number, result=failed)

    def outcome(self, number: int, response: Message, *, live: bool = True) -> None:
        kind = "LiveCell" if live else "MissingCell"
        self.answer(number, type="wait/completed", outcome={kind: response})

    def initial(self, number: int, response: Message) -> None:
        result = {"status": "ok", "value": response}
        self.say(type="execute/initialResponse", id=number, result=result)

    def closed(self, session_id: str, cell_id: str) -> None:
        self.say(type="cell/closed", sessionId=session_id, cellId=cell_id)

    def call(self, number: int, session_id: str, cell_id: str, value: Any = None) -> None:
        invocation = {
            "cell_id": cell_id,
            "runtime_tool_call_id": f"tool-{number}",
            "tool_name": {"name": "tool", "namespace": None},
            "tool_kind": "function",
            "input": value,
        }
        request = {"type": "tool/invoke", "invocation": invocation}
        self.say(type="delegate/request", id=number, sessionId=session_id, request=request)

    def note(self, number: int, session_id: str, cell_id: str, text: str) -> None:
        request = {"type": "notification/send", "callId": "call", "cellId": cell_id, "text": text}
        self.say(type="delegate/request", id=number, sessionId=session_id, request=request)


class Stage:
    """Waits for the processes that a provider starts; each is a puppet."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "s"
        self.command = (sys.executable, "-I", "-S", str(PUPPET), str(self.socket))
        self._puppets: asyncio.Queue[Puppet] = asyncio.Queue()
        self._all: list[Puppet] = []
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._enter, str(self.socket))

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._all.append(Puppet(reader, writer))
        self._puppets.put_nowait(self._all[-1])

    async def host(self) -> Puppet:
        """The next process that was started."""
        return await bounded(self._puppets.get())

    @property
    def started(self) -> int:
        """How many processes were started."""
        return len(self._all)

    async def aclose(self) -> None:
        for puppet in self._all:
            puppet.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()


def frame(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "little") + payload


def result(cell_id: str, *texts: str, error: str | None = None) -> Message:
    return {"Result": {**_body(cell_id, texts), "error_text": error, "result_buffered_for_ns": 0}}


def yielded(cell_id: str, *texts: str) -> Message:
    return {"Yielded": _body(cell_id, texts)}


def terminated(cell_id: str, *texts: str) -> Message:
    return {"Terminated": _body(cell_id, texts)}


def _body(cell_id: str, texts: tuple[str, ...]) -> Message:
    items = [{"type": "input_text", "text": text} for text in texts]
    return {"cell_id": cell_id, "content_items": items, "code_mode_host_duration_ns": 0}
