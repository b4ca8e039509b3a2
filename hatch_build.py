"""Builds the native worker into each wheel, and into the tree for an editable installation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
import build_worker


class WorkerBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling's interface."""

    def dependencies(self) -> list[str]:
        """What a build needs besides ``build-system.requires``."""
        return [] if build_worker.system_compiler() else [build_worker.ZIG]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before the files of a wheel are gathered."""
        del version  # "standard" or "editable": both need it
        try:
            build_worker.build()
        except build_worker.BuildError as error:
            sys.exit(f"the native worker could not be built: {error}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{build_worker.wheel_platform(None)}"
        build_data["artifacts"].append("src/codemode/engine/built/*")
