"""The length of a WAV clip in a data URL."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.surface.wav import CHUNKS, wav_milliseconds


def clip(
    frames: int,
    *,
    rate: int = 8_000,
    channels: int = 1,
    bits: int = 8,
    kind: int = 1,
    extra: bytes = b"",
) -> bytes:
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)
    data = bytes(frames * frame)
    body = b"WAVE" + b"fmt " + struct.pack("<I", 16) + form + extra
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def url(data: bytes, mime: str = "audio/wav") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("address", "milliseconds"),
    [
        (url(clip(8_000)), 1_000),
        (url(clip(8_001)), 1_001),
        (url(clip(44_100, rate=44_100, channels=2, bits=16)), 1_000),
        (url(clip(800, bits=24)), 100),
        (url(clip(800, bits=32, kind=3)), 100),
        (url(clip(8_000), "AUDIO/x-wav;codecs=1"), 1_000),
        (url(clip(8_000), "audio/wav;BASE64;base64;a"), 1_000),
        (url(clip(8_000), "audio/wav" + ";base64" * 300_000), 1_000),
        ("data:audio/wav" + ";base64" * 300_000, None),
        ("data:audio/;base64,", None),
        (url(clip(800, extra=b"LIST\0\0\0\0" * (CHUNKS - 2))), 100),
        (url(clip(800, extra=b"LIST\0\0\0\0" * (CHUNKS - 1))), None),
        (url(clip(800, extra=b"LIST\x04\x00\x00\x00abcd")), 100),
        (url(clip(800)[:100]), 100),
        (url(clip(800, kind=99)), None),
        (url(clip(800, bits=12)), None),
        (url(clip(800, rate=0)), None),
        (url(clip(800, channels=0)), None),
        (url(clip(800), "text/plain"), None),
        (url(b"RIFF\x00\x00\x00\x00WAVE"), None),
        (url(b"not a clip"), None),
        ("data:audio/wav;base64,@@@", None),
        ("data:audio/wav,RIFF", None),
        ("", None),
    ],
)
def test_only_plain_samples_have_a_length(address: str, milliseconds: int | None) -> None:
    assert wav_milliseconds(address) == milliseconds


@given(st.binary(max_size=80))
def test_any_bytes_behind_a_riff_head_are_read_without_an_exception(tail: bytes) -> None:
    wav_milliseconds(url(b"RIFF\x00\x00\x00\x00WAVEfmt " + tail))
