"""A cell and those who meet in it: its isolate's thread, its owner, whoever frees it."""

import random
import threading
from collections.abc import Iterator

import pytest

from codemode.engine import v8
from codemode.engine.cell import WINDOW_BYTES, Cell
from codemode.engine.events import Records
from codemode.engine.isolate import Isolate
from codemode.engine.program import compose, settings_of
from codemode.limits import MIB, Limits
from codemode.protocol.types import TextItem

from .driving import ECHO, WAIT_SECONDS

SETTINGS = settings_of(Limits())


class Listener:
    """A port that keeps what it is told."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.said = threading.Event()
        self.ended = threading.Event()
        self.error: Exception | None = None
        self.exhausted = False

    def records(self, data: bytes) -> None:
        self.data.append(data)
        self.said.set()

    def over(self) -> None:
        self.ended.set()

    def heap_exhausted(self) -> None:
        self.exhausted = True
        self.ended.set()

    def failed(self, error: Exception) -> None:
        self.error = error
        self.ended.set()

    @property
    def texts(self) -> list[str]:
        records = Records(16 * MIB)
        return [e.text for d in self.data for e in records.feed(d) if isinstance(e, TextItem)]


class Scene:
    """A cell in an isolate of its own."""

    def __init__(self, source: str) -> None:
        v8.load(shared_process=True)
        self.port = Listener()
        self.isolate = Isolate()
        self.cell = Cell(self.isolate, self.port, ECHO.descriptions)
        self.cell.start(*compose(source, ECHO, SETTINGS))

    def poke(self, how: int) -> None:
        """Do one of the things that an owner does."""
        if how == 0:
            self.cell.flush()
        elif how == 1:
            self.cell.deliver(b"T1")
        elif how == 2:
            self.cell.answer(b"1")
        else:
            self.port.said.wait(0.002)


@pytest.fixture
def scenes() -> Iterator[list[Scene]]:
    """Scenes whose cells are freed afterwards."""
    made: list[Scene] = []
    yield made
    for scene in made:
        scene.cell.free()


def test_after_it_was_freed_nothing_reaches_the_isolate(scenes: list[Scene]) -> None:
    scene = Scene("text('a')")
    scenes.append(scene)
    assert scene.port.ended.wait(WAIT_SECONDS)
    scene.cell.free()
    said = list(scene.port.data)
    for use in (scene.cell.flush, scene.cell.free, scene.cell.release):
        use()
    scene.cell.deliver(b"T1")
    scene.cell.answer(b"1")
    scene.cell.credit(5)
    scene.isolate.send(b"T1")

    assert scene.isolate.take(0) == b""
    assert scene.port.data == said


def test_a_cell_that_nobody_listens_to_waits(scenes: list[Scene]) -> None:
    scene = Scene("for (let i = 0; i < 3e5; i++) text('x'.repeat(30))")
    scenes.append(scene)
    size = 0
    while size <= WINDOW_BYTES:
        assert scene.port.said.wait(WAIT_SECONDS)
        scene.port.said.clear()
        size = sum(map(len, scene.port.data))
    assert size < WINDOW_BYTES + MIB
    assert not scene.port.ended.is_set()
    while not scene.port.ended.wait(0.001):
        scene.cell.credit(sum(map(len, scene.port.data)) - size)
        size = sum(map(len, scene.port.data))
        scene.cell.credit(WINDOW_BYTES)

    assert len(scene.port.texts) == 300_000


def test_a_cell_that_waits_for_credit_or_a_value_can_be_freed(scenes: list[Scene]) -> None:
    waiting = [Scene("for (;;) text('x'.repeat(30))"), Scene("load('k')"), Scene("text(1); exit()")]
    scenes += waiting
    for scene in waiting:
        assert scene.port.said.wait(WAIT_SECONDS)
        scene.cell.free()


def test_peeking_while_a_script_writes_neither_loses_nor_doubles(scenes: list[Scene]) -> None:
    scene = Scene("for (let i = 0; i < 20_000; i++) text(String(i))")
    scenes.append(scene)
    while not scene.port.ended.is_set():
        scene.cell.flush()

    assert scene.port.texts == [str(i) for i in range(20_000)]


def test_cells_may_be_made_used_and_freed_on_many_threads_at_once() -> None:
    v8.load(shared_process=True)
    chance = random.Random(7)
    errors: list[BaseException] = []

    def live(seed: float) -> None:
        mine = random.Random(seed)
        try:
            for _ in range(25):
                scene = Scene(
                    mine.choice(["text(1)", "for (;;);", "for (;;) text('x')", "load('k')"])
                )
                for _ in range(mine.randrange(6)):
                    scene.poke(mine.randrange(4))
                scene.cell.free()
                scene.cell.flush()
        except BaseException as error:  # noqa: BLE001 - it is the test's verdict
            errors.append(error)

    living = [threading.Thread(target=live, args=(chance.random(),)) for _ in range(6)]
    for thread in living:
        thread.start()
    for thread in living:
        thread.join(WAIT_SECONDS * 4)
    assert not any(thread.is_alive() for thread in living)
    assert errors == []
