"""Over HTTP: many clients, who may be anybody."""

import asyncio
import contextlib
import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx2
import pytest
from mcp_types import TextContent

from codemode.adapters.mcp_server.bodies import BodyBounds
from codemode.adapters.mcp_server.floods import MOST
from codemode.adapters.mcp_server.request_limits import RequestBounds
from codemode.adapters.mcp_server.slow_clients import ConnectionBounds

from .conftest import (
    INTERRUPT,
    TERMINATE,
    Serving,
    cell_of,
    command,
    environment,
    over_http,
    status_of,
    texts,
    there,
)
from .test_serving import holding
from .test_stdio import HELLO

Start: TypeAlias = Callable[..., Serving]

TOKEN = "a-token-that-nobody-guesses"
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
INITIALIZE = json.dumps({"jsonrpc": "2.0", "id": 1, **HELLO})


def post(url: str, body: str | bytes = INITIALIZE, **headers: str | bytes) -> httpx2.Response:
    every = {k: v if isinstance(v, bytes) else v.encode() for k, v in {**ACCEPT, **headers}.items()}
    named = [(name.encode(), value) for name, value in every.items()]
    return httpx2.post(url, content=body, headers=named, timeout=60)


async def test_each_client_has_a_session_of_its_own(shared: Start) -> None:
    url = shared().url
    async with over_http(url) as one, over_http(url) as two:
        await one.call_tool("exec", {"code": "store('a', 1)"})
        other = await two.call_tool("exec", {"code": "text(load('a') === undefined)"})
        own = await one.call_tool("exec", {"code": "text(load('a'))"})
        assert (texts(own), texts(other)) == (["1"], ["true"])


async def test_a_client_that_takes_its_leave_leaves_no_cell(shared: Start, tmp_path: Path) -> None:
    async with over_http(shared().url) as client:
        await client.call_tool("exec", {"code": f"yield_control(); {holding(tmp_path)}"})
        await there(tmp_path / "begun")
        assert not (tmp_path / "ended").exists()
    await there(tmp_path / "ended")


async def test_a_session_that_is_not_used_ends_and_its_client_is_told(
    serving: Start, tmp_path: Path
) -> None:
    # The stream that the client holds open keeps its MCP session.
    async with over_http(serving("--idle-seconds", "0.3").url) as client:
        await client.call_tool(
            "exec", {"code": f"store('a', 1); yield_control(); {holding(tmp_path)}"}
        )
        await there(tmp_path / "ended")
        result = await client.call_tool("exec", {"code": "text(load('a') === undefined)"})
        assert texts(result) == [
            "true",
            "The session was unused for too long and began anew: nothing is stored.",
        ]


# ── the stateless protocol ───────────────────────────────────────────────────────────────────────


async def test_a_stateless_client_names_its_session(shared: Start) -> None:
    async with over_http(shared().url, mode="2026-07-28") as client:
        run, wait = (await client.list_tools()).tools
        assert "session" in run.input_schema["properties"]
        assert "session" in wait.input_schema["properties"]
        first = await client.call_tool("exec", {"code": "store('a', 1); yield_control()"})
        session = texts(first)[-1].split()[2].rstrip(":")
        again = await client.call_tool("exec", {"code": "text(load('a'))", "session": session})
        fresh = await client.call_tool("exec", {"code": "text(load('a') === undefined)"})
        assert (texts(again)[0], texts(fresh)[0]) == ("1", "true")
        wait_for = {"cell_id": "1", "session": session}
        assert "completed" in str((await client.call_tool("wait", wait_for)).content)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("exec", {"code": "1", "session": "guessed"}),
        ("exec", {"code": "1", "session": 1}),
        ("wait", {"cell_id": "1", "session": "guessed"}),
        ("wait", {"cell_id": "1"}),
    ],
)
async def test_a_stateless_client_cannot_have_a_session_that_it_was_not_given(
    shared: Start, tool: str, arguments: dict[str, Any]
) -> None:
    async with over_http(shared().url, mode="2026-07-28") as client:
        result = await client.call_tool(tool, arguments)
        assert (result.is_error, status_of(result)) == (True, "refused")


async def test_a_stateless_client_that_dies_leaves_no_cell(shared: Start, tmp_path: Path) -> None:
    url = shared().url
    async with over_http(url, mode="2026-07-28") as client:
        calling = asyncio.create_task(client.call_tool("exec", {"code": holding(tmp_path)}))
        await there(tmp_path / "begun")
        calling.cancel()
    await there(tmp_path / "ended")


# ── who may come in ──────────────────────────────────────────────────────────────────────────────


