"""The scenarios over gRPC: how they stand in ``rpc_scenarios/*.txt``, and what a client does in each.

As in the wire scenarios, each file is a topic, ``@scenario NAME`` begins a scenario and ``#`` is for the
reader. ``timing`` behind the name marks a scenario whose steps are kept in order by time alone: on a busy machine it
may be played again. The other lines begin RPCs, read what comes of them, and leave them:

* ``open``, ``close``, ``subscribe``, ``complete``, ``ack``, ``execute``, ``wait``, ``yield``, ``cancel-wait``,
  ``terminate`` and ``metrics``, each followed by a LABEL for the RPC, and by ``FIELD=JSON`` for fields of the
  request. ``FIELD=`` leaves a field out that is given otherwise. What follows `` | `` is the source of an execute;
* ``read LABEL [N]`` reads the next messages of an RPC, ``end LABEL`` reads to its end; the next step comes when
  that is done, and so does ``until LABEL EVENT``, which reads up to an event of this name;
* ``leave LABEL`` drops an RPC, ``sleep MS`` lets time pass;
* ``repeat N STEP`` takes a step N times, with ``{n}`` counting from 1.

A value that begins with ``$`` is one that the host has sent: ``"$t.invocation_id"`` is a field of the message that was
read last from the RPC labelled ``t``, ``"$t.2.invocation_id"`` of its second. Unless they are given, ``session_id`` is that of the
last ``open``, an execute or a wait is named by its label, and ``cell_id`` is ``"1"``.

Everything that was read is compared, RPC by RPC, with its status; ids that the host chose are numbered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

SCENARIOS: Final = Path(__file__).parent / "rpc_scenarios"

TOOLS: Final = ("echo", "other")
"""What a cell may call, unless the scenario says otherwise; only its own steps answer the calls."""

_SETTING: Final = re.compile(r"(?:^|\s)([a-z_]+)=")


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin an RPC."""

    label: str
    method: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """Read so many messages of an RPC, or up to an event, or to its end."""

    label: str
    count: int | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """Drop an RPC."""

    label: str


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let time pass."""

    seconds: float


Step: TypeAlias = Begin | Read | Leave | Sleep


@dataclass(frozen=True, slots=True)
class RpcScenario:
    """One conversation with a host of its own."""

    name: str
    steps: tuple[Step, ...]
    timing: bool = False
    """Whether time alone keeps its steps in order, so that a difference is a reason to play it again."""


def load(folder: Path = SCENARIOS) -> dict[str, RpcScenario]:
    """Return every scenario by its whole name, in the order of the files.

    :raises ValueError: a name is used twice, or a line is not understood.
    """
    scenarios: dict[str, RpcScenario] = {}
    for path in sorted(folder.glob("*.txt")):
        for scenario in parse(f"rpc-{path.stem}", path.read_text(encoding="utf-8")):
            if scenario.name in scenarios:
                raise ValueError(f"{scenario.name} stands twice among the scenarios")
            scenarios[scenario.name] = scenario
    return scenarios


def parse(topic: str, text: str) -> Iterator[RpcScenario]:
    """Yield the scenarios of one file.

    >>> [scenario] = parse("rpc-x", "@scenario one\\nopen s\\nread s\\nleave s\\n")
    >>> scenario.name, scenario.steps[1:]
    ('rpc-x/one', (Read(label='s', count=1, event=None), Leave(label='s')))
    """
    _, *sections = re.split(r"^@scenario +", text, flags=re.MULTILINE)
    for section in sections:
        header, _, body = section.partition("\n")
        name, *options = header.split()
        if unknown := [option for option in options if option != "timing"]:
            raise ValueError(f"{topic}/{name}: unknown options {unknown}")
        lines = [line for line in map(str.strip, body.splitlines()) if line and line[0] != "#"]
        session: list[str] = []  # the label of the last `open`
        try:
            steps = tuple(step for line in lines for step in _steps(line, session))
        except (KeyError, ValueError) as error:
            raise ValueError(f"{topic}/{name}: {error}") from error
        yield RpcScenario(f"{topic}/{name}", steps, timing="timing" in options)


def _steps(line: str, session: list[str]) -> Iterator[Step]:
    verb, _, rest = line.partition(" ")
    match verb:
        case "repeat":
            times, _, step = rest.partition(" ")
            for n in range(1, int(times) + 1):
                yield from _steps(step.replace("{n}", str(n)), session)
        case "read":
            label, *count = rest.split()
            yield Read(label, int(count[0]) if count else 1)
        case "until":
            label, event = rest.split()
            yield Read(label, event=event)
        case "end":
            yield Read(rest)
        case "leave":
            yield Leave(rest)
        case "sleep":
            yield Sleep(int(rest) / 1000)
        case _:
            yield _begin(verb, rest, session)


def _begin(verb: str, rest: str, session: list[str]) -> Begin:
    head, bar, source = rest.partition(" | ")
    label, *pairs = _SETTING.split(head)
    label = label.strip()
    given = {
        field: json.loads(value) if value.strip() else None
        for field, value in zip(pairs[::2], pairs[1::2], strict=True)
    }
    method, defaults = _METHODS[verb]
    fields: dict[str, Any] = {
        field: label if value == "LABEL" else value for field, value in defaults.items()
    }
    if verb == "open":
        session[:] = [label]
    elif verb != "metrics":
        fields["session_id"] = f"${session[0]}.1.opened.session_id" if session else ""
    if bar:
        fields["source"] = source
    merged = {**fields, **given}
    return Begin(
        label, method, {name: value for name, value in merged.items() if value is not None}
    )


def _tool(name: str) -> dict[str, Any]:
    return {"name": name, "tool_name": {"name": name}, "kind": 1}


_METHODS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "open": ("OpenSession", {}),
    "close": ("CloseSession", {}),
    "subscribe": ("SubscribeToToolCalls", {}),
    "complete": ("CompleteToolCall", {}),
    "ack": ("AcknowledgeNotification", {}),
    "execute": (
        "Execute",
        {
            "execution_id": "LABEL",
            "tool_call_id": "call",
            "enabled_tools": [_tool(name) for name in TOOLS],
        },
    ),
    "wait": ("Wait", {"cell_id": "1", "wait_id": "LABEL", "yield_time_ms": 10_000}),
    "yield": ("YieldObservation", {}),
    "cancel-wait": ("CancelWait", {}),
    "terminate": ("Terminate", {"cell_id": "1"}),
    "metrics": ("GetProcessMetrics", {}),
}
"""The method of each verb, and what its request says unless told otherwise."""
