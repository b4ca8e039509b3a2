"""Fields are counted as the parser would find them, and never further than asked."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from codemode.grpc import code_mode_pb2 as pb
from codemode.grpc import stored_values_pb2 as stored_pb
from codemode.host.rpc.wire import FIELD_BYTES, has_more_fields

EMPTY_TOOL = b"\x2a\x00"
NO_FIELD = b"\xff" * 11

_STRINGS = st.text(max_size=200)


@given(
    st.builds(
        pb.ExecuteRequest,
        session_id=_STRINGS,
        source=_STRINGS,
        enabled_tools=st.lists(st.builds(pb.ToolDefinition, name=_STRINGS), max_size=20),
        yield_time_ms=st.none() | st.integers(0, 2**64 - 1),
    ),
    st.binary(min_size=100, max_size=300),
)
def test_as_many_fields_are_counted_as_a_message_has(
    request: pb.ExecuteRequest, padding: bytes
) -> None:
    request.execution_id = "e"
    request.tool_call_id = padding.hex()
    fields = len(request.enabled_tools) + len(request.ListFields()) - bool(request.enabled_tools)

    message = request.SerializeToString()

    assert len(message) > FIELD_BYTES * fields  # so that they are counted at all
    assert not has_more_fields(message, fields)
    assert has_more_fields(message, fields - 1)


def test_numbers_of_fixed_length_are_fields_too() -> None:
    message = b"\x79" + bytes(8) + b"\x7d" + bytes(4)

    assert [has_more_fields(message, most) for most in (0, 1, 2)] == [True, True, False]


def test_nothing_beyond_the_bound_is_looked_at() -> None:
    assert has_more_fields(EMPTY_TOOL * 100 + NO_FIELD, 99)
    with pytest.raises(DecodeError):
        has_more_fields(EMPTY_TOOL * 50 + NO_FIELD, 51)


@given(st.binary(max_size=64), st.integers(0, 8))
def test_any_bytes_have_an_answer_or_are_no_message(message: bytes, most: int) -> None:
    try:
        found = has_more_fields(message, most)
    except DecodeError:
        return
    assert found <= (len(message) > FIELD_BYTES * most)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"\x0a\x7fshort", id="a string that goes on"),
        pytest.param(b"\x0a" + b"\xff" * 9 + b"\x7fx", id="a length beyond 64 bits"),
        pytest.param(b"\x7b\x2a\x00\x7c", id="a group"),
        pytest.param(b"\x79" + bytes(7), id="half a number"),
        pytest.param(b"\x80\x80\x80", id="a number that goes on"),
        pytest.param(NO_FIELD, id="a number that never ends"),
    ],
)
def test_what_the_parser_might_read_in_another_way_is_no_message(message: bytes) -> None:
    with pytest.raises(DecodeError):
        has_more_fields(message, 1)


def test_what_is_inside_the_messages_of_a_request_cannot_repeat() -> None:
    """Else it would have to be counted as well."""
    services = [
        pb.DESCRIPTOR.services_by_name["CodeModeHost"],
        stored_pb.DESCRIPTOR.services_by_name["StoredValues"],
    ]
    todo = [
        field.message_type
        for service in services
        for method in service.methods
        for field in method.input_type.fields
        if field.message_type is not None
    ]
    found = []
    while todo:
        inner = todo.pop()
        todo += [field.message_type for field in inner.fields if field.message_type is not None]
        found += [field.full_name for field in inner.fields if field.is_repeated]
        found += [
            one.full_name
            for one in inner.oneofs
            if len(one.fields) > 1  # of an optional field the parser makes one of its own
        ]

    assert found == []
