"""What is fuzzed: each decoder of hostile bytes, as a function that fails if the decoder does.

A target takes any bytes. Its decoder either gives a value, which then has to hold what the target
says below, or raises one of the errors that its docstring names. Whatever else is raised is a
finding.
"""

import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from codemode.engine.events import Event
from codemode.engine.launching import end, launch
from codemode.engine.records import Records
from codemode.engine.wire import Frames
from codemode.errors import EngineError, SourceError, ToolError, UsageError
from codemode.json_text import decode_json, encode_json
from codemode.protocol import messages as m
from codemode.protocol import v1
from codemode.protocol.frames import (
    LENGTH_BYTES,
    FrameReader,
    FrameTooLargeError,
    FrameTruncatedError,
    FrameUndecodableError,
)
from codemode.protocol.types import ToolDefinition, ToolName
from codemode.surface.declaration import augmented_description
from codemode.surface.hints import hint_for
from codemode.surface.schema_reader import TEXT_BYTES
from codemode.surface.source import parse_exec_source
from codemode.surface.strict_json import JsonError, loads
from codemode.surface.text import on_one_line, without_controls
from codemode.surface.typescript import render
from codemode.surface.wav import wav_milliseconds
from codemode.tools.mcp.answers import AnswerTable
from codemode.tools.mcp.config_file import read_config
from codemode.tools.mcp.last_words import LINE_CHARACTERS, last_words
from codemode.tools.mcp.result import result_of
from codemode.tools.redaction import without_secrets
from codemode.tools.result import to_json

Target: TypeAlias = Callable[[bytes], None]

WORKER_SECONDS: Final = 20.0
"""How long a worker may take for an input; it takes 40 ms."""

REFUSED: Final = 70
"""The exit status of a worker that refuses to be spoken to like that."""

MAX_BYTES: Final = 1_000
"""How long a record may be here: small, so that inputs reach it."""


def frames(data: bytes) -> None:
    """A stream gives the same frames and the same end however it is cut."""
    assert _payloads(data, len(data)) == _payloads(data, 1 + len(data) % 7)


def _payloads(data: bytes, step: int) -> tuple[list[bytes], str | None]:
    reader = FrameReader(max_bytes=64)
    found: list[bytes] = []
    try:
        for piece in _pieces(data, step):
            reader.feed(piece)
            while (payload := reader.next()) is not None:
                found.append(payload)
        reader.end()
    except (FrameTooLargeError, FrameTruncatedError) as error:
        return found, type(error).__name__
    return found, None


def client_messages(data: bytes) -> None:
    """What the host takes from a client it would write, and read again, the same."""
    try:
        message = v1.ClientMessages().decode(data)
    except FrameUndecodableError:
        return
    assert v1.ClientMessages().decode(_payload(message)) == message


def host_messages(data: bytes) -> None:
    """What a client takes from a host it would write, and read again, the same."""
    try:
        message = v1.HostMessages().decode(data)
    except FrameUndecodableError:
        return
    assert v1.HostMessages().decode(_payload(message)) == message
    try:
        match message:
            case m.InitialResponse(result=m.InitialOk(value=response)):
                v1.session_response(response)
            case m.OperationResponse(result=m.Ok(value=m.WaitCompleted(outcome=outcome))):
                v1.session_outcome(outcome)
    except FrameUndecodableError:
        pass


def _payload(message: m.ClientMessage | m.HostMessage) -> bytes:
    return bytes(v1.encode(message)[LENGTH_BYTES:])


def worker_frames(data: bytes) -> None:
    """A worker's stream gives the same frames, or the same refusal, however it is cut."""
    assert _frames(data, len(data)) == _frames(data, 1 + len(data) % 7)


def _frames(data: bytes, step: int) -> tuple[list[tuple[int, int, bytes]], bool]:
    reader = Frames()
    found: list[tuple[int, int, bytes]] = []
    try:
        for piece in _pieces(data, step):
            found += reader.feed(piece)
    except EngineError:
        return found, True
    return found, False


def records(data: bytes) -> None:
    """Records say the same whether they come alone or together."""
    together = _events([data])
    if together is not None:
        assert _events(_each_record(data)) == together


def _events(pieces: list[bytes]) -> list[Event] | None:
    """What the pieces say, None if they are refused."""
    reader = Records(MAX_BYTES)
    try:
        return [event for piece in pieces for event in reader.feed(piece)[0]]
    except EngineError:
        return None


def _each_record(data: bytes) -> list[bytes]:
    """Readable records, one by one."""
    found = []
    while data:
        size = 5 + int.from_bytes(data[1:5], "little")
        found.append(data[:size])
        data = data[size:]
    return found


