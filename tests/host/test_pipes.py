"""The way in and the way out over real pipes: order, room, slow readers, ends."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from codemode.host.pipes import ROOM_BYTES, Inlet, PipeOutlet

SECONDS = 10.0
"""The bound on every wait; it is never used up."""


def pipe() -> tuple[BinaryIO, BinaryIO]:
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb", buffering=0), os.fdopen(writing, "wb", buffering=0)


class Ends:
    """What an outlet told its owner."""

    def __init__(self) -> None:
        self.lost: list[Exception | None] = []
        self.drained = 0
        self.outlet = PipeOutlet(self.lost.append, self._on_drained)

    def _on_drained(self) -> None:
        self.drained += 1


async def read(file: BinaryIO, size: int) -> bytes:
    """Exactly ``size`` bytes, or what there is before the end."""
    data = bytearray()

    def work() -> None:
        while len(data) < size and (piece := file.read(size - len(data))):
            data.extend(piece)

    async with asyncio.timeout(SECONDS):
        await asyncio.to_thread(work)
    return bytes(data)


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop run until it holds."""
    async with asyncio.timeout(SECONDS):
        while not holds():  # noqa: ASYNC110 - turns of the loop, no time
            await asyncio.sleep(0)


async def test_frames_come_out_in_order() -> None:
    reading, writing = pipe()
    ends = Ends()
    ends.outlet.open(writing)
    frames = [b"%d;" % number for number in range(1000)]

    for frame in frames:
        ends.outlet.send(frame)
    await ends.outlet.aclose(SECONDS)

    with reading:
        assert await read(reading, 1 << 20) == b"".join(frames)


async def test_there_is_room_until_the_reader_is_slow_and_again_when_it_has_read() -> None:
    reading, writing = pipe()
    ends = Ends()
    ends.outlet.open(writing)
    await ends.outlet.room()

    for _ in range(40):
        ends.outlet.send(bytes(ROOM_BYTES // 8))
    room = asyncio.create_task(ends.outlet.room())
    await asyncio.sleep(0)
    had_room = room.done()
    with reading:
        data = await read(reading, 40 * (ROOM_BYTES // 8))
        async with asyncio.timeout(SECONDS):
            await room
        await ends.outlet.aclose(SECONDS)

    assert (had_room, len(data), ends.outlet.unwritten) == (False, 40 * (ROOM_BYTES // 8), 0)
    assert ends.drained > 0


async def test_a_reader_that_goes_is_noticed_without_a_write() -> None:
    reading, writing = pipe()
    ends = Ends()
    ends.outlet.open(writing)

    reading.close()
    await until(lambda: bool(ends.lost))
    ends.outlet.send(b"nobody hears this")
    await ends.outlet.room()

    assert (len(ends.lost), ends.outlet.unwritten) == (1, 0)


async def test_a_shut_outlet_writes_what_it_took_and_takes_nothing_more() -> None:
    reading, writing = pipe()
    ends = Ends()
    ends.outlet.open(writing)

    ends.outlet.send(b"one ")
    ends.outlet.send(b"two ")
    ends.outlet.shut()
    ends.outlet.send(b"three")
    await ends.outlet.aclose(SECONDS)

    with reading:
        assert await read(reading, 100) == b"one two "


async def test_a_reader_that_never_reads_does_not_hold_the_end_up() -> None:
    reading, writing = pipe()
    ends = Ends()
    ends.outlet.open(writing)
    ends.outlet.send(bytes(8 * ROOM_BYTES))

    async with asyncio.timeout(SECONDS):
        await ends.outlet.aclose(0.05)
    reading.close()


class Told:
    """What an inlet told its owner."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ends: list[Exception | None] = []
        self.inlet = Inlet(self.data.extend, self.ends.append)


async def test_what_comes_in_is_told_and_so_is_the_end() -> None:
    reading, writing = pipe()
    told = Told()
    told.inlet.open(reading)

    writing.write(b"hello")
    writing.close()
    await until(lambda: bool(told.ends))
    for _ in range(10):
        await asyncio.sleep(0)

    assert (bytes(told.data), told.ends) == (b"hello", [None])


async def test_a_paused_inlet_reads_nothing() -> None:
    reading, writing = pipe()
    told = Told()
    told.inlet.open(reading)
    await asyncio.sleep(0)

    told.inlet.pause()
    told.inlet.pause()
    writing.write(b"hello")
    for _ in range(100):
        await asyncio.sleep(0)
    early = bytes(told.data)
    told.inlet.resume()
    await until(lambda: bool(told.data))

    assert (early, bytes(told.data)) == (b"", b"hello")
    writing.close()
    told.inlet.close()


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
async def test_a_file_is_read_like_a_pipe(tmp_path: Path, size: int) -> None:
    path = tmp_path / "said"
    path.write_bytes(bytes(size))
    told = Told()
    told.inlet.open(path.open("rb", buffering=0))
    await until(lambda: bool(told.ends))

    assert (len(told.data), told.ends[0]) == (size, None)


async def test_a_file_is_written_like_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "heard"
    ends = Ends()
    ends.outlet.open(path.open("wb", buffering=0))

    for _ in range(30):
        ends.outlet.send(bytes(100_000))
    await ends.outlet.aclose(SECONDS)

    assert path.stat().st_size == 3_000_000