async def test_a_client_needs_the_token_and_logs_do_not_tell_it(serving: Start) -> None:
    server = serving(CODEMODE_TOKEN=TOKEN)
    wrong = {
        "none": post(server.url),
        "another": post(server.url, Authorization="Bearer another-token-of-some-length"),
        "no bearer": post(server.url, Authorization=f"Basic {TOKEN}"),
        "strange": post(server.url, Authorization=b"Bearer \xff"),
    }
    assert {name: each.status_code for name, each in wrong.items()} == dict.fromkeys(wrong, 401)
    assert wrong["none"].headers["www-authenticate"] == "Bearer"
    async with over_http(server.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        code = "text(await tools.add({a: 1, b: 1}))"
        assert texts(await client.call_tool("exec", {"code": code})) == ["2"]
    assert server.end(TERMINATE) == 128 + TERMINATE
    assert TOKEN not in server.log and "another-token" not in server.log


def test_the_token_may_stand_in_a_file(serving: Start, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    server = serving("--token-file", str(tmp_path / "token"))
    assert post(server.url).status_code == 401
    assert post(server.url, Authorization=f"bearer {TOKEN}").status_code == 200


def test_only_known_names_and_pages_are_served(serving: Start) -> None:
    url = serving("--allow-host", "mcp.example", "--allow-origin", "https://app.example").url
    statuses = {
        ("Origin", "https://evil.example"): 403,
        ("Origin", "null"): 403,
        ("Host", "evil.example"): 421,
        ("Host", "127.0.0.1.evil.example:80"): 421,
        ("Host", "127.0.0.1:evil"): 421,
        ("Host", "127.0.0.1:80:evil.example"): 421,
        ("Origin", "http://localhost:8000.evil.example"): 403,
        ("Origin", "http://127.0.0.1:x@evil.example"): 403,
        ("Origin", "http://127.0.0.1:80@evil.example"): 403,
        ("Origin", "https://app.example:80"): 403,
        ("Host", "LocalHost:80"): 200,
        ("Host", "[::1]"): 200,
        ("Host", "[::1]:80"): 200,
        ("Origin", "http://[::1]:3000"): 200,
        ("Origin", "http://localhost"): 200,
        ("Origin", "http://localhost:3000"): 200,
        ("Origin", "https://app.example"): 200,
        ("Host", "mcp.example"): 200,
        ("Host", "mcp.example:8000"): 200,
        ("Content-Type", "text/plain"): 400,
    }
    assert {case: post(url, **dict([case])).status_code for case in statuses} == statuses


def test_names_and_pages_are_looked_at_before_the_token(serving: Start) -> None:
    url = serving("--allow-origin", "https://app.example:8443", CODEMODE_TOKEN=TOKEN).url
    statuses = {
        ("Host", "evil.example"): 421,
        ("Origin", "https://evil.example"): 403,
        ("Origin", "https://app.example:8443"): 401,
    }
    assert {case: post(url, **dict([case])).status_code for case in statuses} == statuses


def test_a_page_that_is_turned_away_takes_up_no_session(serving: Start) -> None:
    url = serving("--max-sessions", "1").url
    for _ in range(3):
        assert post(url, Origin="https://evil.example").status_code == 403
    assert post(url).status_code == 200


async def test_a_place_is_taken_by_who_runs_something_and_left_with_nothing_stored(
    serving: Start,
) -> None:
    url = serving("--max-sessions", "2").url
    assert [post(url).status_code for _ in range(20)] == [200] * 20
    async with over_http(url) as one, over_http(url) as two, over_http(url) as three:
        for client in (one, two, three):
            assert texts(await client.call_tool("exec", {"code": "text(1)"})) == ["1"]
        for client in (one, two):
            await client.call_tool("exec", {"code": "store('a', 1)"})
        refused = await three.call_tool("exec", {"code": "text(1)"})
        assert [block.text for block in refused.content if isinstance(block, TextContent)] == [
            "Limit reached (max_sessions): 2 sessions are in use, and each has a cell that runs,"
            " or values that its client may want.\nHint: try again when one of them has ended, or"
            " go on in a session that you have."
        ]
        assert texts(await one.call_tool("exec", {"code": "text(load('a'))"})) == ["1"]
    async with over_http(url) as four:
        assert texts(await four.call_tool("exec", {"code": "text(1)"})) == ["1"]


async def test_of_many_handshakes_those_that_ran_nothing_make_room(serving: Start) -> None:
    url = serving("--max-sessions", "1").url
    async with over_http(url) as client:
        await client.call_tool("exec", {"code": "store('a', 1)"})
        opened = [post(url).headers["mcp-session-id"] for _ in range(9)]
        ping = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "ping"})
        codes = [post(url, ping, **{"Mcp-Session-Id": each}).status_code for each in opened]
        assert codes == [404, 404, *[200] * 7]
        assert texts(await client.call_tool("exec", {"code": "text(load('a'))"})) == ["1"]


