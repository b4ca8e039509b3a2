"""An ``mcp.json`` as other programs write it: read, honoured, or refused where it restricts."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from codemode.errors import UsageError
from codemode.tools.mcp import HttpServer, StdioServer
from codemode.tools.mcp.config import UnusableServer
from codemode.tools.mcp.config_file import read_config

COMMENTED = """\
// servers of this project
{
  /* "old": {"command": "no"}, */
  "mcpServers": {
    "a": { "command": "x", "args": ["// no comment", "https://x/*no*/", "a,]", "\\"//"], }, // last
  },
}
"""
BOM = "\ufeff"


def read(said: Any, **environment: str) -> Any:
    return read_config(said, environment=environment)


def entry(said: dict[str, Any], **environment: str) -> Any:
    """What one entry becomes; its reason, if it is refused."""
    (found,) = read({"mcpServers": {"it": said}}, **environment).values()
    return found.reason if isinstance(found, UnusableServer) else found


@pytest.mark.parametrize(
    "content",
    [COMMENTED.encode(), (BOM + COMMENTED).encode(), (BOM + COMMENTED).encode("utf-16-le")],
    ids=["comments", "byte-order-mark", "utf-16"],
)
def test_comments_last_commas_and_byte_order_marks_are_let_through(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "mcp.json"
    path.write_bytes(content)

    assert read(path) == {"a": StdioServer("x", ("// no comment", "https://x/*no*/", "a,]", '"//'))}


def test_an_error_in_a_file_is_told_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text('{\n  // a\n  "mcpServers": {"a" "b"}\n}')

    with pytest.raises(UsageError) as caught:
        read(path)

    assert str(caught.value) == (
        f"{path} is not JSON: Expecting ':' delimiter: line 3 column 22 (char 30)"
        "\nHint: comments and a last comma are let through."
    )


X = {"command": "x"}


@pytest.mark.parametrize(
    "said",
    [
        {"servers": {"a": {**X, "type": "stdio"}}, "inputs": [{"id": "k", "type": "promptString"}]},
        {"mcp": {"servers": {"a": X}}, "editor.fontSize": 12},
        {"mcp": {"a": {"type": "local", "command": ["x"], "enabled": True, "environment": {}}}},
        {"context_servers": {"a": {"source": "custom", "command": {"path": "x", "args": []}}}},
        {"amp.mcpServers": {"a": X}},
        {"mcp_servers": {"a": X}},
        {"mcpServers": {"a": X, "b": X}, "mcp": {"allowed": ["a"]}},
        {"mcpServers": {"a": X, "b": X}, "mcp": {"excluded": ["b"]}},
        {"mcpServers": {"a": X, "b": X}, "disabledMcpjsonServers": ["b"]},
        {"mcpServers": {"a": X, "b": X}, "allowedMcpServers": [{"serverName": "a"}]},
        {"mcpServers": {"a": {**X, "enabled": True}, "b": {**X, "enabled": False}}},
        {"mcpServers": {"a": {**X, "disabled": False}, "b": {"disabled": True, "type": "?"}}},
        {"mcpServers": {"a": X, "b": {**X, "isActive": False}}},
    ],
)
def test_servers_stand_where_other_programs_put_them(said: dict[str, Any]) -> None:
    assert read(said) == {"a": StdioServer("x")}


URL = "https://example.org/mcp"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # Windsurf, Gemini, Cline, Roo, Copilot, Cursor, Codex
        ({"serverUrl": URL}, HttpServer(URL)),
        ({"httpUrl": URL, "trust": True, "timeout": 5000}, HttpServer(URL, timeout=5.0)),
        ({"type": "streamableHttp", "url": URL, "autoApprove": []}, HttpServer(URL)),
        ({"type": "streamable-http", "url": URL, "alwaysAllow": ["a"]}, HttpServer(URL)),
        ({"transport": "http", "url": URL, "command": "x"}, HttpServer(URL)),
        ({"type": "remote", "url": URL, "headers": {"A": "b"}}, HttpServer(URL, {"A": "b"})),
        ({**X, "disabledTools": ["a", "b"]}, StdioServer("x", disabled_tools=("a", "b"))),
        ({**X, "disabled_tools": ["a"]}, StdioServer("x", disabled_tools=("a",))),
        ({**X, "excludeTools": ["a(rm -rf)"]}, StdioServer("x", disabled_tools=("a",))),
        ({**X, "enabledTools": ["a"]}, StdioServer("x", enabled_tools=("a",))),
        ({**X, "includeTools": []}, StdioServer("x", enabled_tools=())),
        ({**X, "allowedTools": ["a_*"]}, StdioServer("x", enabled_tools=("a_*",))),
        ({**X, "type": "local", "tools": ["*"]}, StdioServer("x", enabled_tools=("*",))),
        (
            {**X, "tools": {"a": {"enabled": False}, "b": True, "c": False, "d": {}}},
            StdioServer("x", disabled_tools=("a", "c")),
        ),
        ({**X, "autoApprove": [], "timeout": 60}, StdioServer("x", timeout=60)),
        ({**X, "autoApprove": [], "timeout": 60_000}, StdioServer("x", timeout=60)),
        ({**X, "disabledAutoApproveTools": []}, StdioServer("x")),
        ({**X, "startup_timeout_sec": 5}, StdioServer("x", start_timeout=5)),
        ({"command": ["x", "-y"], "args": ["z"]}, StdioServer("x", ("-y", "z"))),
        ({**X, "env": {"A": None, "B": "1"}}, StdioServer("x", env={"B": "1"})),
        (
            {**X, "env": {"PORT": 3000, "SHARE": 0.5}},
            StdioServer("x", env={"PORT": "3000", "SHARE": "0.5"}),
        ),
        ({**X, "perSession": True}, StdioServer("x", per_session=True)),
        (
            {"url": "http://h/mcp", "headers": {"Authorization": "a"}, "insecure": True},
            HttpServer("http://h/mcp", {"Authorization": "a"}, insecure=True),
        ),
        ({**X, "readOnly": False, "requireApproval": "never", "scope": "user"}, StdioServer("x")),
        (
            {**X, "network": True, "skip": False, "toolsets": ["all"], "status": "ready"},
            StdioServer("x"),
        ),
        ({**X, "telemetry": "off", "logLevel": "off", "debug": "disabled"}, StdioServer("x")),
    ],
)
def test_entries_are_read_as_other_programs_write_them(
    said: dict[str, Any], expected: object
) -> None:
    assert entry(said) == expected


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({**X, "enabled": "yes"}, "`enabled` must be true or false"),
        ({**X, "disabledTools": "a"}, "`disabledTools` must be a list of names of tools"),
        ({**X, "tools": [{"name": "a"}]}, "`tools` must be a list of names of tools"),
        (
            {**X, "includeTools": ["run(ls)"]},
            "`includeTools` allows some calls of a tool only, 'run(ls)'"
            "\nHint: give names of tools; rules about arguments are a policy's.",
        ),
        *(
            (
                {**X, key: value},
                f"`{key}` seems to restrict it, in a way that is not known here"
                "\nHint: use `disabledTools`, `enabledTools` or `disabled`, and take that key out.",
            )
            for key, value in {
                "readOnly": True,
                "allowWrite": False,
                "allowedDirectories": [],
                "blockedPaths": ["/etc"],
                "toolFilter": "get_*",
                "requireApproval": "always",
                "trust": False,
                "autoApprove": False,
                "sandbox": {"network": {"allowed": False}},
                "sandboxEnabled": True,
                "permissions": {"deny": ["x"]},
                "maxCalls": 3,
                "network": False,
                "skip": True,
                "mode": "read-only",
                "state": "disabled",
                "toolsets": ["issues"],
                "roots": ["/home/me"],
            }.items()
        ),
        (
            {**X, "tools": {"a": {"approval_mode": "prompt"}}},
            "`approval_mode` seems to restrict the tool 'a', in a way that is not known here"
            "\nHint: disable the tool, or take that key out.",
        ),
        (
            {**X, "enabledTools": ["a"], "includeTools": ["b"]},
            None,
        ),
        (
            {"type": "ws", "url": URL},
            '`type` is \'ws\', which is not known\nHint: it is "stdio" or "http".',
        ),
        ({**X, "env": {"PORT": [3000]}}, "`env.PORT` must be a string"),
        ({**X, "env": {"A": "a\0b"}}, "`env.A` has a NUL in it"),
        (
            {**X, "envFile": "/no/such"},
            "`envFile` cannot be read, /no/such: No such file or directory",
        ),
    ],
)
def test_what_restricts_is_honoured_or_refused(said: dict[str, Any], reason: str | None) -> None:
    where = "mcp.json: server `it`"
    both = f"{where} has both `enabledTools` and `includeTools`"

    assert entry(said) == (both if reason is None else f"{where}: {reason}")


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"mcp": {"excluded": [1]}}, "mcp.json: `mcp.excluded` must be a list of names of servers"),
        (
            {"deniedMcpServers": [{"serverCommand": ["x"]}]},
            "mcp.json: `deniedMcpServers` must be a list of names of servers",
        ),
        (
            {"permissions": {"deny": ["Bash", "mcp__a__drop"]}},
            "mcp.json: `permissions.deny` restricts mcp__a__drop, which is not known here"
            "\nHint: write the tool into `disabledTools` of its server, and take the rule out.",
        ),
    ],
)
def test_what_restricts_beside_the_servers_is_refused_if_it_is_not_understood(
    said: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read({"mcpServers": {"a": X}, **said})

    assert str(caught.value) == complaint


def test_keys_without_a_meaning_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    assert entry({**X, "colour": 1, "name": "y", "fo\no": 1, "oauth": {}}) == StdioServer("x")

    assert [record.getMessage() for record in caplog.records] == [
        "mcp.json: server `it`: nobody is signed in by `oauth` here; give a header",
        r"mcp.json: server `it`: keys without a meaning here: `colour`, `fo\no`",
    ]


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(
        '{"mcpServers": {"a": {"command": "x"}, "b": {"command": "x", "env": {"A": "1", "A": "2"}},'
        ' "a": {"command": "y"}}}'
    )

    assert read(path) == {
        "a": UnusableServer(f"{path}: server `a` is there twice"),
        "b": UnusableServer(f"{path}: server `b` has the key `A` twice"),
    }


# ── variables ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${T}", "t0ken"),
        ("Bearer ${env:T}", "Bearer t0ken"),
        ("{env:T}", "t0ken"),
        ("$T", "t0ken"),
        ("Bearer $T", "Bearer t0ken"),
        ("${NO:-none}", "none"),
        ("a $T b, $5, {a:b}, ${#x}", "a $T b, $5, {a:b}, ${#x}"),
        ("${userHome}", str(Path.home())),
    ],
)
def test_variables_stand_for_what_they_stand_for_elsewhere(value: str, expected: str) -> None:
    assert entry({**X, "env": {"V": value}}, T="t0ken").env == {"V": expected}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("${input:token}", "the variable ${input:token}"),
        ("Bearer ${input:token}", "the variable ${input:token}"),
        ("${command:login}", "the variable ${command:login}"),
        ("{file:~/.token}", "the variable {file:~/.token}"),
        ("${NOPE}", None),
        ("$NOPE", None),
    ],
)
def test_a_variable_that_cannot_be_filled_in_is_never_sent_as_it_is(
    value: str, what: str | None
) -> None:
    hint = "\nHint: set an environment variable and write ${NAME}."
    foreign = f", which only the program that the file was written for can fill in{hint}"
    unset = (
        "the environment variable NOPE, which is not set"
        "\nHint: set it, or give a default: ${NOPE:-…}."
    )

    assert entry({"url": URL, "headers": {"A": value}}) == (
        f"mcp.json: server `it`: `headers.A` needs {unset if what is None else what + foreign}"
    )


def test_a_workspace_is_the_folder_around_that_of_an_editor(tmp_path: Path) -> None:
    folder = tmp_path / ".vscode"
    folder.mkdir()
    (tmp_path / ".env").write_text("# keys\nexport TOKEN='t0ken'\nEMPTY\nA=from the file\n")
    said = {"command": "x", "envFile": "${workspaceFolder}/.env", "env": {"A": "own"}}
    (folder / "mcp.json").write_text(json.dumps({"servers": {"a": said}}))

    found = read_config(folder / "mcp.json")["a"]

    assert isinstance(found, StdioServer)
    assert found.env == {"TOKEN": "t0ken", "A": "own"}


def test_a_file_in_another_encoding_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_bytes(b'{"mcpServers": {"a": {"command": "\xe9"}}}')

    with pytest.raises(UsageError) as caught:
        read_config(path)

    assert str(caught.value).startswith(f"{path} is not UTF-8: ")
    assert str(caught.value).endswith("\nHint: save it as UTF-8.")
