"""A scenario played over gRPC on a host of its own: what came of each RPC, with chance masked."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, cast

import grpc

from codemode.grpc import code_mode_pb2
from codemode.grpc.methods import methods

from .process import HostLost
from .rpc_scenario import Begin, Leave, Read, RpcScenario, Sleep
from .wire import LONG_TEXT

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

START_SECONDS: Final = 60.0
MESSAGE_SECONDS: Final = 60.0
"""How long a host may take for the message that a scenario reads."""
EXIT_SECONDS: Final = 60.0

MESSAGE_BYTES: Final = 128 * 1024 * 1024

_METHODS: Final = methods(code_mode_pb2.DESCRIPTOR.services_by_name["CodeModeHost"])
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PARSER: Final = re.compile(r"(invalid (?:tool \w+ schema|code-mode tool output JSON): ).*")
"""What is wrong with JSON is said in the words of whoever has read it."""
_TIMES: Final = frozenset({"code_mode_host_duration_ns"})


class GrpcHost:
    """A host that listens on loopback, and a channel to it."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start ``command --listen grpc://127.0.0.1:0``, which says where it listens.

        :raises HostLost: it does not start.
        """
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the host
        try:
            self._process = subprocess.Popen(
                [*command, "--listen", "grpc://127.0.0.1:0"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
            )
        except OSError as error:
            self._stderr.close()
            raise HostLost(f"cannot start {command[0]}: {error.strerror}") from error
        killer = threading.Timer(START_SECONDS, self._process.kill)
        killer.start()
        assert self._process.stdout is not None  # opened as a pipe
        address = self._process.stdout.readline().decode().strip()
        killer.cancel()
        if not address:
            self._stderr.seek(0)
            said = self._stderr.read().decode(errors="replace").strip()
            self._end()
            raise HostLost(f"the host did not say where it listens; {said}")
        sizes = [(f"grpc.max_{way}_message_length", MESSAGE_BYTES) for way in ("receive", "send")]
        target = address.removeprefix("http://")
        self.channel = grpc.insecure_channel(
            target, options=[("grpc.use_local_subchannel_pool", 1), *sizes]
        )

    def __enter__(self) -> GrpcHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(EXIT_SECONDS)
        assert self._process.stdout is not None  # opened as a pipe
        self._process.stdout.close()
        self._stderr.close()


class Rpc:
    """One RPC: a thread reads it, and what is asked for is taken from there."""

    def __init__(self, channel: grpc.Channel, method_name: str, request: Message) -> None:
        method = _METHODS[method_name]
        kind: Any = channel.unary_stream if method.streams else channel.unary_unary
        call = kind(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        self._call: Any = call(request) if method.streams else call.future(request)
        self._streams = method.streams
        self._arrived: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self.messages: list[dict[str, Any]] = []
        self.status: str | None = None
        threading.Thread(target=self._receive, daemon=True).start()

    def read(self, step: Read) -> None:
        """Take what the step asks for, as far as it comes."""
        deadline = time.monotonic() + MESSAGE_SECONDS
        left = step.count
        while left is None or left > 0:
            try:
                message = self._arrived.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                self.status = "nothing came"
                return
            if message is None:
                self.status = self._status
                self._arrived.put(None)
                return
            self.messages.append(message)
            if step.event is not None and step.event in message:
                return
            left = None if left is None else left - 1
        if not self._streams:  # its end comes with its answer
            self.read(Read(step.label))

    def leave(self) -> None:
        """Drop it."""
        self._call.cancel()

    def to_json(self) -> dict[str, Any]:
        """What was read, and the status if its end was."""
        return {"messages": self.messages, "status": self.status}

    def _receive(self) -> None:
        self._status = "OK"
        try:
            for message in self._call if self._streams else (self._call.result(),):
                self._arrived.put(as_json(message))
        except grpc.RpcError as error:
            code = cast("grpc.Call", error)
            self._status = f"{code.code().name}: {code.details()}"
        except grpc.FutureCancelledError:
            self._status = "CANCELLED: "
        self._arrived.put(None)


def play(scenario: RpcScenario, command: Sequence[str]) -> dict[str, Any]:
    """Play one scenario on a host of its own; what came of each RPC, by its label.

    :raises HostLost: the host cannot be started.
    """
    rpcs: dict[str, Rpc] = {}
    with GrpcHost(command) as host:
        for step in scenario.steps:
            match step:
                case Begin(label, method, fields):
                    request = _METHODS[method].request()
                    fill(request, cast("dict[str, Any]", _resolved(fields, rpcs)))
                    rpcs[label] = Rpc(host.channel, method, request)
                case Read(label):
                    rpcs[label].read(step)
                case Leave(label):
                    rpcs[label].leave()
                case Sleep(seconds):
                    time.sleep(seconds)
        for rpc in rpcs.values():
            rpc.leave()
    masked: dict[str, Any] = _Masks().masked({label: rpc.to_json() for label, rpc in rpcs.items()})
    return masked


def _resolved(value: Any, rpcs: Mapping[str, Rpc]) -> Any:
    """``$label.field`` as what the host has sent there."""
    match value:
        case dict():
            return {key: _resolved(item, rpcs) for key, item in value.items()}
        case list():
            return [_resolved(item, rpcs) for item in value]
        case str() if value.startswith("$"):
            label, *path = value[1:].split(".")
            messages = rpcs[label].messages
            at = int(path.pop(0)) - 1 if path[0].isdecimal() else -1
            found: Any = messages[at] if -len(messages) <= at < len(messages) else {}
            for name in path:
                found = found.get(name, {})
            return found if isinstance(found, str) else ""
        case _:
            return value


_OF_NEWER_RELEASES: Final = {"supports_catalog_revision"}
"""What stands in a message of every scenario since some release: what follows from it has scenarios of its own."""


class _Masks:
    """Makes what differs from run to run the same: times, and ids that hosts choose."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def masked(self, value: Any) -> Any:
        match value:
            case dict():
                return {
                    key: "some" if key in _TIMES and item else self.masked(item)
                    for key, item in value.items()
                    if key not in _OF_NEWER_RELEASES
                }
            case list():
                return [self.masked(item) for item in value]
            case str() if len(value) > LONG_TEXT:
                digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
                return f"{len(value)} characters, sha256 {digest}"
            case str():
                known = _PARSER.sub(r"\1…", value)
                return _UUID.sub(lambda found: self._number(found[0]), known)
            case _:
                return value

    def _number(self, uuid: str) -> str:
        return self._ids.setdefault(uuid, f"uuid-{len(self._ids) + 1}")


# ── messages as JSON: bytes are JSON texts here, and stand as what they are ──────────────────────


def fill(message: Message, fields: Mapping[str, Any]) -> None:
    """Set fields of a message from a JSON object.

    :raises KeyError: it has no such field.
    """
    for name, value in fields.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.message_type is None:
            setattr(message, name, value.encode() if field.type == field.TYPE_BYTES else value)
        elif isinstance(value, list):
            for item in value:
                fill(getattr(message, name).add(), item)
        else:
            getattr(message, name).SetInParent()
            fill(getattr(message, name), value)


def as_json(message: Message) -> dict[str, Any]:
    """The fields of a message that are set."""
    return {field.name: _plain(field, value) for field, value in message.ListFields()}


def _plain(field: FieldDescriptor, value: Any) -> Any:
    if field.is_repeated:
        return [_plain_one(field, item) for item in cast("Iterable[Any]", value)]
    return _plain_one(field, value)


def _plain_one(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        return as_json(value)
    return value.decode(errors="replace") if isinstance(value, bytes) else value
