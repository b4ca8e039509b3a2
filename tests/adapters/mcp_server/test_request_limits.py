"""What a request may take, with an application behind that only counts what reaches it."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from codemode.adapters.mcp_server.bodies import BodyBounds
from codemode.adapters.mcp_server.principal import as_principal
from codemode.adapters.mcp_server.request_limits import PIECE_BYTES, RequestBounds, RequestLimiter

NEVER = 60.0
"""Seconds; nothing here takes so long."""

AT_ONCE = 0.01
"""Seconds; for what can only end by being given up."""


def bounds(members: int = 1_000, requests: int = 256, **bodies: Any) -> RequestBounds:
    return RequestBounds(members=members, requests=requests, bodies=BodyBounds(**bodies))


class Answering:
    """The application behind: keeps the bodies that it gets, and answers when it may."""

    def __init__(self, answer: bytes = b"done") -> None:
        self.bodies: list[bytes] = []
        self.came = asyncio.Semaphore(0)
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        assert message["more_body"] is False
        self.bodies.append(message["body"])
        self.came.release()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self._answer})


class Client:
    """One request and what was said to it."""

    def __init__(self, *pieces: bytes, ends: bool = True, headers: Iterable[Any] = ()) -> None:
        self.scope = {"type": "http", "method": "POST", "headers": list(headers)}
        self.said: list[Message] = []
        last = len(pieces) - 1 if ends else -1
        self._unread = [
            {"type": "http.request", "body": piece, "more_body": at != last}
            for at, piece in enumerate(pieces)
        ]

    async def receive(self) -> Message:
        if self._unread:
            return self._unread.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        self.said.append(message)

    async def ask(self, app: RequestLimiter) -> int | None:
        """The status of the answer, or None if there is none."""
        await app(self.scope, self.receive, self.send)
        return self.said[0]["status"] if self.said else None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"code":"1,2,3,4,[]"}', 200),
        (b"[1,2,3]", 200),
        (b"[1,2,3,4]", 413),
        (b'{"a":[[],[]],"b":1}', 413),
        ('["\u2022",1,2,3,4]'.encode("utf-16-le"), 400),
        ("[1,2,3,4]".encode("utf-32"), 400),
        (b'{"code":"' + b"x" * 90 + b'"}', 413),
    ],
)
async def test_a_body_of_few_values_comes_in_and_no_other(body: bytes, status: int) -> None:
    behind = Answering()
    app = RequestLimiter(behind, bounds(members=3, body_bytes=100))
    assert await Client(body[:5], body[5:]).ask(app) == status
    assert behind.bodies == ([body] if status == 200 else [])


async def test_a_body_that_says_that_it_is_too_long_is_not_read() -> None:
    app = RequestLimiter(Answering(), bounds(body_bytes=100))
    client = Client(ends=False, headers=[(b"content-length", b"101")])
    assert await client.ask(app) == 413


async def test_a_body_that_does_not_end_is_given_up_and_its_place_is_free() -> None:
    app = RequestLimiter(
        Answering(),
        bounds(body_bytes=100, small_bytes=10, room_bytes=100, body_seconds=AT_ONCE),
    )
    assert await Client(b" " * 50, ends=False).ask(app) == 408
    assert await Client(b" " * 100).ask(app) == 200


async def test_a_client_that_goes_before_its_body_is_there_is_forgotten() -> None:
    behind = Answering()
    app = RequestLimiter(behind, bounds(body_bytes=100, small_bytes=10, room_bytes=100))
    client = Client(b" " * 50, ends=False)
    client._unread.append({"type": "http.disconnect"})
    assert (await client.ask(app), behind.bodies) == (None, [])
    assert await Client(b" " * 100).ask(app) == 200


async def test_large_bodies_wait_for_one_another_and_small_ones_do_not() -> None:
    behind = Answering()
    behind.may_answer.clear()
    app = RequestLimiter(
        behind, bounds(body_bytes=100, small_bytes=10, room_bytes=150, body_seconds=NEVER)
    )
    asked = [asyncio.create_task(Client(b"1" * 100).ask(app))]
    await behind.came.acquire()
    asked.append(asyncio.create_task(Client(b"2" * 100).ask(app)))
    await asyncio.sleep(0)  # it has asked for its place
    asked.append(asyncio.create_task(Client(b"3" * 10).ask(app)))
    await behind.came.acquire()
    assert behind.bodies == [b"1" * 100, b"3" * 10]
    behind.may_answer.set()
    assert await asyncio.gather(*asked) == [200, 200, 200]
    assert behind.bodies[2:] == [b"2" * 100]


async def test_a_large_body_has_as_much_of_the_room_as_it_is_long_once_it_is_there() -> None:
    behind = Answering()
    behind.may_answer.clear()
    app = RequestLimiter(behind, bounds(body_bytes=100, small_bytes=10, room_bytes=100))
    clients = [
        Client(b"1" * 40),
        Client(b"2" * 40, headers=[(b"content-length", b"40")]),
        Client(b"3" * 20, headers=[(b"transfer-encoding", b"chunked")]),
    ]
    asked = [asyncio.create_task(client.ask(app)) for client in clients]
    for _ in asked:
        await behind.came.acquire()
    assert behind.bodies == [b"1" * 40, b"2" * 40, b"3" * 20]
    behind.may_answer.set()
    assert await asyncio.gather(*asked) == [200, 200, 200]


async def test_a_large_body_that_finds_no_room_in_time_is_refused() -> None:
    behind = Answering()
    behind.may_answer.clear()
    app = RequestLimiter(
        behind, bounds(body_bytes=100, small_bytes=10, room_bytes=100, body_seconds=AT_ONCE)
    )
    first = asyncio.create_task(Client(b"1" * 100).ask(app))
    await behind.came.acquire()
    assert await Client(b"2" * 100).ask(app) == 503
    behind.may_answer.set()
    assert await first == 200


async def test_so_many_requests_are_under_way_and_no_more() -> None:
    behind = Answering()
    behind.may_answer.clear()
    app = RequestLimiter(behind, bounds(requests=1))
    first = asyncio.create_task(Client(b"1").ask(app))
    await behind.came.acquire()
    assert await Client(b"2").ask(app) == 503
    behind.may_answer.set()
    assert (await first, await Client(b"3").ask(app)) == (200, 200)


async def test_an_answer_goes_out_in_pieces_with_nothing_between_them() -> None:
    answer = bytes(range(256)) * (PIECE_BYTES // 100)

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        events = [
            {"type": "http.response.body", "body": body, "more_body": True}
            for body in (answer, b": ping")
        ]
        await asyncio.gather(*map(send, events))
        await send({"type": "http.response.body", "body": b""})

    client = Client(b"{}")

    async def slow(message: Message) -> None:
        await asyncio.sleep(0)
        client.said.append(message)

    await RequestLimiter(answering, RequestBounds())(client.scope, client.receive, slow)
    bodies = [each["body"] for each in client.said[1:]]
    assert b"".join(bodies) == answer + b": ping"
    assert max(map(len, bodies)) == PIECE_BYTES
    more = [each.get("more_body", False) for each in client.said[1:]]
    assert more == [True] * (len(more) - 1) + [False]


async def test_each_principal_has_a_share_of_the_requests() -> None:
    behind = Answering()
    behind.may_answer.clear()
    app = RequestLimiter(behind, bounds(requests=4), principals=lambda: 2)

    def client(principal: str) -> Client:
        found = Client(b"1")
        found.scope = dict(as_principal(found.scope, principal))
        return found

    greedy = [asyncio.create_task(client("ann").ask(app)) for _ in range(2)]
    for _ in greedy:
        await behind.came.acquire()
    assert await client("ann").ask(app) == 503
    other = asyncio.create_task(client("bob").ask(app))
    await behind.came.acquire()
    behind.may_answer.set()
    assert await asyncio.gather(*greedy, other) == [200, 200, 200]


async def test_whoever_sends_slowly_takes_no_place_of_a_request() -> None:
    app = RequestLimiter(Answering(), bounds(requests=1, body_seconds=NEVER))
    slow = [asyncio.create_task(Client(b"1", ends=False).ask(app)) for _ in range(9)]
    assert await Client(b"2").ask(app) == 200
    for each in slow:
        each.cancel()
    await asyncio.wait(slow)
