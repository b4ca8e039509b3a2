"""AgentDojo without its model clients: the suites, their tools and their judges only.

Its package for pipelines imports the client of every provider. Two modules below it are needed; a stub stands for
the rest.
"""

from __future__ import annotations

import importlib.util
import sys
import types
import warnings
from pathlib import Path
from typing import Any, Final

VERSION: Final = "v1.2.2"


def _stub_clients() -> None:
    spec = importlib.util.find_spec("agentdojo")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("agentdojo is not installed\nhint: make evaluation installs it")
    root = Path(next(iter(spec.submodule_search_locations)))
    names = {
        "agentdojo.agent_pipeline": [str(root / "agent_pipeline")],
        "agentdojo.agent_pipeline.llms": [],
        "agentdojo.agent_pipeline.llms.google_llm": [],
    }
    for name, path in names.items():
        module = types.ModuleType(name)
        module.__path__ = path
        sys.modules[name] = module
    google: Any = sys.modules["agentdojo.agent_pipeline.llms.google_llm"]
    google.EMPTY_FUNCTION_NAME = "<empty-function-name>"


_stub_clients()
warnings.simplefilter("ignore")

import agentdojo  # noqa: E402 - the stubs come first
import yaml  # noqa: E402
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime  # noqa: E402
from agentdojo.task_suite.load_suites import get_suites  # noqa: E402

SYSTEM: Final[str] = yaml.safe_load(
    (Path(agentdojo.__file__).parent / "data" / "system_messages.yaml").read_text(encoding="utf-8")
)["default"]

__all__ = ["SYSTEM", "VERSION", "FunctionCall", "FunctionsRuntime", "suites"]


def suites() -> dict[str, Any]:
    """The suites by name, anew."""
    found: dict[str, Any] = get_suites(VERSION)
    return found
