"""The values that the cells of a session share, as JSON text by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class StoredValues:
    """Stored values; a commit replaces the map, so that a snapshot costs nothing.

    A cell reads the snapshot of its start and its own writes, and commits those when it ends by
    itself, successfully or not: the last to commit a key wins.
    """

    def __init__(self) -> None:
        self._values: Mapping[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._size = 0

    def snapshot(self) -> Mapping[str, str]:
        """The values as they are now; never changed afterwards."""
        return self._values

    def size_with(self, written: Mapping[str, str]) -> int:
        """Bytes of all keys and values if ``written`` were committed."""
        return self._size + sum(
            _size(key, json) - self._sizes.get(key, 0) for key, json in written.items()
        )

    def commit(self, written: Mapping[str, str]) -> None:
        """Take over ``written``."""
        if not written:
            return
        self._values = {**self._values, **written}
        for key, json in written.items():
            size = _size(key, json)
            self._size += size - self._sizes.get(key, 0)
            self._sizes[key] = size


def _size(key: str, json: str) -> int:
    text = key + json
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
