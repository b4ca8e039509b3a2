"""One server's object in an ``mcp.json``: what it means, or why it is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ...errors import UsageError
from ...surface.text import on_one_line
from .config import CALL_SECONDS, START_SECONDS, HttpServer, StdioServer
from .config_keys import counts_seconds, is_remark, is_sign_in, meaning, restricts

if TYPE_CHECKING:
    from .variables import Variables

_KINDS: Final = {
    "stdio": "command",
    "local": "command",
    "process": "command",
    "http": "url",
    "streamablehttp": "url",
    "streaminghttp": "url",
    "httpstream": "url",
    "remote": "url",
}
"""What a ``type`` needs, by its spelling without signs and capitals."""
_log: Final = logging.getLogger(__name__)


class ConfigEntry:
    """One server's object; every error names the place.

    Args:
        where: begins each text about it.
        said: the object.
        variables: for its texts.

    Raises:
        UsageError: it is no object, or has a key twice.
    """

    def __init__(self, where: str, said: Any, variables: Variables) -> None:
        self._where = where
        if not isinstance(said, Mapping):
            raise UsageError(f"{where} must be an object")
        self._said: dict[str, Any] = {}
        self._written: dict[str, str] = {}
        """The keys as the file writes them, for texts."""
        self._others: dict[str, Any] = {}
        self._variables = variables
        for key, value in _flat(said).items():
            known = meaning(key)
            if known is None:
                self._others[key] = value
            elif value is not None and known in self._said and self._said[known] != value:
                raise UsageError(f"{where} has both `{self._written[known]}` and `{key}`")
            elif value is not None:
                self._said[known] = value
                self._written[known] = key

    def is_off(self) -> bool:
        """Whether the entry disables the server.

        Raises:
            UsageError: it is neither true nor false.
        """
        return self._flag("disabled", default=False) or not self._flag("enabled", default=True)

    def config(self) -> StdioServer | HttpServer:
        """How the server is reached.

        Raises:
            UsageError: the entry does not say that, or restricts in a way that is not known here.
        """
        self._check_others()
        kind = self._kind()
        try:
            return self._stdio() if kind == "command" else self._http()
        except UsageError as error:
            if str(error).startswith(self._where):
                raise
            raise UsageError(f"{self._where}: {error}") from error

    def _check_others(self) -> None:
        """Refuse keys that may restrict, and warn about the rest that has no meaning here."""
        if refused := [key for key, value in self._others.items() if restricts(key, value)]:
            raise UsageError(
                f"{self._where}: `{refused[0]}` seems to restrict it, in a way that is not known here"
                "\nHint: use `disabledTools`, `enabledTools` or `disabled`, and take that key out."
            )
        unknown = [key for key in self._others if not is_remark(key)]
        for sign_in in [key for key in unknown if is_sign_in(key)]:
            unknown.remove(sign_in)
            _log.warning(
                "%s: nobody is signed in by `%s` here; give a header", self._where, sign_in
            )
        if unknown:
            names = ", ".join(f"`{on_one_line(key)}`" for key in unknown)
            _log.warning("%s: keys without a meaning here: %s", self._where, names)

    def _kind(self) -> str:
        """``command`` or ``url``, whichever the entry has."""
        said = self._said.get("type")
        if said is not None and not isinstance(said, str):
            raise self._wrong("type", "a string")
        folded = "" if said is None else said.lower().replace("-", "").replace("_", "")
        if folded == "sse":
            raise UsageError(
                f"{self._where} uses the transport sse, which MCP has given up"
                '\nHint: give the server\'s streamable HTTP endpoint, with "type": "http".'
            )
        if folded and folded not in _KINDS:
            raise UsageError(
                f"{self._where}: `{self._key('type')}` is {on_one_line(said or '')!r}, which is not"
                ' known\nHint: it is "stdio" or "http".'
            )
        there = [key for key in ("command", "url") if key in self._said]
        wanted = _KINDS.get(folded, there[0] if len(there) == 1 else "")
        if wanted in there:
            return wanted
        if len(there) > 1:
            raise UsageError(
                f"{self._where} has both `{self._key('command')}` and `{self._key('url')}`"
                '\nHint: say which with "type": "stdio" or "http".'
            )
        missing = f"no `{wanted}`" if wanted else "neither `command` nor `url`"
        raise UsageError(
            f"{self._where} has {missing}"
            "\nHint: a command is started, a url is reached over streamable HTTP."
        )

    def _stdio(self) -> StdioServer:
        command, args = self._said["command"], self._list("args")
        if isinstance(command, list) and command:  # the program and its first arguments
            command, args = command[0], [*command[1:], *args]
        env = {**self._env_file(), **self._map("env")}
        return StdioServer(
            self._expanded(command, "command"),
            tuple(self._expanded(each, "args") for each in args),
            MappingProxyType(env),
            self._text("cwd") if "cwd" in self._said else None,
            *self._times(),
            secrets=frozenset(self._variables.used),
            **self._bounds(),
        )

    def _http(self) -> HttpServer:
        url, headers = self._text("url"), MappingProxyType(self._map("headers"))
        return HttpServer(
            url,
            headers,
            *self._times(),
            secrets=frozenset(self._variables.used),
            insecure=self._flag("insecure", default=False),
            **self._bounds(),
        )

    def _bounds(self) -> dict[str, Any]:
        """Which tools may be used, and by how many."""
        enabled, disabled = self._said.get("enabledTools"), list(self._names("disabledTools"))
        if isinstance(enabled, Mapping):  # one object for each tool
            disabled += [name for name, about in enabled.items() if self._tool_is_off(name, about)]
            enabled = None
        return {
            "enabled_tools": None if enabled is None else self._names("enabledTools"),
            "disabled_tools": tuple(disabled),
            "per_session": self._flag("perSession", default=False),
        }

    def _names(self, key: str) -> tuple[str, ...]:
        """Names of tools; what stands in brackets behind one narrows it, which is not known here."""
        said = self._said.get(key, [])
        if not isinstance(said, list | tuple) or not all(isinstance(each, str) for each in said):
            raise self._wrong(key, "a list of names of tools")
        for each in said:
            if key == "enabledTools" and each.endswith(")") and "(" in each:
                raise UsageError(
                    f"{self._where}: `{self._key(key)}` allows some calls of a tool only, {each!r}"
                    "\nHint: give names of tools; rules about arguments are a policy's."
                )
        return tuple(each.partition("(")[0] if each.endswith(")") else each for each in said)

    def _tool_is_off(self, name: str, about: Any) -> bool:
        said = {"enabled": about} if isinstance(about, bool) else about
        if not isinstance(said, Mapping):
            raise self._wrong("enabledTools", "a list of names of tools")
        enabled, disabled = said.get("enabled", True), said.get("disabled", False)
        if not (isinstance(enabled, bool) and isinstance(disabled, bool)):
            raise UsageError(
                f"{self._where}: `enabled` of the tool {on_one_line(name)!r} must be true or false"
            )
        for key, value in said.items():
            if key not in ("enabled", "disabled") and restricts(key, value):
                raise UsageError(
                    f"{self._where}: `{key}` seems to restrict the tool {on_one_line(name)!r}, in a"
                    " way that is not known here\nHint: disable the tool, or take that key out."
                )
        return disabled or not enabled

    def _times(self) -> tuple[float, float]:
        return (
            self._seconds("timeout", "tool_timeout_sec", CALL_SECONDS),
            self._seconds("startupTimeout", "startup_timeout_sec", START_SECONDS),
        )

    def _seconds(self, key: str, in_seconds: str, default: float) -> float:
        if in_seconds in self._said:
            return self._number(in_seconds, "a number of seconds")
        if key not in self._said:
            return default
        said = self._number(key, "a number of milliseconds")
        if said < 1_000 and counts_seconds(self._others):
            return said
        if said < 1_000:
            raise UsageError(
                f"{self._where}: `{self._key(key)}` is {said:g} milliseconds, less than a second"
                "\nHint: it counts milliseconds; one minute is 60000."
            )
        return said / 1_000

    def _number(self, key: str, wanted: str) -> float:
        said = self._said[key]
        if isinstance(said, bool) or not isinstance(said, int | float):
            raise self._wrong(key, wanted)
        return said

    def _flag(self, key: str, *, default: bool) -> bool:
        said = self._said.get(key, default)
        if not isinstance(said, bool):
            raise self._wrong(key, "true or false")
        return said

    def _text(self, key: str) -> str:
        return self._expanded(self._said.get(key), key)

    def _list(self, key: str) -> Sequence[Any]:
        said = self._said.get(key, ())
        if isinstance(said, str) or not isinstance(said, Sequence):
            raise self._wrong(key, "a list of strings")
        return said

    def _map(self, key: str) -> dict[str, str]:
        said = self._said.get(key) or {}
        if not isinstance(said, Mapping):
            raise self._wrong(key, "an object of strings")
        given = {name: value for name, value in said.items() if value is not None}
        return {
            name: self._expanded(_as_text(value), key, f".{name}", is_bare=True)
            for name, value in given.items()
        }

    def _env_file(self) -> dict[str, str]:
        """The variables of an ``envFile``; all of them may be secrets."""
        if "envFile" not in self._said:
            return {}
        from dotenv import dotenv_values  # noqa: PLC0415 - few entries have such a file

        path = Path(self._variables.workspace, self._text("envFile"))
        try:
            with path.open(encoding="utf-8-sig") as stream:
                found = dotenv_values(stream=stream, interpolate=False)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError(
                f"{self._where}: `{self._key('envFile')}` cannot be read, {path}: {why}"
            ) from error
        return {name: value for name, value in found.items() if value is not None}

    def _expanded(self, value: Any, key: str, part: str = "", *, is_bare: bool = False) -> str:
        name = on_one_line(self._key(key) + part)
        if not isinstance(value, str):
            raise UsageError(f"{self._where}: `{name}` must be a string")
        if "\0" in value:
            raise UsageError(f"{self._where}: `{name}` has a NUL in it")
        try:
            return self._variables.expanded(value, is_bare=is_bare)
        except UsageError as error:
            raise UsageError(f"{self._where}: `{name}` needs {error}") from error

    def _key(self, key: str) -> str:
        return self._written.get(key, key)

    def _wrong(self, key: str, wanted: str) -> UsageError:
        return UsageError(f"{self._where}: `{self._key(key)}` must be {wanted}")


def _as_text(value: Any) -> Any:
    """A number as the text of its digits, as VS Code lets one write a port."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return json.dumps(value) if is_number else value


def _flat(said: Mapping[str, Any]) -> dict[str, Any]:
    """``said`` with the members of a ``command`` that is an object beside the others."""
    command = said.get("command")
    if not isinstance(command, Mapping):
        return dict(said)
    inner = {("command" if key == "path" else key): value for key, value in command.items()}
    return {**{key: value for key, value in said.items() if key != "command"}, **inner}
