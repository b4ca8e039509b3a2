"""What a model hands to exec and wait, in the forms in which models write it."""

from __future__ import annotations

from typing import Any

import pytest

from codemode.errors import UsageError
from codemode.surface.arguments import (
    ConditionalWaitArguments,
    WaitArguments,
    parse_exec_arguments,
    parse_wait_arguments,
)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{"cell_id": "1"}', WaitArguments("1")),
        ({"cell_id": "1"}, WaitArguments("1")),
        (
            '{"cell_id": "g2:3", "yield_time_ms": 5, "max_tokens": 0, "terminate": true}',
            WaitArguments("g2:3", 5, 0, terminate=True),
        ),
        ('{"cell_id": "1", "yield_time_ms": 5.0, "max_tokens": 1e2}', WaitArguments("1", 5, 100)),
        (
            '{"cell_id": "1", "yield_time_ms": null, "max_tokens": null, "terminate": null}',
            WaitArguments("1"),
        ),
        ({"cell_id": 1}, WaitArguments("1")),
        ({"cell_id": 1.0}, WaitArguments("1")),
        (
            {"cell_id": "1", "yield_time_ms": "1000", "max_tokens": "7", "terminate": "true"},
            WaitArguments("1", 1000, 7, terminate=True),
        ),
        (
            {"cell_id": "1", "yield_time_ms": "1e3", "max_tokens": "7.0", "terminate": "False"},
            WaitArguments("1", 1000, 7, terminate=False),
        ),
        ({"cell_id": "1", "yield_time_ms": "null", "terminate": 0}, WaitArguments("1", terminate=False)),
    ],
    ids=[
        "text", "mapping", "all", "floats", "nulls",
        "a number as cell", "a float as cell", "strings", "strings of floats", "words",
    ],
)  # fmt: skip
def test_arguments_are_taken(payload: Any, expected: WaitArguments) -> None:
    found = parse_wait_arguments(payload)

    assert found == expected
    assert {type(found.yield_time_ms), type(found.max_tokens)} <= {int, type(None)}


REFUSED = {
    "no JSON": ("{", "Expecting property name enclosed in double quotes"),
    "no object": ("[]", "Expected `object`, got `array`"),
    "no cell": ("{}", "Object missing required field `cell_id`"),
    "half a cell": ('{"cell_id": 1.5}', "Expected `str`, got `float` - at `$.cell_id`"),
    "a truth as cell": ('{"cell_id": true}', "Expected `str`, got `bool` - at `$.cell_id`"),
    "a word as number": ('{"cell_id": "1", "max_tokens": "few"}', "- at `$.max_tokens`"),
    "a text out of range": ('{"cell_id": "1", "yield_time_ms": "1e300"}', "- at `$.yield_time_ms`"),
    "a word as truth": ('{"cell_id": "1", "terminate": "perhaps"}', "- at `$.terminate`"),
    "half a token": ('{"cell_id": "1", "max_tokens": 0.5}', "- at `$.max_tokens`"),
    "fewer than none": ('{"cell_id": "1", "max_tokens": -1}', "Expected `int` >= 0"),
    "no number": ('{"cell_id": "1", "yield_time_ms": NaN}', "- at `$.yield_time_ms`"),
    "endless": ('{"cell_id": "1", "yield_time_ms": Infinity}', "- at `$.yield_time_ms`"),
    "out of range": ('{"cell_id": "1", "yield_time_ms": 1e300}', "- at `$.yield_time_ms`"),
    "another word": ('{"cell_id": "1", "timeout": 5}', "unknown field `timeout`"),
    "too deep": ("[" * 100_000, "recursion"),
}


@pytest.mark.parametrize(("payload", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_is_named_with_what_to_do(payload: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_wait_arguments(payload)

    first, hint = str(caught.value).split("\n")
    assert first.startswith("failed to parse function arguments: ")
    assert text in first
    assert hint == (
        'Hint: pass {"cell_id": "1"} and, where you need them, "yield_time_ms": 10000,'
        ' "max_tokens": 1000, "terminate": true.'
    )


@pytest.mark.parametrize(
    "payload", ["text(1)", {"code": "text(1)"}, {"code": "text(1)", "lang": "js"}]
)
def test_a_program_is_a_text_or_the_code_of_an_object(payload: Any) -> None:
    assert parse_exec_arguments(payload) == "text(1)"


@pytest.mark.parametrize(
    ("payload", "given"),
    [
        ({"script": "text(1)"}, "this call has `script`"),
        (
            {"input": "text(1)", "x\ud800" + 50 * "y": 1},
            "this call has `input`, `x\ufffd" + 38 * "y" + "`",
        ),
        ({str(n): n for n in range(9)}, "this call has `0`, `1`, `2`, `3`, `4`"),
        ({}, "this call has no arguments"),
        ({"code": 1}, "here `code` is 1"),
        ({"code": None}, "here `code` is null"),
        ({"code": ["text(1)"]}, "here `code` is a list"),
        ({"code": {}}, "here `code` is an object"),
        (None, "this call has null"),
    ],
)
def test_a_call_without_a_program_is_told_to_use_code(payload: Any, given: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_exec_arguments(payload)
    assert str(caught.value) == (
        "exec expects raw JavaScript source text"
        f'\nHint: pass it as `code`: {{"code": "text(1)"}}; {given}.'
    )


def test_a_condition_is_taken_where_a_model_may_have_one_and_refused_elsewhere() -> None:
    payload = '{"cell_id": "1", "until": "end"}'

    assert parse_wait_arguments(payload, conditions=True) == ConditionalWaitArguments(
        cell_id="1", until="end"
    )
    assert parse_wait_arguments('{"cell_id": "1"}', conditions=True) == ConditionalWaitArguments(
        cell_id="1"
    )
    with pytest.raises(UsageError, match="unknown field `until`"):
        parse_wait_arguments(payload)