async def test_an_exec_of_the_stateless_protocol_that_stores_nothing_leaves_no_session(
    serving: Start,
) -> None:
    url = serving("--max-sessions", "1").url
    async with over_http(url, mode="2026-07-28") as client:
        for number in range(5):
            result = await client.call_tool("exec", {"code": f"text({number})"})
            assert texts(result) == [str(number)]
        stored = await client.call_tool("exec", {"code": "store('a', 1)"})
        name = texts(stored)[0].split()[2].rstrip(":")
        refused = await client.call_tool("exec", {"code": "text(1)"})
        assert "each was used in the last 600 s" in str(refused.content)
        again = await client.call_tool("exec", {"code": "text(load('a'))", "session": name})
        assert texts(again)[0] == "1"


async def test_a_session_of_which_nothing_was_left_begins_anew_without_a_word(
    shared: Start,
) -> None:
    async with over_http(shared().url, mode="2026-07-28") as client:
        running = await client.call_tool("exec", {"code": "yield_control()"})
        name = texts(running)[-1].split()[2].rstrip(":")
        over = await client.call_tool("wait", {"cell_id": cell_of(running), "session": name})
        assert (status_of(over), texts(over)) == ("completed", [])
        again = await client.call_tool("exec", {"code": "text(1)", "session": name})
        assert texts(again) == ["1"]


def test_a_request_that_says_twice_how_long_it_is_is_refused(shared: Start) -> None:
    both = post(shared().url, **{"Transfer-Encoding": "chunked", "Content-Length": "5"})
    assert (both.status_code, both.headers["connection"]) == (400, "close")


# ── several principals ───────────────────────────────────────────────────────────────────────────

ANN, BOB = (
    {"Authorization": "Bearer the-token-of-ann"},
    {"Authorization": "Bearer the-token-of-bob"},
)


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text("ann: the-token-of-ann\nbob: the-token-of-bob\n")
    return path


async def test_each_principal_has_a_share_of_the_sessions(serving: Start, tokens: Path) -> None:
    url = serving("--token-file", str(tokens), "--max-sessions", "2").url
    modes = {"mode": "2026-07-28"}
    async with (
        over_http(url, headers=ANN, **modes) as ann,
        over_http(url, headers=BOB, **modes) as bob,
    ):
        await ann.call_tool("exec", {"code": "store('a', 1)"})
        refused = await ann.call_tool("exec", {"code": "text(1)"})
        assert "1 sessions are in use" in str(refused.content)
        assert texts(await bob.call_tool("exec", {"code": "text(1)"})) == ["1"]


async def test_a_session_is_for_the_principal_that_opened_it(serving: Start, tokens: Path) -> None:
    url = serving("--token-file", str(tokens)).url
    modes = {"mode": "2026-07-28"}
    async with (
        over_http(url, headers=ANN, **modes) as ann,
        over_http(url, headers=BOB, **modes) as bob,
    ):
        stored = await ann.call_tool("exec", {"code": "store('a', 1)"})
        name = texts(stored)[0].split()[2].rstrip(":")
        stolen = await bob.call_tool("exec", {"code": "text(load('a'))", "session": name})
        assert (status_of(stolen), "There is no such session" in str(stolen.content)) == (
            "refused",
            True,
        )
    opened = post(url, **ANN).headers["mcp-session-id"]
    ping = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "ping"})
    statuses = [
        post(url, ping, **{"Mcp-Session-Id": opened}, **who).status_code for who in (BOB, ANN)
    ]
    assert statuses == [404, 200]


async def test_another_principal_cannot_see_wait_for_or_end_a_cell(
    serving: Start, tokens: Path
) -> None:
    url = serving("--token-file", str(tokens)).url
    program = {"code": "yield_control(); await new Promise(() => {})"}
    async with over_http(url, mode="2026-07-28", headers=ANN) as ann:
        begun = await ann.call_tool("exec", program)
        cell, session = cell_of(begun), texts(begun)[-1].split()[2].rstrip(":")
        async with over_http(url, mode="2026-07-28", headers=BOB) as bob:
            named = {"cell_id": cell, "session": session}
            for wanted in (named, {**named, "terminate": True}, {"cell_id": cell}):
                refused = await bob.call_tool("wait", wanted)
                assert status_of(refused) == "refused"
        async with over_http(
            url, headers=BOB
        ) as bob:  # with a session, and cells of the same names
            await bob.call_tool("exec", {"code": "text(1)"})
            missing = await bob.call_tool("wait", {"cell_id": cell, "terminate": True})
            assert status_of(missing) != "terminated"
        again = await ann.call_tool(
            "wait", {"cell_id": cell, "session": session, "yield_time_ms": 1}
        )
        assert status_of(again) == "running"


