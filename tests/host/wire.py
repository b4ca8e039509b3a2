"""A host process at the other end of two pipes, and bounded waits for what it says."""

from __future__ import annotations

import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

SECONDS = 30.0
"""The bound on everything that is waited for; it is never used up."""

EXIT_SECONDS = 6.0
"""A host ends within five seconds, whatever it is doing."""

CAPABILITIES = [
    "bounded-output-v1",
    "delegate-capacity-4096",
    "session-cell-execution-resource-limits",
    "yield-observation",
]
HELLO: dict[str, Any] = {
    "type": "connection/hello",
    "supportedVersions": [1],
    "requiredCapabilities": [],
    "optionalCapabilities": CAPABILITIES,
}
FOREVER = "await new Promise(() => {})"


def frame(message: Any) -> bytes:
    """A message, or bytes that are to be a payload, as a frame."""
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack("<I", len(payload)) + payload


class HostProcess:
    """``codemode-host`` and the one connection to it."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "codemode.host", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.stdin, self.stdout, self.stderr = (
            self.process.stdin,
            self.process.stdout,
            self.process.stderr,
        )
        flags = fcntl.fcntl(self.stdout, fcntl.F_GETFL)
        fcntl.fcntl(self.stdout, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        self._buffer = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait(SECONDS)
        for pipe in (self.stdin, self.stdout, self.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        try:
            self.stdin.write(data)
            self.stdin.flush()
        except BrokenPipeError:
            pass

    def say(self, *messages: Any) -> None:
        """Write messages in one piece."""
        self.write(b"".join(map(frame, messages)))

    def hear(self, seconds: float = SECONDS) -> Any:
        """The next message; None at the end of the stream, or after ``seconds`` without one."""
        until = time.monotonic() + seconds
        while (message := self._next()) is None:
            ready, _, _ = select.select([self.stdout], [], [], max(0.0, until - time.monotonic()))
            data = os.read(self.stdout.fileno(), 1 << 20) if ready else b""
            if not data:
                return None
            self._buffer += data
        return message

    def rest(self, seconds: float = SECONDS) -> list[Any]:
        """What is said up to the end of the stream, or a silence of ``seconds``."""
        messages = []
        while (message := self.hear(seconds)) is not None:
            messages.append(message)
        return messages

    def open(self, session: str = "s", **fields: Any) -> None:
        """Shake hands and open a session; its request has the id 1."""
        self.say(HELLO, request(1, "session/open", sessionId=session, **fields))
        assert self.hear()["type"] == "connection/ready"
        assert self.hear()["result"]["status"] == "ok"

    def until(self, kind: str, number: int | None = None) -> Any:
        """The next message of this type, and of this id; those before it are dropped."""
        while (message := self.hear()) is not None:
            if message["type"] == kind and number in (None, message.get("id")):
                return message
        raise AssertionError(f"no {kind} came")

    def end(self) -> tuple[int, str]:
        """Close the host's input; its exit status and what it wrote to stderr."""
        self.stdin.close()
        return self.exit()

    def exit(self) -> tuple[int, str]:
        """Wait for the host to end by itself."""
        status = self.process.wait(EXIT_SECONDS)
        return status, self.stderr.read().decode()

    def family(self) -> list[int]:
        """The processes that the host has begun, and those that these have begun."""
        return descendants(self.process.pid)

    def _next(self) -> Any:
        if len(self._buffer) < 4:
            return None
        end = 4 + struct.unpack_from("<I", self._buffer)[0]
        if len(self._buffer) < end:
            return None
        message = json.loads(self._buffer[4:end])
        del self._buffer[:end]
        return message


def request(number: int, method: str, **fields: Any) -> dict[str, Any]:
    return {"type": "operation/request", "id": number, "request": {"method": method, **fields}}


def tool(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "tool_name": {"name": name, "namespace": None},
        "description": "",
        "kind": "function",
        "input_schema": None,
        "output_schema": None,
    }


def execute(
    number: int,
    source: str,
    *,
    session: str = "s",
    tools: tuple[str, ...] = (),
    yield_time_ms: int = 20_000,
) -> dict[str, Any]:
    body = {
        "tool_call_id": "call",
        "enabled_tools": [tool(name) for name in tools],
        "source": source,
        "yield_time_ms": yield_time_ms,
        "max_output_tokens": None,
    }
    return request(number, "session/execute", sessionId=session, request=body)


def wait(
    number: int, cell_id: str = "1", *, session: str = "s", yield_time_ms: int = 20_000
) -> Any:
    body = {"cell_id": cell_id, "yield_time_ms": yield_time_ms}
    return request(number, "session/wait", sessionId=session, request=body)


def terminate(number: int, cell_id: str = "1", *, session: str = "s") -> dict[str, Any]:
    return request(number, "session/terminate", sessionId=session, cellId=cell_id)


def answer(message: Any, result: Any = None) -> dict[str, Any]:
    """The answer to a callback: a result for a tool, a receipt for a notification."""
    value: dict[str, Any]
    if message["request"]["type"] == "tool/invoke":
        value = {"type": "tool/result", "result": result}
    else:
        value = {"type": "notification/delivered"}
    result = {"status": "ok", "value": value}
    return {"type": "delegate/response", "id": message["id"], "result": result}


def texts(response: Any) -> list[str]:
    """The texts of a response."""
    [content] = response["result"]["value"].values()
    return [item["text"] for item in content["content_items"]]


def descendants(pid: int) -> list[int]:
    """The processes below this one."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text("utf-8")
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry))
    found = children.get(pid, [])
    return [each for child in found for each in (child, *descendants(child))]


def all_gone(pids: list[int], seconds: float = EXIT_SECONDS) -> bool:
    """Whether none of the processes is alive, or none soon."""
    until = time.monotonic() + seconds
    poll = select.poll()
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            poll.register(handle, select.POLLIN)
            if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                return False
            poll.unregister(handle)
        finally:
            os.close(handle)
    return True
