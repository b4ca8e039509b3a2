"""Isolates ahead of time: what fails in making or beginning one is somebody's news."""

import threading
from collections.abc import Iterator

import pytest

from codemode.engine import isolates as module
from codemode.engine import v8
from codemode.engine.isolate import Isolate
from codemode.engine.isolates import Isolates
from codemode.errors import EngineError

from .driving import WAIT_SECONDS, eventually, threads


@pytest.fixture
def isolates() -> Iterator[Isolates]:
    """Two ready isolates."""
    v8.load(shared_process=True)
    made = Isolates(ahead=2)
    yield made
    assert made.close(WAIT_SECONDS)


class Started:
    """What became of a start."""

    def __init__(self) -> None:
        self.isolate: Isolate | None = None
        self.error: Exception | None = None
        self._known = threading.Event()

    def begin(self, isolate: Isolate) -> None:
        self.isolate = isolate
        self._known.set()

    def failed(self, error: Exception) -> None:
        self.error = error
        self._known.set()

    def wait(self) -> None:
        assert self._known.wait(WAIT_SECONDS)


def refuse(isolate: Isolate) -> None:
    """Fail to begin."""
    raise ValueError("no")


@pytest.mark.parametrize("quick", [True, False])
def test_a_program_gets_an_isolate_of_its_own(isolates: Isolates, quick: bool) -> None:
    starts = [Started() for _ in range(5)]
    for start in starts:
        isolates.start(start.begin, start.failed, quick=quick)
    for start in starts:
        start.wait()

    assert len({id(start.isolate) for start in starts}) == 5
    for start in starts:
        assert start.isolate is not None
        isolates.free(start.isolate.free)


@pytest.mark.parametrize("quick", [True, False])
def test_a_program_that_cannot_begin_is_told(isolates: Isolates, quick: bool) -> None:
    start = Started()
    isolates.start(refuse, start.failed, quick=quick)
    start.wait()

    assert repr(start.error) == "ValueError('no')"


def test_an_isolate_that_cannot_be_made_is_told_and_the_next_may_be(
    isolates: Isolates, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impossible() -> Isolate:
        raise EngineError("no memory")

    first = [Started() for _ in range(4)]
    with monkeypatch.context() as patch:
        patch.setattr(module, "Isolate", impossible)
        for start in first:
            isolates.start(start.begin, start.failed, quick=False)
            start.wait()
    after = Started()
    isolates.start(after.begin, after.failed, quick=False)
    after.wait()

    # Two were made ahead, or were in the making; who gets them is a matter of who is served when.
    failed = [str(start.error) for start in first if start.isolate is None]
    assert failed in (["no memory"] * 2, ["no memory"] * 3, ["no memory"] * 4)
    assert after.isolate is not None
    for start in (*first, after):
        if start.isolate is not None:
            start.isolate.free()


async def test_closing_frees_what_is_ready_and_ends_the_threads() -> None:
    v8.load(shared_process=True)
    before = threads()
    made = Isolates(ahead=2)

    assert made.close(WAIT_SECONDS)
    await eventually(lambda: threads() <= before)  # the system may be a moment behind the join


def test_what_all_isolates_share_is_made_by_one_thread_alone() -> None:
    alone: list[bool] = []

    class Dll:
        def mr_init_context(self, _: object) -> int:
            alone.append(library._beginning.locked())
            return len(alone)

    library = object.__new__(v8.Library)
    library.dll, library.callback = Dll(), None
    library._beginning, library._has_begun = threading.Lock(), False

    assert [library.context(), library.context()] == [1, 2]
    assert alone == [True, False]
