"""How long a WAV clip in a data URL lasts: what an audio item costs depends on it.

Only RIFF/WAVE with plain samples is read. The reference knows more containers (MP3 among them).
"""

from __future__ import annotations

import binascii
import re
import struct
from collections.abc import Iterator
from typing import Final

from ..lazy_pattern import lazy_pattern

PLAIN_FORMATS: Final = frozenset((1, 3, 0xFFFE))
"""PCM, IEEE float, and the extensible form of either."""

PLAIN_BITS: Final = frozenset((8, 16, 24, 32))

# Nothing is tried twice: the first `;base64` is the one, however many follow.
_DATA_URL = lazy_pattern(r"data:audio/[^;,]++(?>[^,]*?;base64)[^,]*+,", re.IGNORECASE)

CHUNKS: Final = 100
"""A clip has a handful; more are not looked through."""

_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHI4xHH")


def wav_milliseconds(url: str) -> int | None:
    """The length of the clip, rounded up; None if ``url`` holds no WAV that can be read.

    The data chunk is believed without its samples: a clip that was cut short keeps its length.
    """
    head = _DATA_URL.match(url)
    if head is None:
        return None
    try:
        clip = binascii.a2b_base64(url[head.end() :], strict_mode=True)
    except ValueError:
        return None
    return _milliseconds(clip)


def _milliseconds(clip: bytes) -> int | None:
    if clip[:4] != b"RIFF" or clip[8:12] != b"WAVE":
        return None
    rate = frame_bytes = 0
    for name, start, size in _chunks(clip):
        if name == b"fmt " and len(clip) >= start + _FORMAT.size:
            kind, channels, rate, _, bits = _FORMAT.unpack_from(clip, start)
            if kind not in PLAIN_FORMATS or bits not in PLAIN_BITS:
                return None
            frame_bytes = channels * bits // 8
        elif name == b"data":
            return -(-(size // frame_bytes) * 1000 // rate) if rate and frame_bytes else None
    return None


def _chunks(clip: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of each chunk; chunks begin at even places."""
    at = 12
    for _ in range(CHUNKS):
        if at + _CHUNK.size > len(clip):
            return
        name, size = _CHUNK.unpack_from(clip, at)
        yield name, at + _CHUNK.size, size
        at += _CHUNK.size + size + size % 2
