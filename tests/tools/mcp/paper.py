"""A server behind a URL on paper: it answers a call with the very response that the call asks for."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

TOKEN = "Bearer hunter2-hunter2-hunter2"
JSON = "application/json"
EVENTS = "text/event-stream"


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The URL of a server of this app."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        await running
        listening.close()


class Paper:
    """An ASGI app: the tool ``fine`` has a result, the tool ``says`` gives the response in its arguments.

    Args:
        refusal: how a request in a session that it does not know is refused: a status, a content
            type and a body, in which ``$ID`` stands for the request's id.
        pings: whether it answers a ping, whatever the session.
    """

    def __init__(
        self, refusal: tuple[int, str, str] = (404, JSON, ""), *, pings: bool = False
    ) -> None:
        self.sessions = 0
        self.first = 1
        """The first session that is known: those before it are forgotten."""
        self.requests: list[str] = []
        self._refusal = refusal
        self._pings = pings

    def forget(self) -> None:
        """Know no session any more."""
        self.first = self.sessions + 1

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while (part := await receive()).get("more_body"):
            body += part["body"]
        body += part.get("body", b"")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if headers.get("authorization") != TOKEN:
            await self._send(
                send, 401, {"content-type": JSON}, '{"error_description": "sign in first"}'
            )
        elif scope["method"] == "DELETE":
            await self._send(send, 200)
        elif scope["method"] != "POST":
            await self._send(send, 405)
        else:
            await self._post(send, headers, json.loads(body))

    async def _post(self, send: Any, headers: dict[str, str], said: Any) -> None:
        method = said.get("method", "")
        self.requests.append(method)
        session = int(headers.get("mcp-session-id", "0"))
        is_known = session >= self.first or method == "initialize"
        if "id" not in said:
            await self._send(send, 202)
        elif not is_known and not (method == "ping" and self._pings):
            status, kind, text = self._refusal
            text = text.replace("$ID", json.dumps(said["id"]))
            await self._send(send, status, {"content-type": kind}, text)
        elif method == "tools/call" and said["params"]["name"] == "says":
            await self._say(send, said)
        else:
            answer = {"jsonrpc": "2.0", "id": said["id"], "result": self._result(method)}
            more = {"mcp-session-id": str(self.sessions)} if method == "initialize" else {}
            await self._send(send, 200, {"content-type": JSON, **more}, json.dumps(answer))

    def _result(self, method: str) -> Any:
        if method == "initialize":
            self.sessions += 1
            about = {"serverInfo": {"name": "paper", "version": "1"}}
            return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, **about}
        if method == "tools/list":
            return {"tools": [{"name": n, "inputSchema": {}} for n in ("fine", "says")]}
        return {"content": []} if method == "tools/call" else {}

    async def _say(self, send: Any, said: Any) -> None:
        wanted = said["params"]["arguments"]
        request = json.dumps(said["id"]).encode()
        parts = wanted["parts"] if "parts" in wanted else [wanted.get("body", "")]
        encoded = [part.encode("latin-1").replace(b"$ID", request) for part in parts]
        if wanted.get("pack"):
            import gzip

            encoded = [gzip.compress(b"".join(encoded))]
        headers = wanted.get("headers", {"content-type": JSON})
        await self._send(send, wanted.get("status", 200), headers, *encoded)

    async def _send(
        self, send: Any, status: int, headers: dict[str, str] | None = None, *parts: str | bytes
    ) -> None:
        named = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        await send({"type": "http.response.start", "status": status, "headers": named})
        for part in parts:
            body = part.encode() if isinstance(part, str) else part
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body"})
