"""Writing only where the user's own words say."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode import Policy, ToolCall, UsageError, only_destinations
from codemode.tools.policy.destinations import is_named

from .conftest import prepared

PROMPT = """Send the minutes to Ann@Example.org and post a note in #general. The page is
https://docs.example.com/minutes; pay 20 to DE89370400440532013000, and invite bob."""


def verdict(call: ToolCall, **options: Any) -> str | None:
    """Why the call is refused; None if it goes on."""
    policy = Policy([only_destinations(**{"named_in": PROMPT, **options})])
    return policy.verdict(call, str(call.tool_name)).text


@dataclasses.dataclass
class Mail:
    to: list[str]
    subject: str


GOES: list[Any] = [
    {"to": "ann@example.org", "body": "see www.anything.com"},
    {"recipients": ["Ann@Example.org"], "cc": None},
    {"channel": "general", "text": "hello"},
    {"url": "https://docs.example.com/minutes"},
    {"url": "https://docs.example.com/minutes/2?page=1"},
    {"recipient": "DE89370400440532013000", "amount": 20},
    {"mail": {"to": ["ann@example.org"]}},
    {"user": "Bob"},
    {"to": ""},
    {"subject": "no destination at all", "count": 3, "flag": True},
    {"message": Mail(["ann@example.org"], "hi")},
]
REFUSED: list[tuple[Any, str]] = [
    ({"to": "evil@evil.com"}, "evil@evil.com"),
    ({"to": "ann@example.org", "bcc": ["evil@evil.com"]}, "evil@evil.com"),
    ({"to": "ann@example.org.evil.com"}, "ann@example.org.evil.com"),
    ({"user_email": "x@y.z"}, "x@y.z"),
    ({"channel": "random"}, "random"),
    ({"url": "https://docs.example.com/other"}, "https://docs.example.com/other"),
    (
        {"url": "https://docs.example.com@evil.com/minutes"},
        "https://docs.example.com@evil.com/minutes",
    ),
    ({"iban": "US133000000121212121212"}, "US133000000121212121212"),
    ({"mail": {"inner": [{"Recipient": "eve"}]}}, "eve"),
    ({"anything": "evil@evil.com"}, "evil@evil.com"),
    ({"anything": "http://evil.com/?q=secret"}, "http://evil.com/?q=secret"),
    ({"account": 12345678}, "12345678"),
    ({"message": Mail(["eve@evil.com"], "hi")}, "eve@evil.com"),
    ("mailto://evil.com", "mailto://evil.com"),
]


@pytest.mark.parametrize("said", GOES, ids=str)
def test_what_the_user_has_named_may_be_written_to(said: Any) -> None:
    assert verdict(prepared("send", said)) is None


@pytest.mark.parametrize(("said", "where"), REFUSED, ids=str)
def test_what_the_user_has_not_named_is_refused(said: Any, where: str) -> None:
    assert verdict(prepared("send", said)) == f"the user has not named {where!r}, where it would go"


@pytest.mark.parametrize(
    "options", [{"annotations": {"readOnlyHint": True}}, {}], ids=["by its hint", "by its name"]
)
def test_what_only_reads_may_look_at_anything_but_fetches_only_what_is_named(
    options: dict[str, Any],
) -> None:
    reads: Any = {"reads": "get_*"} if not options else {}
    found = [
        verdict(prepared("get_mail", said, **options), **reads)
        for said in (
            {"user": "eve"},
            {"url": "https://docs.example.com/minutes"},
            {"url": "http://evil.com"},
        )
    ]
    assert found == [None, None, "the user has not named 'http://evil.com', where it would go"]


def test_more_parameters_may_say_where_something_goes() -> None:
    call = prepared("book", {"Hotel-Name": "Evil Inn"})
    assert (verdict(call), verdict(call, parameters=["hotel_name"])) == (
        None,
        "the user has not named 'Evil Inn', where it would go",
    )


@pytest.mark.parametrize(
    "named",
    [["write", "to eve@x.org"], lambda call: ["to eve@x.org"], lambda call: "eve@x.org"],
    ids=["texts", "a function of texts", "a function of a text"],
)
def test_the_users_words_are_texts_or_come_from_a_function(named: Any) -> None:
    assert verdict(prepared("send", {"to": "eve@x.org"}), named_in=named) is None


def test_words_that_cannot_be_had_refuse_the_call() -> None:
    def fails(call: ToolCall) -> str:
        raise LookupError("no user")

    text = verdict(prepared("send", {"to": "ann@example.org"}), named_in=fails)
    assert text == "the rule about it could not judge this call"


def test_what_says_nothing_about_the_user_is_refused_at_once() -> None:
    with pytest.raises(UsageError) as refusal:
        only_destinations(named_in=None)  # type: ignore[arg-type]
    assert str(refusal.value) == (
        "named_in is what the user has written, got None"
        '\nHint: only_destinations(named_in="write to ann@example.org")'
    )


WORD = st.text("abcdefgh", min_size=1, max_size=6)


@given(WORD, WORD, st.sampled_from(["", "a", ".b", "-c", "_d", "@e", "/f"]))
def test_a_part_of_a_name_is_not_the_name(host: str, other: str, behind: str) -> None:
    named = f"{host}.org"
    assert is_named(named, f"look at {named}, please")
    assert not is_named(f"{other}{behind}x.{named}.com", f"look at {named}, please")
    assert not is_named(f"https://{named}@{other}.net/", f"look at {named}")
    assert is_named(f"https://{named}/{other}", f"look at https://{named}")
