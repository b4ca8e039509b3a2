"""Rights to files, network and other processes that Linux's Landlock takes away, by its version.

A process that handles a right and has no rule that grants it has lost it for good. Later versions
handle more; asking an old one for a right that it does not know is an error, hence the table.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple


class Rights(NamedTuple):
    """What one version can take away, as bits of the three fields of its attribute."""

    files: int
    network: int = 0
    scopes: int = 0

    def attribute(self) -> bytes:
        """``struct landlock_ruleset_attr``, no longer than the version knows it."""
        fields = (self.files, self.network, self.scopes)
        count = 3 if self.scopes else 2 if self.network else 1
        return struct.pack(f"={count}Q", *fields[:count])

    def words(self) -> str:
        """For people: ``files, network, signals``."""
        held = ("files", *["network"] * bool(self.network), *["signals"] * bool(self.scopes))
        return ", ".join(held)


_VERSIONS: Final = (
    Rights(files=2**13 - 1),
    Rights(files=2**14 - 1),  # moving between folders
    Rights(files=2**15 - 1),  # truncating
    Rights(files=2**15 - 1, network=0b11),  # TCP: bind, connect
    Rights(files=2**16 - 1, network=0b11),  # ioctl of devices
    Rights(files=2**16 - 1, network=0b11, scopes=0b11),  # abstract sockets, signals
)


def rights_of(version: int) -> Rights:
    """All that this version can take away, as far as we know; ``version`` is at least 1."""
    return _VERSIONS[min(version, len(_VERSIONS)) - 1]
