"""A model that says what a script tells it to: a Responses API on loopback.

Each request of a conversation is answered with the next item of the script, as a stream of
events; after the last one the model says that it is done. What the client sent is kept.
"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

Json: TypeAlias = dict[str, Any]

MAX_REQUESTS: Final = 30
"""A client that asks more often than this is going round in circles."""

_USAGE: Final[Json] = {
    "input_tokens": 0,
    "input_tokens_details": None,
    "output_tokens": 0,
    "output_tokens_details": None,
    "total_tokens": 0,
}

DONE: Final[Json] = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "done"}],
}


class ScriptedModel:
    """The server, from ``with`` to the end of the block."""

    def __init__(self, script: Sequence[Json]) -> None:
        """Take the items that the model puts out, one for each request."""
        self.requests: list[Json] = []
        self._script = tuple(script)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

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

    def _answer(self, request: Json) -> bytes:
        """Keep a request and return the stream that answers it."""
        number = len(self.requests)
        self.requests.append(request)
        item = self._script[number] if number < len(self._script) else DONE
        response = {"id": f"response-{number}"}
        events = [
            {"type": "response.created", "response": response},
            {"type": "response.output_item.done", "item": item},
            {"type": "response.completed", "response": {**response, "usage": _USAGE}},
        ]
        stream = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
        return stream.encode()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        model = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(HTTPStatus.NOT_FOUND, "text/plain", b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if not self.path.endswith("/responses") or len(model.requests) >= MAX_REQUESTS:
                    self._send(HTTPStatus.NOT_FOUND, "text/plain", b"")
                    return
                stream = model._answer(json.loads(body))
                self._send(HTTPStatus.OK, "text/event-stream", stream)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
