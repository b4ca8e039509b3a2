"""Items, outputs and names in the form of Codex."""

from __future__ import annotations

import json
from typing import Any, Final

ITEM_TYPES: Final = {"text": "input_text", "image": "input_image", "audio": "input_audio"}
ITEM_FIELDS: Final = {"text": "text", "image": "image_url", "audio": "audio_url"}


def nested_name(cell_id: str, call: str) -> str:
    """The name of a nested call in a rollout, where names of nested calls are of all cells."""
    return f"exec-{cell_id}-{call}"


def output_items(answer: str | None) -> list[dict[str, Any]]:
    """What the model reads, in their form."""
    items = json_value(answer)
    found = []
    for item in items if isinstance(items, list) else []:
        for kind, field in ITEM_FIELDS.items():
            if isinstance(item, dict) and field in item:
                found.append({"type": ITEM_TYPES[kind], field: item[field]})
    return found


def json_value(text: str | None) -> Any:
    """The value of a JSON text; a text that is none as it is, and None for nothing."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return text
