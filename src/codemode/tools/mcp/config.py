"""Which MCP servers there are and how each is reached: in Python, or as an ``mcp.json``.

The file is that of other clients: ``{"mcpServers": {name: {"command": …} | {"url": …}}}``. Keys
that mean nothing here are passed over, since such files are shared; a value of a wrong type is
an error. Nothing here starts anything, and nothing needs the SDK.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

import msgspec

from ...errors import UsageError

if TYPE_CHECKING:
    from ...protocol.types import JsonValue

CALL_SECONDS: Final = 60.0
"""How long a call may say nothing: neither its result nor progress."""
START_SECONDS: Final = 30.0
"""How long a server may take from its start until its tools are known."""


@dataclass(frozen=True, slots=True)
class StdioServer:
    """A server that is a program: it is started, and spoken to over its standard streams.

    Args:
        command: the program; if it is not on the PATH it is looked for beside this Python.
        args: its arguments.
        env: variables for it, besides the few that every server gets (PATH, HOME, …).
        cwd: where it runs; here, if None.
        timeout: seconds that a call may stay silent.
        start_timeout: seconds until its tools must be known.

    The values of ``env`` are not shown by ``repr`` and blotted out of error texts.

    Raises:
        UsageError: a time is not positive, the command is empty, or ``args`` is a text.
    """

    command: str
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | Path | None = None
    timeout: float = CALL_SECONDS
    start_timeout: float = START_SECONDS
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """More texts that must not appear in an error: what came from the environment."""

    def __post_init__(self) -> None:
        if not self.command:
            raise UsageError("an MCP server has an empty command\nHint: name a program.")
        if isinstance(self.args, str):
            raise UsageError("the arguments of an MCP server are a text\nHint: give a list.")
        _check_times(self.timeout, self.start_timeout)


@dataclass(frozen=True, slots=True)
class HttpServer:
    """A server that is reached over streamable HTTP.

    Args:
        url: its endpoint, http or https.
        headers: sent with every request; their values are not shown by ``repr`` and blotted out
            of error texts.
        timeout: seconds that a call may stay silent.
        start_timeout: seconds until its tools must be known.

    Raises:
        UsageError: a time is not positive, or the URL is none.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = CALL_SECONDS
    start_timeout: float = START_SECONDS
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """More texts that must not appear in an error: what came from the environment."""

    def __post_init__(self) -> None:
        if not _is_endpoint(self.url):
            raise UsageError(
                "the URL of an MCP server must begin with http:// or https:// and name a host"
                "\nHint: give the endpoint whole, as in https://example.org/mcp."
            )
        _check_times(self.timeout, self.start_timeout)


ServerConfig: TypeAlias = StdioServer | HttpServer


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that are not closed, a port that is none
        return False


def _check_times(*seconds: float) -> None:
    for each in seconds:
        if not 0 < each < float("inf"):
            raise UsageError(f"a timeout of an MCP server must be positive seconds, got {each!r}")


def read_config(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    environment: Mapping[str, str] | None = None,
) -> dict[str, ServerConfig]:
    """The servers of an ``mcp.json``, in order, without those that are ``disabled``.

    Args:
        source: the file, or what it would say.
        environment: what ``${NAME}`` and ``${NAME:-default}`` stand for; ``os.environ`` if None.

    Raises:
        UsageError: it cannot be read, or says something else than servers; tells where.

    Example:
        >>> read_config({"mcpServers": {"time": {"command": "mcp-server-time"}}})["time"].command
        'mcp-server-time'
    """
    said: Any = source
    where = "mcp.json"
    if not isinstance(source, Mapping):
        where, said = os.fspath(source), _file(Path(source))
    servers = said.get("mcpServers") if isinstance(said, Mapping) else None
    if not isinstance(servers, Mapping):
        raise UsageError(
            f"{where} has no object `mcpServers`"
            '\nHint: it looks like {"mcpServers": {"time": {"command": "mcp-server-time"}}}.'
        )
    variables = os.environ if environment is None else environment
    found = {}
    for name, entry in servers.items():
        reader = _Entry(f"{where}: server `{name}`", entry, variables)
        if not reader.disabled():
            found[name] = reader.config()
    return found


