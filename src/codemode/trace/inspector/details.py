"""One cell or one call in full, and a search in everything that was recorded of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..reducer import hash_of

if TYPE_CHECKING:
    from ..events import Content
    from ..graph import ApprovalNode, CallNode, CellNode, ModelCallNode
    from .view import View

TEXT_BYTES: Final = 8 * 1024 * 1024
"""Of all texts in one answer together: images stand in them."""

MOST_FOUND: Final = 20_000
"""Cells and calls that a search gives."""


class _Texts:
    """The texts of one answer, as far as there is room."""

    def __init__(self, view: View) -> None:
        self._read = view.read
        self._left = TEXT_BYTES

    def of(self, told: Content | None) -> dict[str, Any] | None:
        """A text with its size, or why there is none; None where nothing was recorded."""
        if told is None:
            return None
        if told.size > self._left:
            return {"size": told.size, "missing": "size"}
        text = self._read(told)
        if text is None:
            return {"size": told.size, "missing": told.left_out or "lost"}
        self._left -= told.size
        return {"size": told.size, "text": text}


def cell_details(view: View, session: str, cell_id: str) -> dict[str, Any] | None:
    """The program of a cell, what it wrote, and the model's calls about it; None: there is no such cell."""
    cell = view.reducer.cell(session, cell_id)
    if cell is None:
        return None
    texts = _Texts(view)
    model_calls = view.reducer.trace.model_calls
    about = [model_calls[name] for name in (cell.model_call, *cell.waits) if name in model_calls]
    return {
        "source": texts.of(cell.source),
        "error": texts.of(cell.error),
        "outputs": [{"kind": each.kind, "item": texts.of(each.item)} for each in cell.outputs],
        "observations": cell.observations,
        "stored": cell.stored,
        "tools": cell.tools,
        "model_calls": [_model_call(each, texts) for each in about],
    }


def call_details(view: View, session: str, cell_id: str, call_id: str) -> dict[str, Any] | None:
    """Arguments, result and approvals of a nested call; None: there is no such call."""
    call = view.reducer.call(session, cell_id, call_id)
    if call is None:
        return None
    texts = _Texts(view)
    approvals = [view.reducer.trace.approvals[name] for name in call.approvals]
    return {
        "arguments": texts.of(call.arguments),
        "result": texts.of(call.result),
        "error": texts.of(call.error),
        "arguments_hash": call.arguments_hash or hash_of(call.arguments),
        "attempt": call.attempt,
        "run_ms": call.run_ms,
        "queued_ms": call.queued_ms,
        "reason": call.reason,
        "observed": [{"kind": each.kind, "facts": each.facts} for each in call.observed],
        "approvals": [_approval(each) for each in approvals],
    }


def search(view: View, words: str) -> dict[str, Any]:
    """The cells and calls in whose texts ``words`` stand, whatever the case of their letters.

    Programs, errors and outputs of cells; tools, arguments, results and errors of calls.
    """
    wanted = words.casefold()
    trace = view.reducer.trace
    cells = [
        [cell.session, cell.cell_id]
        for cell in trace.cells.values()
        if _stands_in(view, wanted, _cell_texts(cell))
    ]
    calls = []
    for call in trace.calls.values():
        is_named = wanted in call.tool.casefold()
        if is_named or _stands_in(view, wanted, _call_texts(call)):
            calls.append([call.session, trace.cells[call.cell].cell_id, call.call])
            if len(calls) >= MOST_FOUND:
                break
    return {"cells": cells[:MOST_FOUND], "calls": calls}


def _cell_texts(cell: CellNode) -> list[Content | None]:
    written = [each.item for each in cell.outputs if each.kind in ("text", "notification")]
    return [cell.source, cell.error, *written]


def _call_texts(call: CallNode) -> list[Content | None]:
    return [call.arguments, call.result, call.error]


def _stands_in(view: View, wanted: str, texts: list[Content | None]) -> bool:
    return any(wanted in (view.read(told) or "").casefold() for told in texts if told is not None)


def _model_call(call: ModelCallNode, texts: _Texts) -> dict[str, Any]:
    return {
        "name": call.id.partition("/")[2],
        "tool": call.tool,
        "requester": call.requester,
        "status": call.status,
        "started": call.window.started_at_ms,
        "ended": call.window.ended_at_ms,
        "answer": texts.of(call.answer),
    }


def _approval(node: ApprovalNode) -> dict[str, Any]:
    return {
        "id": node.id.partition("/")[2],
        "prompt": node.prompt,
        "verdict": node.verdict,
        "by": node.by,
        "reason": node.reason,
        "asked": node.window.started_at_ms,
        "decided": node.window.ended_at_ms,
    }
