"""What ``codemode serve`` refuses before it serves anybody."""

import os
import pty
import subprocess
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from codemode.cli import PROGRAM, app

from .conftest import CHILD_SECONDS, command, environment

TOKEN = "a-token-that-nobody-guesses"
TOO_SHORT = (
    "the variable CODEMODE_TOKEN holds no token of at least 16 printable ASCII characters\n"
    'hint: python -c "import secrets; print(secrets.token_urlsafe())" makes a token.'
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
        *(
            (
                ["--http", "0", "--allow-origin", origin],
                None,
                f"Invalid value for '--allow-origin': {origin!r} is no origin as browsers write it\n"
                "hint: https://app.example.com, in small letters and without a path; "
                "with :8080 if it has a port.",
            )
            for origin in ("notaurl", "https://app.example/", "https://App.example", "*", "null")
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


def test_a_person_at_a_terminal_is_told_what_it_waits_for() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("serve"),
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as child:
        assert child.stderr is not None
        line = child.stderr.readline()
        child.terminate()
        rest = child.communicate(timeout=CHILD_SECONDS)[1]
    os.close(ours)
    os.close(theirs)

    assert (line, rest) == (
        "this serves MCP to the program that starts it, and waits for its messages;"
        " Ctrl-C ends it, --http serves others\n",
        "",
    )


def test_serve_answers_for_its_health_and_figures() -> None:
    process = subprocess.Popen(
        [*command(), "serve", "--metrics", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        url = line.strip().removeprefix("metrics on ")
        with urllib.request.urlopen(url, timeout=CHILD_SECONDS) as answer:
            text = answer.read().decode()
        with urllib.request.urlopen(
            url.replace("metrics", "readyz"), timeout=CHILD_SECONDS
        ) as ready:
            assert ready.read() == b"ok\n"
        process.communicate(timeout=CHILD_SECONDS)
    finally:
        process.kill()
        process.wait()

    assert "codemode_session_capacity 32.0\n" in text
    assert process.returncode == 0
