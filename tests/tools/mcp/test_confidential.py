"""What a server was given in confidence does not come back in texts about it."""

import pytest

from codemode.tools.mcp import HttpServer, StdioServer
from codemode.tools.mcp.config import redaction_for


@pytest.mark.parametrize(
    ("config", "text", "expected"),
    [
        (StdioServer("x", env={"K": "s3cret"}), "K is s3cret!", "K is ***!"),
        (StdioServer("x", env={"DEBUG": "1"}), "exit status 1", "exit status 1"),
        (StdioServer("x", secrets=frozenset({"from-env"})), "from-env", "***"),
        (HttpServer("https://x", {"Authorization": "Token abcdef"}), "got abcdef", "got ***"),
        (HttpServer("https://x", {"A": "aaaa", "B": "aaaabbbb"}), "aaaabbbb aaaa", "*** ***"),
        (HttpServer("https://u:passw0rd@x/?k=abcdef"), "/?k=abcdef passw0rd", "/?k=*** ***"),
        (HttpServer("https://x/?k=a%2Fb+cd"), "/?k=a%2Fb+cd a/b cd", "/?k=*** ***"),
        (HttpServer("https://x/s/0123456789abcdef/mcp"), "/s/0123456789abcdef/mcp", "/s/***/mcp"),
        (
            StdioServer("x", env={"K": 'a"b\\c'}),
            r"""{"K":"a\"b\\c"} 'a"b\\c'""",
            """{"K":"***"} '***'""",
        ),
        (
            HttpServer("https://x", {"K": "hünter\n"}),
            "Illegal header value b'h\\xc3\\xbcnter\\n'",
            "Illegal header value b'***'",
        ),
        (object(), "Bearer abcdefghijklmnop", "Bearer ***"),
    ],
)
def test_secrets_are_blotted_out(config: object, text: str, expected: str) -> None:
    assert redaction_for(config)(text) == expected
