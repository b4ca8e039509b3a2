"""The calls among the items of a model's response, in any vendor's form."""

from __future__ import annotations

import json
from typing import Final


def call_ids(items: str | None) -> list[str]:
    """The ids of the calls among a response's items, in any vendor's form."""
    if items is None:
        return []
    try:
        found = json.loads(items)
    except (ValueError, RecursionError):
        return []
    items_found = [each for each in _listed(found) if isinstance(each, dict)]
    within = [call for each in items_found for call in _listed(each.get("tool_calls"))]
    ids = []
    for each in (*items_found, *(call for call in within if isinstance(call, dict))):
        kind = str(each.get("type", ""))
        call_id = each.get("id") if kind in _CALLS_BY_ID else each.get("call_id")
        if isinstance(call_id, str) and not kind.endswith("_output"):
            ids.append(call_id)
    return ids


_CALLS_BY_ID: Final = ("tool_use", "function", "custom")
"""Anthropic's blocks, and the calls of Chat Completions; an item of Responses has a ``call_id``."""


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
