"""The wire scenarios: how they stand in ``scenarios/*.txt``, and what a client does in each.

Each file is a topic. ``@scenario NAME`` begins a scenario, whose whole name is ``TOPIC/NAME``;
after it, ``unordered`` says that the published host sends these frames in no fixed order, and
``without=TYPE`` that it is left to chance whether it sends the frames of this type. ``timing`` marks a
scenario whose steps are kept in order by time alone (``sleep``, timers): on a busy machine it may be
played again. Lines that begin with ``#`` are for the reader. Every other line is one step of the client:

* ``hello``, ``open ID SESSION``, ``execute ID SESSION``, ``wait ID SESSION CELL``,
  ``terminate ID SESSION CELL``, ``shutdown ID SESSION``, ``cancel ID`` and ``yield ID`` send the
  message of that name. ``FIELD=JSON`` sets a field of the request; ``FIELD=`` leaves it out. What
  follows `` | `` is the source of an execute;
* ``answer ID JSON``, ``refuse ID TEXT`` and ``delivered ID`` respond to a delegate request;
* ``send JSON`` sends a message as it stands, ``payload TEXT`` a frame of any text, and
  ``bytes HEX`` bytes without a frame around them;
* ``repeat N STEP`` takes a step N times, with ``{n}`` counting from 1;
* ``until TYPE [ID]`` reads until a frame of this type (and this ``id`` or ``cellId``) has come;
  ``end`` reads until the host closes its output;
* ``sleep MS`` lets time pass; ``eof`` closes the client's end.

After the last step the client closes its end, reads whatever still comes, and waits for the host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from .process import Message, frame

SCENARIOS: Final = Path(__file__).parent / "scenarios"

CAPABILITIES: Final = (
    "bounded-output-v1",
    "delegate-capacity-4096",
    "session-cell-execution-resource-limits",
    "yield-observation",
)
"""What a ``hello`` offers unless it says otherwise: what hosts of every release that is compared with know."""

TOOLS: Final = ("echo", "other")
"""What a cell may call, unless the scenario says otherwise; only its own steps answer the calls."""

_SETTING: Final = re.compile(r"(?:^|\s)([A-Za-z_]+)=")


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Until:
    """Read until a message of this type has come, with this id if one is given."""

    type: str
    id: str | None = None

    def matches(self, message: Message) -> bool:
        """Whether this is the awaited message."""
        identity = message.get("cellId" if self.type == "cell/closed" else "id")
        return message.get("type") == self.type and self.id in (None, str(identity))


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CloseInput:
    """Close the client's end."""


@dataclass(frozen=True, slots=True)
class End:
    """Read until the host has closed its output."""


Step: TypeAlias = Send | Until | Sleep | CloseInput | End


@dataclass(frozen=True, slots=True)
class Scenario:
    """One conversation with a host of its own."""

    name: str
    steps: tuple[Step, ...]
    ordered: bool = True
    without: str | None = None
    """A type of frame that may come or not."""
    timing: bool = False
    """Whether time alone keeps its steps in order, so that a difference is a reason to play it again."""


def load(folder: Path = SCENARIOS) -> dict[str, Scenario]:
    """Return every scenario by its whole name, in the order of the files.

    :raises ValueError: a name is used twice, or a line is not understood.
    """
    scenarios: dict[str, Scenario] = {}
    for path in sorted(folder.glob("*.txt")):
        for scenario in parse(path.stem, path.read_text(encoding="utf-8")):
            if scenario.name in scenarios:
                raise ValueError(f"{scenario.name} stands twice among the scenarios")
            scenarios[scenario.name] = scenario
    return scenarios


def parse(topic: str, text: str) -> Iterator[Scenario]:
    """Yield the scenarios of one file, whose stem is ``topic``.

    >>> [scenario] = parse("cells", "@scenario one unordered\\nuntil cell/closed 1\\neof\\n")
    >>> scenario.name, scenario.ordered, scenario.steps
    ('cells/one', False, (Until(type='cell/closed', id='1'), CloseInput()))
    """
    _, *sections = re.split(r"^@scenario +", text, flags=re.MULTILINE)
    for section in sections:
        header, _, body = section.partition("\n")
        name, *options = header.split()
        given = dict(option.partition("=")[::2] for option in options)
        ordered, without = given.pop("unordered", None) is None, given.pop("without", None)
        timing = given.pop("timing", None) is not None
        if given:
            raise ValueError(f"{topic}/{name}: unknown options {sorted(given)}")
        lines = [line for line in map(str.strip, body.splitlines()) if line and line[0] != "#"]
        try:
            steps = tuple(step for line in lines for step in _steps(line))
        except (KeyError, ValueError) as error:
            raise ValueError(f"{topic}/{name}: {error}") from error
        yield Scenario(f"{topic}/{name}", steps, ordered, without, timing)


