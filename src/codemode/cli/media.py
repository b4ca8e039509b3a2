"""Images and sounds of a program, as files: what they are called, and where they go.

What a program gives out names its own type, and can name any. A file gets the extension of that type only if the type
is one of the table and the first bytes are those of such a file; else it is ``.bin``, which nothing opens by itself.
There is no SVG in the table: a browser would run the scripts in it.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..lazy_pattern import lazy_pattern
from ..limits import GIB, amount
from ..protocol.types import ImageItem

if TYPE_CHECKING:
    from ..protocol.types import AudioItem

FILE_PREFIX: Final = "codemode-"

UNKNOWN: Final = ".bin"

WRITTEN_BYTES: Final = GIB
"""How much of images and sounds one run writes to files."""

_DATA_URL: Final = lazy_pattern(r"data:([\w.+-]+/[\w.+-]+)?(|;[^,]*+),", re.IGNORECASE)

_WAV: Final = (".wav", lazy_pattern(rb"RIFF....WAVE", re.DOTALL))
_MP3: Final = (".mp3", lazy_pattern(rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]"))
_MP4: Final = (".m4a", lazy_pattern(rb"....ftyp", re.DOTALL))
_FLAC: Final = (".flac", lazy_pattern(rb"fLaC"))
_ICO: Final = (".ico", lazy_pattern(rb"\x00\x00\x01\x00"))
_FILES: Final[dict[str, tuple[str, re.Pattern[bytes]]]] = {
    "image/png": (".png", lazy_pattern(rb"\x89PNG\r\n\x1a\n")),
    "image/jpeg": (".jpg", lazy_pattern(rb"\xff\xd8\xff")),
    "image/jpg": (".jpg", lazy_pattern(rb"\xff\xd8\xff")),
    "image/gif": (".gif", lazy_pattern(rb"GIF8[79]a")),
    "image/webp": (".webp", lazy_pattern(rb"RIFF....WEBP", re.DOTALL)),
    "image/avif": (".avif", lazy_pattern(rb"....ftypavi[fs]", re.DOTALL)),
    "image/heic": (".heic", lazy_pattern(rb"....ftyp(?:hei|hev|mif)", re.DOTALL)),
    "image/bmp": (".bmp", lazy_pattern(rb"BM")),
    "image/tiff": (".tiff", lazy_pattern(rb"II\*\x00|MM\x00\*")),
    "image/x-icon": _ICO,
    "image/vnd.microsoft.icon": _ICO,
    "audio/wav": _WAV,
    "audio/wave": _WAV,
    "audio/x-wav": _WAV,
    "audio/vnd.wave": _WAV,
    "audio/mpeg": _MP3,
    "audio/mp3": _MP3,
    "audio/mp4": _MP4,
    "audio/m4a": _MP4,
    "audio/x-m4a": _MP4,
    "audio/aac": (".aac", lazy_pattern(rb"\xff[\xf0\xf1\xf8\xf9]")),
    "audio/flac": _FLAC,
    "audio/x-flac": _FLAC,
    "audio/ogg": (".ogg", lazy_pattern(rb"OggS")),
    "audio/opus": (".opus", lazy_pattern(rb"OggS")),
    "audio/webm": (".weba", lazy_pattern(rb"\x1a\x45\xdf\xa3")),
    "audio/aiff": (".aiff", lazy_pattern(rb"FORM....AIF[FC]", re.DOTALL)),
    "audio/midi": (".mid", lazy_pattern(rb"MThd")),
}
"""The extension of each type, and how its files begin."""


@dataclass(frozen=True, slots=True)
class SavedFile:
    """An image or a sound in a file.

    Attributes:
        path: where it is.
        mime_type: what the program said that it is, in small letters.
        size: in bytes.
    """

    path: Path
    mime_type: str
    size: int


class MediaFolder:
    """Writes images and sounds to numbered files, and never over one that is there.

    Args:
        folder: where to; made if it is not there. None is a new temporary folder, made when the
            first file is written, which stays.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._number = 0
        self._written = 0

    def save(self, item: ImageItem | AudioItem) -> SavedFile | None:
        """The file, or None if the item holds no data.

        Raises:
            OSError: it cannot be written, or the run has written too much.
        """
        url = item.image_url if isinstance(item, ImageItem) else item.audio_url
        found = _DATA_URL.match(url)
        if found is None or not found[2].lower().endswith(";base64"):
            return None
        try:
            data = base64.b64decode(url[found.end() :])
        except (binascii.Error, ValueError):
            return None
        if self._written + len(data) > WRITTEN_BYTES:
            raise OSError(f"this run has written {amount(self._written, 'bytes')} to files already")
        self._written += len(data)
        mime_type = (found[1] or "application/octet-stream").lower()
        return SavedFile(self._write(data, extension(mime_type, data)), mime_type, len(data))

    def _write(self, data: bytes, suffix: str) -> Path:
        if self._folder is None:
            import tempfile  # noqa: PLC0415 - few programs show anything

            self._folder = Path(tempfile.mkdtemp(prefix=FILE_PREFIX))
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            self._number += 1
            path = self._folder / f"{FILE_PREFIX}{self._number}{suffix}"
            try:
                with path.open("xb") as file:
                    file.write(data)
                return path
            except FileExistsError:
                continue


def extension(mime_type: str, data: bytes) -> str:
    """The extension for ``data`` that is said to be of this type.

    >>> extension("image/gif", b"GIF89a..."), extension("image/gif", b"#!/bin/sh")
    ('.gif', '.bin')
    >>> extension("image/x-sh", b"#!/bin/sh")
    '.bin'
    """
    suffix, beginning = _FILES.get(mime_type, (UNKNOWN, None))
    return suffix if beginning is not None and beginning.match(data) else UNKNOWN