def test_another_principal_cannot_listen_to_a_session_or_end_it(
    serving: Start, tokens: Path
) -> None:
    url = serving("--token-file", str(tokens)).url
    opened = {"Mcp-Session-Id": post(url, **ANN).headers["mcp-session-id"]}
    other = {"Mcp-Session-Id": post(url, **BOB).headers["mcp-session-id"]}
    listening = {"Accept": "text/event-stream"}
    # Of two headers of one name the first counts, for the door as for the session.
    twice = [*BOB.items(), *opened.items(), *other.items(), *listening.items()]
    tried = {
        "listen": httpx2.get(url, headers={**BOB, **opened, **listening}, timeout=60),
        "listen, two names": httpx2.get(url, headers=twice, timeout=60),
        "end": httpx2.delete(url, headers={**BOB, **opened}, timeout=60),
        "no token": httpx2.delete(url, headers=opened, timeout=60),
    }
    assert {name: answer.status_code for name, answer in tried.items()} == {
        "listen": 404,
        "listen, two names": 404,
        "end": 404,
        "no token": 401,
    }
    ping = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "ping"})
    assert post(url, ping, **opened, **ANN).status_code == 200
    assert httpx2.delete(url, headers={**ANN, **opened}, timeout=60).status_code == 200


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        (
            "ann: short\nbob: the-token-of-bob",
            [],
            "holds no token of at least 16 printable ASCII characters",
        ),
        ("ann: the-token-of-ann\nthe-token-of-bob", [], "line 2 is not `NAME: TOKEN`"),
        (
            "ann: the-token-of-ann\nbob: the-token-of-bob",
            ["--max-sessions", "1"],
            "--max-sessions 1: there are 2 tokens, and each has a share",
        ),
    ],
)
def test_tokens_that_cannot_be_are_refused_at_the_start(
    text: str, options: list[str], error: str, tmp_path: Path
) -> None:
    (tmp_path / "tokens").write_text(text)
    done = subprocess.run(
        command("--http", "0", "--token-file", str(tmp_path / "tokens"), *options),
        capture_output=True,
        check=False,
        env=environment(),
        text=True,
        timeout=60,
    )
    assert (done.returncode, error in done.stderr, "the-token" in done.stderr) == (2, True, False)


def test_who_is_no_client_cannot_fill_the_log(serving: Start) -> None:
    server = serving(CODEMODE_TOKEN=TOKEN)
    place = urlsplit(server.url)
    for _ in range(100):
        with socket.create_connection((place.hostname, place.port), timeout=60) as stranger:
            stranger.sendall(b"no HTTP\r\n\r\n")
            stranger.recv(100)
    server.end(TERMINATE)
    assert server.log.count("Invalid HTTP request") == MOST


def test_who_sends_slowly_keeps_nobody_out(serving: Start) -> None:
    server = serving("--max-sessions", "1")
    place = urlsplit(server.url)
    length = BodyBounds().body_bytes
    head = f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {length}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            slow = stack.enter_context(socket.create_connection((place.hostname, place.port)))
            slow.sendall(head.encode() + b" " * 1_000_000)
        assert post(server.url).status_code == 200
        assert post(server.url, INITIALIZE.rjust(length)).status_code == 200


