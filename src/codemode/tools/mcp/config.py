"""How an MCP server is reached, and which of its tools may be used.

An ``mcp.json`` is read in :mod:`codemode.tools.mcp.config_file`. Nothing here starts anything, and
nothing needs the SDK.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote_plus, urlsplit

from ...errors import UsageError
from ...lazy_pattern import lazy_pattern
from ..redaction import Redaction, without_secrets

CALL_SECONDS: Final = 60.0
"""How long a call may bring neither its result nor progress."""
START_SECONDS: Final = 30.0
"""How long callers wait for a server, from its start until its tools are known."""
LEAST_IN_PATH: Final = 16
"""Characters of a part of a URL's path that may be a key; ``mcp`` and ``api`` are none."""


@dataclass(frozen=True, slots=True)
class StdioServer:
    """A server that is a program: it is started, and spoken to over its standard streams.

    Args:
        command: the program; if it is not on the PATH it is looked for beside this Python.
        args: its arguments.
        env: variables for it, besides the few that every server gets (PATH, HOME, …).
        cwd: where it runs; here, if None.
        timeout: seconds that a call may stay silent.
        start_timeout: seconds that callers wait for its tools; it may start for longer, aside.
        secrets: more texts that must not appear in an error, such as values from the environment.
        enabled_tools: the only tools of it that may be used; all, if None. ``*`` and ``?`` are
            wildcards.
        disabled_tools: tools that may not be used, even if ``enabled_tools`` names them.
        per_session: every ``CodeMode`` has a process of its own; otherwise all share one.

    The values of ``env`` are not shown by ``repr`` and blotted out of error texts.

    Raises:
        UsageError: a time is not positive, the command is empty, or a list is a text.
    """

    command: str
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | Path | None = None
    timeout: float = CALL_SECONDS
    start_timeout: float = START_SECONDS
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    enabled_tools: Sequence[str] | None = field(default=None, kw_only=True)
    disabled_tools: Sequence[str] = field(default=(), kw_only=True)
    per_session: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if not self.command:
            raise UsageError("an MCP server has an empty command\nHint: name a program.")
        if isinstance(self.args, str):
            raise UsageError("the arguments of an MCP server are a text\nHint: give a list.")
        _check_lists(self.enabled_tools, self.disabled_tools)
        _check_times(self.timeout, self.start_timeout)


