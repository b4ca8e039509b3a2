"""A synchronous client for one V1 code-mode host process, with scripted tools behind it.

It owns the handshake and the delegate's side of a conversation, and turns what a host sends into
an :class:`Outcome` that can be compared with another host's. Every wait has a bound.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

from .process import HostProcess, Message
from .scripted_tools import Json, NeverAnswers, ScriptedTool, ToolError, ToolTable, table

ANSWER_SECONDS: Final = 60.0
"""How long a host may take to answer, over and above the yield time of a request."""

HELLO: Final[Message] = {
    "type": "connection/hello",
    "supportedVersions": [1],
    "requiredCapabilities": [],
    "optionalCapabilities": [],
}

Kind: TypeAlias = Literal["result", "yielded", "terminated"]


_KINDS: Final[Mapping[str, Kind]] = {
    "Result": "result",
    "Yielded": "yielded",
    "Terminated": "terminated",
}


class HostError(Exception):
    """The host refused a request; the session lives."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One nested call as the delegate saw it. V1 says ``null`` for a call without an argument."""

    name: str
    namespace: str | None
    input: Json

    def to_json(self) -> dict[str, Json]:
        """Return the call as a JSON object."""
        return {"name": self.name, "namespace": self.namespace, "input": self.input}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one observation of a cell brought, with the callbacks that came before it."""

    kind: Kind
    items: tuple[Message, ...]
    error_text: str | None
    tool_calls: tuple[ToolCall, ...]
    notifications: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        """Return the outcome as a JSON object."""
        return {
            "kind": self.kind,
            "items": list(self.items),
            "error_text": self.error_text,
            "tool_calls": [call.to_json() for call in self.tool_calls],
            "notifications": list(self.notifications),
        }


class V1Host:
    """A running host and the one connection to it."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start a host and shake hands with it.

        :raises HostLost: it did not come up, or does not speak V1.
        """
        self._process = HostProcess(command)
        self._ids = count(1)
        try:
            self._shake_hands()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def open_session(self, tools: ToolTable | None = None) -> HostSession:
        """Open a session whose cells may call ``tools`` (the ordinary ones if left out)."""
        session_id = f"session-{next(self._ids)}"
        self.call({"method": "session/open", "sessionId": session_id})
        return HostSession(self, session_id, table() if tools is None else tools)

    def call(self, request: Message) -> Message:
        """Send a request that runs no program and return the value of its response."""
        request_id = self.send_request(request)
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            message = self.receive(deadline)
            if message["type"] == "operation/response" and message["id"] == request_id:
                return _value(message)

    def send_request(self, request: Message) -> int:
        """Send a request and return its id."""
        request_id = next(self._ids)
        self.send({"type": "operation/request", "id": request_id, "request": request})
        return request_id

    def send(self, message: Message) -> None:
        """Send one message.

        :raises HostLost: the host has closed its end.
        """
        self._process.send(message)

    def receive(self, deadline: float) -> Message:
        """Return the host's next message.

        :raises HostLost: the deadline has passed, or the host has closed its end.
        """
        message = self._process.receive(deadline)
        if message is None:
            raise self._process.lost("closed its output, or wrote something that is no frame")
        return message

    def close(self) -> None:
        """End the host: by the end of its input, or by force if it does not obey."""
        self._process.close()

    def _shake_hands(self) -> None:
        self.send(HELLO)
        reply = self.receive(time.monotonic() + ANSWER_SECONDS)
        if reply["type"] != "connection/ready":
            raise self._process.lost(f"refused the connection: {reply}")


@dataclass(slots=True)
class HostSession:
    """A session at a host, one cell at a time."""

    host: V1Host
    session_id: str
    tools: ToolTable
    _cell_id: str = ""
    _tool_calls: list[ToolCall] = field(default_factory=list)
    _notifications: list[str] = field(default_factory=list)

    def execute(self, source: str, *, yield_time_ms: int = 10_000) -> Outcome:
        """Run a program and return its first observation."""
        request = {
            "tool_call_id": "call",
            "enabled_tools": [_definition(tool) for tool in self.tools.tools],
            "source": source,
            "yield_time_ms": yield_time_ms,
            "max_output_tokens": None,
        }
        request_id = self._request("session/execute", request=request)
        deadline = _deadline(yield_time_ms)
        self._cell_id = self._await("operation/response", request_id, deadline)["cellId"]
        return self._outcome(self._await("execute/initialResponse", request_id, deadline))

    def wait(self, *, yield_time_ms: int = 10_000) -> Outcome:
        """Observe the latest cell again."""
        request = {"cell_id": self._cell_id, "yield_time_ms": yield_time_ms}
        request_id = self._request("session/wait", request=request)
        return self._observed(request_id, _deadline(yield_time_ms))

    def terminate(self) -> Outcome:
        """End the latest cell."""
        request_id = self._request("session/terminate", cellId=self._cell_id)
        return self._observed(request_id, _deadline(0))

    def close(self) -> None:
        """Shut the session down; whatever still runs in it ends."""
        self.host.call({"method": "session/shutdown", "sessionId": self.session_id})

    def _request(self, method: str, **fields: Any) -> int:
        return self.host.send_request({"method": method, "sessionId": self.session_id, **fields})

    def _observed(self, request_id: int, deadline: float) -> Outcome:
        value = self._await("operation/response", request_id, deadline)
        (response,) = value["outcome"].values()
        return self._outcome(response)

    def _await(self, kind: str, request_id: int, deadline: float) -> Message:
        """Play the delegate until the awaited message has come, and return its value."""
        while True:
            message = self.host.receive(deadline)
            if message["type"] == "delegate/request":
                self._serve(message)
            elif message["type"] == kind and message["id"] == request_id:
                return _value(message)

    def _serve(self, message: Message) -> None:
        request = message["request"]
        if request["type"] == "notification/send":
            self._notifications.append(request["text"])
            self._answer(message["id"], {"type": "notification/delivered"})
        else:
            self._serve_tool(message["id"], request["invocation"])

    def _serve_tool(self, delegate_id: int, invocation: Message) -> None:
        name, namespace = invocation["tool_name"]["name"], invocation["tool_name"]["namespace"]
        self._tool_calls.append(ToolCall(name, namespace, invocation["input"]))
        try:
            result = self.tools.answer(namespace, name, invocation["input"])
        except ToolError as error:
            self._refuse(delegate_id, str(error))
        except NeverAnswers:
            pass
        else:
            self._answer(delegate_id, {"type": "tool/result", "result": result})

    def _answer(self, delegate_id: int, value: Message) -> None:
        result = {"status": "ok", "value": value}
        self.host.send({"type": "delegate/response", "id": delegate_id, "result": result})

    def _refuse(self, delegate_id: int, text: str) -> None:
        result = {"status": "error", "message": text}
        self.host.send({"type": "delegate/response", "id": delegate_id, "result": result})

    def _outcome(self, response: Message) -> Outcome:
        """Turn a runtime response into an outcome, with the callbacks gathered since the last."""
        ((variant, body),) = response.items()
        outcome = Outcome(
            kind=_KINDS[variant],
            items=tuple(body["content_items"]),
            error_text=body.get("error_text"),
            tool_calls=tuple(self._tool_calls),
            notifications=tuple(self._notifications),
        )
        self._tool_calls.clear()
        self._notifications.clear()
        return outcome


def _definition(tool: ScriptedTool) -> Message:
    return {
        "name": tool.flat_name,
        "tool_name": {"name": tool.name, "namespace": tool.namespace},
        "description": tool.description,
        "kind": tool.kind,
        "input_schema": tool.input_schema,
        "output_schema": tool.output_schema,
    }


def _deadline(yield_time_ms: int) -> float:
    return time.monotonic() + yield_time_ms / 1000 + ANSWER_SECONDS


def _value(message: Message) -> Message:
    """Return what a response carries.

    :raises HostError: it carries a refusal.
    """
    result = message["result"]
    if result["status"] == "error":
        raise HostError(result["message"])
    value: Message = result["value"]
    return value
