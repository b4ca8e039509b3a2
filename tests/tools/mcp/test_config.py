"""An ``mcp.json``: what it means, and what is said when it is wrong."""

from pathlib import Path
from typing import Any

import pytest

from codemode.errors import UsageError
from codemode.tools.mcp import HttpServer, StdioServer
from codemode.tools.mcp.config import UnusableServer, filter_of
from codemode.tools.mcp.config_file import read_config


def test_servers_are_read_as_other_clients_write_them() -> None:
    said = {
        "mcpServers": {
            "time": {"command": "mcp-server-time"},
            "git": {
                "type": "stdio",
                "command": "mcp-server-git",
                "args": ["--repository", "${REPO}"],
                "env": {"TOKEN": "${env:TOKEN}", "MODE": "${MODE:-quiet}"},
                "cwd": "/srv",
                "timeout": 90_000,
                "alwaysAllow": ["git_log"],
            },
            "web": {
                "type": "http",
                "url": "https://example.org/mcp",
                "headers": {"Authorization": "Bearer ${TOKEN}"},
                "startupTimeout": 5_000,
            },
            "off": {"command": "x", "disabled": True},
        }
    }

    found = read_config(said, environment={"REPO": "/repo", "TOKEN": "secret"})

    assert found == {
        "time": StdioServer("mcp-server-time"),
        "git": StdioServer(
            "mcp-server-git",
            ("--repository", "/repo"),
            {"TOKEN": "secret", "MODE": "quiet"},
            "/srv",
            timeout=90.0,
            secrets=frozenset({"/repo", "secret"}),
        ),
        "web": HttpServer(
            "https://example.org/mcp",
            {"Authorization": "Bearer secret"},
            start_timeout=5.0,
            secrets=frozenset({"secret"}),
        ),
    }
    assert list(found) == ["time", "git", "web"]


def test_what_is_confidential_is_not_shown() -> None:
    shown = repr(
        [
            StdioServer("a", env={"KEY": "hunter2"}),
            HttpServer("https://b", {"Authorization": "hunter2"}),
        ]
    )

    assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ([], "mcp.json: server `it` must be an object"),
        (
            {},
            "mcp.json: server `it` has neither `command` nor `url`"
            "\nHint: a command is started, a url is reached over streamable HTTP.",
        ),
        ({"command": 7}, "mcp.json: server `it`: `command` must be a string"),
        (
            {"command": ""},
            "mcp.json: server `it`: an MCP server has an empty command\nHint: name a program.",
        ),
        (
            {"command": "x", "args": "--all"},
            "mcp.json: server `it`: `args` must be a list of strings",
        ),
        ({"command": "x", "args": [1]}, "mcp.json: server `it`: `args` must be a string"),
        ({"command": "x", "env": [1]}, "mcp.json: server `it`: `env` must be an object of strings"),
        ({"command": "x", "env": {"A": True}}, "mcp.json: server `it`: `env.A` must be a string"),
        (
            {"command": "${NOPE}"},
            "mcp.json: server `it`: `command` needs the environment variable NOPE, which is not set"
            "\nHint: set it, or give a default: ${NOPE:-…}.",
        ),
        (
            {"command": "x", "disabled": "yes"},
            "mcp.json: server `it`: `disabled` must be true or false",
        ),
        (
            {"command": "x", "timeout": "1m"},
            "mcp.json: server `it`: `timeout` must be a number of milliseconds",
        ),
        (
            {"command": "x", "timeout": 60},
            "mcp.json: server `it`: `timeout` is 60 milliseconds, less than a second"
            "\nHint: it counts milliseconds; one minute is 60000.",
        ),
        (
            {"url": "example.org"},
            "mcp.json: server `it`: the URL of an MCP server must begin with http:// or https://"
            " and name a host"
            "\nHint: give the endpoint whole, as in https://example.org/mcp.",
        ),
        *(
            (
                {"url": url},
                "mcp.json: server `it`: the URL of an MCP server must begin with http:// or"
                " https:// and name a host"
                "\nHint: give the endpoint whole, as in https://example.org/mcp.",
            )
            for url in ("http://[::1", "http:///mcp", "https://h:99999/mcp", "ftp://h/mcp")
        ),
        (
            {"type": "sse", "url": "https://example.org/sse"},
            "mcp.json: server `it` uses the transport sse, which MCP has given up"
            '\nHint: give the server\'s streamable HTTP endpoint, with "type": "http".',
        ),
    ],
)
def test_a_wrong_entry_makes_one_server_unusable_and_says_why(entry: Any, complaint: str) -> None:
    said = {"mcpServers": {"it": entry, "good": {"command": "x"}}}

    assert read_config(said, environment={}) == {
        "it": UnusableServer(complaint),
        "good": StdioServer("x"),
    }


