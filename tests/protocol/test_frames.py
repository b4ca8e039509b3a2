"""Frames are fed whole, byte by byte and with trailing bytes; they fail in named ways only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.errors import CodeModeError
from codemode.protocol.frames import (
    MAX_FRAME_BYTES,
    FrameReader,
    FrameTooLargeError,
    FrameTruncatedError,
    FrameUndecodableError,
    FrameUnencodableError,
    frame_of,
    seal,
)

PAYLOADS = (b"", b"{}", b'{"type":"x"}', "é😀".encode(), bytes(1000))
STREAM = b"".join(map(frame_of, PAYLOADS))


def taken(reader: FrameReader) -> list[bytes]:
    """Every payload that is complete."""
    payloads = []
    while (payload := reader.next()) is not None:
        payloads.append(payload)
    return payloads


@pytest.mark.parametrize("step", [1, 2, 3, 7, len(STREAM)])
def test_frames_come_out_as_they_went_in_however_they_are_cut(step: int) -> None:
    reader = FrameReader()
    payloads = []
    for at in range(0, len(STREAM), step):
        reader.feed(STREAM[at : at + step])
        payloads += taken(reader)

    reader.end()

    assert tuple(payloads) == PAYLOADS


@given(st.lists(st.binary(max_size=50)), st.data())
def test_any_payloads_survive_any_cuts(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(frame_of, payloads))
    cuts = data.draw(st.lists(st.integers(0, len(stream))))
    reader = FrameReader()
    got = []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        reader.feed(stream[start:end])
        got += taken(reader)

    assert got == payloads


@given(st.binary(max_size=200))
def test_garbage_fails_in_named_ways_only(garbage: bytes) -> None:
    reader = FrameReader(max_bytes=64)
    reader.feed(garbage)
    try:
        taken(reader)
        reader.end()
    except (FrameTooLargeError, FrameTruncatedError):
        pass


def test_bytes_after_a_frame_wait_for_the_rest_of_theirs() -> None:
    reader = FrameReader()
    reader.feed(frame_of(b"one") + b"\x05\x00")

    assert (taken(reader), reader.buffered) == ([b"one"], 2)


@pytest.mark.parametrize("cut", range(1, 6))
def test_the_end_of_the_stream_inside_a_frame_is_a_failure(cut: int) -> None:
    reader = FrameReader()
    reader.feed(frame_of(b"ab")[:cut])
    taken(reader)

    with pytest.raises(FrameTruncatedError) as caught:
        reader.end()

    assert str(caught.value) == "code-mode IPC stream ended inside a frame: early eof"


def test_the_end_of_the_stream_between_frames_is_none() -> None:
    reader = FrameReader()
    reader.feed(frame_of(b"ab"))
    taken(reader)

    reader.end()

    assert reader.buffered == 0


def test_a_length_over_the_limit_is_refused_before_its_payload_has_come() -> None:
    reader = FrameReader()
    reader.feed((MAX_FRAME_BYTES + 1).to_bytes(4, "little"))

    with pytest.raises(FrameTooLargeError) as caught:
        reader.next()

    assert str(caught.value) == "code-mode IPC frame length 67108865 exceeds 67108864 bytes"


def test_a_length_at_the_limit_is_awaited() -> None:
    reader = FrameReader(max_bytes=3)
    reader.feed(b"\x03\x00\x00\x00ab")
    waiting = reader.next()
    reader.feed(b"c")

    assert (waiting, reader.next()) == (None, b"abc")


def test_a_payload_over_the_limit_is_refused_before_its_first_byte_is_written() -> None:
    frame = bytearray(b"????abcd")

    with pytest.raises(FrameTooLargeError, match="length 4 exceeds 3 bytes"):
        seal(frame, max_bytes=3)
    with pytest.raises(FrameTooLargeError, match="length 4 exceeds 3 bytes"):
        frame_of(b"abcd", max_bytes=3)

    assert frame == b"????abcd"


def test_a_sealed_frame_is_the_same_as_one_made_whole() -> None:
    frame = bytearray(b"????abcd")

    seal(frame)

    assert frame == frame_of(b"abcd")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            FrameTooLargeError(5, 4),
            "frame_too_large",
            "code-mode IPC frame length 5 exceeds 4 bytes",
        ),
        (
            FrameTruncatedError(),
            "frame_truncated",
            "code-mode IPC stream ended inside a frame: early eof",
        ),
        (
            FrameUndecodableError("x"),
            "frame_undecodable",
            "failed to decode code-mode IPC frame: x",
        ),
        (
            FrameUnencodableError("x"),
            "frame_unencodable",
            "failed to encode code-mode IPC frame: x",
        ),
    ],
)
def test_each_failure_has_a_name_and_a_text(error: CodeModeError, code: str, text: str) -> None:
    assert (error.code, str(error)) == (code, text)


def test_a_reader_shows_what_it_holds() -> None:
    reader = FrameReader()
    reader.feed(b"abc")

    assert repr(reader) == "<frame reader, 3 bytes not taken>"
