"""Servers behind a URL: forgotten sessions, statuses, and bodies of all kinds that servers send."""

import json
from typing import Any

import pytest
from mcp.client import streamable_http
from mcp_types import jsonrpc_message_adapter

from codemode.errors import ToolError
from codemode.tools.mcp import HttpServer

from .conftest import Stage
from .paper import EVENTS, JSON, TOKEN, Paper, served

AGAIN = "\nHint: the next call starts it again; find out first whether this one had its effect."
NO_SESSION = '{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":"No valid session ID"}}'
PLAIN = {"content": [{"type": "text", "text": "ok ü 日本"}]}
WIRE = json.dumps(PLAIN, ensure_ascii=False).encode().decode("latin-1")
ANSWER = f'{{"jsonrpc":"2.0","id":$ID,"result":{WIRE}}}'
"""As the bytes that go over the wire."""


async def start(stage: Stage, url: str, **options: Any) -> None:
    await stage.start({"paper": HttpServer(url, {"Authorization": TOKEN}, **options)})


async def says(stage: Stage, **response: Any) -> str:
    """The error of a call that is answered with ``response``."""
    with pytest.raises(ToolError) as caught:
        await stage.call("says", "paper", **response)
    return str(caught.value)


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ((404, JSON, NO_SESSION % "null"), "HTTP 404 Not Found: No valid session ID"),
        ((404, "text/plain", "Session gone"), "HTTP 404 Not Found: Session gone"),
        ((404, JSON, ""), "HTTP 404 Not Found"),
        ((404, JSON, NO_SESSION % "$ID"), "HTTP 404 Not Found: No valid session ID"),
        ((400, JSON, NO_SESSION % "null"), "HTTP 400 Bad Request: No valid session ID"),
        ((400, JSON, NO_SESSION % '"server-error"'), "HTTP 400 Bad Request: No valid session ID"),
        ((400, "text/html", "<h1>No <b>session</b></h1>"), "HTTP 400 Bad Request: No session"),
        ((400, JSON, ""), "HTTP 400 Bad Request"),
        ((401, "text/plain", "who are you?"), "HTTP 401 Unauthorized: who are you?"),
        ((410, JSON, ""), "HTTP 410 Gone"),
    ],
)
async def test_of_a_session_that_is_forgotten_one_call_fails_and_the_next_works(
    stage: Stage, refusal: tuple[int, str, str], told: str
) -> None:
    app = Paper(refusal)
    async with served(app) as url:
        await start(stage, url)
        assert await stage.call("fine", "paper") == {"content": []}
        app.forget()

        with pytest.raises(ToolError) as caught:
            await stage.call("fine", "paper")
        assert await stage.call("fine", "paper") == {"content": []}

    assert str(caught.value) == (
        f"MCP server `paper` was lost while `fine` ran: it refused the session with {told}"
        "\nHint: the next call begins another; find out first whether this one had its effect."
    )
    assert app.sessions == 2
    assert [each.state for each in stage.states] == [
        *("starting", "ready", "lost", "starting", "ready"),
    ]


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (
            {"status": 400, "body": NO_SESSION % "$ID"},
            "answered `says` with HTTP 400 Bad Request: No valid session ID",
        ),
        (
            {"status": 401, "body": "who are you?"},
            "answered `says` with HTTP 401 Unauthorized: who are you?"
            "\nHint: go on without it; the application's credentials do not do.",
        ),
        (
            {"status": 429, "headers": {"retry-after": "3"}, "body": '{"message": "slow down"}'},
            "answered `says` with HTTP 429 Too Many Requests (Retry-After: 3): slow down"
            "\nHint: it asks to wait first (Retry-After: 3).",
        ),
        (
            {"status": 502, "body": "<html><style>b {}</style><h1>Bad\n Gateway</h1></html>"},
            "answered `says` with HTTP 502 Bad Gateway: Bad Gateway"
            "\nHint: try it again later; find out first whether this one had its effect.",
        ),
        (
            {"status": 503},
            "answered `says` with HTTP 503 Service Unavailable"
            "\nHint: try it again later; find out first whether this one had its effect.",
        ),
        (
            {"status": 409, "body": '{"jsonrpc":"2.0","id":$ID,"error":{"code":1,"message":"no",'
             '"data":{"field":"city"}}}'},
            "answered `says` with HTTP 409 Conflict: no"
            '\n  data: {"field": "city"}',
        ),
        ({"status": 202}, "answered `says` with HTTP 202 Accepted: it sends no answer"),
        ({"status": 204}, "answered `says` with HTTP 204 No Content: it sends no answer"),
        (
            {"headers": {"content-type": "text/html"}, "body": "<p>Sign in</p>"},
            "answered `says` with HTTP 200 OK: no message of MCP but: Sign in",
        ),
        ({}, "answered `says` with HTTP 200 OK: an empty body"),
        (
            {"body": '{"jsonrpc":"2.0","id":$ID,"error":{"code":-32000,"message":"full"}}'},
            "refused `says`: full",
        ),
        (
            {"body": '{"jsonrpc":"2.0","id":$ID,"error":{"code":-32099,"message":"a\\nHint: b\\u001b[1m"}}'},
            "refused `says`: a\n  Hint: b",
        ),
        (
            {"body": f'{{"jsonrpc":"2.0","id":$ID,"error":{{"code":1,"message":"got {TOKEN}"}}}}'},
            "refused `says`: got ***",
        ),
        (
            {"body": '{"jsonrpc":"2.0","id":$ID,"error":"out of order"}'},
            "refused `says`: out of order",
        ),
        (
            {"body": '{"jsonrpc":"2.0","id":$ID,"error":{"code":"E_FULL"}}'},
            "refused `says`: it does not say why",
        ),
        (
            {"body": '{"jsonrpc":"2.0","id":$ID}'},
            "gave no result for `says`: its answer has neither result nor error",
        ),
        (
            {"body": '{"jsonrpc":"2.0","id":$ID,"result":[1]}'},
            "gave no result for `says`: its answer is no object",
        ),
        (
            {"headers": {"content-type": EVENTS}, "body": ": nothing\n\n"},
            "gave no result for `says`: SSE stream ended without a response"
            "\nHint: find out first whether this one had its effect.",
        ),
    ],
)  # fmt: skip
async def test_a_call_that_is_refused_says_how_and_the_session_lives_on(
    stage: Stage, response: dict[str, Any], told: str
) -> None:
    app = Paper()
    async with served(app) as url:
        await start(stage, url)

        assert await says(stage, **response) == f"MCP server `paper` {told}"
        assert await stage.call("fine", "paper") == {"content": []}

    assert app.sessions == 1


