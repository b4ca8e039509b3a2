"""The names of servers' tools: unique, and independent of the order in which servers start.

A tool is ``mcp__<server>__<tool>``, every character that an identifier cannot have made ``_``, as models
know it. Three things could go wrong with that, and each is settled by the configuration alone, so that
a name does not depend on which server answers first:

* Two servers are written alike, ``a-b`` and ``a_b``: the later one in the configuration gets a number.
* A tool of ``a`` is called ``b__c`` and would pass for the tool ``c`` of the server ``a__b``. No tool
  begins with the prefix of another configured server; its own name gives way, and gets a suffix.
* Two tools of one server are written alike, ``查询`` and ``删除`` are both ``__``: all of them get a suffix
  but one that is an identifier as it stands.

A suffix is made of the tool's own name, so that it stays what it is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from ...lazy_pattern import lazy_pattern
from ...protocol.types import NAMESPACE_SEPARATOR, ToolName
from ...surface.identifiers import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SUFFIX_DIGITS: Final = 12
"""Hexadecimal digits of a suffix."""
_UNDERSCORES: Final = lazy_pattern("_{2,}")


class Named(NamedTuple):
    """What a tool is called here.

    Attributes:
        tool_name: its own name and namespace, which middleware and policies compare.
        public: its name on ``tools``.
    """

    tool_name: ToolName
    public: str


def namespace_of(server: str) -> str:
    """The namespace of a server's tools, as models know it.

    Example:
        >>> namespace_of("time")
        'mcp__time'
    """
    return f"mcp__{server}"


class Naming:
    """Gives names to the tools of one server.

    Args:
        server: its name in the configuration.
        servers: the names of all servers of the configuration, in order.

    Example:
        >>> naming = Naming("a", ["a", "a__b"])
        >>> [found.public for found in naming.named(["go-on", "b__c"]).values()]
        ['mcp__a__go_on', 'mcp__a__b_c_01b8a75bced8']
    """

    def __init__(self, server: str, servers: Sequence[str]) -> None:
        prefixes = _prefixes(servers)
        self._server = server
        self._namespace = namespace_of(server)
        self._prefix = prefixes[server]
        written = {f"{namespace_of(each)}{NAMESPACE_SEPARATOR}" for each in servers}
        own = f"{self._namespace}{NAMESPACE_SEPARATOR}"
        others = (written | set(prefixes.values())) - {own, self._prefix}
        self._foreign = tuple(each for each in others if each.startswith((self._prefix, own)))
        """Prefixes of other servers with which a tool of this one could begin."""

    def named(self, tools: Iterable[str]) -> Mapping[str, Named]:
        """Names for the tools of the server, by the server's own names of them."""
        parts = {tool: normalize(f"_{tool}")[1:] for tool in tools}
        alike = Counter(parts.values())
        return {
            tool: self._name(tool, part, is_alone=alike[part] == 1 or part == tool)
            for tool, part in parts.items()
        }

    def _name(self, tool: str, part: str, *, is_alone: bool) -> Named:
        suffix = self._suffix(tool)
        public = self._prefix + (part if is_alone else f"{part}_{suffix}")
        written = f"{self._namespace}{NAMESPACE_SEPARATOR}{tool}"
        if not public.startswith(self._foreign) and not written.startswith(self._foreign):
            return Named(ToolName(tool, self._namespace), public)
        part = f"{_UNDERSCORES.sub('_', part)}_{suffix}"
        if (self._prefix + part).startswith(self._foreign):  # a server that is called so on purpose
            part = f"t{suffix}_{suffix}"
        # Its own name would be read as another server's, in logs and in rules: it is no more its name.
        return Named(ToolName(part, self._namespace), self._prefix + part)

    def _suffix(self, tool: str) -> str:
        identity = f"{self._server}\0{tool}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(identity).hexdigest()[:SUFFIX_DIGITS]


def _prefixes(servers: Sequence[str]) -> Mapping[str, str]:
    """What the public names of each server's tools begin with; no two are the same."""
    wanted = {server: normalize(namespace_of(server)) for server in servers}
    found: dict[str, str] = {}
    taken: set[str] = set()
    for server, namespace in wanted.items():
        chosen, number = namespace, 2
        while chosen in taken or (chosen != namespace and chosen in wanted.values()):
            chosen, number = f"{namespace}_{number}", number + 1
        taken.add(chosen)
        found[server] = f"{chosen}{NAMESPACE_SEPARATOR}"
    return found
