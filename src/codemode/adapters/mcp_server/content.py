"""Answers to ``tools/call``.

There is no structured content: clients that get some show it to the model instead of the blocks.
What a program around the model may want to know stands in the result's metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import mcp_types as types

if TYPE_CHECKING:
    from ...surface.result import ExecResult

META_PREFIX: Final = "codemode/"


def answer(result: ExecResult, *notes: str) -> types.CallToolResult:
    """The answer to a call; ``notes`` are texts behind what the program wrote."""
    made = types.CallToolResult.model_validate(result.mcp_result())
    made.content += [types.TextContent(text=note) for note in notes]
    made.meta = {f"{META_PREFIX}status": result.status}
    if result.cell_id is not None:
        made.meta[f"{META_PREFIX}cell_id"] = result.cell_id
    return made


def refusal(text: str) -> types.CallToolResult:
    """The answer to a call that reached no program."""
    return types.CallToolResult(
        content=[types.TextContent(text=text)],
        is_error=True,
        _meta={f"{META_PREFIX}status": "refused"},
    )
