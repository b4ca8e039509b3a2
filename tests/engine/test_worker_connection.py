"""A worker that breaks the rules: a socket that a test holds the other end of."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from codemode.engine import worker_connection as connection_module
from codemode.engine.census import Census
from codemode.engine.launching import LastWords
from codemode.engine.process import Exit
from codemode.engine.sandbox import PARTS
from codemode.engine.wire import HEADER, FromWorker, frame
from codemode.engine.worker_cell import WorkerCell
from codemode.engine.worker_connection import WorkerConnection
from codemode.limits import Limits
from codemode.protocol.types import TextItem

from .driving import NO_TOOLS, Run
from .test_records import record


class ScriptedWorker:
    """Looks like a worker process; its other end is ours."""

    def __init__(self) -> None:
        self.socket, self.theirs = socket.socketpair()
        self.socket.setblocking(False)
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.killed = False
        self.released = False

    def kill(self) -> None:
        self.killed = True
        self.theirs.close()
        self.end(Exit(9))

    def end(self, how: Exit) -> None:
        if not self.exited.done():
            self.exited.set_result(how)

    def release(self) -> None:
        self.released = True


class Table:
    """A link to a scripted worker with two cells, 1 and 2."""

    def __init__(self, limits: Limits) -> None:
        self.worker = ScriptedWorker()
        self.link = WorkerConnection(self.worker, limits, b"", lambda _: None, Census())  # type: ignore[arg-type]
        self.cells: list[Run] = []

    async def lay(self) -> None:
        await asyncio.get_running_loop().create_connection(
            lambda: self.link, sock=self.worker.socket
        )
        for number in (1, 2):
            run = Run()
            run.cell = cell = WorkerCell(self.link, number, run)
            self.link.start(cell, "", NO_TOOLS, None)
            self.cells.append(run)

    def says(self, *frames: bytes) -> None:
        self.worker.theirs.sendall(b"".join(frames))


@pytest.fixture
async def table(request: pytest.FixtureRequest) -> AsyncIterator[Table]:
    """A link with two cells; all is closed afterwards."""
    made = Table(getattr(request, "param", Limits(termination_ms=20)))
    await made.lay()
    yield made
    made.link.abandon()
    await made.link.gone.wait()
    assert made.worker.released


TEXT = frame(FromWorker.RECORDS, 1, record(1, "a"))
READY = frame(FromWorker.READY, 0, "".join(f"{name}\t1\t\n" for name in PARTS).encode())


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([HEADER.pack(2**31, 1, 1)], "a worker announced a frame of 2147483648 bytes"),
        ([frame(99, 1)], "a worker sent frame 99, which it was not to send now"),
        ([frame(FromWorker.FLUSHED, 1)], "a worker sent frame 3, which it was not to send now"),
        (
            [frame(FromWorker.READY, 0, b"{}")],
            "a worker described its sandbox in an unknown form",
        ),
        ([READY, READY], "a worker described its sandbox twice"),
        ([frame(FromWorker.CLOSED, 2)], "a worker sent frame 4, which it was not to send now"),
        (
            [frame(FromWorker.RECORDS, 1, b"\x01\xff\xff\xff\xff")],
            "a cell sent unreadable records: a record ends beyond its frame",
        ),
    ],
)
async def test_a_worker_that_breaks_the_rules_is_killed_and_its_cells_learn_why(
    table: Table, frames: list[bytes], reason: str
) -> None:
    table.says(*frames, TEXT)
    for cell in table.cells:
        await cell.end()

    text = (
        f"The worker process of this session was killed: {reason}."
        "\nHint: stored values are kept; run the program again."
    )
    assert [cell.lost for cell in table.cells] == [(text, None)] * 2
    assert [cell.events for cell in table.cells] == [[], []]
    assert table.worker.killed


async def test_words_about_a_cell_that_is_not_there_are_ignored(table: Table) -> None:
    table.says(frame(FromWorker.RECORDS, 7, b"?"), frame(FromWorker.HEAP, 8), TEXT)
    await table.cells[0].heard(TextItem)

    assert not table.worker.killed


async def test_a_flush_is_confirmed_as_often_as_it_was_asked_for(table: Table) -> None:
    table.cells[0].cell.flush()
    table.says(frame(FromWorker.FLUSHED, 1), frame(FromWorker.FLUSHED, 1))
    await table.cells[0].end()

    assert table.cells[0].flushed == 1
    assert table.worker.killed


async def test_a_cell_that_cannot_be_run_says_why_and_the_others_go_on(table: Table) -> None:
    table.says(frame(FromWorker.FAILED, 1, b"MemoryError: "), frame(FromWorker.FAILED, 1, b"again"))
    await table.cells[0].end()

    assert table.cells[0].lost == (
        "The cell could not be run: MemoryError: ."
        "\nHint: stored values are kept; run the program again.",
        None,
    )
    assert table.cells[1].lost is None


async def test_a_worker_that_got_no_more_memory_goes_with_the_last_of_its_cells(
    table: Table,
) -> None:
    table.says(frame(FromWorker.MEMORY, 1))
    await table.cells[0].end()
    alive = not table.worker.killed
    table.says(frame(FromWorker.RECORDS, 2, record(11)))
    await table.cells[1].end()

    assert alive
    assert table.cells[0].lost == (
        table.link.limits.message("worker_memory_bytes"),
        "worker_memory_bytes",
    )
    assert table.cells[1].error is None
    assert table.worker.killed


async def test_a_finished_cell_is_forgotten_without_being_closed(table: Table) -> None:
    table.says(frame(FromWorker.RECORDS, 1, record(11)))
    await table.cells[0].end()

    assert await table.cells[0].cell.close()
    assert isinstance(table.cells[1].cell, WorkerCell)
    assert not table.worker.killed


async def test_a_cell_that_does_not_close_costs_the_worker_and_the_others_learn_it(
    table: Table,
) -> None:
    assert not await table.cells[0].cell.close()
    await table.cells[1].end()

    assert table.cells[0].lost is None
    assert table.cells[1].lost == (
        "Limit reached (termination_ms): the cell did not stop within 20 ms, so its worker was"
        " killed.\nHint: stored values are kept; run the program again: that was another cell of"
        " this session.",
        "termination_ms",
    )


async def test_closing_ends_with_the_worker(table: Table) -> None:
    closing = asyncio.create_task(table.cells[0].cell.close())
    await asyncio.sleep(0)
    table.worker.theirs.close()

    assert await closing


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (Exit(9), "killed by SIGKILL"),
        (Exit(50), "killed by signal 50"),
        (Exit(70 << 8, 0, "RuntimeError: oh"), "exit status 70: RuntimeError: oh"),
        (Exit(None), "it is gone without a trace"),
    ],
)
async def test_a_worker_that_is_lost_says_how(table: Table, how: Exit, reason: str) -> None:
    table.worker.end(how)
    table.worker.theirs.close()
    await table.cells[0].end()

    assert table.cells[0].lost == (
        f"The worker process of this session was lost ({reason})."
        "\nHint: stored values are kept; run the program again, with less data at a time if it"
        " used much.",
        None,
    )


@pytest.mark.parametrize("how", [Exit(5, 0, "Fatal: no"), Exit(6), Exit(9, 2**30)])
async def test_a_worker_that_died_for_want_of_memory_names_the_limit(
    table: Table, how: Exit
) -> None:
    table.worker.end(how)
    table.worker.theirs.close()
    await table.cells[0].end()

    assert table.cells[0].lost == (
        "Limit reached (worker_memory_bytes): the cells of this session used more than 1 GiB of"
        f" memory together. (The worker was {how.reason()}.)"
        "\nHint: work on the data in smaller pieces; large strings and typed arrays count too.",
        "worker_memory_bytes",
    )


async def test_a_worker_that_asks_again_before_it_has_read_the_answer_is_killed(
    table: Table,
) -> None:
    cell = table.cells[0].cell
    assert isinstance(cell, WorkerCell)
    cell.load(b"1" * 2**23)
    cell.load(b"2" * 2**23)
    await table.cells[0].end()

    assert table.worker.killed
    assert table.cells[0].lost == (
        "The worker process of this session was killed: a worker did not read what it had asked"
        " for.\nHint: stored values are kept; run the program again.",
        None,
    )


async def test_a_worker_that_speaks_for_nobody_is_killed_when_it_has_no_right_to(
    table: Table,
) -> None:
    data = frame(FromWorker.RECORDS, 99, b"x" * 100_000)
    for _ in range(15):  # as a cell that has just ended may
        table.link.hear(data)
    patient = not table.worker.killed
    table.link.hear(data)
    await table.cells[0].end()

    assert patient
    assert table.cells[0].lost == (
        "The worker process of this session was killed: a worker spoke for a cell that it does not"
        " have.\nHint: stored values are kept; run the program again.",
        None,
    )


async def test_a_worker_that_reads_nothing_is_killed(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "UNREAD_SECONDS", 0)
    table.cells[0].cell.resolve(1, "1" * 2**23)
    await table.cells[0].end()

    assert table.cells[0].lost == (
        "The worker process of this session was killed: it read nothing for 0 s."
        "\nHint: stored values are kept; run the program again.",
        None,
    )


@pytest.mark.parametrize("table", [Limits(worker_memory_bytes=2**22)], indirect=True)
async def test_what_is_on_its_way_to_a_worker_counts_as_its_memory(table: Table) -> None:
    for _ in range(5):
        table.cells[0].cell.resolve(1, "1" * 2**20)
    await table.cells[0].end()

    assert table.cells[0].lost == (
        "Limit reached (worker_memory_bytes): the cells of this session used more than 4 MiB of"
        " memory together."
        "\nHint: work on the data in smaller pieces; large strings and typed arrays count too.",
        "worker_memory_bytes",
    )


def test_the_last_words_are_the_line_that_says_most() -> None:
    said = {
        b"": "",
        b"#\n# Fatal error in , line 0\n# Fatal process out of memory: Zone\n#\n": (
            "Fatal process out of memory: Zone"
        ),
        b"Traceback\n  File\nKeyError: 'a'\n": "KeyError: 'a'",
        b"/usr/lib/python3/libmini_racer.so(+0x32) in ('/srv/x')\n": (
            "libmini_racer.so(+0x32) in ('x')"
        ),
        b"\x1b[31mred\x00\xff\n": "�",
        b"x" * 9000: "x" * 200,
    }
    for written, line in said.items():
        words = LastWords()
        os.write(words.write_fd, written)
        words.handed_over()
        assert words.read() == line
        words.close()
        words.close()


def test_a_frame_is_laid_out_as_documented() -> None:
    assert frame(1, 2, b"xy") == struct.pack("<IBI", 2, 1, 2) + b"xy"
