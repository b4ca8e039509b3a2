"""Our events as rollout traces of Codex, which its own ``codex debug trace-reduce`` reads: one for each session.

Their reducer knows a cell by the item in a model's response that called ``exec``, and the model's reading of a result by
the item in its next request. An application seldom records its inferences, so each call of the model is given one of its
own, whose request holds the answers since the one before. What an application did record (its model's name and usage) is
taken over.

What their format has no place for is left out: notifications, stored values, limits, approvals, places in the source.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from . import events as e
from .codex_bundle import CodexBundle, CodexSchema
from .codex_items import ITEM_FIELDS, ITEM_TYPES, json_value, nested_name, output_items
from .model_items import call_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from .events import Content, TraceEvent

PREVIEW: Final = 160
TURN: Final = "turn-1"

_CALL_STATUS: Final = {
    "ok": "completed",
    "failed": "failed",
    "refused": "failed",
    "cancelled": "cancelled",
}


def export_codex(
    events: Iterable[TraceEvent],
    read: Callable[[Content | None], str | None],
    folder: Path,
    schema: CodexSchema,
) -> list[Path]:
    """Write each session as a bundle in ``folder``; their folders, in the order of the sessions.

    Args:
        events: of a recording, in order.
        read: gives the text of a content.
        folder: where the bundles are made.
        schema: 2 or 3.

    Raises:
        OSError: a bundle is there already, or cannot be written.
        UsageError: schema 3 needs the extra ``trace``.
    """
    sessions: dict[str, CodexSession] = {}
    paths: list[Path] = []
    try:
        for event in events:
            session = sessions.get(event.session)
            if session is None:
                path = folder / _folder_name(event.session, {each.name for each in paths})
                bundle = CodexBundle(path, schema, event.session, event.at_ms)
                session = sessions[event.session] = CodexSession(bundle, read, event.at_ms)
                paths.append(path)
            session.take(event)
    finally:
        for session in sessions.values():
            session.close()
    return paths


def _folder_name(session: str, taken: set[str]) -> str:
    """A name for the bundle of a session; a recording may have been made by anybody, and name it a path."""
    name = found = "trace-" + re.sub(r"[^A-Za-z0-9._-]", "_", session[:100])
    number = 1
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


class CodexSession:
    """One session, as it becomes a bundle.

    Args:
        bundle: takes it; closed with this.
        read: gives the text of a content.
        at_ms: when it begins.
    """

    def __init__(
        self, bundle: CodexBundle, read: Callable[[Content | None], str | None], at_ms: float
    ) -> None:
        self._bundle = bundle
        self._read = read
        self._at_ms = at_ms
        self._items: list[dict[str, Any]] = []  # answers that no request has told the model of
        self._responses: dict[str, e.ModelResponseEvent] = {}  # by call
        self._exec_calls: dict[str, e.ModelCallStartedEvent] = {}  # whose cell has not started
        self._open_calls: dict[str, str] = {}  # the model's calls without an answer, and their tool
        self._cells: dict[
            str, list[dict[str, Any]]
        ] = {}  # live: what was written since it was told
        self._told: set[str] = set()  # cells whose first response was told
        self._running: dict[str, str] = {}  # nested calls, and their cell
        self._inferences = 0
        begun = {"trace_id": f"trace-{bundle.rollout}", "root_thread_id": bundle.rollout}
        bundle.event(at_ms, {"type": "rollout_started", **begun})
        thread = {"thread_id": bundle.rollout, "agent_path": "/root"}
        payload = bundle.payload("session_metadata", {**thread, "model": "unknown"})
        bundle.event(at_ms, {"type": "thread_started", **thread, "metadata_payload": payload})
        turn = {"codex_turn_id": TURN, "thread_id": bundle.rollout}
        bundle.event(at_ms, {"type": "codex_turn_started", **turn}, turn=TURN)

    def take(self, event: TraceEvent) -> None:
        """Write what an event is in their terms; some are nothing."""
        self._at_ms = event.at_ms
        take = _TAKE.get(type(event))
        if take is not None:
            take(self, event)

    def close(self) -> None:
        """Write the end, complete or not, and close the bundle."""
        self._bundle.close()

    def _write(self, name: str, /, **fields: Any) -> None:
        self._bundle.event(self._at_ms, {"type": name, **fields}, turn=TURN)

    # ── the model ────────────────────────────────────────────────────────────────────────────

    def _model_response(self, event: e.ModelResponseEvent) -> None:
        for call_id in call_ids(self._read(event.items)):
            self._responses[call_id] = event

    def _model_call_started(self, event: e.ModelCallStartedEvent) -> None:
        if event.model_call in self._open_calls:
            return  # an id used for two calls: their reducer takes it for one, and so does this
        self._open_calls[event.model_call] = event.tool
        if event.tool == "exec":
            self._exec_calls[event.model_call] = event
            return
        arguments = {"cell_id": event.cell_id, **({"terminate": True} if event.terminate else {})}
        text = json.dumps(arguments)
        item = {"type": "function_call", "name": event.tool, "arguments": text}
        self._called(event.model_call, event.tool, item, {"type": "function", "arguments": text})
        if self._bundle.schema == 3 and event.cell_id:
            self._write(
                "code_cell_wait_target_resolved",
                tool_call_id=event.model_call,
                runtime_cell_id=event.cell_id,
            )

    def _exec_called(self, call_id: str, source: str) -> None:
        """The model's call of exec, once it is known what it ran."""
        if self._exec_calls.pop(call_id, None) is None:
            self._open_calls[call_id] = "exec"  # its start is missing
        item = {"type": "custom_tool_call", "name": "exec", "input": source}
        self._called(call_id, "exec", item, {"type": "custom", "input": source})

    def _called(
        self, call_id: str, tool: str, item: dict[str, Any], invocation: dict[str, Any]
    ) -> None:
        """An inference whose response is this call, and the call."""
        self._inferred([{**item, "id": f"item-{call_id}", "call_id": call_id}], call_id)
        self._call_started(
            call_id,
            tool,
            invocation.get("input") or invocation.get("arguments") or "",
            {"model_visible_call_id": call_id, "code_mode_runtime_tool_id": None},
            {"type": "model"},
            {"tool_name": tool, "tool_namespace": None, "payload": invocation},
        )

    def _inferred(self, items: list[dict[str, Any]], call_id: str) -> None:
        told = self._responses.get(call_id)
        name = self._inference_started("unknown" if told is None else told.model)
        usage = {} if told is None else told.usage
        tokens = ("input", "cached_input", "cache_write_input", "output", "reasoning_output")
        response_id = name if told is None else told.response
        response = {
            "response_id": response_id,
            "upstream_request_id": None,
            "token_usage": {
                **{f"{each}_tokens": int(usage.get(f"{each}_tokens", 0)) for each in tokens},
                "total_tokens": int(sum(usage.values())),
            },
            "output_items": items,
        }
        self._write(
            "inference_completed",
            inference_call_id=name,
            response_id=response_id,
            upstream_request_id=None,
            response_payload=self._bundle.payload("inference_response", response),
        )
        for item in items:
            self._write("history_item_accepted", item_id=item["id"])

    def _inference_started(self, model: str) -> str:
        """The model is asked, with the answers that it has not read; the name of the inference."""
        self._inferences += 1
        name = f"inference-{self._inferences}"
        bundle = self._bundle
        request = {"input": self._items}
        fields = {"request_payload": bundle.payload("inference_request", request)}
        if bundle.schema == 3:  # the prompt again, as what stands between its items
            parts = [bundle.payload("model_item", item) for item in self._items]
            between = [","] * (len(parts) - 1)
            prompt = ['{"input":[', *between, "]}"] if parts else ['{"input":[]}']
            prepared = bundle.payload("prepared_prompt", prompt)
            fields["prepared_prompt_payload"] = {**prepared, "parts": parts}
        self._items = []
        self._write(
            "inference_started",
            inference_call_id=name,
            thread_id=bundle.rollout,
            codex_turn_id=TURN,
            model=model,
            provider_name="codemode",
            **fields,
        )
        return name

    def _model_call_ended(self, event: e.ModelCallEndedEvent) -> None:
        call_id = event.model_call
        if call_id in self._exec_calls:  # no cell was admitted
            self._exec_called(call_id, "")
        tool = self._open_calls.pop(call_id, None)
        if tool is None:
            return
        is_failed = event.status in ("failed", "refused")
        self._answered(call_id, tool, "failed" if is_failed else "completed", event.answer)

    def _answered(self, call_id: str, tool: str, status: str, answer: Content | None) -> None:
        kind = "custom_tool_call_output" if tool == "exec" else "function_call_output"
        output = {"type": kind, "call_id": call_id, "output": output_items(self._read(answer))}
        result = {"type": "direct_response", "response_item": output}
        self._call_ended_as(call_id, status, result)
        item = {**output, "id": f"output-{call_id}"}
        self._items.append(item)
        fields: dict[str, Any] = {"item_id": item["id"]}
        if self._bundle.schema == 3:
            fields["tool_output_payload"] = self._bundle.payload("protocol_event", item)
        self._write("history_item_accepted", **fields)

    # ── cells ────────────────────────────────────────────────────────────────────────────────

    def _cell_started(self, event: e.CellStartedEvent) -> None:
        source = self._read(event.source) or ""
        self._exec_called(event.model_call, source)
        self._cells[event.cell_id] = []
        self._write(
            "code_cell_started",
            runtime_cell_id=event.cell_id,
            model_visible_call_id=event.model_call,
            source_js=source,
        )

    def _cell_output(self, event: e.CellOutputEvent) -> None:
        written = self._cells.get(event.cell_id)
        if written is not None:
            text = self._read(event.item) or ""
            kind = event.kind
            written.append({"type": ITEM_TYPES[kind], ITEM_FIELDS[kind]: text})

    def _cell_responded(self, event: e.CellRespondedEvent) -> None:
        if event.cell_id not in self._cells:
            return
        if event.status == "yielded" or event.cell_id not in self._told:
            self._first_response(event.cell_id, event.status, "")

    def _first_response(self, cell_id: str, status: str, error: str) -> None:
        """Their format has a place for the first response of a cell, and for its last."""
        response = self._response(cell_id, status, error)
        if status == "yielded":
            self._cells[cell_id] = []
        if cell_id in self._told:
            return
        self._told.add(cell_id)
        self._write(
            "code_cell_initial_response",
            runtime_cell_id=cell_id,
            status=status,
            response_payload=self._bundle.payload("tool_result", response),
        )

    def _cell_ended(self, event: e.CellEndedEvent) -> None:
        self._end_cell(event.cell_id, event.status, self._read(event.error) or "")

    def _end_cell(self, cell_id: str, status: str, error: str) -> None:
        if cell_id not in self._cells:
            return
        if cell_id not in self._told:
            self._first_response(cell_id, status, error)
        for call, cell in list(self._running.items()):
            if cell == cell_id:  # their reducer would leave it running for ever
                self._end_call(call, "cancelled", {"type": "error", "error": "its cell ended"})
        response = self._response(cell_id, status, error)
        self._write(
            "code_cell_ended",
            runtime_cell_id=cell_id,
            status=status,
            response_payload=self._bundle.payload("tool_result", response),
        )
        del self._cells[cell_id]

    def _response(self, cell_id: str, status: str, error: str) -> dict[str, Any]:
        fields: dict[str, Any] = {"cell_id": cell_id, "content_items": self._cells[cell_id]}
        fields["code_mode_host_duration"] = {"secs": 0, "nanos": 0}
        name = {"yielded": "Yielded", "terminated": "Terminated"}.get(status, "Result")
        if name == "Result":
            fields["error_text"] = error or None
        return {"response": {name: fields}}

    # ── nested calls ─────────────────────────────────────────────────────────────────────────

    def _call_requested(self, event: e.CallRequestedEvent) -> None:
        if event.cell_id not in self._cells:
            return  # its cell has no start, or has ended: they have no place for it
        name = nested_name(event.cell_id, event.call)
        self._running[name] = event.cell_id
        arguments = self._read(event.arguments) or ""
        payload = {"type": "function", "arguments": arguments}
        self._call_started(
            name,
            event.tool,
            arguments,
            {"model_visible_call_id": None, "code_mode_runtime_tool_id": event.call},
            {"type": "code_cell", "runtime_cell_id": event.cell_id},
            {"tool_name": event.tool, "tool_namespace": None, "payload": payload},
        )

    def _call_ended(self, event: e.CallEndedEvent) -> None:
        error, result = self._read(event.error), self._read(event.result)
        told: dict[str, Any] = {"type": "code_mode_response", "value": json_value(result)}
        if event.outcome != "ok":
            told = {"type": "error", "error": error or event.outcome}
        self._end_call(nested_name(event.cell_id, event.call), _CALL_STATUS[event.outcome], told)

    def _end_call(self, name: str, status: str, result: dict[str, Any]) -> None:
        if self._running.pop(name, None) is not None:
            self._call_ended_as(name, status, result)

    def _call_started(
        self,
        name: str,
        tool: str,
        text: str,
        ids: dict[str, Any],
        requester: dict[str, Any],
        invocation: dict[str, Any],
    ) -> None:
        self._write(
            "tool_call_started",
            tool_call_id=name,
            **ids,
            requester=requester,
            kind={"type": "other", "name": tool},
            summary={
                "type": "generic",
                "label": tool,
                "input_preview": text[:PREVIEW],
                "output_preview": None,
            },
            invocation_payload=self._bundle.payload("tool_invocation", invocation),
        )

    def _call_ended_as(self, name: str, status: str, result: dict[str, Any]) -> None:
        self._write(
            "tool_call_ended",
            tool_call_id=name,
            status=status,
            result_payload=self._bundle.payload("tool_result", result),
        )

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    def _session_closed(self, _: e.SessionClosedEvent) -> None:
        for cell_id in list(self._cells):
            self._end_cell(cell_id, "terminated", "")
        for call_id, tool in list(self._open_calls.items()):
            if call_id in self._exec_calls:
                self._exec_called(call_id, "")
            self._answered(call_id, tool, "cancelled", None)
        self._open_calls.clear()
        # The model's reading of the last answers is an item of a request: one that gets no response.
        name = self._inference_started("unknown")
        self._write("inference_cancelled", inference_call_id=name, reason="the session was closed")
        self._write("codex_turn_ended", codex_turn_id=TURN, status="completed")
        thread = {"thread_id": self._bundle.rollout, "status": "completed"}
        self._bundle.event(self._at_ms, {"type": "thread_ended", **thread})
        self._bundle.event(self._at_ms, {"type": "rollout_ended", "status": "completed"})
        self._bundle.event(self._at_ms, {"type": "recording_completed"})


_TAKE: Final[dict[type, Callable[[CodexSession, Any], None]]] = {
    e.ModelResponseEvent: CodexSession._model_response,
    e.ModelCallStartedEvent: CodexSession._model_call_started,
    e.ModelCallEndedEvent: CodexSession._model_call_ended,
    e.CellStartedEvent: CodexSession._cell_started,
    e.CellOutputEvent: CodexSession._cell_output,
    e.CellRespondedEvent: CodexSession._cell_responded,
    e.CellEndedEvent: CodexSession._cell_ended,
    e.CallRequestedEvent: CodexSession._call_requested,
    e.CallEndedEvent: CodexSession._call_ended,
    e.SessionClosedEvent: CodexSession._session_closed,
}
