"""What a server was given in confidence does not come back in texts about it."""

import pytest

from codemode.tools.mcp import HttpServer, StdioServer
from codemode.tools.mcp.redaction import Redaction, redaction_for


@pytest.mark.parametrize(
    ("config", "text", "expected"),
    [
        (StdioServer("x", env={"K": "s3cret"}), "K is s3cret!", "K is ***!"),
        (StdioServer("x", env={"DEBUG": "1"}), "exit status 1", "exit status 1"),
        (StdioServer("x", secrets=frozenset({"from-env"})), "from-env", "***"),
        (HttpServer("http://x", {"Authorization": "Token abcdef"}), "got abcdef", "got ***"),
        (HttpServer("http://x", {"A": "aaaa", "B": "aaaabbbb"}), "aaaabbbb aaaa", "*** ***"),
        (HttpServer("http://u:passw0rd@x/?k=abcdef"), "/?k=abcdef passw0rd", "/?k=*** ***"),
        (object(), "Bearer abcdefghijklmnop", "Bearer ***"),
    ],
)
def test_secrets_are_blotted_out(config: object, text: str, expected: str) -> None:
    assert redaction_for(config)(text) == expected


def test_secrets_are_texts_and_not_patterns() -> None:
    assert Redaction(["a.*b("])("a.*b( axxb(") == "*** axxb("
