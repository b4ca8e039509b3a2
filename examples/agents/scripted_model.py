"""A model that follows a script, on this machine: what agents call with `--scripted` in place of a vendor's model.

It speaks what the vendors speak, streamed or not: the Responses, Chat Completions and Messages APIs and Gemini's.

    with ScriptedModel("text(1 + 1)", Say("It is two.")) as model:
        client = AsyncOpenAI(base_url=model.url + "/v1", api_key="none")
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Say:
    """The model answers with a text."""

    text: str


@dataclass(frozen=True)
class Wait:
    """The model waits for the cell that the last result has named."""

    terminate: bool = False


class ScriptedModel:
    """Answers with these turns, one a request: a program is a call of `exec`, `Say` ends the run.

    Attributes:
        requests: the bodies that it was sent.
        headers: the headers of each.
    """

    def __init__(self, *turns: str | Say | Wait) -> None:
        self.requests: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self._turns = list(turns)
        self._lock = threading.Lock()
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                model._post(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ScriptedModel:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        with self._lock:
            self.requests.append(body)
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
            number = len(self.requests)
            turn = self._turns[number - 1] if number <= len(self._turns) else Say("done")
        if isinstance(turn, Wait):
            [*_, cell] = re.findall(r"running with cell ID (\w+)", json.dumps(body))
            call: Any = ("wait", {"cell_id": cell, "terminate": turn.terminate})
        else:
            call = ("exec", {"code": turn}) if isinstance(turn, str) else turn
        path = handler.path.partition("?")[0]
        streamed = bool(body.get("stream")) or path.endswith(":streamGenerateContent")
        events = _wire(path)(call, body, number)
        if streamed:
            chunks = [f"{name}data: {json.dumps(data)}\n\n" for name, data in _named(events)]
            sent, kind = "".join(chunks).encode(), "text/event-stream"
        else:
            sent, kind = json.dumps(events[-1]["whole"]).encode(), "application/json"
        handler.send_response(200)
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(sent)))
        handler.end_headers()
        handler.wfile.write(sent)


def _named(events: list[Any]) -> Iterator[tuple[str, Any]]:
    for event in events[:-1]:
        named = isinstance(event, dict) and "type" in event
        yield (f"event: {event['type']}\n" if named else ""), event


def _wire(path: str) -> Callable[[Any, Any, int], list[Any]]:
    """How the interface at this path answers: the events of a stream, and the whole answer last."""
    if path.endswith("/responses"):
        return _responses
    if path.endswith("/messages"):
        return _messages
    if "GenerateContent" in path or "generateContent" in path:
        return _gemini
    return _chat


def _responses(call: Any, body: Any, number: int) -> list[Any]:
    raw = any(
        tool["type"] == "custom" for tool in body.get("tools", ()) if tool.get("name") == "exec"
    )
    item: dict[str, Any]
    if isinstance(call, Say):
        part = {"type": "output_text", "text": call.text, "annotations": []}
        item = {
            "type": "message",
            "id": f"m{number}",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
    elif raw and call[0] == "exec":
        item = {
            "type": "custom_tool_call",
            "id": f"c{number}",
            "call_id": f"call_{number}",
            "name": "exec",
        }
        item["input"] = call[1]["code"]
    else:
        item = {
            "type": "function_call",
            "id": f"f{number}",
            "call_id": f"call_{number}",
            "name": call[0],
        }
        item |= {"arguments": json.dumps(call[1]), "status": "completed"}
    details = {
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2, **details}
    whole = {
        "id": f"resp_{number}", "object": "response", "created_at": 1, "status": "completed", "model": "scripted",
        "output": [item], "parallel_tool_calls": False, "tool_choice": "auto", "tools": [], "usage": usage,
    }  # fmt: skip
    events: list[Any] = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}}
    ]
    events.append({"type": "response.output_item.added", "output_index": 0, "item": item})
    if isinstance(call, Say):
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        empty = {"type": "output_text", "text": "", "annotations": []}
        events.append({"type": "response.content_part.added", **place, "part": empty})
        events.append(
            {"type": "response.output_text.delta", **place, "delta": call.text, "logprobs": []}
        )
    events.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    events.append({"type": "response.completed", "response": whole})
    return [
        *({**event, "sequence_number": at} for at, event in enumerate(events)),
        {"whole": whole},
    ]


def _chat(call: Any, body: Any, number: int) -> list[Any]:
    del body
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if isinstance(call, Say):
        message["content"] = call.text
    else:
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        message["tool_calls"] = [
            {"index": 0, "id": f"call_{number}", "type": "function", "function": function}
        ]
    head = {"id": f"chat_{number}", "created": 1, "model": "scripted"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    end = "stop" if isinstance(call, Say) else "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": end}
    delta = {"index": 0, "delta": message, "finish_reason": None}
    last = {"index": 0, "delta": {}, "finish_reason": end}
    chunk = {**head, "object": "chat.completion.chunk"}
    whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    return [
        {**chunk, "choices": [delta]},
        {**chunk, "choices": [last], "usage": usage},
        {"whole": whole},
    ]


def _messages(call: Any, body: Any, number: int) -> list[Any]:
    del body
    block: dict[str, Any]
    if isinstance(call, Say):
        block = {"type": "text", "text": call.text}
        empty: dict[str, Any] = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": call.text}
    else:
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": call[0], "input": call[1]}
        empty = {**block, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
    reason = "end_turn" if isinstance(call, Say) else "tool_use"
    whole = {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": "scripted", "content": [block],
        "stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    return [
        {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": 1},
        },
        {"type": "message_stop"},
        {"whole": whole},
    ]


def _gemini(call: Any, body: Any, number: int) -> list[Any]:
    del body
    if isinstance(call, Say):
        part: dict[str, Any] = {"text": call.text}
    else:
        part = {"functionCall": {"id": f"call_{number}", "name": call[0], "args": call[1]}}
    content = {"role": "model", "parts": [part]}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    whole = {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": usage,
    }
    return [whole, {"whole": whole}]
