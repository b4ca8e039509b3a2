"""Variables in the texts of an ``mcp.json``, as the programs that share such files write them.

``${NAME}``, ``${NAME:-default}``, ``${env:NAME}`` and ``{env:NAME}`` are environment variables; so is
a value that is nothing but ``$NAME``. ``${workspaceFolder}`` and its kin are places. What else looks
like a variable is refused: a reader that does not know ``${input:token}`` would send these very words.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...errors import UsageError
from ...lazy_pattern import lazy_pattern

_VARIABLE: Final = lazy_pattern(
    r"\$?\{env:(?P<env>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<env_default>[^}]*))?\}"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}"
    r"|\$?\{(?P<kind>[A-Za-z]+):(?P<what>[^{}\s\"',]*)\}"
    r"|\$\{/\}"
)
_BARE: Final = lazy_pattern(r"((?:[A-Za-z]+ )?)\$([A-Z_][A-Z0-9_]*)")
"""A whole value that is one variable without braces, behind the word of a scheme or not."""
_FOREIGN: Final = frozenset({"input", "file", "command", "config", "secret", "vault", "op"})
"""Kinds that are refused without a ``$`` as well; others may be any text in braces."""


@dataclass(slots=True)
class Variables:
    """What variables stand for, and what they have stood for.

    Args:
        environment: the environment variables.
        workspace: the folder that ``${workspaceFolder}`` is.
    """

    environment: Mapping[str, str]
    workspace: Path
    used: set[str] = field(default_factory=set)
    """The values of all environment variables that were put in: they may be secrets."""

    def expanded(self, value: str, *, is_bare: bool = False) -> str:
        """``value`` with its variables put in; ``is_bare`` if ``$NAME`` may be one.

        Raises:
            UsageError: one is not set or cannot be had here; the text goes on behind ``needs``.
        """
        if is_bare and (bare := _BARE.fullmatch(value)):
            return bare[1] + self._variable(bare[2], None)
        return _VARIABLE.sub(self._put, value)

    def _put(self, found: re.Match[str]) -> str:
        if name := found["env"]:
            return self._variable(name, found["env_default"])
        if name := found["name"]:
            place = None if name in self.environment else self._place(name)
            return self._variable(name, found["default"]) if place is None else place
        if kind := found["kind"]:
            if not found[0].startswith("$") and kind not in _FOREIGN:
                return found[0]
            raise UsageError(
                f"the variable {found[0]}, which only the program that the file was written for"
                " can fill in\nHint: set an environment variable and write ${NAME}."
            )
        return os.sep

    def _variable(self, name: str, default: str | None) -> str:
        if name in self.environment:
            self.used.add(self.environment[name])
            return self.environment[name]
        if default is None:
            raise UsageError(
                f"the environment variable {name}, which is not set"
                f"\nHint: set it, or give a default: ${{{name}:-…}}."
            )
        return default

    def _place(self, name: str) -> str | None:
        places = {
            "userHome": str(Path.home()),
            "workspaceFolder": str(self.workspace),
            "workspaceRoot": str(self.workspace),
            "workspaceFolderBasename": self.workspace.name,
            "pathSeparator": os.sep,
        }
        return places.get(name)
