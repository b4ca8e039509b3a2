"""A client may say anything to a host, in any order: it is answered, or its connection ends."""

import asyncio
import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from codemode.engine import events as ev
from codemode.host.connection import ProtocolViolationError
from codemode.host.service import Service
from codemode.limits import Limits
from codemode.protocol.frames import FrameUndecodableError
from codemode.protocol.session import SessionDelegate
from codemode.protocol.types import TextItem
from codemode.runtime.session import SessionRuntime
from tests.host.fakes import HELLO, FakeOutlet
from tests.runtime.doubles import ScriptedEngine, bounded, settle

CAPABILITIES = ["delegate-capacity-4096", "codemode-stored-values-v1", "yield-observation"]
NAMES = st.sampled_from(["s", "s", "s", "t", "\0"])
CELLS = st.sampled_from(["1", "1", "2", "x"])
TIMES = st.sampled_from([0, 10_000, 2**63])
TOOL = {"name": "t", "tool_name": {"name": "t"}, "description": "", "kind": "function"}
EXECUTES = st.fixed_dictionaries(
    {
        "tool_call_id": st.just("call"),
        "enabled_tools": st.sampled_from([[], [TOOL], [TOOL, TOOL]]),
        "source": st.sampled_from(["", ":", "text(1)"]),
    },
    optional={"yield_time_ms": TIMES, "max_output_tokens": st.integers(-2, 2)},
)
WAITS = st.fixed_dictionaries({"cell_id": CELLS, "yield_time_ms": TIMES})


def _requests(method: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    request = st.fixed_dictionaries({"method": st.just(method), "sessionId": NAMES, **fields})
    return st.fixed_dictionaries({"type": st.just("operation/request"), "request": request})


RESULTS = st.sampled_from(
    [
        {"status": "ok", "value": {"type": "tool/result", "result": {"a": 1e300}}},
        {"status": "ok", "value": {"type": "notification/delivered"}},
        {"status": "error", "message": ": no"},
    ]
)
POLITE = st.one_of(
    _requests("session/open"),
    _requests("session/execute", request=EXECUTES),
    _requests("session/execute", request=EXECUTES),
    _requests("session/execute", request=EXECUTES),
    _requests("session/wait", request=WAITS),
    _requests("session/wait", request=WAITS),
    _requests("session/terminate", cellId=CELLS),
    _requests("session/shutdown"),
    _requests("session/restore", values=st.just({"k": [1]})),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["operation/cancel", "operation/yield"]), "id": st.integers(1, 9)}
    ),
    st.fixed_dictionaries(
        {"type": st.just("delegate/response"), "id": st.integers(1, 4), "result": RESULTS}
    ),
)
RUDE = st.just(HELLO) | st.builds(lambda message: {**message, "id": 1}, _requests("session/open"))
MESSAGES = st.integers(0, 49).flatmap(lambda number: RUDE if number == 49 else POLITE)
"""Requests get the next id, unless they have one."""
SAID = st.sampled_from(
    [
        (),
        (TextItem("a"), ev.Idle()),
        (ev.YieldAsked(), ev.Idle()),
        (ev.ToolCalled(1, 0, "{}"), ev.Notified("n"), ev.Idle()),
        (ev.ValueStored("k", "1"), ev.Finished(None)),
        (ev.Finished("no"),),
    ]
)


OPEN = {"type": "operation/request", "request": {"method": "session/open", "sessionId": "s"}}


class Provider:
    """Sessions of ours whose programs say what they are told to."""

    def __init__(self) -> None:
        self.engine = ScriptedEngine()

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> SessionRuntime:
        return SessionRuntime(self.engine, delegate, Limits(callback_grace_ms=0))

    async def aclose(self) -> None:
        pass


@given(steps=st.lists(st.tuples(MESSAGES, SAID), min_size=4, max_size=16))
def test_whatever_a_client_says_each_request_has_one_answer_and_each_cell_one_end(
    steps: list[tuple[Any, tuple[ev.Event, ...]]],
) -> None:
    unheard: list[dict[str, Any]] = []
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(lambda _, context: unheard.append(context))
        asked, heard, broken = runner.run(_talk(steps))

    answers = Counter(_key(message) for message in heard)
    assert unheard == []
    assert set(answers.values()) <= {1}
    answered = {number for kind, number in answers if kind == "operation/response"}
    assert answered <= asked if broken else answered == asked


async def _talk(
    steps: list[tuple[Any, tuple[ev.Event, ...]]],
) -> tuple[set[int], list[Any], bool]:
    """The requests that were taken, what was answered, and whether the connection broke."""
    provider, outlet = Provider(), FakeOutlet()
    service = Service(provider, outlet)
    service.receive(json.dumps({**HELLO, "optionalCapabilities": CAPABILITIES}).encode())
    asked: set[int] = set()
    broken = False
    for number, (message, events) in enumerate([(OPEN, ()), *steps], 1):
        try:
            service.receive(json.dumps({"id": number, **message}).encode())
        except (FrameUndecodableError, ProtocolViolationError):
            broken = True
            break
        if message["type"] == "operation/request":
            asked.add(number)
        await settle(3)
        for cell in provider.engine.cells[-1:]:
            cell.says(*events)
        await settle(3)
    if not broken:
        for cell in provider.engine.cells:  # nobody waits for long
            cell.says(ev.Finished(None))
        await settle(30)
    await bounded(service.aclose())
    heard = [json.loads(frame[4:]) for frame in outlet.frames[1:]]
    return asked, heard, broken


def _key(message: Any) -> tuple[str, Any]:
    """What there may be one of."""
    if message["type"] == "session/stored":
        return message["type"], json.dumps(message) + str(id(message))
    which = message.get("id")
    return message["type"], (message["sessionId"], message["cellId"]) if which is None else which