def _file(path: Path) -> JsonValue:
    try:
        return msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"{path} is not JSON: {error}\nHint: comments and trailing commas are not JSON."
        ) from error


_VARIABLE: Final = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class _Entry:
    """One server's object; every reading says where it went wrong."""

    def __init__(self, where: str, said: Any, environment: Mapping[str, str]) -> None:
        if not isinstance(said, Mapping):
            raise UsageError(f"{where} must be an object")
        self._where = where
        self._said = said
        self._environment = environment
        self._secrets: set[str] = set()

    def disabled(self) -> bool:
        said = self._said.get("disabled", False)
        if not isinstance(said, bool):
            raise self._wrong("disabled", "true or false")
        return said

    def config(self) -> ServerConfig:
        kind = self._said.get("type") or self._said.get("transport")
        if kind == "sse":
            raise UsageError(
                f"{self._where} uses the transport sse, which MCP has given up"
                '\nHint: give the server\'s streamable HTTP endpoint, with "type": "http".'
            )
        try:
            if "command" in self._said:
                return self._stdio()
            if "url" in self._said:
                return self._http()
        except UsageError as error:
            if str(error).startswith(self._where):
                raise
            raise UsageError(f"{self._where}: {error}") from error
        raise UsageError(
            f"{self._where} has neither `command` nor `url`"
            "\nHint: a command is started, a url is reached over streamable HTTP."
        )

    def _stdio(self) -> StdioServer:
        command = self._text("command")
        args = tuple(self._expanded(each, "args") for each in self._list("args"))
        env = self._map("env")
        cwd = self._text("cwd") if self._said.get("cwd") is not None else None
        timeout, start_timeout = self._times()
        return StdioServer(
            command, args, env, cwd, timeout, start_timeout, secrets=frozenset(self._secrets)
        )

    def _http(self) -> HttpServer:
        url, headers = self._text("url"), self._map("headers")
        timeout, start_timeout = self._times()
        return HttpServer(url, headers, timeout, start_timeout, secrets=frozenset(self._secrets))

    def _times(self) -> tuple[float, float]:
        return (
            self._seconds("timeout", CALL_SECONDS),
            self._seconds("startupTimeout", START_SECONDS),
        )

    def _seconds(self, key: str, default: float) -> float:
        said = self._said.get(key)
        if said is None:
            return default
        if isinstance(said, bool) or not isinstance(said, int | float):
            raise self._wrong(key, "a number of milliseconds")
        if said < 1_000:
            raise UsageError(
                f"{self._where}: `{key}` is {said} milliseconds, less than a second"
                "\nHint: it counts milliseconds; one minute is 60000."
            )
        return said / 1_000

    def _text(self, key: str) -> str:
        return self._expanded(self._said.get(key), key)

    def _list(self, key: str) -> Sequence[Any]:
        said = self._said.get(key) or ()
        if isinstance(said, str) or not isinstance(said, Sequence):
            raise self._wrong(key, "a list of strings")
        return said

    def _map(self, key: str) -> Mapping[str, str]:
        said = self._said.get(key) or {}
        if not isinstance(said, Mapping) or not all(isinstance(each, str) for each in said):
            raise self._wrong(key, "an object of strings")
        return MappingProxyType({k: self._expanded(v, f"{key}.{k}") for k, v in said.items()})

    def _expanded(self, value: Any, key: str) -> str:
        if not isinstance(value, str):
            raise self._wrong(key, "a string")

        def variable(found: re.Match[str]) -> str:
            name, default = found.groups()
            if name in self._environment:
                self._secrets.add(self._environment[name])
                return self._environment[name]
            if default is None:
                raise UsageError(
                    f"{self._where}: `{key}` needs the environment variable {name}, which is not"
                    f" set\nHint: set it, or give a default: ${{{name}:-…}}."
                )
            return str(default)

        return _VARIABLE.sub(variable, value)

    def _wrong(self, key: str, wanted: str) -> UsageError:
        return UsageError(f"{self._where}: `{key}` must be {wanted}")
