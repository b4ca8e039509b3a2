"""Figures of a process that runs cells, for its operators: counted here, served over HTTP."""

from __future__ import annotations

from importlib.util import find_spec

MODULES = ("prometheus_client", "h11")
"""What this needs: the extra ``metrics``."""


def missing_module() -> str | None:
    """The module that is not installed; None if all are. Loads none."""
    return next((name for name in MODULES if find_spec(name) is None), None)
