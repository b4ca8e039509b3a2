"""What a model reads of cells that wait, and of cells that ended unseen."""

from __future__ import annotations

import pytest

from codemode.surface.nested_call import NestedCall
from codemode.surface.waiting_text import ended_text, waiting_text


def call(number: int, milliseconds: float) -> NestedCall:
    return NestedCall(id=f"tool-{number}", tool="find", status="running", milliseconds=milliseconds)


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0.4, "0 ms"),
        (999, "999 ms"),
        (1_000, "1.0 s"),
        (119_900, "119.9 s"),
        (7_200_000, "120 min"),
    ],
)
def test_a_call_is_named_with_its_tool_and_since_when(milliseconds: float, shown: str) -> None:
    text = waiting_text([call(1, milliseconds)])

    assert text == f"Waiting for tool-1 (find, for {shown})."


def test_many_calls_and_many_cells_are_counted() -> None:
    calls = [call(number, 1) for number in range(1, 1_012)]
    cells = [str(number) for number in range(1, 12)]

    assert waiting_text(calls).endswith("tool-8 (find, for 1 ms) and 1,003 calls more.")
    assert ended_text(cells) == (
        "Cells 1, 2, 3, 4, 5, 6, 7, 8 and 3 more have ended while nobody waited for them;"
        " wait gives their last output."
    )
