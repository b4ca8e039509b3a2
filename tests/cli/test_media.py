"""What an image or a sound is called as a file: by what it is, never by what it says alone."""

from __future__ import annotations

import pytest

from codemode.cli.media import extension

BEGINNINGS = {
    "image/png": (b"\x89PNG\r\n\x1a\n...", ".png"),
    "image/jpeg": (b"\xff\xd8\xff\xe0...", ".jpg"),
    "image/gif": (b"GIF89a...", ".gif"),
    "image/webp": (b"RIFF\x0a\x00\x00\x00WEBPVP8 ", ".webp"),
    "image/avif": (b"\x00\x00\x00\x20ftypavif", ".avif"),
    "image/bmp": (b"BM....", ".bmp"),
    "image/tiff": (b"II*\x00....", ".tiff"),
    "audio/wav": (b"RIFF\x0a\x00\x00\x00WAVEfmt ", ".wav"),
    "audio/x-wav": (b"RIFF\x0a\x00\x00\x00WAVEfmt ", ".wav"),
    "audio/mpeg": (b"ID3\x04...", ".mp3"),
    "audio/mp3": (b"\xff\xfb\x90d", ".mp3"),
    "audio/mp4": (b"\x00\x00\x00\x20ftypM4A ", ".m4a"),
    "audio/aac": (b"\xff\xf1P\x80", ".aac"),
    "audio/flac": (b"fLaC....", ".flac"),
    "audio/ogg": (b"OggS....", ".ogg"),
    "audio/webm": (b"\x1a\x45\xdf\xa3...", ".weba"),
}


@pytest.mark.parametrize("mime_type", BEGINNINGS)
def test_a_type_of_the_table_with_its_first_bytes_has_its_extension(mime_type: str) -> None:
    data, suffix = BEGINNINGS[mime_type]

    assert extension(mime_type, data) == suffix


@pytest.mark.parametrize("mime_type", BEGINNINGS)
def test_other_first_bytes_make_it_unknown(mime_type: str) -> None:
    assert extension(mime_type, b"#!/bin/sh\nrm -rf ~\n") == ".bin"
    assert extension(mime_type, b"") == ".bin"


@pytest.mark.parametrize(
    "mime_type",
    ["image/svg+xml", "image/x-sh", "audio/x-desktop", "text/html", "application/octet-stream"],
)
@pytest.mark.parametrize("data", [b"<svg onload='alert(1)'/>", b"#!/bin/sh", b"\x89PNG\r\n\x1a\n"])
def test_another_type_is_unknown_whatever_it_holds(mime_type: str, data: bytes) -> None:
    assert extension(mime_type, data) == ".bin"
