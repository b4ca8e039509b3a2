"""A code-mode host as a process, and the quickest client of it that Python can be.

Both hosts of a comparison are measured through this, so that its cost is in both figures: request
frames are made beforehand but for their id, of an answer only its kind and id are decoded, and an
exchange is one write and as few reads as the pipe allows. Nothing runs beside it.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Protocol, TypeVar

import msgspec

from .scenario import BenchError

_HEADER = 4
_READ_BYTES = 1024 * 1024
_EXIT_SECONDS = 8.0
_HELLO = (
    b'{"type":"connection/hello","supportedVersions":[1],'
    b'"requiredCapabilities":[],"optionalCapabilities":[]}'
)
_REQUEST = b'{"type":"operation/request","id":%d,"request":'
_ANSWER = (
    b'{"type":"delegate/response","id":%d,"result":'
    b'{"status":"ok","value":{"type":"tool/result","result":{"i":1}}}}'
)


class _Head(msgspec.Struct, gc=False):
    """What the client looks at in a frame."""

    type: str
    id: int = 0


class _Body(msgspec.Struct):
    """What is looked at once a program has ended, outside of its time."""

    result: msgspec.Raw


_decode = msgspec.json.Decoder(_Head).decode


class Program:
    """An execute request, encoded once."""

    def __init__(self, source: str, *, tools: int = 0, yield_time_ms: int = 60_000) -> None:
        enabled = [_tool("echo"), *(_tool(f"tool_{number}") for number in range(1, tools))]
        self.source = source
        self.tools = enabled[:tools]
        self.yield_time_ms = yield_time_ms
        request = {
            "method": "session/execute",
            "sessionId": "bench",
            "request": {
                "tool_call_id": "bench",
                "enabled_tools": self.tools,
                "source": source,
                "yield_time_ms": yield_time_ms,
                "max_output_tokens": None,
            },
        }
        self.encoded = json.dumps(request).encode()


def _tool(name: str) -> dict[str, Any]:
    words = "Does one of the many things that an agent may want to have done. "
    return {
        "name": name,
        "tool_name": {"name": name, "namespace": None},
        "description": words * 4,
        "kind": "function",
        "input_schema": None,
        "output_schema": None,
    }


class Connected(Protocol):
    """A host that was started, and is spoken to, whatever the transport."""

    def open(self) -> None: ...
    def kill(self) -> None: ...
    def close(self) -> None: ...
    def exec(self, program: Program) -> float: ...
    def hold(self, program: Program) -> None: ...
    def in_flight(self, program: Program, *, cells: int, at_once: int) -> float: ...


P = TypeVar("P", bound=Connected)


class Peer:
    """A running host and a connection to it with one session. Answers each call with ``{i: 1}``."""

    def __init__(self, command: Sequence[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the host
        try:
            self._process = subprocess.Popen(
                command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        except OSError as error:
            self._errors.close()
            raise BenchError(f"cannot start {command[0]}: {error.strerror}") from error
        assert self._process.stdin is not None and self._process.stdout is not None
        self._wire = Wire(self._process.stdout.fileno(), self._process.stdin.fileno())
        self._ids = count(1)

    def kill(self) -> None:
        """End the host by force; whatever is read from it ends too."""
        self._process.kill()

    def close(self) -> None:
        """End the host by the end of its input, or by force."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._end()
        self._process.stdout.close()
        self._errors.close()

    def _end(self) -> None:
        """Wait for the end of the process, and bring it about if it does not come."""
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def open(self) -> None:
        """Shake hands and open the session."""
        session = b'{"method":"session/open","sessionId":"bench"}'
        opening = _REQUEST % next(self._ids) + session + b"}"
        self._wire.write(_framed(_HELLO), _framed(opening))
        answered = 0
        while answered < 2:
            answered += len(self._frames())

    def exec(self, program: Program) -> float:
        """Run a program to its end; how many milliseconds that took."""
        ((number, frame),) = self._request([program])
        began = time.perf_counter_ns()
        self._wire.write(frame)
        response = self._until_answered(number)
        elapsed = (time.perf_counter_ns() - began) / 1e6
        _check(response, b'"Result"')
        return elapsed

    def hold(self, program: Program) -> None:
        """Run a program to its first yield."""
        ((number, frame),) = self._request([program])
        self._wire.write(frame)
        _check(self._until_answered(number), b'"Yielded"')

    def in_flight(self, program: Program, *, cells: int, at_once: int) -> float:
        """Run a program many times, so many at once; how many milliseconds a cell took."""
        frames = [frame for _, frame in self._request([program] * cells)]
        began = time.perf_counter_ns()
        self._wire.write(*frames[:at_once])
        sent, ended = at_once, 0
        while ended < cells:
            done = sum(_decode(frame).type == "execute/initialResponse" for frame in self._frames())
            ended += done
            if done and sent < cells:
                self._wire.write(*frames[sent : sent + done])
                sent += done
        return (time.perf_counter_ns() - began) / 1e6 / cells

    def _request(self, programs: Sequence[Program]) -> list[tuple[int, bytes]]:
        numbers = [next(self._ids) for _ in programs]
        return [
            (number, _framed(_REQUEST % number + program.encoded + b"}"))
            for number, program in zip(numbers, programs, strict=True)
        ]

    def _until_answered(self, number: int) -> bytes:
        """Answer calls until the first response of an execute is there, and return it."""
        while True:
            calls: list[bytes] = []
            found: bytes | None = None
            for frame in self._frames():
                head = _decode(frame)
                if head.type == "delegate/request":
                    calls.append(_framed(_ANSWER % head.id))
                elif head.type == "execute/initialResponse" and head.id == number:
                    found = frame
            if found is not None:
                return found
            if calls:
                self._wire.write(*calls)

    def _frames(self) -> list[bytes]:
        try:
            return self._wire.read()
        except (EOFError, OSError):
            self._end()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip().splitlines()
            status = self._process.returncode
            raise BenchError(
                f"the host ended, status {status}: {(said or ['no word'])[-1]}"
            ) from None


