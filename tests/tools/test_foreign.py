"""Tools of agent frameworks are refused, with the adapter that hands them over.

The frameworks themselves are no dependency here: the classes below come from modules of their names.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from codemode import ToolDefinitionError, Toolset


def made_in(module: str, kind: str, **members: Any) -> Any:
    """An object of a class that an application has derived from one of ``module``."""
    base = type(kind, (), {"__module__": module, **members})
    return type("Mine", (base,), {"__module__": "my_application", "__call__": lambda self: None})()


@pytest.mark.parametrize(
    ("module", "framework", "adapter"),
    [
        ("langchain_core.tools.base", "LangChain", "codemode.adapters.langchain"),
        ("pydantic_ai.tools", "pydantic-ai", "codemode.adapters.pydantic_ai"),
        ("pydantic_ai.toolsets.function", "pydantic-ai", "codemode.adapters.pydantic_ai"),
        ("fastmcp.server.server", "FastMCP", "codemode.adapters.fastmcp"),
        ("agents.tool", "the OpenAI Agents SDK", "codemode.adapters.openai_agents"),
    ],
)
def test_an_object_of_a_framework_is_refused_alone_and_in_a_list(
    module: str, framework: str, adapter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = ModuleType("agents")
    sdk.Runner = object  # type: ignore[attr-defined]  # what the SDK's root has
    monkeypatch.setitem(sys.modules, "agents", sdk)
    item = made_in(module, "BaseTool", name="search")
    for given in (item, [item]):
        with pytest.raises(ToolDefinitionError) as caught:
            Toolset(given)

        assert str(caught.value) == (
            f"Mine 'search' is an object of {framework}, and no tool of codemode"
            f"\nHint: {adapter} hands over tools of {framework}; or pass a function, or a"
            " codemode.Tool, that calls it."
        )


@pytest.mark.parametrize("name", [None, "\x1b[2J", "x" * 61, 5])
def test_a_name_that_is_none_is_not_told(name: Any) -> None:
    with pytest.raises(ToolDefinitionError, match=r"^a Mine is an object of FastMCP"):
        Toolset([made_in("fastmcp.tools.base", "Tool", name=name)])


def test_an_applications_own_package_called_agents_has_tools() -> None:
    item = made_in("agents.tools", "Mine", __name__="mine", __qualname__="mine")

    assert "agents" not in sys.modules or not hasattr(sys.modules["agents"], "Runner")
    assert [each.name for each in Toolset([item]).definitions] == ["mine"]
