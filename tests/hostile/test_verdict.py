"""What counts as harm: each kind of it is found, and none is found where there is none."""

import dataclasses

import pytest

from codemode.limits import GIB, MIB, Limits
from codemode.protocol.types import CellId, ImageItem, Result, Terminated, TextItem, Yielded

from .corpus import Program, parse, written_out
from .verdict import Bounds, End, Seen, end_of, joined, judge, refused

ID = CellId("1")
PROGRAM = Program(
    "E/loop", "for (;;);", frozenset({"runs", "limit compute_ms"}), ("a",), "Limit reached"
)
FINE = Seen(end=End(how="runs", prints=("a",), error="Limit reached\nmore"), termination_ms=3)
BOUNDS = Bounds(growth=GIB)


def test_nothing_is_wrong_with_a_program_that_ends_as_it_must() -> None:
    assert judge(PROGRAM, FINE, BOUNDS) == []


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        (
            {"end": End(how="failed", error="TypeError: x")},
            ["it ended as 'failed' (TypeError: x), expected 'limit compute_ms or runs'"],
        ),
        (
            {"end": End(how="runs", prints=("b",), error="other")},
            [
                "it printed ('b',), expected ('a',)",
                "its error was 'other', expected 'Limit reached'",
            ],
        ),
        ({"termination_ms": 501}, ["terminating it took 501 ms, more than 500 ms"]),
        ({"neighbour_ms": 1001}, ["the neighbour answered after 1001 ms, more than 1000 ms"]),
        ({"growth": GIB + MIB}, ["memory grew by 1025 MiB, more than 1024 MiB"]),
        (
            {"afterwards": "undefined"},
            ["its session said 'undefined' afterwards, not 'still here'"],
        ),
        ({"left": ("2 processes",)}, ["left behind: 2 processes"]),
    ],
)
def test_each_harm_is_named(changed: dict[str, object], wrong: list[str]) -> None:
    assert judge(PROGRAM, dataclasses.replace(FINE, **changed), BOUNDS) == wrong  # type: ignore[arg-type]  # a table


def test_bounds_follow_from_limits_and_patience() -> None:
    limits = Limits(
        worker_memory_bytes=100 * MIB, output_bytes=MIB, stored_bytes=MIB, value_bytes=MIB
    )

    assert Bounds.of(limits, patience=2) == Bounds(
        termination_ms=1_000, answer_ms=2_000, growth=176 * MIB
    )


@pytest.mark.parametrize(
    ("response", "end"),
    [
        (Result(cell_id=ID, items=(TextItem("a"),)), End(how="completed", prints=("a",))),
        (
            Result(cell_id=ID, items=(ImageItem("data:"),), error_text="Error: x"),
            End(how="failed", prints=("ImageItem",), error="Error: x"),
        ),
        (
            Result(cell_id=ID, items=(), error_text="Limit reached (timers): x"),
            End(how="limit timers", error="Limit reached (timers): x"),
        ),
        (Terminated(cell_id=ID, items=(TextItem("a"),)), End(how="runs", prints=("a",))),
        (Yielded(cell_id=ID, items=()), End(how="runs")),
    ],
)
def test_responses_are_read_as_ends(response: object, end: End) -> None:
    assert end_of(response) == end


def test_an_end_has_what_was_printed_before() -> None:
    first = End(how="runs", prints=("a",))

    assert joined(first, Result(cell_id=ID, items=(TextItem("b"),))) == End(
        how="completed", prints=("a", "b")
    )


def test_a_refusal_is_an_end() -> None:
    assert refused(ValueError("no")) == End(how="refused", error="no")
    assert refused(ValueError("Limit reached (source_bytes): x")) == End(
        how="limit source_bytes", error="Limit reached (source_bytes): x"
    )


def test_a_file_says_what_must_happen() -> None:
    group = parse(
        "// Class X: examples\n"
        "// @let poison\nlet hits;\n"
        "// @case one\n// ends: failed or limit timers\n// error: a⟦U+0041⟧\n⟦poison⟧ ⟦3 × ab⟧\n"
        '// @case two\n// prints: ["⟦U+FFFD⟧"]\n// also: under the default limits\n1;\n\n'
    )

    assert group.programs == (
        Program("X/one", "let hits; ababab", frozenset({"failed", "limit timers"}), None, "aA"),
        Program("X/two", "1;", prints=("\ufffd",), also=True),
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("// @case x\n", "a file begins with its class, not with '// @case x\\n'"),
        ("// Class X: x\n// @case x\n// ends: well\n", "X/x cannot end so: well"),
        ("// Class X: x\n// @case x\n1\n// @case x\n1\n", "named twice: X/x"),
        (
            "// Class X: x\n// @case x\n// ends: runs\n// ends: runs\n",
            "X/x says twice what it ends",
        ),
    ],
)
def test_a_file_that_does_not_is_refused(text: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - compared below
        parse(text)
    assert str(caught.value) == error


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="is too long"):
        written_out("⟦99999999 × ab⟧")