class Wire:
    """Frames over two pipes."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing
        self._rest = b""
        self._early: list[bytes] = []
        os.set_blocking(writing, False)

    def write(self, *frames: bytes) -> None:
        """Write frames; read what comes meanwhile, so that neither side waits for ever."""
        data = b"".join(frames)
        written = os.write(self._writing, data)
        if written < len(data):
            self._write_rest(memoryview(data)[written:])

    def read(self) -> list[bytes]:
        """The frames that are there, at least one."""
        while True:
            if self._early:
                early, self._early = self._early, []
                return early
            self._feed()

    def _write_rest(self, data: memoryview) -> None:
        poll = select.poll()
        poll.register(self._writing, select.POLLOUT)
        poll.register(self._reading, select.POLLIN)
        while data:
            ready = dict(poll.poll())
            if self._reading in ready:
                self._feed()
            if self._writing in ready:
                data = data[os.write(self._writing, data) :]

    def _feed(self) -> None:
        """Read once; or, in the middle of a frame, until it is whole."""
        data = os.read(self._reading, _READ_BYTES)
        if not data:
            raise EOFError
        if self._rest:
            data = self._rest + data
        missing = _missing(data)
        if missing:
            pieces = [data]
            while missing > 0:
                piece = os.read(self._reading, missing)
                if not piece:
                    raise EOFError
                pieces.append(piece)
                missing -= len(piece)
            data = b"".join(pieces)
        start, end = 0, len(data)
        while end - start >= _HEADER:
            body = start + _HEADER
            stop = body + int.from_bytes(data[start:body], "little")
            if stop > end:
                break
            self._early.append(data[body:stop])
            start = stop
        self._rest = data[start:]


def _missing(data: bytes) -> int:
    """How much of a large first frame is still to come."""
    if len(data) < _HEADER:
        return 0
    return max(0, _HEADER + int.from_bytes(data[:_HEADER], "little") - len(data))


def _framed(payload: bytes) -> bytes:
    return len(payload).to_bytes(_HEADER, "little") + payload


def _check(response: bytes, wanted: bytes) -> None:
    result = bytes(msgspec.json.decode(response, type=_Body).result)
    if wanted not in result[:64] or (len(result) < 4096 and b'"error_text":"' in result):
        raise BenchError(f"a program should have come to {wanted.decode()}: {result[:300]!r}")


def own_cost(exchanges: int = 5_000) -> float:
    """How many microseconds of an exchange are the client's: a call read, decoded, answered."""
    call = _framed(
        b'{"type":"delegate/request","id":17,"sessionId":"bench","request":{"type":"tool/invoke",'
        b'"invocation":{"cell_id":"1","runtime_tool_call_id":"tool-1","tool_name":{"name":"echo",'
        b'"namespace":null},"tool_kind":"function","input":{"i":1}}}}'
    )
    to_client, from_host = os.pipe()
    to_host, from_client = os.pipe()
    wire = Wire(to_client, from_client)
    spent = 0
    for _ in range(exchanges):
        os.write(from_host, call)
        began = time.perf_counter_ns()
        for frame in wire.read():
            head = _decode(frame)
            if head.type == "delegate/request":
                wire.write(_framed(_ANSWER % head.id))
        spent += time.perf_counter_ns() - began
        os.read(to_host, _READ_BYTES)
    for end in (to_client, from_host, to_host, from_client):
        os.close(end)
    return spent / 1e3 / exchanges


@contextmanager
def running(peer: P, *, timeout_seconds: float) -> Iterator[P]:
    """A host with its session open; killed if it is still in use after ``timeout_seconds``."""
    guard = threading.Timer(timeout_seconds, peer.kill)
    guard.daemon = True
    guard.start()
    try:
        peer.open()
        yield peer
    finally:
        guard.cancel()
        peer.close()
