"""Rules from a file: what each says, and what is said of a file that is wrong."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import pytest

from codemode import Policy, UsageError
from codemode.tools.policy.file import condition, read_policy

from .conftest import prepared

FILE = """
[[policy]]
refuse = "fs__delete_*"
reason = "nothing is deleted here"

[[policy]]
run_as = "db__*"
acts_for = "reader"

[[policy]]
ask = "transfer"
prompt = "May it be made?"
expires_ms = 60_000
when = { cents = { above = 10_000 }, to = { not_like = "*@example.org" } }

[[policy]]
refuse = "*"
caller = "guest"
annotations = { destructiveHint = true }

[[policy]]
read_only = "notes__*"

[[policy]]
only_destinations = "mail__*"
named_in = ["ann@example.org"]

[[policy]]
budget = "web__*"
calls = 0

[[policy]]
rate = "slow"
per_minute = 1

[[policy]]
once = "pay"
key = "invoice"

[[policy]]
allow = "*"
"""


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    path = tmp_path / "codemode.toml"
    path.write_text(FILE, encoding="utf-8")
    return read_policy(path)


JUDGED: list[tuple[str, dict[str, Any], dict[str, Any], tuple[str, str | None]]] = [
    ("fs__delete_all", {}, {}, ("refuse", "nothing is deleted here")),
    ("transfer", {"cents": 10_001, "to": "eve@x.net"}, {}, ("ask", "May it be made?")),
    ("transfer", {"cents": 10_001, "to": "ann@example.org"}, {}, ("allow", None)),
    ("transfer", {"cents": 10_000, "to": "eve@x.net"}, {}, ("allow", None)),
    ("transfer", {"to": "eve@x.net"}, {}, ("allow", None)),
    (
        "transfer",
        {"cents": "20000", "to": "eve@x.net"},
        {},
        ("refuse", "the rule about it could not judge this call"),
    ),
    ("act", {}, {"caller": "guest"}, ("refuse", None)),
    (
        "notes__write",
        {},
        {},
        (
            "refuse",
            "only tools that change nothing may be called, and `notes__write` does not say so",
        ),
    ),
    (
        "mail__send",
        {"to": "eve@x.net"},
        {},
        ("refuse", "the user has not named 'eve@x.net', where it would go"),
    ),
    ("web__get", {}, {}, ("refuse", "its budget of 0 calls a session is spent")),
    ("slow", {}, {}, ("allow", None)),
    ("pay", {"invoice": 1}, {}, ("allow", None)),
]


@pytest.mark.parametrize(
    ("name", "said", "about", "expected"), JUDGED, ids=[str(at) for at in range(len(JUDGED))]
)
def test_a_file_says_what_the_functions_say(
    policy: Policy, name: str, said: Any, about: Any, expected: tuple[str, str | None]
) -> None:
    verdict = policy.verdict(prepared(name, said, **about), name)
    assert (verdict.action, verdict.text) == expected


def test_a_file_may_say_for_whom_a_tool_acts_and_how_long_a_question_waits(policy: Policy) -> None:
    assert policy.verdict(prepared("db__read"), "db__read").caller == "reader"
    call = prepared("transfer", {"cents": 10_001, "to": "x"})
    rule = policy.verdict(call, "transfer").rule
    assert rule is not None and rule.expires_ms == 60_000


WRONG: dict[str, tuple[str, str]] = {
    "no TOML": ("[[policy", "{file} is no TOML: "),
    "another table": (
        "[tools]",
        "{file}: there is no 'tools'\nHint: rules stand in tables [[policy]].",
    ),
    "one table": (
        "[policy]\nallow='*'",
        "{file}: policy is a list of tables\nHint: write [[policy]] before each rule.",
    ),
    "nothing said": (
        "[[policy]]\nreason='x'",
        "{file}: rule 1 does not say what it is\nHint: one of allow, ask, refuse, run_as, ",
    ),
    "two at once": (
        "[[policy]]\nallow='*'\n[[policy]]\nask='*'\nrefuse='*'",
        "{file}: rule 2 is ask and refuse at once",
    ),
    "no pattern": ("[[policy]]\nallow=''", "{file}: rule 1: a pattern is a text, got ''"),
    "an unknown option": (
        "[[policy]]\nallow='*'\nreason='x'",
        "{file}: rule 1: a rule is not about reason",
    ),
    "an option that is missing": (
        "[[policy]]\nrate='*'",
        "{file}: rule 1: rate missing 1 required keyword-only argument: 'per_minute'",
    ),
    "no conditions": (
        "[[policy]]\nask='*'\nwhen='always'",
        "{file}: rule 1: when has conditions by the names of arguments, got 'always'",
    ),
    "an unknown test": (
        "[[policy]]\nask='*'\nwhen.cents.over=5",
        "{file}: rule 1: when.cents: there is no 'over'\nHint: there are equals, above, below, in, like, not_like.",
    ),
    "a bound that is none": (
        "[[policy]]\nask='*'\nwhen.cents.above='5'",
        "{file}: rule 1: when.cents.above cannot be '5'",
    ),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_in_a_file_is_said_with_its_place(
    text: str, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "codemode.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refusal:
        read_policy(path)
    assert str(refusal.value).startswith(expected.format(file=path))


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (1024 * 1024 + 1))
    texts = []
    for path in (tmp_path / "none.toml", large):
        with pytest.raises(UsageError) as refusal:
            read_policy(path)
        texts.append(str(refusal.value))
    assert texts == [
        f"{tmp_path / 'none.toml'} cannot be read: No such file or directory",
        f"{large} is larger than 1024 KiB",
    ]


@pytest.mark.parametrize(
    ("said", "value", "holds"),
    [
        (5, 5, True),
        (5, 5.0, False),
        (True, 1, False),
        (["a"], ["a"], True),
        ({"in": ["a", "b"]}, "b", True),
        ({"in": [1]}, True, False),
        ({"above": 5}, decimal.Decimal("5.1"), True),
        ({"above": 5, "below": 7}, 7, False),
        ({"like": "a*"}, "Ab", False),
        ({"equals": dt.date(2026, 1, 2)}, dt.date(2026, 1, 2), True),
    ],
)
def test_a_condition_holds(said: Any, value: Any, holds: bool) -> None:
    assert condition(said)(value) is holds


@pytest.mark.parametrize(
    ("said", "value"), [({"above": 5}, "6"), ({"below": 5}, True), ({"like": "*"}, 5)]
)
def test_a_condition_cannot_judge_another_type(said: Any, value: Any) -> None:
    with pytest.raises(TypeError):
        condition(said)(value)