def _steps(line: str) -> Iterator[Step]:
    verb, _, rest = line.partition(" ")
    if verb == "repeat":
        times, _, step = rest.partition(" ")
        for n in range(1, int(times) + 1):
            yield from _steps(step.replace("{n}", str(n)))
    elif verb in _MESSAGES:
        yield Send(frame(json.dumps(_MESSAGES[verb](rest), ensure_ascii=False).encode()))
    else:
        yield _OTHER_STEPS[verb](rest)


def _settings(text: str) -> tuple[list[str], dict[str, Any]]:
    """Split ``words FIELD=JSON …``; a field that is given nothing is to be left out."""
    words, *pairs = _SETTING.split(text)
    values = [json.loads(value) if value.strip() else _ABSENT for value in pairs[1::2]]
    return words.split(), dict(zip(pairs[::2], values, strict=True))


_ABSENT: Final = object()


def _with(defaults: Mapping[str, Any], settings: Mapping[str, Any]) -> Message:
    merged = {**defaults, **settings}
    return {field: value for field, value in merged.items() if value is not _ABSENT}


def _hello(rest: str) -> Message:
    _, settings = _settings(rest)
    defaults = {
        "type": "connection/hello",
        "supportedVersions": [1],
        "requiredCapabilities": [],
        "optionalCapabilities": CAPABILITIES,
    }
    return _with(defaults, settings)


def _operation(request_id: str, request: Message) -> Message:
    return {"type": "operation/request", "id": int(request_id), "request": request}


def _session(method: str) -> Callable[[str], Message]:
    def build(rest: str) -> Message:
        (request_id, session), settings = _settings(rest)
        fields = {"method": method, "sessionId": session}
        return _operation(request_id, _with(fields, settings))

    return build


def _execute(rest: str) -> Message:
    head, _, source = rest.partition(" | ")
    (request_id, session), settings = _settings(head)
    defaults = {
        "tool_call_id": "call",
        "enabled_tools": [_tool(name) for name in TOOLS],
        "source": source,
        "yield_time_ms": 10_000,
        "max_output_tokens": None,
    }
    request = _with(defaults, settings)
    fields = {"method": "session/execute", "sessionId": session, "request": request}
    return _operation(request_id, fields)


def _tool(name: str) -> Message:
    return {
        "name": name,
        "tool_name": {"name": name, "namespace": None},
        "description": "",
        "kind": "function",
        "input_schema": None,
        "output_schema": None,
    }


def _wait(rest: str) -> Message:
    (request_id, session, cell), settings = _settings(rest)
    inner = {"cell_id": cell, "yield_time_ms": settings.pop("yield_time_ms", 10_000)}
    fields = {"method": "session/wait", "sessionId": session, "request": _with(inner, {})}
    return _operation(request_id, _with(fields, settings))


def _terminate(rest: str) -> Message:
    (request_id, session, cell), settings = _settings(rest)
    fields = {"method": "session/terminate", "sessionId": session, "cellId": cell}
    return _operation(request_id, _with(fields, settings))


def _signal(kind: str) -> Callable[[str], Message]:
    return lambda rest: {"type": kind, "id": int(rest)}


def _response(delegate_id: str, result: Message) -> Message:
    return {"type": "delegate/response", "id": int(delegate_id), "result": result}


def _answer(rest: str) -> Message:
    delegate_id, _, value = rest.partition(" ")
    ok = {"status": "ok", "value": {"type": "tool/result", "result": json.loads(value)}}
    return _response(delegate_id, ok)


def _refuse(rest: str) -> Message:
    delegate_id, _, text = rest.partition(" ")
    return _response(delegate_id, {"status": "error", "message": text})


def _delivered(rest: str) -> Message:
    ok = {"status": "ok", "value": {"type": "notification/delivered"}}
    return _response(rest, ok)


def _send(rest: str) -> Message:
    message: Message = json.loads(rest)
    return message


_MESSAGES: Final[Mapping[str, Callable[[str], Message]]] = {
    "hello": _hello,
    "open": _session("session/open"),
    "execute": _execute,
    "wait": _wait,
    "terminate": _terminate,
    "shutdown": _session("session/shutdown"),
    "cancel": _signal("operation/cancel"),
    "yield": _signal("operation/yield"),
    "answer": _answer,
    "refuse": _refuse,
    "delivered": _delivered,
    "send": _send,
}

_OTHER_STEPS: Final[Mapping[str, Callable[[str], Step]]] = {
    "payload": lambda rest: Send(frame(rest.encode())),
    "bytes": lambda rest: Send(bytes.fromhex(rest)),
    "until": lambda rest: Until(*rest.split()),
    "end": lambda _: End(),
    "sleep": lambda rest: Sleep(int(rest) / 1000),
    "eof": lambda _: CloseInput(),
}
