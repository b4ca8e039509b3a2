"""Frames from a worker: whole, byte by byte, with a rest, and too long."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.engine.wire import HEADER, MAX_FROM_WORKER, Frames, FromWorker, frame
from codemode.errors import EngineError

THREE = [
    (FromWorker.RECORDS, 1, b"abc"),
    (FromWorker.FLUSHED, 2**32 - 1, b""),
    (FromWorker.RECORDS, 2, b"x" * MAX_FROM_WORKER),
]
BYTES = b"".join(frame(*each) for each in THREE)


def test_frames_come_out_as_they_went_in() -> None:
    assert list(Frames().feed(BYTES)) == THREE


def test_frames_may_come_byte_by_byte() -> None:
    frames = Frames()
    small = b"".join(frame(*each) for each in THREE[:2])

    assert [f for byte in small for f in frames.feed(bytes([byte]))] == THREE[:2]


@given(st.lists(st.integers(0, len(BYTES))))
def test_frames_may_come_in_any_pieces(cuts: list[int]) -> None:
    frames = Frames()
    borders = [0, *sorted(cuts), len(BYTES)]
    pieces = [BYTES[a:b] for a, b in pairwise(borders)]

    assert [f for piece in pieces for f in frames.feed(piece)] == THREE


def test_trailing_bytes_wait_for_the_rest() -> None:
    frames = Frames()
    more = frame(FromWorker.CLOSED, 3)

    assert list(frames.feed(BYTES + more[:4])) == THREE
    assert list(frames.feed(more[4:])) == [(FromWorker.CLOSED, 3, b"")]


def test_a_frame_that_is_too_long_is_refused_at_its_head() -> None:
    head = HEADER.pack(MAX_FROM_WORKER + 1, FromWorker.RECORDS, 1)

    with pytest.raises(
        EngineError, match=f"^a worker announced a frame of {MAX_FROM_WORKER + 1} bytes$"
    ):
        list(Frames().feed(head))


@given(st.binary(max_size=60))
def test_garbage_is_frames_or_an_engine_error(data: bytes) -> None:
    try:
        list(Frames().feed(data))
    except EngineError:
        pass
