"""A worker's socket that closes, stalls or lies: the session and its neighbour go on."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Final

import pytest

from codemode.engine.launching import LastWords
from codemode.engine.process import WorkerProcess
from codemode.engine.wire import HEADER, MAX_FROM_WORKER, FromWorker, frame
from codemode.protocol.types import Result
from tests.engine.test_records import record

from .stage import KEPT, SILENT, Stage, texts

CELL: Final = 2
"""The session's second program is the one in trouble."""

BROKE: Final = "The worker process of this session was killed: {}." + KEPT + "."
TEXT: Final = frame(FromWorker.RECORDS, CELL, record(1, "a"))
NOISE: Final = random.Random(1).randbytes(50_000)


class Puppet:
    """A process that does nothing, as a worker whose words are ours."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"]
        )
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        self.words = LastWords()
        self.worker = WorkerProcess(ours, self.words, self.process.pid)

    def close(self) -> None:
        self.theirs.close()
        self.words.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
async def puppet(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Puppet]:
    """The next worker of the session in trouble; those after it are real."""
    puppet = Puppet()
    real, workers = stage.engine.take, iter([puppet.worker])

    async def take(owner: str) -> WorkerProcess:
        return next(workers, None) or await real(owner)

    monkeypatch.setattr(stage.engine, "take", take)
    os.kill(stage.worker, 9)
    await stage.lost_its_worker()
    yield puppet
    puppet.close()


LIES: Final[dict[str, tuple[bytes, str]]] = {
    "a frame of 4 GiB": (
        HEADER.pack(2**32 - 1, 1, CELL),
        "a worker announced a frame of 4294967295 bytes",
    ),
    "a frame that is one byte too long": (
        HEADER.pack(MAX_FROM_WORKER + 1, 1, CELL),
        f"a worker announced a frame of {MAX_FROM_WORKER + 1} bytes",
    ),
    "a kind that there is not": (
        frame(0, CELL),
        "a worker sent frame 0, which it was not to send now",
    ),
    "an end that nobody asked for": (
        frame(FromWorker.CLOSED, CELL),
        "a worker sent frame 4, which it was not to send now",
    ),
    "records that are none": (
        frame(FromWorker.RECORDS, CELL, b"\xff" * 6),
        "a cell sent unreadable records: a record ends beyond its frame",
    ),
    "other cells first": (
        frame(FromWorker.HEAP, 1) + frame(FromWorker.RECORDS, 3, b"?") + frame(9, CELL),
        "a worker sent frame 9, which it was not to send now",
    ),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_worker_that_lies_is_killed(lie: str, stage: Stage, puppet: Puppet) -> None:
    said, reason = LIES[lie]
    puppet.theirs.sendall(said + TEXT)
    end = await stage.run("text(1)")

    assert isinstance(end, Result)
    assert (end.items, end.error_text) == ((), BROKE.format(reason))
    assert puppet.process.wait() == -9
    await stage.works_again()
    await stage.neighbour_is_well()


@pytest.mark.parametrize("said", [b"", TEXT[:-1], NOISE])
@pytest.mark.parametrize("how", ["closed", "half closed", "deaf"])
async def test_a_socket_that_ends_ends_the_cell(
    said: bytes, how: str, stage: Stage, puppet: Puppet
) -> None:
    puppet.theirs.sendall(said)
    if how == "closed":
        puppet.theirs.close()
    else:
        puppet.theirs.shutdown(socket.SHUT_WR if how == "half closed" else socket.SHUT_RD)
    end = await stage.run("text(1)")

    assert isinstance(end, Result)
    if end.error_text is None:  # it was seen before the program was handed over: another one ran it
        assert texts(end.items) == ["1"]
    else:
        assert end.error_text.startswith("The worker process of this session was ")
        assert end.items == ()
    assert puppet.process.wait() == -9
    await stage.works_again()
    await stage.neighbour_is_well()


@pytest.mark.parametrize("said", [TEXT[:3], TEXT[:-1]])
async def test_half_a_frame_and_then_silence_is_found_out(
    said: bytes, stage: Stage, puppet: Puppet
) -> None:
    puppet.theirs.sendall(said)
    end = await stage.run("text(1)")

    assert isinstance(end, Result)
    assert (end.items, end.error_text) == ((), SILENT)
    await stage.works_again()
    await stage.neighbour_is_well()


async def test_a_worker_that_talks_without_end_hits_the_limit_on_output(
    stage: Stage, puppet: Puppet
) -> None:
    puppet.theirs.setblocking(False)
    chunk = frame(FromWorker.RECORDS, CELL, record(1, "x" * 30_000)) * 50

    async def talk() -> None:
        try:
            while True:
                await asyncio.get_running_loop().sock_sendall(puppet.theirs, chunk)
        except OSError:
            pass

    talking = asyncio.create_task(talk())
    end = await stage.run("text(1)")
    await talking

    assert isinstance(end, Result)
    assert (end.error_text or "").startswith("Limit reached (output_bytes): ")
    await stage.works_again()
    await stage.neighbour_is_well()