def test_a_body_is_bounded(shared: Start) -> None:
    url, most = shared().url, BodyBounds().body_bytes
    server = urlsplit(url)
    head = f"POST {server.path} HTTP/1.1\r\nHost: {server.netloc}\r\nContent-Length: {most + 1}\r\n\r\n"
    # Whoever sends the whole of it may find the connection closed before he reads why.
    with socket.create_connection((server.hostname, server.port), timeout=60) as client:
        client.sendall(head.encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 413 ")
    assert post(url, INITIALIZE.rjust(most)).status_code == 200


def test_a_body_of_many_values_is_refused(shared: Start) -> None:
    many = json.dumps([0] * (RequestBounds().members + 1))
    assert post(shared().url, many).status_code == 413


@pytest.mark.parametrize("end", ["", "/"])
async def test_the_path_may_end_with_a_slash(shared: Start, end: str) -> None:
    async with over_http(shared().url + end) as client:
        assert texts(await client.call_tool("exec", {"code": "text(1)"})) == ["1"]


def test_a_request_has_an_answer_whatever_number_names_it(shared: Start) -> None:
    url = shared().url
    whole = post(url, INITIALIZE.replace('"id": 1', '"id": 1.0'))
    half = post(url, INITIALIZE.replace('"id": 1', '"id": 1.5'))
    assert (whole.status_code, '"id":1,' in whole.text) == (200, True)
    assert (half.status_code, half.json()) == (
        400,
        {
            "jsonrpc": "2.0",
            "id": 1.5,
            "error": {"code": -32600, "message": "`id` must be an integer or a string, got 1.5"},
        },
    )


def test_connections_that_say_nothing_lock_nobody_out(shared: Start) -> None:
    server = urlsplit(shared().url)
    with contextlib.ExitStack() as stack:
        for _ in range(ConnectionBounds().waiting + 1):
            silent = socket.create_connection((server.hostname, server.port))
            stack.enter_context(silent)
        assert post(server.geturl()).status_code == 200


# ── what browsers ask before a page may ──────────────────────────────────────────────────────────


def preflight(url: str, **headers: str) -> httpx2.Response:
    asked = {"Access-Control-Request-Method": "POST", **headers}
    return httpx2.options(url, headers=asked, timeout=60)


def test_a_page_that_is_allowed_may_call_and_read_the_session(serving: Start) -> None:
    page = "https://app.example"
    url = serving("--allow-origin", page, CODEMODE_TOKEN=TOKEN).url
    wanted = "authorization,content-type,mcp-session-id,mcp-protocol-version,last-event-id"
    network = {"Access-Control-Request-Private-Network": "true"}
    answer = preflight(url, Origin=page, **{"Access-Control-Request-Headers": wanted}, **network)
    assert answer.status_code == 200
    assert {name: answer.headers.get(name) for name in CROSS_ORIGIN} == {
        "access-control-allow-origin": page,
        "access-control-allow-methods": "GET, POST, DELETE",
        "access-control-allow-headers": wanted,
        "access-control-allow-private-network": "true",
        "access-control-allow-credentials": None,
        "access-control-expose-headers": None,
    }
    for authorization, status in ((f"Bearer {TOKEN}", 200), ("", 401)):
        called = post(url, Origin=page, Authorization=authorization)
        assert (called.status_code, called.headers["access-control-allow-origin"]) == (status, page)
        assert called.headers["access-control-expose-headers"] == (
            "Mcp-Session-Id, Mcp-Protocol-Version, WWW-Authenticate"
        )


CROSS_ORIGIN = [
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-allow-private-network",
    "access-control-allow-credentials",
    "access-control-expose-headers",
]


def test_a_page_that_is_not_allowed_is_told_nothing(serving: Start) -> None:
    url = serving("--allow-origin", "https://app.example").url
    cases: dict[tuple[str, str], int] = {
        ("https://evil.example", "127.0.0.1"): 403,
        ("https://app.example", "evil.example"): 421,
        ("http://localhost:3000", "127.0.0.1"): 400,
    }
    for (origin, host), status in cases.items():
        answer = preflight(url, Origin=origin, Host=host)
        allowed = answer.headers.get("access-control-allow-origin")
        assert (answer.status_code, allowed) == (status, None)


def test_without_pages_nothing_is_said_across_origins(shared: Start) -> None:
    answer = preflight(shared().url, Origin="http://localhost:3000")
    assert (answer.status_code, [name for name in CROSS_ORIGIN if name in answer.headers]) == (
        405,
        [],
    )


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [INTERRUPT, TERMINATE])
async def test_a_signal_ends_everything(serving: Start, tmp_path: Path, number: int) -> None:
    server = serving()
    async with over_http(server.url) as client:
        await client.call_tool("exec", {"code": f"yield_control(); {holding(tmp_path)}"})
        await there(tmp_path / "begun")
        assert await asyncio.to_thread(server.end, number) == 128 + number
        assert (tmp_path / "ended").exists()


async def test_a_request_that_is_under_way_at_the_end_is_no_error(
    serving: Start, tmp_path: Path
) -> None:
    server = serving()
    async with over_http(server.url) as client:
        calling = asyncio.create_task(client.call_tool("exec", {"code": holding(tmp_path)}))
        await there(tmp_path / "begun")
        assert await asyncio.to_thread(server.end, TERMINATE) == 128 + TERMINATE
        calling.cancel()
        await asyncio.wait({calling})
    assert "Traceback" not in server.log
