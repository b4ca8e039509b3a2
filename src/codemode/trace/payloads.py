"""Long texts of a bundle, each in a file that is named by its SHA-256: the same text stands there once.

payloads/3f/3fa2….zst     with zstd, or without the ending where it was not to be had
"""

from __future__ import annotations

import hashlib
import io
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ..errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "payloads"
PACKED: Final = ".zst"

UNPACKED_BYTES: Final = 256 * 1024 * 1024
"""A payload that claims to be larger is not unpacked: it may have been made by anybody."""


def zstd() -> Any:
    """The module that packs and unpacks, or None: it comes with the extra ``trace``."""
    try:
        import zstandard  # noqa: PLC0415 - an extra, and only bundles need it
    except ImportError:
        return None
    return zstandard


def pack_file(plain: Path, packed: Path) -> None:
    """Have what stands in ``plain`` in ``packed``, whole or not at all; zstd must be there.

    Raises:
        OSError: it cannot be written.
    """
    draft = packed.with_name(f".{packed.name}.{os.getpid()}")
    with plain.open("rb") as source, draft.open("wb") as target:
        zstd().ZstdCompressor(level=3).copy_stream(source, target)
    draft.replace(packed)


def open_packed(packed: Path) -> BinaryIO:
    """What was packed, as a stream of bytes; reading what is damaged is an OSError.

    Raises:
        OSError: it cannot be opened.
        UsageError: zstd is not there.
    """
    module = zstd()
    if module is None:
        raise UsageError(f"{packed} is packed with zstd: pip install 'codemode[trace]'")
    reader = module.ZstdDecompressor().stream_reader(packed.open("rb"), closefd=True)
    return io.BufferedReader(_Unpacked(reader, module.ZstdError))


class _Unpacked(io.RawIOBase):
    """A packed stream whose damage is an OSError, as that of a disk."""

    def __init__(self, reader: Any, error: type[Exception]) -> None:
        self._reader = reader
        self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return int(self._reader.readinto(buffer))
        except self._error as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        self._reader.close()
        super().close()


class Payloads:
    """The payloads of one bundle.

    Args:
        folder: of the bundle.
        pack: whether to write them packed, where that can be done.
    """

    def __init__(self, folder: Path, *, pack: bool = True) -> None:
        self._folder = folder / FOLDER
        self._zstd = zstd()
        self._packs = pack and self._zstd is not None
        self._written: set[str] = set()

    @property
    def packs(self) -> bool:
        """Whether payloads are written packed."""
        return self._packs

    def write(self, text: str) -> str:
        """Have ``text`` on disk, and return its digest.

        Raises:
            OSError: it cannot be written.
        """
        data = text.encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(data).hexdigest()
        if digest in self._written:
            return digest
        folder = self._folder / digest[:2]
        folder.mkdir(parents=True, exist_ok=True)
        if self._packs:
            data = self._zstd.ZstdCompressor(level=3).compress(data)
        # A reader must never find half a payload under its name.
        place = folder / (digest + (PACKED if self._packs else ""))
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        draft.write_bytes(data)
        draft.replace(place)
        self._written.add(digest)
        return digest

    def read(self, digest: str) -> str | None:
        """The text of this digest; None if it is not there, or is not what it should be."""
        if len(digest) != 64 or not digest.isalnum():
            return None
        plain = self._folder / digest[:2] / digest
        packed = plain.with_name(digest + PACKED)
        try:
            is_packed = packed.exists()
            data = self._unpacked(packed.read_bytes()) if is_packed else plain.read_bytes()
        except OSError:
            return None
        if data is None or hashlib.sha256(data).hexdigest() != digest:
            return None
        return data.decode("utf-8", "replace")

    def _unpacked(self, data: bytes) -> bytes | None:
        if self._zstd is None:
            return None
        try:
            unpacker = self._zstd.ZstdDecompressor()
            unpacked: bytes = unpacker.decompress(data, max_output_size=UNPACKED_BYTES)
        except self._zstd.ZstdError:
            return None
        return unpacked
