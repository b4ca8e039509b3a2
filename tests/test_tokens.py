"""Which tokens a file holds, and whose one is."""

import logging
from pathlib import Path

import pytest

from codemode import tokens
from codemode.tokens import TokenError, TokenFile, Tokens, parse_tokens

ANN, BOB = "s3cret-of-ann-16", "s3cret-of-bob-16"


def whose(found: Tokens, *brought: str) -> list[str | None]:
    return [found.name_of(each.encode()) for each in brought]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"{ANN}\n", ["default", None]),
        (f"  {ANN}", ["default", None]),
        (f"# of ann\n\n{ANN}\n", ["default", None]),
        (f"ann: {ANN}", ["ann", None]),
        (f"ann: {ANN}\nbob: {BOB}\n", ["ann", "bob"]),
        (f"ann {ANN}\r\nbob:{BOB}", ["ann", "bob"]),
        (f"ann: {ANN}\nann: {BOB}", ["ann", "ann"]),
    ],
)
def test_each_token_has_the_name_of_its_principal(text: str, names: list[str | None]) -> None:
    assert whose(parse_tokens(text), ANN, BOB) == names


def test_a_token_with_a_blank_is_one_where_it_stands_alone() -> None:
    assert whose(parse_tokens("two words"), "two words", "words") == ["default", None]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "printable ASCII, 4096 bytes at most"),
        ("# nothing\n", "printable ASCII, 4096 bytes at most"),
        ("caf\u00e9", "printable ASCII, 4096 bytes at most"),
        (f"ann: {ANN}\n{BOB}", "line 2 is not `NAME: TOKEN`"),
        (f"ann: {ANN}\n\nbob: caf\u00e9", "line 3 is not `NAME: TOKEN`"),
        (f"ann: {ANN}\nbob: {ANN}", "line 2 has the token of another line"),
    ],
)
def test_what_holds_no_tokens_is_refused_without_showing_any(text: str, why: str) -> None:
    with pytest.raises(TokenError) as refused:
        parse_tokens(text)
    assert str(refused.value) == why


def test_tokens_are_not_shown() -> None:
    assert repr(parse_tokens(f"ann: {ANN}\nbob: {BOB}")) == "<tokens of ann, bob>"


def test_the_shortest_token_says_whether_they_are_long_enough() -> None:
    assert parse_tokens(f"ann: {ANN}\nbob: {BOB}").are_long_enough
    assert not parse_tokens(f"ann: {ANN}\nbob: short").are_long_enough


def test_a_file_that_changes_is_read_again_and_what_is_wrong_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tokens, "LOOK_SECONDS", 0)
    caplog.set_level(logging.WARNING)
    path = tmp_path / "tokens"
    path.write_text(ANN)
    file = TokenFile(path, least=16)
    assert whose(file.current(), ANN, BOB) == ["default", None]
    path.write_text(f"ann: {ANN}\nbob: {BOB}")
    assert whose(file.current(), ANN, BOB) == ["ann", "bob"]
    path.write_text("ann: a-short-one")
    for _ in range(3):
        assert whose(file.current(), ANN, BOB) == ["ann", "bob"]
    path.unlink()
    for _ in range(3):
        assert whose(file.current(), ANN, BOB) == ["ann", "bob"]
    path.write_text(f"bob: {BOB}")
    assert whose(file.current(), ANN, BOB) == [None, "bob"]
    assert [record.getMessage() for record in caplog.records] == [
        "tokens were read anew: <tokens of ann, bob>",
        f"the tokens stay as they were: {path}: a token has less than 16 characters",
        f"the tokens stay as they were: {path}: [Errno 2] No such file or directory: {str(path)!r}",
        "tokens were read anew: <tokens of bob>",
    ]


def test_a_file_is_not_looked_at_for_each_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "LOOK_SECONDS", float("inf"))
    path = tmp_path / "tokens"
    path.write_text(ANN)
    file = TokenFile(path)
    path.write_text(BOB)
    assert whose(file.current(), ANN) == ["default"]
