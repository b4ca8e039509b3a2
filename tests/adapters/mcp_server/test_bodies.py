"""Bodies that come in beside one another, fed by hand."""

import asyncio

import pytest
from starlette.types import Message

from codemode.adapters.mcp_server.bodies import (
    Bodies,
    BodyBounds,
    BodyRefusedError,
    RequestBody,
    slowest,
)


class Client:
    """Sends what it is told, when it is told."""

    def __init__(self, bodies: Bodies) -> None:
        self._pieces: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "http", "headers": []}
        self.reading = asyncio.create_task(bodies.read(scope, self._pieces.get))

    async def send(self, size: int, *, last: bool = False) -> None:
        self._pieces.put_nowait(
            {"type": "http.request", "body": b" " * size, "more_body": not last}
        )
        for _ in range(3):  # it is taken in, as far as that goes
            await asyncio.sleep(0)

    async def refusal(self) -> tuple[int, str]:
        with pytest.raises(BodyRefusedError) as refused:
            await self.reading
        return refused.value.status, str(refused.value)


def body(size: int, began: float) -> RequestBody:
    found = RequestBody(began)
    found.bytes = size
    return found


def test_the_slowest_is_that_which_has_sent_least_for_its_time() -> None:
    fast, slow, new = body(10**6, 0), body(10**6, -9), body(0, 0.9)
    assert slowest({fast, slow, new}, 1.0) is slow
    assert slowest({fast, new}, 1.0) is new or slowest({fast, new}, 1.0) is fast
    older, younger = body(0, 0), body(0, 0)
    older.began, younger.began = -2.0, -1.0
    assert slowest({older, younger}, 1.0) is older


async def test_beyond_the_number_the_slowest_is_given_up_and_not_the_newest() -> None:
    bodies = Bodies(BodyBounds(most=2))
    first, second = Client(bodies), Client(bodies)
    await first.send(1)
    await second.send(60_000)
    for each in bodies._coming:
        each.began -= 1
    third = Client(bodies)
    await third.send(1, last=True)
    data, _ = await third.reading
    assert data == b" "
    assert await first.refusal() == (408, "the request came too slowly while others were waiting")
    await second.send(1, last=True)
    assert len((await second.reading)[0]) == 60_001


async def test_where_there_is_no_room_a_faster_body_takes_that_of_a_slower_one() -> None:
    bodies = Bodies(BodyBounds(small_bytes=0, room_bytes=100, body_bytes=100))
    slow = Client(bodies)
    await slow.send(60)
    next(iter(bodies._coming)).began -= 1_000
    fast = Client(bodies)
    await fast.send(60)
    await fast.send(40, last=True)
    data, whole = await fast.reading
    assert len(data) == 100
    assert (await slow.refusal())[0] == 408
    assert (bodies.free, whole.taken) == (0, 100)
    bodies.leave(whole)
    bodies.leave(whole)
    assert bodies.free == 100


async def test_a_slower_body_waits_for_the_room_of_a_faster_one() -> None:
    bodies = Bodies(BodyBounds(small_bytes=0, room_bytes=100, body_bytes=100))
    slow = Client(bodies)
    await slow.send(10)
    next(iter(bodies._coming)).began -= 1_000
    fast = Client(bodies)
    await fast.send(80)
    await slow.send(30)
    assert not slow.reading.done()
    await fast.send(5, last=True)
    _, whole = await fast.reading
    bodies.leave(whole)
    await slow.send(0, last=True)
    assert len((await slow.reading)[0]) == 40


async def test_what_is_given_up_or_cancelled_leaves_its_room() -> None:
    bodies = Bodies(BodyBounds(small_bytes=0, room_bytes=100, body_bytes=50, body_seconds=0.01))
    late, gone, long = Client(bodies), Client(bodies), Client(bodies)
    await late.send(20)
    await gone.send(20)
    await long.send(51)
    gone.reading.cancel()
    await asyncio.wait({gone.reading})
    assert await late.refusal() == (408, "the request did not come within 0.01 s")
    assert await long.refusal() == (413, "the request has more than 50 bytes")
    assert (bodies.free, bodies._coming) == (100, set())
