"""V1 messages: what the published host and its client said, strict and tolerant reading, dress."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.protocol import messages as m
from codemode.protocol import v1
from codemode.protocol.frames import (
    LENGTH_BYTES,
    FrameTooLargeError,
    FrameUndecodableError,
    FrameUnencodableError,
)
from codemode.protocol.types import (
    CellId,
    ExecuteRequest,
    ImageItem,
    LiveCell,
    MissingCell,
    Result,
    RuntimeResponse,
    Terminated,
    TextItem,
    ToolCall,
    ToolDefinition,
    ToolName,
    WaitOutcome,
    WaitRequest,
    Yielded,
)

TRANSCRIPTS = Path(__file__).parent / "transcripts.jsonl"
"""Conversations with the published host, recorded."""

FRAMES = [
    (f"{scenario['scenario']}-{number}", side, message)
    for scenario in map(json.loads, TRANSCRIPTS.read_text("utf-8").splitlines())
    for number, (side, message) in enumerate(scenario["frames"])
]


def payload(message: Any) -> bytes:
    return json.dumps(message).encode()


def written(message: m.ClientMessage | m.HostMessage) -> Any:
    return json.loads(v1.encode(message)[LENGTH_BYTES:])


def request(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"type": "operation/request", "id": number, "request": fields}


def execute(**fields: Any) -> dict[str, Any]:
    body = {"tool_call_id": "call", "enabled_tools": [], "source": "1", **fields}
    return request(method="session/execute", sessionId="s", request=body)


TOOL = {
    "name": "t",
    "tool_name": {"name": "t", "namespace": None},
    "description": "d",
    "kind": "function",
    "input_schema": {"type": "object"},
    "output_schema": None,
}


@pytest.mark.parametrize(
    ("side", "message"), [frame[1:] for frame in FRAMES], ids=[frame[0] for frame in FRAMES]
)
def test_a_recorded_frame_is_read_and_written_the_same(side: str, message: Any) -> None:
    read: m.ClientMessage | m.HostMessage
    if side == "client":
        read = v1.ClientMessages().decode(payload(message))
    else:
        read = v1.HostMessages().decode(payload(message))

    assert written(read) == message


def test_an_execute_is_read_whole() -> None:
    message = execute(enabled_tools=[TOOL], source="text(1)", yield_time_ms=5, max_output_tokens=7)

    read = v1.ClientMessages().decode(payload(message))

    definition = ToolDefinition(
        name="t",
        tool_name=ToolName("t"),
        description="d",
        input_schema={"type": "object"},
    )
    asked = ExecuteRequest(
        tool_call_id="call",
        enabled_tools=(definition,),
        source="text(1)",
        yield_time_ms=5,
        max_output_tokens=7,
    )
    assert read == m.Request(1, m.Execute("s", asked))


def test_what_may_be_absent_may_be_absent() -> None:
    tool = {"name": "t", "tool_name": {"name": "t"}, "description": "d", "kind": "freeform"}

    read = v1.ClientMessages().decode(payload(execute(enabled_tools=[tool])))

    definition = ToolDefinition(name="t", tool_name=ToolName("t"), description="d", kind="freeform")
    asked = ExecuteRequest(tool_call_id="call", enabled_tools=(definition,), source="1")
    assert read == m.Request(1, m.Execute("s", asked))


def test_the_same_tools_are_read_once() -> None:
    messages = v1.ClientMessages()

    reads = [messages.decode(payload(execute(enabled_tools=[TOOL]))) for _ in range(2)]

    first, second = (
        read.request.request.enabled_tools
        for read in reads
        if isinstance(read, m.Request) and isinstance(read.request, m.Execute)
    )
    assert first is second


def test_only_the_last_few_lists_of_tools_are_remembered() -> None:
    messages = v1.ClientMessages()
    lists = [[{**TOOL, "name": str(number)}] for number in range(v1.REMEMBERED_LISTS + 1)]

    def tools(of: list[Any]) -> tuple[ToolDefinition, ...]:
        read = messages.decode(payload(execute(enabled_tools=of)))
        assert isinstance(read, m.Request) and isinstance(read.request, m.Execute)
        return read.request.request.enabled_tools

    read = [tools(each) for each in lists]

    assert tools(lists[-1]) is read[-1]
    assert tools(lists[0]) is not read[0]


@pytest.mark.parametrize(("beyond", "is_remembered"), [(0, True), (1, False)])
def test_a_list_of_tools_that_is_too_long_is_not_remembered(
    beyond: int, is_remembered: bool
) -> None:
    messages = v1.ClientMessages()
    around = len(json.dumps([{**TOOL, "description": ""}]))
    text = "x" * (v1.REMEMBERED_BYTES - around + beyond)
    asked = payload(execute(enabled_tools=[{**TOOL, "description": text}]))

    reads = [messages.decode(asked) for _ in range(2)]

    first, second = (
        read.request.request.enabled_tools
        for read in reads
        if isinstance(read, m.Request) and isinstance(read.request, m.Execute)
    )
    assert first == second
    assert (first is second) == is_remembered


def test_a_tool_result_is_handed_on_as_it_was_written() -> None:
    text = b'{"a": 123456789012345678901234567890, "b": 1e400, "c": [1.50]}'
    message = b'{"type":"delegate/response","id":3,"result":{"status":"ok","value":{"type":"tool/result","result":%b}}}'

    read = v1.ClientMessages().decode(message % text)

    assert isinstance(read, m.DelegateResponse) and isinstance(read.result, m.DelegateOk)
    assert isinstance(read.result.value, m.ToolResult)
    assert bytes(read.result.value.result) == text


HELLO = {
    "type": "connection/hello",
    "supportedVersions": [1],
    "requiredCapabilities": [],
    "optionalCapabilities": [],
}
OPEN: dict[str, Any] = {"method": "session/open", "sessionId": "s"}
WAIT: dict[str, Any] = {
    "method": "session/wait",
    "sessionId": "s",
    "request": {"cell_id": "1", "yield_time_ms": 5},
}


def answer(**result: Any) -> dict[str, Any]:
    return {"type": "delegate/response", "id": 1, "result": result}


REFUSED = [
    (b"", "EOF while parsing a value"),
    (b"{nope", "JSON is malformed: object keys must be strings (byte 1)"),
    (b"[]", "invalid type: array, expected object"),
    (b"null", "invalid type: null, expected object"),
    ({}, "missing field `type`"),
    ({"type": "zz"}, "unknown variant `zz` at $.type"),
    ({**HELLO, "x": 1}, "unknown field `x`"),
    ({"type": "connection/hello"}, "missing field `supportedVersions`"),
    ({**HELLO, "supportedVersions": []}, "at least one protocol version is required"),
    ({**HELLO, "supportedVersions": [1, 2, 2]}, "duplicate protocol version 2"),
    ({**HELLO, "supportedVersions": [0]}, "Expected `int` >= 1 at $.supportedVersions[0]"),
    ({**HELLO, "requiredCapabilities": ["a", "a"]}, "duplicate capability `a`"),
    ({**HELLO, "optionalCapabilities": ["a", "b", "b"]}, "duplicate capability `b`"),
    ({**HELLO, "optionalCapabilities": [" "]}, "identifier must not be empty"),
    (
        {**HELLO, "requiredCapabilities": ["a"], "optionalCapabilities": ["a"]},
        "capability `a` cannot be both required and optional",
    ),
    ({"type": "operation/cancel", "id": 1, "x": 1}, "unknown field `x`"),
    ({"type": "operation/yield"}, "missing field `id`"),
    (
        {"type": "operation/yield", "id": 2**63},
        "Expected `int` <= 9223372036854775807 at $.id",
    ),
    ({"type": "operation/yield", "id": "1"}, "invalid type: str, expected int at $.id"),
    ({**request(**OPEN), "x": 1}, "unknown field `x`"),
    (request(), "missing field `method` at $.request"),
    (request(method="session/zz"), "unknown variant `session/zz` at $.request.method"),
    (request(**OPEN, x=1), "unknown field `x` at $.request"),
    (request(method="session/open", sessionId="\t"), "identifier must not be empty at $.request"),
    (request(**OPEN, outputTruncation="zz"), "unknown variant `zz` at $.request.outputTruncation"),
    (
        request(**OPEN, cellExecutionLimits={"x": 1}),
        "unknown field `x` at $.request.cellExecutionLimits",
    ),
    (
        request(**OPEN, cellExecutionLimits={"maxYieldTimeMs": -1}),
        "Expected `int` >= 0 at $.request.cellExecutionLimits.maxYieldTimeMs",
    ),
    (request(**WAIT, x=1), "unknown field `x` at $.request"),
    (request(**WAIT, maxOutputTokens=-1), "Expected `int` >= 0 at $.request.maxOutputTokens"),
    (
        request(method="session/wait", sessionId="s", request={"cell_id": "1"}),
        "missing field `yield_time_ms` at $.request.request",
    ),
    (execute(x=1), "unknown field `x` at $.request.request"),
    (execute(yield_time_ms=-1), "Expected `int` >= 0 at $.request.request.yield_time_ms"),
    (
        execute(max_output_tokens=2**31),
        "Expected `int` <= 2147483647 at $.request.request.max_output_tokens",
    ),
    (execute(enabled_tools=[{**TOOL, "x": 1}]), "unknown field `x` at $[0]"),
    (
        execute(enabled_tools=[{**TOOL, "tool_name": {"name": "t", "x": 1}}]),
        "unknown field `x` at $[0].tool_name",
    ),
    (execute(enabled_tools=[{**TOOL, "kind": "zz"}]), "unknown variant `zz` at $[0].kind"),
    (
        execute(enabled_tools=[{k: v for k, v in TOOL.items() if k != "description"}]),
        "missing field `description` at $[0]",
    ),
    (answer(status="zz"), "unknown variant `zz` at $.result.status"),
    (answer(status="ok"), "missing field `value` at $.result"),
    (answer(status="error"), "missing field `message` at $.result"),
    (answer(status="error", message="m", x=1), "unknown field `x` at $.result"),
    (
        answer(status="ok", value={"type": "tool/result", "result": 1, "x": 1}),
        "unknown field `x` at $.result.value",
    ),
    (
        answer(status="ok", value={"type": "tool/result"}),
        "missing field `result` at $.result.value",
    ),
    (
        b'{"type":"delegate/response","id":1,"result":{"status":"ok","value":{"type":"tool/result","result":"\xff"}}}',
        "'utf-8' codec can't decode byte 0xff in position 1: invalid start byte",
    ),
]


@pytest.mark.parametrize(
    ("message", "detail"), REFUSED, ids=[f"{at}-{detail}" for at, (_, detail) in enumerate(REFUSED)]
)
def test_a_host_refuses_what_it_does_not_know(message: Any, detail: str) -> None:
    raw = message if isinstance(message, bytes) else payload(message)

    with pytest.raises(FrameUndecodableError) as caught:
        v1.ClientMessages().decode(raw)

    assert str(caught.value) == f"failed to decode code-mode IPC frame: {detail}"


REPEATED = [
    b'{"type": "operation/cancel", "id": 1, "id": 2}',
    b'{"type":"operation/yield","type":"operation/yield","id":2}',
    payload(HELLO)[:-1] + b',"supportedVersions":[1]}',
    payload(request(method="session/shutdown", sessionId="s"))[:-1] + b',"id":2}',
    payload(answer(status="error", message='a ":\\":'))[:-1] + b',"id":2}',
    payload(answer(status="ok", value={"type": "tool/result", "result": {"a": 1}}))[:-1]
    + b',"id":2}',
]


@pytest.mark.parametrize("raw", REPEATED)
def test_a_field_that_is_given_twice_is_refused(raw: bytes) -> None:
    with pytest.raises(FrameUndecodableError) as caught:
        v1.ClientMessages().decode(raw)

    assert str(caught.value) == "failed to decode code-mode IPC frame: duplicate field"


def test_a_field_that_is_given_twice_is_refused_beside_many_tools() -> None:
    many = [{**TOOL, "name": f"tool_{number}"} for number in range(20)]
    raw = payload(
        execute(enabled_tools=many, yield_time_ms=1, max_output_tokens=1, catalog_revision=1)
    )

    assert isinstance(v1.ClientMessages().decode(raw), m.Request)
    with pytest.raises(FrameUndecodableError, match=r": duplicate field$"):
        v1.ClientMessages().decode(raw[:-1] + b',"type":"operation/request","id":2}')


@pytest.mark.parametrize("text", ['x": \\": "a":1, \\', ": no such file", ":"])
def test_what_looks_like_a_field_inside_text_is_none(text: str) -> None:
    message = execute(source=text * 50, tool_call_id=text, max_output_tokens=1, yield_time_ms=1)

    assert isinstance(v1.ClientMessages().decode(payload(message)), m.Request)


def test_nesting_without_end_is_refused() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000

    with pytest.raises(FrameUndecodableError):
        v1.ClientMessages().decode(deep)


def test_more_than_is_known_of_a_delivered_notification_is_ignored() -> None:
    message = answer(status="ok", value={"type": "notification/delivered", "x": 1})

    read = v1.ClientMessages().decode(payload(message))

    assert read == m.DelegateResponse(1, m.DelegateOk(m.NotificationDelivered()))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from([message for _, _, message in FRAMES]), st.data())
def test_a_message_with_a_part_replaced_is_read_or_refused(
    message: Any, data: st.DataObject
) -> None:
    def replaced(value: Any) -> Any:
        if isinstance(value, dict) and value and data.draw(st.booleans()):
            key = data.draw(st.sampled_from(sorted(value)))
            return {**value, key: replaced(value[key])}
        return data.draw(JSON)

    raw = json.dumps(replaced(message)).encode()
    for messages in (v1.ClientMessages(), v1.HostMessages()):
        try:
            messages.decode(raw)
        except FrameUndecodableError:
            pass


@given(st.binary())
def test_garbage_is_refused(garbage: bytes) -> None:
    for messages in (v1.ClientMessages(), v1.HostMessages()):
        try:
            messages.decode(garbage)
        except FrameUndecodableError:
            pass


def test_a_client_ignores_what_it_does_not_know() -> None:
    body = {
        "cell_id": "1",
        "content_items": [{"type": "input_text", "text": "a", "x": 1}],
        "new_duration_ns": 5,
    }
    message = {
        "type": "operation/response",
        "id": 1,
        "x": 1,
        "result": {
            "status": "ok",
            "x": 1,
            "value": {"type": "wait/completed", "x": 1, "outcome": {"LiveCell": {"Yielded": body}}},
        },
    }

    read = v1.HostMessages().decode(payload(message))

    assert isinstance(read, m.OperationResponse) and isinstance(read.result, m.Ok)
    assert isinstance(read.result.value, m.WaitCompleted)
    assert v1.session_outcome(read.result.value.outcome) == LiveCell(
        Yielded(cell_id=CellId("1"), items=(TextItem("a"),))
    )


ITEMS = (TextItem("a"), ImageItem("data:,", "high"))
RESPONSES: list[RuntimeResponse] = [
    Yielded(cell_id=CellId("1"), items=ITEMS, host_duration_ns=3),
    Terminated(cell_id=CellId("2"), items=(), host_duration_ns=4),
    Result(
        cell_id=CellId("3"),
        items=ITEMS,
        error_text="boom",
        result_buffered_for_ns=5,
        host_duration_ns=6,
    ),
]


@pytest.mark.parametrize("response", RESPONSES)
def test_a_response_comes_back_from_the_wire(response: RuntimeResponse) -> None:
    assert v1.session_response(v1.wire_response(response)) == response


@pytest.mark.parametrize(
    "outcome",
    [
        *map(LiveCell, RESPONSES),
        MissingCell(Result(cell_id=CellId("9"), items=(), error_text="exec cell 9 not found")),
    ],
)
def test_an_outcome_comes_back_from_the_wire(outcome: WaitOutcome) -> None:
    assert v1.session_outcome(v1.wire_outcome(outcome)) == outcome


@pytest.mark.parametrize(
    "outcome",
    [
        m.Outcome(),
        m.Outcome(live_cell=m.Response()),
        m.Outcome(missing_cell=m.Response(yielded=m.ProgressBody(CellId("1"), ()))),
    ],
)
def test_an_outcome_of_no_known_kind_is_refused(outcome: m.Outcome) -> None:
    with pytest.raises(FrameUndecodableError, match="unknown kind of"):
        v1.session_outcome(outcome)


def test_a_call_without_an_argument_says_null() -> None:
    call = ToolCall(cell_id=CellId("1"), runtime_tool_call_id="tool-1", tool_name=ToolName("t"))

    assert written(m.DelegateRequest(1, "s", v1.wire_call(call))) == {
        "type": "delegate/request",
        "id": 1,
        "sessionId": "s",
        "request": {
            "type": "tool/invoke",
            "invocation": {
                "cell_id": "1",
                "runtime_tool_call_id": "tool-1",
                "tool_name": {"name": "t", "namespace": None},
                "tool_kind": "function",
                "input": None,
            },
        },
    }


def test_a_request_of_the_client_is_written_without_what_is_not_asked_for() -> None:
    wait = m.Wait("s", WaitRequest(cell_id=CellId("1"), yield_time_ms=5))

    assert written(m.Request(2, wait)) == request(2, **WAIT)


def test_a_message_over_the_limit_is_not_written() -> None:
    message = m.OperationResponse(1, m.Failed("x" * 100))

    with pytest.raises(FrameTooLargeError) as caught:
        v1.encode(message, max_bytes=100)

    size = len(msgspec.json.encode(message))
    assert str(caught.value) == f"code-mode IPC frame length {size} exceeds 100 bytes"


def test_a_message_that_json_cannot_say_is_not_written() -> None:
    with pytest.raises(FrameUnencodableError, match=r"^failed to encode code-mode IPC frame: "):
        v1.encode(m.DelegateResponse(1, m.DelegateOk(m.ToolResult(object()))))


@pytest.mark.parametrize(("beyond", "keys"), [(0, [["a", "b"], ["c"]]), (1, [["a"], ["b", "c"]])])
def test_stored_values_fill_a_part_to_its_last_byte(beyond: int, keys: list[list[str]]) -> None:
    half = v1.PART_BYTES // 2
    values = {"a": b"1" * half, "b": b"2" * (half + beyond), "c": b"3" * (half - beyond)}

    parts = list(v1.in_parts(values.items()))

    assert [list(part) for part in parts] == keys
    assert {key: bytes(raw) for part in parts for key, raw in part.items()} == values


def test_a_host_is_told_of_a_tool_what_v1_has_a_word_for_and_nothing_else() -> None:
    tool = ToolDefinition(
        name="t",
        tool_name=ToolName("t"),
        description="d",
        input_schema={"type": "object"},
        annotations={"readOnlyHint": True},
        idempotent=True,
        source="mcp server s",
    )
    wanted = ExecuteRequest(tool_call_id="call", enabled_tools=(tool,), source="1", yield_time_ms=5)

    assert written(m.Request(1, m.Execute("s", wanted))) == execute(
        enabled_tools=[TOOL], yield_time_ms=5, max_output_tokens=None
    )
