"""What a model hands to wait, in the forms in which models write it."""

from __future__ import annotations

from typing import Any

import pytest

from codemode.errors import UsageError
from codemode.surface.arguments import WaitArguments, parse_wait_arguments


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
    ],
    ids=["text", "mapping", "all", "floats", "nulls"],
)
def test_arguments_are_taken(payload: Any, expected: WaitArguments) -> None:
    found = parse_wait_arguments(payload)

    assert found == expected
    assert {type(found.yield_time_ms), type(found.max_tokens)} <= {int, type(None)}


REFUSED = {
    "no JSON": ("{", "Expecting property name enclosed in double quotes"),
    "no object": ("[]", "Expected `object`, got `array`"),
    "no cell": ("{}", "Object missing required field `cell_id`"),
    "a number as cell": ('{"cell_id": 1}', "Expected `str`, got `int` - at `$.cell_id`"),
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
