"""The page's server: files, and JSON for whoever has the token. It listens on this machine only.

The page is loaded without a token, since a browser sends no fragment; everything that it shows is asked for with one. A
page of another site can neither read an answer (no CORS) nor have a request pass (the token, the name of the host and the
origin are checked), and the page itself can load nothing from elsewhere (its Content-Security-Policy).
"""

from __future__ import annotations

import hmac
import mimetypes
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from ...errors import UsageError
from .details import call_details, cell_details, search

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .sources import InspectedSource, Sources

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine under which the page may be asked for: any other one points here by a trick of its DNS."""

WAIT_SECONDS: Final = 15.0
BODY_BYTES: Final = 64 * 1024
WORDS: Final = 200
"""Characters of a search."""


def inspector_app(sources: Sources, token: str) -> ASGIApp:
    """The ASGI application of the page.

    Args:
        sources: what it shows.
        token: what each request for data must bring as bearer token.
    """
    pages = _Answers(sources)
    routes = [
        Route("/", _page),
        Route("/page/{name}", _page),
        Route("/api/sources", pages.sources),
        Route("/api/changes", pages.changes),
        Route("/api/cell", pages.cell),
        Route("/api/call", pages.call),
        Route("/api/search", pages.search),
        Route("/api/state", pages.state),
        Route("/api/act", pages.act, methods=["POST"]),
    ]
    return _Guarded(Starlette(routes=routes, exception_handlers={UsageError: _refused}), token)


class _Guarded:
    """Lets in what names this machine, comes from the page itself, and has the token where there is data."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        name, _, port = host.rpartition(":")
        own_port = str(scope["server"][1])
        if name not in NAMES or port != own_port:
            return _json({"error": f"this page is not at {host!r}"}, 403)
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1") != f"http://{host}":
            return _json({"error": "another site asks"}, 403)
        if scope["path"].startswith("/api/"):
            given = headers.get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                return _json(
                    {"error": "the token in the address of this page is missing or old"}, 401
                )
        return None


class _Answers:
    """JSON for the page."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def sources(self, _: Request) -> Response:
        return _json({"sources": await self._sources.all()})

    async def changes(self, request: Request) -> Response:
        source = self._source(request)
        after = _number(request, "after")
        wait_ms = _number(request, "wait_ms")
        await source.refresh(after, min(wait_ms / 1000, WAIT_SECONDS))
        found = await source.read(lambda view: view.changes(after))
        return _json({**found, "can_act": source.can_act})

    async def cell(self, request: Request) -> Response:
        session, cell = _named(request, "session", "cell")
        give = partial(cell_details, session=session, cell_id=cell)
        return _found(await self._source(request).read(give))

    async def call(self, request: Request) -> Response:
        session, cell, call = _named(request, "session", "cell", "call")
        give = partial(call_details, session=session, cell_id=cell, call_id=call)
        return _found(await self._source(request).read(give))

    async def search(self, request: Request) -> Response:
        [words] = _named(request, "q")
        if not 0 < len(words) <= WORDS:
            raise UsageError(f"search for 1 to {WORDS} characters, not {len(words)}")
        return _json(await self._source(request).read(partial(search, words=words)))

    async def state(self, request: Request) -> Response:
        return _json(await self._source(request).state())

    async def act(self, request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES:
                raise UsageError("this is too much")
        try:
            question = msgspec.json.decode(body, type=dict[str, str])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise UsageError(f"this is nothing to do: {error}") from error
        if question.get("ask") not in ("terminate", "approve", "refuse"):
            raise UsageError(f"{question.get('ask')!r} cannot be done from here")
        return _json({"done": await self._source(request).act(question)})

    def _source(self, request: Request) -> InspectedSource:
        return self._sources.find(request.query_params.get("source", ""))


@cache
def _files() -> dict[str, bytes]:
    """The files of the page, by their names: nothing else can be asked for."""
    folder = files("codemode.trace.inspector") / "page"
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


async def _page(request: Request) -> Response:
    name = request.path_params.get("name", "index.html")
    content = _files().get(name)
    if content is None:
        return _json({"error": f"there is no file {name!r}"}, 404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(content, media_type=kind, headers=HEADERS)


def _json(value: object, status: int = 200) -> Response:
    content = msgspec.json.encode(value)
    return Response(content, status, media_type="application/json", headers=HEADERS)


def _found(value: dict[str, Any] | None) -> Response:
    return _json({"error": "nothing is known of it"}, 404) if value is None else _json(value)


async def _refused(_: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 400)


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise UsageError(f"{name} is a number, not {text[:20]!r}")
    return int(text)


def _named(request: Request, *names: str) -> list[str]:
    return [request.query_params.get(name, "") for name in names]
