"""Rights by the kernel's version; the bits are those of linux/landlock.h."""

import struct

import pytest

from codemode.engine.landlock import rights_of

ALL = 2**16 - 1


@pytest.mark.parametrize(
    ("version", "fields", "words"),
    [
        (1, (2**13 - 1,), "files"),
        (2, (2**14 - 1,), "files"),
        (3, (2**15 - 1,), "files"),
        (4, (2**15 - 1, 3), "files, network"),
        (5, (ALL, 3), "files, network"),
        (6, (ALL, 3, 3), "files, network, signals"),
        (7, (ALL, 3, 3), "files, network, signals"),
        (99, (ALL, 3, 3), "files, network, signals"),
    ],
)
def test_a_version_is_asked_for_what_it_knows(
    version: int, fields: tuple[int, ...], words: str
) -> None:
    rights = rights_of(version)

    assert (rights.attribute(), rights.words()) == (struct.pack(f"={len(fields)}Q", *fields), words)
