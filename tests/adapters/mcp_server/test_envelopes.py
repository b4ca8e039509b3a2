"""What is wrong with a message is named, and a request gets an answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.adapters.mcp_server.envelopes import Malformed, checked, id_in

PING: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def said(**members: Any) -> bytes:
    return json.dumps({**PING, **members}).encode()


@pytest.mark.parametrize(
    "message",
    [
        said(),
        said(id="a"),
        said(id=-(10**25)),
        said(params={}),
        said(params=None),
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
        b'{"jsonrpc":"2.0","id":7,"result":{}}',
        b"no JSON",
        b'{"jsonrpc":"2.0","id":1.5,"method":"\\udc80"}',
        b"",
    ],
)
def test_what_the_sdk_can_read_or_has_to_refuse_reaches_it_as_it_came(message: bytes) -> None:
    assert checked(message) == message


@pytest.mark.parametrize(
    ("written", "meant"),
    [("5.0", 5), ("1e3", 1000), ("-0.0", 0), ("9007199254740991.0", 2**53 - 1)],
)
def test_an_integer_that_is_written_as_a_float_is_an_integer(written: str, meant: int) -> None:
    message = b'{"jsonrpc": "2.0", "id": %s, "method": "x", "params": {"a": 1.0}}'
    found = checked(message % written.encode())
    assert isinstance(found, bytes)
    assert found == b'{"jsonrpc":"2.0","id":%d,"method":"x","params":{"a": 1.0}}' % meant


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (said(id=5.5), Malformed(5.5, "`id` must be an integer or a string, got 5.5")),
        (said(id=1e300), Malformed(1e300, "`id` must be an integer or a string, got 1e+300")),
        (said(id=None), Malformed(None, "`id` must be an integer or a string, got null")),
        (said(id=True), Malformed(None, "`id` must be an integer or a string, got true")),
        (said(id=[1]), Malformed(None, "`id` must be an integer or a string, got [1]")),
        (
            b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}',
            Malformed(None, "`id` must be an integer or a string, got 1e999"),
        ),
        (
            b'{"jsonrpc":"2.0","id":%s,"method":"ping"}' % (b"1" * 5_000),
            Malformed(None, f"`id` must be an integer or a string, got {'1' * 60}…"),
        ),
        (said(jsonrpc="1.0"), Malformed(1, '`jsonrpc` must be "2.0", got "1.0"')),
        (b'{"id":"a","method":"ping"}', Malformed("a", '`jsonrpc` is missing; it must be "2.0"')),
        (said(method=7), Malformed(1, "`method` must be a string, got 7")),
        (said(params=[1, 2]), Malformed(1, "`params` must be an object, got [1, 2]")),
        (
            b"[%s]" % said(),
            Malformed(None, "a message must be one JSON object; batches are not supported"),
        ),
    ],
)
def test_what_is_wrong_with_a_request_is_named(message: bytes, expected: Malformed) -> None:
    assert checked(message) == expected


def test_an_answer_to_what_is_wrong_is_a_json_rpc_error() -> None:
    assert json.loads(Malformed(5.5, "no").answer) == {
        "jsonrpc": "2.0",
        "id": 5.5,
        "error": {"code": -32600, "message": "no"},
    }


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b'{"id":6,"method":"x","params":"\\udc80"}', 6),
        (b'{"id":"a","method":"x"}', "a"),
        (b'{"id":true,"method":"x"}', None),
        (b'{"id":6}', None),
        (b"[6]", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_the_id_of_a_request_is_looked_for_in_what_a_strict_reader_refuses(
    message: bytes, expected: object
) -> None:
    assert id_in(message) == expected


@given(
    st.binary(max_size=40)
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(repr).map(str.encode)
)
def test_any_bytes_are_a_message_or_have_an_answer(data: bytes) -> None:
    found = checked(data)
    assert found == data if isinstance(found, bytes) else json.loads(found.answer)["error"]
