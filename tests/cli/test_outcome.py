"""From an error's text to a status and an exit code."""

from dataclasses import fields

import pytest

from codemode.cli.outcome import EXIT_CODES, Outcome, out_of_time, outcome_of
from codemode.limits import Limits


@pytest.mark.parametrize("name", [limit.name for limit in fields(Limits)])
def test_every_limit_is_recognised_by_its_message(name: str) -> None:
    text = Limits(max_yield_time_ms=1).message(name, 1)

    assert outcome_of(text) == Outcome("limit", text, name)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, Outcome("completed")),
        ("Error: x", Outcome("failed", "Error: x")),
        ("Limit reached (nothing): x", Outcome("failed", "Limit reached (nothing): x")),
        ("see: Limit reached (timers): x", Outcome("failed", "see: Limit reached (timers): x")),
        (
            "Error: Limit reached (value_bytes): x\n    at exec_main.mjs:1:1",
            Outcome(
                "limit",
                "Error: Limit reached (value_bytes): x\n    at exec_main.mjs:1:1",
                "value_bytes",
            ),
        ),
        (
            "The worker process of this session was lost (killed by SIGSEGV).",
            Outcome("lost", "The worker process of this session was lost (killed by SIGSEGV)."),
        ),
    ],
)
def test_an_end_is_told_by_the_first_line_of_its_error(
    error: str | None, expected: Outcome
) -> None:
    assert outcome_of(error) == expected


def test_exit_codes_are_those_of_the_documentation() -> None:
    assert EXIT_CODES == {"completed": 0, "failed": 1, "lost": 3, "limit": 4, "interrupted": 130}


def test_the_bound_on_the_run_is_a_limit_like_others() -> None:
    late = out_of_time(2)

    assert (late.limit, late.exit_code) == ("max_seconds", 4)
    assert outcome_of(late.error) == late
