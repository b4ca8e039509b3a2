"""Tools of agent frameworks, recognized by the modules of their classes."""

from __future__ import annotations

import sys
from typing import Final, NamedTuple

from ..errors import ToolDefinitionError


class _Framework(NamedTuple):
    """A framework, and the module that hands its tools over.

    Attributes:
        name: as people call it.
        adapter: the module of this package.
        landmark: what its root module has, where the root's name may be an application's own.
    """

    name: str
    adapter: str
    landmark: str | None = None


_FRAMEWORKS: Final = {
    "langchain_core": _Framework("LangChain", "codemode.adapters.langchain"),
    "langchain": _Framework("LangChain", "codemode.adapters.langchain"),
    "agents": _Framework("the OpenAI Agents SDK", "codemode.adapters.openai_agents", "Runner"),
    "pydantic_ai": _Framework("pydantic-ai", "codemode.adapters.pydantic_ai"),
    "fastmcp": _Framework("FastMCP", "codemode.adapters.fastmcp"),
}
_NAME_CHARACTERS: Final = 60


def refuse_foreign(item: object) -> None:
    """Raise ToolDefinitionError if ``item`` is an object of a framework that has an adapter."""
    for framework in map(_framework_of, type(item).__mro__):
        if framework is not None:
            raise ToolDefinitionError(
                f"{_named(item)} is an object of {framework.name}, and no tool of codemode"
                f"\nHint: {framework.adapter} hands over tools of {framework.name}; or pass a"
                " function, or a codemode.Tool, that calls it."
            )


def _framework_of(kind: type) -> _Framework | None:
    root = kind.__module__.partition(".")[0]
    framework = _FRAMEWORKS.get(root)
    if framework is None or framework.landmark is None:
        return framework
    return framework if hasattr(sys.modules.get(root), framework.landmark) else None


def _named(item: object) -> str:
    name = getattr(item, "name", None)
    if isinstance(name, str) and name.isprintable() and len(name) <= _NAME_CHARACTERS:
        return f"{type(item).__name__} {name!r}"
    return f"a {type(item).__name__}"
