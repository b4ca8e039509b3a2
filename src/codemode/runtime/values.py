"""The values that the cells of a session share, as JSON by key, with a past.

A cell reads what was there when it started, and its own writes; it commits those when it ends by
itself, successfully or not, and the last to commit a key wins. So a commit makes a new *version*,
and an entry that it replaces stays for as long as a cell lives that started while it was there.
It stays behind the entry that replaced it, and the session is charged for both.

Who keeps a replaced entry is known without looking: the newest version, among those in which live
cells started, that had it. When the last cell of that version ends, the entry goes to the one
before, or away, so that it is looked at once for each version at most, and not at each end.

Keys and values are kept as UTF-8: a ``str`` takes four bytes for each character of a text that
holds a single emoji.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENTRY_BYTES: Final = 128
"""What an entry takes besides its texts: a million empty values fill the memory too."""


class _Entry:
    """A value, from version ``since`` on; ``before`` is what it replaced and somebody still sees."""

    __slots__ = ("before", "json", "key", "since", "size")

    def __init__(self, key: bytes, json: bytes, since: int, before: _Entry | None) -> None:
        self.key = key
        self.json = json
        self.size = _size(key, json)
        self.since = since
        self.before = before


class _Version(Struct):
    """A version in which live cells started, and the entries that are kept for them."""

    cells: int = 0
    keeps: list[_Entry] = field(default_factory=list)


class StoredValues:
    """Stored values of one session."""

    def __init__(self) -> None:
        self._entries: dict[bytes, _Entry] = {}
        self._version = 0
        self._seen: dict[int, _Version] = {}  # in order
        self._size = 0
        self._replaced = 0
        self.uncommitted = 0
        self.growth = 0
        self.on_commit: Callable[[str, Mapping[str, bytes]], None] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes of all keys and values, and of those replaced that a live cell still sees."""
        return self._size + self._replaced

    def begin(self, cell_id: str = "") -> Writes:
        """What a cell that starts now sees, and where it writes."""
        self._seen.setdefault(self._version, _Version()).cells += 1
        return Writes(self, self._version, cell_id)

    def get(self, key: str, version: int) -> bytes | None:
        """The JSON of ``key`` as it was in ``version``."""
        entry = self._entries.get(key.encode("utf-8", "replace"))
        while entry is not None and entry.since > version:
            entry = entry.before
        return None if entry is None else entry.json

    def current(self) -> dict[str, bytes]:
        """The JSON of every key, as the next cell will see it."""
        return {key.decode(): entry.json for key, entry in self._entries.items()}

    def size_of(self, key: bytes) -> int:
        """Bytes of the entry ``key``; 0 if there is none."""
        entry = self._entries.get(key)
        return 0 if entry is None else entry.size

    def commit(self, written: Mapping[bytes, bytes], cell_id: str = "") -> None:
        """Take over what a cell has written."""
        if not written:
            return
        self._add(written)
        if self.on_commit is not None:
            self.on_commit(cell_id, {key.decode(): json for key, json in written.items()})

    def restore(self, values: Mapping[str, bytes], max_bytes: int | None) -> int | None:
        """Take over what was stored elsewhere, and tell nobody; all of it, or nothing.

        Returns the bytes that the session would hold if that is more than ``max_bytes``, else None.
        """
        taken = {key.encode("utf-8", "replace"): json for key, json in values.items()}
        growth = sum(_size(key, json) - self.size_of(key) for key, json in taken.items())
        if max_bytes is not None and self.size + growth > max_bytes:
            return self.size + growth
        self._add(taken)
        return None

    def release(self, version: int) -> None:
        """A cell that started in ``version`` has ended."""
        seen = self._seen[version]
        seen.cells -= 1
        if seen.cells:
            return
        del self._seen[version]
        earlier = max((each for each in self._seen if each < version), default=None)
        for entry in seen.keeps:
            if earlier is not None and entry.since <= earlier:
                self._seen[earlier].keeps.append(entry)
            else:
                self._forget(entry)

    def _add(self, written: Mapping[bytes, bytes]) -> None:
        self._version += 1
        newest = max(self._seen, default=-1)
        for key, json in written.items():
            before = self._entries.get(key)
            if before is not None:
                self._size -= before.size
                if before.since <= newest:
                    self._replaced += before.size
                    self._seen[newest].keeps.append(before)
                else:  # only what it replaced is seen still
                    before = before.before
            entry = self._entries[key] = _Entry(key, json, self._version, before)
            self._size += entry.size

    def _forget(self, entry: _Entry) -> None:
        """Take a replaced ``entry``, which nobody sees any more, from behind what replaced it."""
        self._replaced -= entry.size
        later = self._entries[entry.key]
        while later.before is not entry:
            assert later.before is not None, "a replaced entry stands behind another"
            later = later.before
        later.before = entry.before


class Writes:
    """What one cell has stored so far, on top of what it started with.

    What cells have written and not committed counts for the session at once: many cells side by
    side hold no more together than one alone.
    """

    def __init__(self, values: StoredValues, version: int, cell_id: str) -> None:
        self._values = values
        self._version = version
        self._cell_id = cell_id
        self._over = False
        self._written: dict[bytes, bytes] = {}
        self._sizes: dict[bytes, int] = {}
        self._bytes = 0
        self._growth = 0

    def __len__(self) -> int:
        return len(self._written)

    def get(self, key: str) -> bytes | None:
        """The JSON that the cell started with: it keeps its own writes itself."""
        return self._values.get(key, self._version)

    def put(self, key: str, json: str, max_bytes: int | None) -> int | None:
        """Keep a write; refuse it if the session would hold more than ``max_bytes``.

        Returns the bytes that the session would hold if it was refused, else None.
        """
        name, value = key.encode("utf-8", "replace"), json.encode("utf-8", "replace")
        size = _size(name, value)
        previous = self._sizes.get(name, 0)
        growth = size - (previous or self._values.size_of(name))
        values = self._values
        total = max(values.size + values.growth + growth, values.uncommitted + size - previous)
        if max_bytes is not None and total > max_bytes:
            return total
        self._count(size - previous, growth)
        self._sizes[name] = size
        self._written[name] = value
        return None

    def commit(self) -> Mapping[bytes, bytes]:
        """Hand the writes over to the session, and give them back; the cell reads no more."""
        written = self._written
        self.discard()  # first: nothing is kept for this cell
        self._values.commit(written, self._cell_id)
        return written

    def discard(self) -> None:
        """Forget the writes, and what the cell saw; harmless after ``commit``."""
        self._count(-self._bytes, -self._growth)
        self._written = {}
        self._sizes = {}
        if not self._over:
            self._over = True
            self._values.release(self._version)

    def _count(self, size: int, growth: int) -> None:
        self._bytes += size
        self._growth += growth
        self._values.uncommitted += size
        self._values.growth += growth


def _size(key: bytes, json: bytes) -> int:
    return ENTRY_BYTES + len(key) + len(json)
