"""The values that the cells of a session share, as JSON text by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENTRY_BYTES: Final = 128
"""What an entry takes besides its texts: a million empty values fill the memory too."""


class StoredValues:
    """Stored values; a commit replaces the map, so that a snapshot costs nothing.

    A cell reads the snapshot of its start and its own writes, and commits those when it ends by
    itself, successfully or not: the last to commit a key wins.
    """

    def __init__(self) -> None:
        self._values: Mapping[str, str] = {}
        self._size = 0
        self.uncommitted = 0
        self.growth = 0
        self.on_commit: Callable[[Mapping[str, str]], None] | None = None

    def __len__(self) -> int:
        return len(self._values)

    @property
    def size(self) -> int:
        """Bytes of all keys and values."""
        return self._size

    def begin(self) -> Writes:
        """What a cell that starts now sees, and where it writes."""
        return Writes(self, self._values)

    def size_of(self, key: str) -> int:
        """Bytes of the entry ``key``; 0 if there is none."""
        json = self._values.get(key)
        return 0 if json is None else _size(key, json)

    def commit(self, written: Mapping[str, str]) -> None:
        """Take over ``written``."""
        if not written:
            return
        self._add(written)
        if self.on_commit is not None:
            self.on_commit(written)

    def restore(self, values: Mapping[str, str], max_bytes: int | None) -> int | None:
        """Take over what was stored elsewhere, and tell nobody; all of it, or nothing.

        Returns the bytes that the session would hold if that is more than ``max_bytes``, else None.
        """
        growth = sum(_size(key, json) - self.size_of(key) for key, json in values.items())
        if max_bytes is not None and self._size + growth > max_bytes:
            return self._size + growth
        self._add(values)
        return None

    def _add(self, written: Mapping[str, str]) -> None:
        self._size += sum(_size(key, json) - self.size_of(key) for key, json in written.items())
        self._values = {**self._values, **written}


class Writes:
    """What one cell has stored so far, on top of what it started with.

    What cells have written and not committed counts for the session at once: many cells side by
    side hold no more together than one alone.
    """

    def __init__(self, values: StoredValues, snapshot: Mapping[str, str]) -> None:
        self._values = values
        self._snapshot = snapshot
        self._written: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._bytes = 0
        self._growth = 0

    def __len__(self) -> int:
        return len(self._written)

    def get(self, key: str) -> str | None:
        """The value that the cell started with: it keeps its own writes itself."""
        return self._snapshot.get(key)

    def put(self, key: str, json: str, max_bytes: int | None) -> int | None:
        """Keep a write; refuse it if the session would hold more than ``max_bytes``.

        Returns the bytes that the session would hold if it was refused, else None.
        """
        size = _size(key, json)
        previous = self._sizes.get(key, 0)
        growth = size - (previous or self._values.size_of(key))
        values = self._values
        total = max(values.size + values.growth + growth, values.uncommitted + size - previous)
        if max_bytes is not None and total > max_bytes:
            return total
        self._count(size - previous, growth)
        self._sizes[key] = size
        self._written[key] = json
        return None

    def commit(self) -> None:
        """Hand the writes over to the session."""
        self._values.commit(self._written)
        self.discard()

    def discard(self) -> None:
        """Forget the writes; harmless after ``commit``."""
        self._count(-self._bytes, -self._growth)
        self._written = {}
        self._sizes = {}

    def _count(self, size: int, growth: int) -> None:
        self._bytes += size
        self._growth += growth
        self._values.uncommitted += size
        self._values.growth += growth


def _size(key: str, json: str) -> int:
    text = key + json
    return ENTRY_BYTES + (len(text) if text.isascii() else len(text.encode("utf-8", "replace")))
