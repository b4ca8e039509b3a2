"""An ``mcp.json``, as the programs that use MCP servers write it.

``{"mcpServers": {name: {"command": …} | {"url": …}}}`` is what most of them write; others call the
object ``servers`` or ``mcp``, and put comments, a byte order mark or a comma too many into the file.
What is wrong with one entry makes that server unusable, with its reason; the others work.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ...errors import UsageError
from ...lazy_pattern import lazy_pattern
from ...surface.text import on_one_line
from .config import ServerConfig, UnusableServer
from .config_entry import ConfigEntry
from .variables import Variables

ROOTS: Final = ("mcpServers", "servers", "mcp_servers", "context_servers", "amp.mcpServers")
"""The keys below which programs put their servers."""
EDITOR_FOLDERS: Final = (".vscode", ".cursor", ".gemini", ".kiro", ".windsurf", ".roo", ".claude")
"""Folders of a workspace in which programs keep such a file."""

_ONLY: Final = ("allowMCPServers", "enabledMcpjsonServers", "allowedMcpServers")
_NEVER: Final = (
    "excludeMCPServers",
    "disabledMcpjsonServers",
    "deniedMcpServers",
    "disabledMcpServers",
)


def read_config(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    environment: Mapping[str, str] | None = None,
) -> dict[str, ServerConfig]:
    """The servers of an ``mcp.json``, in order, without those that are switched off.

    Args:
        source: the file, or an object of its form.
        environment: what ``${NAME}`` and ``${NAME:-default}`` stand for; ``os.environ`` if None.

    Raises:
        UsageError: it cannot be read, or has no servers; tells where.

    Example:
        >>> from codemode.tools.mcp.config_file import read_config
        >>> read_config({"mcpServers": {"time": {"command": "mcp-server-time"}}})["time"].command
        'mcp-server-time'
    """
    said: Any = source
    where, workspace = "mcp.json", Path.cwd()
    if not isinstance(source, Mapping):
        where, path = os.fspath(source), Path(source)
        said = _file(path)
        folder = path.absolute().parent
        workspace = folder.parent if folder.name in EDITOR_FOLDERS else folder
    servers = _servers(where, said)
    is_off = _switch(where, said)
    found: dict[str, ServerConfig] = {}
    for name, entry in servers:
        if is_off(name):
            continue
        variables = Variables(os.environ if environment is None else environment, workspace)
        try:
            about = f"{where}: server `{on_one_line(name)}`"
            if not name:
                raise UsageError(f"{about} needs a name: tools are called after it")  # noqa: TRY301 - the same
            if name in found:
                raise UsageError(f"{about} is there twice")  # noqa: TRY301 - told like the others
            reader = ConfigEntry(about, _unique(about, entry), variables)
            if not reader.is_off():
                found[name] = reader.config()
        except UsageError as error:
            found[name] = UnusableServer(str(error))
    return found


def _servers(where: str, said: Any) -> list[tuple[str, Any]]:
    """Names and entries, in order; a name may be there twice."""
    if not isinstance(said, Mapping):
        said = {}
    objects = [said[key] for key in ROOTS if isinstance(said.get(key), Mapping)]
    inner = said.get("mcp")
    if isinstance(inner, Mapping):
        if isinstance(inner.get("servers"), Mapping):
            objects.append(inner["servers"])
        elif inner and all(isinstance(each, Mapping) for each in inner.values()):
            objects.append(inner)
    if not objects:
        raise UsageError(
            f"{where} has no object `mcpServers`"
            '\nHint: it looks like {"mcpServers": {"time": {"command": "mcp-server-time"}}}.'
        )
    return [pair for each in objects for pair in _pairs(each)]


def _switch(where: str, said: Mapping[str, Any]) -> Any:
    """Which servers the file switches off outside of their entries, as a function of a name."""
    gemini = said.get("mcp") if isinstance(said.get("mcp"), Mapping) else {}
    assert isinstance(gemini, Mapping)
    only = [_listed(where, key, said[key]) for key in _ONLY if said.get(key) is not None]
    never = [_listed(where, key, said[key]) for key in _NEVER if said.get(key) is not None]
    if isinstance(gemini.get("allowed"), list):
        only.append(_listed(where, "mcp.allowed", gemini["allowed"]))
    if isinstance(gemini.get("excluded"), list):
        never.append(_listed(where, "mcp.excluded", gemini["excluded"]))
    _check_permissions(where, said.get("permissions"))
    return lambda name: (
        any(name not in names for names in only) or any(name in names for names in never)
    )


def _listed(where: str, key: str, said: Any) -> frozenset[str]:
    """The names of a list of servers, each a text or an object with a ``serverName``."""
    names = []
    for each in said if isinstance(said, list) else [None]:
        name = each.get("serverName") if isinstance(each, Mapping) and len(each) == 1 else each
        if not isinstance(name, str):
            raise UsageError(f"{where}: `{key}` must be a list of names of servers")
        names.append(name)
    return frozenset(names)


def _check_permissions(where: str, said: Any) -> None:
    """Refuse rules about tools of MCP servers that the file has for another program."""
    if not isinstance(said, Mapping):
        return
    for key in ("deny", "ask"):
        rules = said.get(key)
        named = [each for each in rules or () if str(each).startswith("mcp__")]
        if isinstance(rules, list) and named:
            raise UsageError(
                f"{where}: `permissions.{key}` restricts {on_one_line(str(named[0]))}, which is not"
                " known here\nHint: write the tool into `disabledTools` of its server, and take the"
                " rule out."
            )


# ── the text ─────────────────────────────────────────────────────────────────────────────────────


class _Object(dict[str, Any]):
    """An object of a file, which remembers all that it said."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _pairs(said: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return said.pairs if isinstance(said, _Object) else said.items()


def _unique(about: str, said: Any) -> Any:
    """``said``, if no object in it has a key twice: which of the two would count?

    Raises:
        UsageError: one has.
    """
    left = [said]
    while left:
        each = left.pop()
        if isinstance(each, _Object) and len(each) < len(each.pairs):
            keys = [key for key, _ in each.pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise UsageError(f"{about} has the key `{on_one_line(twice)}` twice")
        if isinstance(each, Mapping):
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
    return said


def _file(path: Path) -> Any:
    try:
        return json.loads(_plain(_decoded(path.read_bytes())), object_pairs_hook=_Object)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: {error}\nHint: save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} is not JSON: {error}\nHint: comments and a last comma are let through."
        ) from error


def _decoded(content: bytes) -> str:
    """The text of a file, in the encoding that its byte order mark names."""
    is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    return content.decode("utf-16" if is_wide else "utf-8-sig")


_COMMENT: Final = lazy_pattern(r'"(?:[^"\\]|\\.)*+"|(//[^\r\n]*|/\*.*?\*/)', re.DOTALL)
_LAST_COMMA: Final = lazy_pattern(r'"(?:[^"\\]|\\.)*+"|(,)(?=\s*[}\]])', re.DOTALL)


def _plain(text: str) -> str:
    """``text`` with blanks for comments and last commas; everything else stays in its place."""

    def blank(found: re.Match[str]) -> str:
        return found[0] if found[1] is None else re.sub(r"[^\r\n]", " ", found[0])

    return _LAST_COMMA.sub(blank, _COMMENT.sub(blank, text))