EVENT = f"data: {ANSWER}"


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("application/json; charset=iso-8859-1", [ANSWER]),
        ("application/json-rpc", [ANSWER]),
        ("text/plain", [ANSWER]),
        ("", [ANSWER]),
        (JSON, ["\xef\xbb\xbf", ANSWER]),
        (JSON, [f"[{ANSWER}]"]),
        (JSON, [ANSWER.replace("$ID", '"$ID"')]),
        (JSON, [ANSWER.replace("$ID", "$ID.0")]),
        (JSON, [ANSWER.replace("$ID", "null")]),
        (JSON, [ANSWER.replace('"jsonrpc":"2.0",', "")]),
        (JSON, [ANSWER.replace("{", '{"error":null,', 1)]),
        (EVENTS, [f"event: message\r\n{EVENT}\r\n\r\n"]),
        (f"{EVENTS}; charset=utf-16", [EVENT, "\n\n"]),
        (EVENTS, [": it's\r\n\r", f"\n{EVENT}\r\n\r", "\n"]),
        (EVENTS, [f"id: 1\nretry: 500\ndata:\n\nid: 2\n{EVENT}\n\n"]),
        (EVENTS, [f"id: 1\nretry: 500\n\n{EVENT}\n\n"]),
        (EVENTS, [f"event: ping\ndata: 2025-01-01\n\nevent: response\n{EVENT}\n\n"]),
        (EVENTS, [f"\xef\xbb\xbf{EVENT}\n\n"]),
        (EVENTS, [EVENT]),
        (EVENTS, ["data: ", ANSWER.replace(",", ",\ndata:"), "\n\n"]),
        (EVENTS, [f"{EVENT}\n\n".replace("$ID", "null")]),
    ],
)
async def test_a_result_that_is_there_is_read_whatever_stands_around_it(
    stage: Stage, kind: str, parts: list[str]
) -> None:
    async with served(Paper()) as url:
        await start(stage, url)

        headers = {"content-type": kind} if kind else {}
        assert await stage.call("says", "paper", headers=headers, parts=parts) == PLAIN


