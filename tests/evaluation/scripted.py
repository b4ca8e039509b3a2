"""Endpoints of three interfaces on loopback, which say what a script tells them to."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]


class Scripted:
    """An endpoint, from ``with`` to the end of the block; keeps what it was sent."""

    def __init__(self, answers: Sequence[Json | int]) -> None:
        """Take the answers in order; a number is a status that refuses."""
        self.requests: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self._answers = list(answers)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        scripted = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["content-length"])
                scripted.requests.append(json.loads(self.rfile.read(size)))
                scripted.headers.append({k.lower(): v for k, v in self.headers.items()})
                answer = scripted._answers.pop(0)
                status = answer if isinstance(answer, int) else 200
                body = b"refused" if isinstance(answer, int) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def responses(*items: Json) -> Json:
    usage = {"input_tokens": 10, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 4}}
    return {"output": list(items), "usage": usage}


def chat(message: Json) -> Json:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    return {"choices": [{"message": {"role": "assistant", **message}}], "usage": usage}


def messages(*blocks: Json) -> Json:
    usage = {"input_tokens": 6, "cache_read_input_tokens": 4, "output_tokens": 3}
    return {"content": list(blocks), "usage": usage}


def calling(api: str, number: str, code: str) -> Json:
    """An answer that calls ``exec``."""
    if api == "responses":
        item = {"type": "custom_tool_call", "call_id": number, "name": "exec", "input": code}
        return responses(item)
    if api == "chat":
        function = {"name": "exec", "arguments": json.dumps({"code": code})}
        return chat({"content": None, "tool_calls": [{"id": number, "function": function}]})
    return messages({"type": "tool_use", "id": number, "name": "exec", "input": {"code": code}})


def saying(api: str, text: str) -> Json:
    """An answer that ends the conversation."""
    if api == "responses":
        return responses({"type": "message", "content": [{"type": "output_text", "text": text}]})
    return chat({"content": text}) if api == "chat" else messages({"type": "text", "text": text})