def typescript(data: bytes) -> None:
    """Any JSON is rendered, within its bound, as text that can be sent."""
    schema = _json(data)
    assert len(render(schema).encode()) <= TEXT_BYTES
    text = data.decode(errors="replace")
    augmented_description(
        ToolDefinition(
            name=text[:20],
            tool_name=ToolName(text[:20]),
            description=text,
            input_schema=schema,
            output_schema=schema,
        )
    ).encode()


def pragma(data: bytes) -> None:
    """The code is the end of the text; the options are counts."""
    text = _text(data)
    try:
        source = parse_exec_source(text)
    except SourceError:
        return
    assert text.endswith(source.code)
    for option in (source.yield_time_ms, source.max_output_tokens):
        assert option is None or (type(option) is int and 0 <= option < 2**53)


def strict_json(data: bytes) -> None:
    """What is taken is what Python takes."""
    text = _text(data)
    try:
        value = loads(text)
    except JsonError:
        return
    assert json.dumps(value) == json.dumps(json.loads(text))


def json_text(data: bytes) -> None:
    """JSON of a cell becomes values which say the same again; 1e400 becomes null, as there."""
    try:
        value = decode_json(data.decode(errors="replace"))
        again = decode_json(encode_json(value))
    except (ValueError, RecursionError):
        return
    try:
        said = json.dumps(value, allow_nan=False)
    except ValueError:
        return
    assert json.dumps(again) == said


def results(data: bytes) -> None:
    """A result that has a JSON form can be said as JSON, and has had its last change."""
    value = _json(data)
    try:
        found = to_json({"value": value, "key": {str(value): value}}, "t")
    except ToolError:
        return
    encode_json(found).encode()
    assert to_json(found, "t") == found


def worker_input(data: bytes) -> None:
    """A worker serves any frames, or ends over those that break the protocol; it is not killed for them."""
    process, ours, words = launch("serve")
    try:
        ours.setblocking(True)
        ours.settimeout(WORKER_SECONDS)
        try:
            ours.sendall(data)
            ours.shutdown(socket.SHUT_WR)
            while ours.recv(65536):
                pass
        except ConnectionError:  # it has ended before it read all
            pass
        assert process.wait(WORKER_SECONDS) in (0, REFUSED), words.read()
    finally:
        end(os.getpid(), process, ours, words)


def hints(data: bytes) -> None:
    """Any error of any program gets one line of advice, or none."""
    error, _, source = _text(data).partition("\0")
    hint = hint_for(source, error, [source[:80], "weather"])
    assert hint is None or "\n" not in hint


def wav(data: bytes) -> None:
    """Any URL has a length or none."""
    length = wav_milliseconds(_text(data))
    assert length is None or length >= 0


def mcp_answers(data: bytes) -> None:
    """Any line of a server is messages for the SDK, or none; what it answers is a result or a fault."""
    table = AnswerTable()
    with table.awaited(1) as answer:
        for message in table.read(data) or ():
            json.loads(message)
        if answer.result is not None:
            with contextlib.suppress(ToolError):  # too deep
                encode_json(to_json(result_of(answer.result), "t"))
        assert answer.result is None or answer.fault is None


def mcp_config(data: bytes) -> None:
    """Any file names servers, usable or not, or is refused."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(data)
        file.flush()
        try:
            found = read_config(file.name, environment={})
        except UsageError:
            return
        assert all(isinstance(name, str) for name in found)


def strangers_text(data: bytes) -> None:
    """Any text has a line for a log, a form for a model and one without secrets; all are plain."""
    text = _text(data)
    assert on_one_line(without_secrets(text)).isprintable() or "\n" not in on_one_line(text)
    read = without_controls(text)
    assert without_controls(read) == read
    assert len(last_words(text)) <= LINE_CHARACTERS


def _pieces(data: bytes, step: int) -> Iterator[bytes]:
    for at in range(0, len(data), step or 1):
        yield data[at : at + step]


def _text(data: bytes) -> str:
    """Any text, lone surrogates among it: bytes that are no UTF-8 become such."""
    return data.decode(errors="surrogateescape")


def _json(data: bytes) -> Any:
    """A JSON value: what the bytes say, else the text that they are."""
    try:
        return json.loads(data.decode(errors="replace"))
    except (ValueError, RecursionError):
        return _text(data)


TARGETS: Final[dict[str, Target]] = {
    target.__name__: target
    for target in (
        frames,
        client_messages,
        host_messages,
        worker_frames,
        records,
        typescript,
        pragma,
        strict_json,
        json_text,
        results,
        worker_input,
        hints,
        wav,
        mcp_answers,
        mcp_config,
        strangers_text,
    )
}
