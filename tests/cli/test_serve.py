"""What ``codemode serve`` refuses before it serves anybody."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from codemode.cli import PROGRAM, app

TOKEN = "a-token-that-nobody-guesses"
TOO_SHORT = (
    "the variable CODEMODE_TOKEN holds no token of at least 16 printable ASCII characters\n"
    'hint: python -c "import secrets; print(secrets.token_urlsafe())" makes one.'
)


def refused(*options: str, token: str | None = None) -> tuple[int, str]:
    result = CliRunner(env={"CODEMODE_TOKEN": token}).invoke(
        app, ["serve", *options], prog_name=PROGRAM
    )
    return result.exit_code, result.stderr.removeprefix("error: ").rstrip()


@pytest.mark.parametrize(
    ("options", "token", "text"),
    [
        (
            ["--http", "192.0.2.1:8000"],
            None,
            "--http 192.0.2.1: other machines can reach this; a token is needed\n"
            "hint: give one with --token-file, or in CODEMODE_TOKEN.",
        ),
        (
            ["--http", "0.0.0.0:8000"],
            TOKEN,
            "--http 0.0.0.0: say under which name clients reach it\n"
            "hint: --allow-host mcp.example.com; requests for other names are refused.",
        ),
        (
            ["--allow-host", "mcp.example.com"],
            None,
            "--token-file, --allow-host and --allow-origin have no meaning without --http\n"
            "hint: codemode serve --help lists what there is.",
        ),
        (["--http", "0"], "short", TOO_SHORT),
        (["--http", "0"], "", TOO_SHORT),
        (["--http", "0"], "é" * 20, TOO_SHORT),
        (
            ["--http", "0"],
            f"{TOKEN} {TOKEN}",
            "the variable CODEMODE_TOKEN holds more than one word\nhint: a token is one.",
        ),
        (
            ["--http", "localhost"],
            None,
            "Invalid value for '--http': 'localhost' names no port\n"
            "hint: write 127.0.0.1:8000, or just 8000.",
        ),
        (
            ["--http", "::1:8000"],
            None,
            "Invalid value for '--http': '::1:8000' is ambiguous\nhint: write [::1]:8000.",
        ),
    ],
)
def test_options_that_are_wrong_or_dangerous_are_refused(
    options: list[str], token: str | None, text: str
) -> None:
    assert refused(*options, token=token) == (2, text)


def test_a_token_is_never_part_of_an_error(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN} and more")
    code, text = refused("--http", "0", "--token-file", str(path))
    assert (code, TOKEN in text) == (2, False)


def test_an_address_that_cannot_be_had_is_no_usage_error() -> None:
    code, text = refused("--http", "192.0.2.1:8000", token=TOKEN)
    assert (code, text.splitlines()[-1]) == (
        1,
        "hint: choose another port, or 0 for any that is free.",
    )