def test_a_wrong_file_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"

    def complaint() -> str:
        with pytest.raises(UsageError) as caught:
            read_config(path)
        return str(caught.value)

    assert complaint() == f"cannot read {path}: No such file or directory"
    path.write_text("{:}")
    assert complaint().startswith(f"{path} is not JSON: ")
    path.write_text('{"mcpServers": []}')
    assert complaint() == (
        f"{path} has no object `mcpServers`"
        '\nHint: it looks like {"mcpServers": {"time": {"command": "mcp-server-time"}}}.'
    )


HIDDEN = {"Authorization": "Bearer hunter2"}


@pytest.mark.parametrize(
    ("url", "headers", "secrets", "what"),
    [
        ("http://example.org/mcp", HIDDEN, (), "the header Authorization"),
        ("http://10.0.0.8:8000/mcp", {"X-Api-Key": "1"}, (), "the header X-Api-Key"),
        ("http://[2001:db8::1]/mcp", {"X-Tenant": "acme"}, ("acme",), "the header X-Tenant"),
        ("http://me:pw@example.org/mcp", {}, (), "the password in the URL"),
        ("http://example.org/mcp?api_key=1", {}, (), "the parameter `api_key` of the URL"),
        ("http://example.org/mcp?q=a%20b", {}, ("a b",), "the parameter `q` of the URL"),
        ("https://example.org/mcp", HIDDEN, (), None),
        ("http://localhost:8000/mcp", HIDDEN, (), None),
        ("http://app.localhost/mcp", HIDDEN, (), None),
        ("http://127.0.0.2/mcp", HIDDEN, (), None),
        ("http://[::1]:8000/mcp", HIDDEN, (), None),
        ("http://example.org/mcp", {"X-Tenant": "acme", "Accept-Language": "de"}, (), None),
        ("http://example.org/mcp?page=1", {}, (), None),
    ],
)
def test_credentials_go_to_another_machine_in_the_clear_only_where_that_is_said(
    url: str, headers: dict[str, str], secrets: tuple[str, ...], what: str | None
) -> None:
    assert HttpServer(url, headers, secrets=frozenset(secrets), insecure=True).url == url
    if what is None:
        assert HttpServer(url, headers, secrets=frozenset(secrets)).url == url
        return
    with pytest.raises(UsageError) as caught:
        HttpServer(url, headers, secrets=frozenset(secrets))

    assert str(caught.value).startswith(f"{what} would go to ")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("enabled", "disabled", "admitted", "missed"),
    [
        (None, [], ["get", "get_all", "put", "a[b]"], []),
        (["get", "put"], [], ["get", "put"], []),
        (["get*"], ["get_all"], ["get"], []),
        ([], [], [], []),
        (None, ["*"], [], []),
        (["a[b]"], [], ["a[b]"], []),
        (None, ["putt", "g?t"], ["get_all", "put", "a[b]"], ["putt"]),
    ],
)
def test_a_filter_admits_what_is_enabled_and_not_disabled(
    enabled: list[str] | None, disabled: list[str], admitted: list[str], missed: list[str]
) -> None:
    names = ["get", "get_all", "put", "a[b]"]
    config = StdioServer("x", enabled_tools=enabled, disabled_tools=disabled)

    found = filter_of(config)

    assert [name for name in names if found.admits(name)] == admitted
    assert list(found.misses(names)) == missed


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_time_must_be_positive(seconds: float) -> None:
    with pytest.raises(UsageError, match="must be positive seconds"):
        StdioServer("x", timeout=seconds)