async def test_an_answer_that_is_packed_unasked_is_read(stage: Stage) -> None:
    async with served(Paper()) as url:
        await start(stage, url)
        packed = {"content-type": JSON, "content-encoding": "gzip"}
        strange = {"content-type": JSON, "content-encoding": "zstd"}
        open_ = {"content-type": JSON, "content-encoding": "Identity"}

        assert await stage.call("says", "paper", headers=packed, body=ANSWER, pack=True) == PLAIN
        assert await stage.call("says", "paper", headers=open_, body=ANSWER) == PLAIN
        assert await says(stage, headers=strange) == (
            "MCP server `paper` was lost while `says` ran: the server packed its answer in a way"
            f" that nobody asked for{AGAIN}"
        )


LISTS = '{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"structuredContent":{"a":[%s[]]}}}'
LARGE = "\nHint: ask it for less at once."


@pytest.mark.parametrize(
    ("kind", "parts", "most"),
    [
        (JSON, [LISTS % ("[]," * 150_000)], "100,000 members"),
        (EVENTS, ["data:", LISTS % ("[]," * 150_000), "\n\n"], "100,000 members"),
        (JSON, [" " * 2**19] * 3, "1 MiB"),
        (EVENTS, ["data: ", *[" " * 2**19] * 3], "1 MiB"),
        (EVENTS, ["data:\n" * 10_001, "\n\n"], "10,000 lines"),
    ],
    ids=["members", "members of an event", "bytes", "bytes of an event", "lines of an event"],
)
async def test_an_answer_that_is_too_large_is_refused_unread_and_the_session_lives_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, kind: str, parts: list[str], most: str
) -> None:
    monkeypatch.setattr("codemode.tools.mcp.bodies.MESSAGE_BYTES", 2**20)
    read: list[int] = []
    real = jsonrpc_message_adapter

    class Reader:
        def validate_json(self, text: str | bytes, **options: Any) -> Any:
            read.append(len(text))
            return real.validate_json(text, **options)

    monkeypatch.setattr(streamable_http, "jsonrpc_message_adapter", Reader())
    app = Paper()
    async with served(app) as url:
        await start(stage, url)

        told = await says(stage, headers={"content-type": kind}, parts=parts)
        small = await stage.call("says", "paper", body=LISTS % ("[]," * 20_000))

    assert told == (
        f"MCP server `paper` gave no result for `says`: its answer has more than {most}{LARGE}"
    )
    assert len(small["structuredContent"]["a"]) == 20_001
    assert max(read) < 1_000
    assert app.sessions == 1


async def test_a_bomb_is_not_unpacked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codemode.tools.mcp.bodies.MESSAGE_BYTES", 2**20)
    async with served(Paper()) as url:
        await start(stage, url)
        headers = {"content-type": JSON, "content-encoding": "gzip"}

        told = await says(stage, headers=headers, parts=[" " * 2**24], pack=True)

    assert (
        told
        == f"MCP server `paper` gave no result for `says`: its answer has more than 1 MiB{LARGE}"
    )


async def test_why_a_server_cannot_be_had_is_told_with_its_status(stage: Stage) -> None:
    async with served(Paper()) as url:
        servers = await stage.start({"paper": HttpServer(url, {"Authorization": "no"})})

    assert servers.unavailable == {"paper": "HTTP 401 Unauthorized: sign in first"}