@dataclass(frozen=True, slots=True)
class HttpServer:
    """A server that is reached over streamable HTTP.

    Args:
        url: its endpoint, http or https.
        headers: sent with every request; their values are not shown by ``repr`` and blotted out
            of error texts.
        timeout: seconds that a call may stay silent.
        start_timeout: seconds that callers wait for its tools.
        secrets: more texts that must not appear in an error, such as values from the environment.
        enabled_tools: the only tools of it that may be used; all, if None. ``*`` and ``?`` are
            wildcards.
        disabled_tools: tools that may not be used, even if ``enabled_tools`` names them.
        per_session: every ``CodeMode`` has a connection of its own; otherwise all share one.
        insecure: let credentials cross the network without TLS: needed for a server on another
            machine that has none.

    Raises:
        UsageError: a time is not positive, the URL is none, or credentials would go to another
            machine in the clear.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = CALL_SECONDS
    start_timeout: float = START_SECONDS
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    enabled_tools: Sequence[str] | None = field(default=None, kw_only=True)
    disabled_tools: Sequence[str] = field(default=(), kw_only=True)
    per_session: bool = field(default=False, kw_only=True)
    insecure: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        parts = _endpoint(self.url)
        if parts is None:
            raise UsageError(
                "the URL of an MCP server must begin with http:// or https:// and name a host"
                "\nHint: give the endpoint whole, as in https://example.org/mcp."
            )
        _check_lists(self.enabled_tools, self.disabled_tools)
        _check_times(self.timeout, self.start_timeout)
        is_open = parts.scheme == "http" and not _is_here(parts.hostname or "")
        what = _credentials(parts, self.headers, self.secrets)
        if is_open and what is not None and not self.insecure:
            raise UsageError(
                f"{what} would go to {parts.hostname} where everybody on the way can read it"
                "\nHint: write https://, or say that it may: `insecure=True`, in an mcp.json"
                ' `"insecure": true`.'
            )


@dataclass(frozen=True, slots=True)
class UnusableServer:
    """A server whose entry in an ``mcp.json`` was refused: it is named, and never started.

    Args:
        reason: what is wrong with the entry, and what to do; for people.
    """

    reason: str


ServerConfig: TypeAlias = StdioServer | HttpServer | UnusableServer


class ToolFilter:
    """Which tools of a server may be used, by the server's own names of them.

    Example:
        >>> given = ToolFilter(["get_*", "put"], ["get_all"])
        >>> [name for name in ("get_one", "get_all", "put", "drop") if given.admits(name)]
        ['get_one', 'put']
    """

    def __init__(self, enabled: Iterable[str] | None, disabled: Iterable[str]) -> None:
        self._enabled = None if enabled is None else tuple(enabled)
        self._disabled = tuple(disabled)

    def admits(self, name: str) -> bool:
        """Whether the tool may be used."""
        is_enabled = self._enabled is None or any(_fits(name, each) for each in self._enabled)
        return is_enabled and not any(_fits(name, each) for each in self._disabled)

    def misses(self, names: Iterable[str]) -> tuple[str, ...]:
        """What the filter names and the server does not have: mistakes in writing, mostly."""
        there = tuple(names)
        patterns = (*(self._enabled or ()), *self._disabled)
        return tuple(each for each in patterns if not any(_fits(name, each) for name in there))


def filter_of(target: object) -> ToolFilter:
    """The filter that ``target`` asks for; an object of the SDK asks for none."""
    if isinstance(target, StdioServer | HttpServer):
        return ToolFilter(target.enabled_tools, target.disabled_tools)
    return ToolFilter(None, ())


def redaction_for(config: object) -> Redaction:
    """The redaction for texts about the server that ``config`` describes."""
    if isinstance(config, StdioServer):
        return Redaction([*config.env.values(), *config.secrets])
    if isinstance(config, HttpServer):
        return Redaction([*config.headers.values(), *_in_url(config.url), *config.secrets])
    return Redaction()


def _in_url(url: str) -> Iterator[str]:
    """What of a URL may be confidential, as it stands there and decoded."""
    parts = urlsplit(url)
    values = [part.rpartition("=")[2] for part in parts.query.split("&")]
    keys = [part for part in parts.path.split("/") if len(part) >= LEAST_IN_PATH]
    for each in (*values, *keys, parts.password or ""):
        yield from (each, unquote_plus(each))


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def _endpoint(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that are not closed, a port that is none
        return None
    return parts if is_one else None


def _is_here(host: str) -> bool:
    """Whether a host is this machine, judged by its name."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


_CONFIDENTIAL: Final = lazy_pattern(
    r"(?i)auth|token|secret|cookie|credential|passw|session|signature|(?:^|[_-])key(?:$|[_-])|apikey"
)
"""Names of headers, and of parameters of a URL, whose values are credentials."""


def _credentials(
    parts: SplitResult, headers: Mapping[str, str], secrets: frozenset[str]
) -> str | None:
    """What of a server's address and headers is a credential, in words; None if nothing is."""
    for name, value in headers.items():
        is_secret = any(each in value for each in secrets if each)
        if value and (is_secret or _CONFIDENTIAL.search(name) or without_secrets(value) != value):
            return f"the header {name}"
    if parts.username or parts.password:
        return "the password in the URL"
    for name, value in parse_qsl(parts.query):
        is_secret = any(each in value for each in secrets if each)
        if is_secret or _CONFIDENTIAL.search(name):
            return f"the parameter `{name}` of the URL"
    return None


def _check_lists(*given: Sequence[str] | None) -> None:
    for each in given:
        if isinstance(each, str):
            raise UsageError(
                "the enabled or disabled tools of an MCP server are a text\nHint: give a list."
            )


def _check_times(*seconds: float) -> None:
    for each in seconds:
        if not 0 < each < float("inf"):
            raise UsageError(f"a timeout of an MCP server must be positive seconds, got {each!r}")
