"""Our copy of what the cells of a session have stored at a host that tells us."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from msgspec import Raw

from ..errors import LimitError
from ..limits import Limits
from ..protocol.v1 import in_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..protocol import messages as m

_log = logging.getLogger(__name__)

NAMES: Final = 100
"""Keys that are known of values of which there is no copy."""


class StoredCopy:
    """Committed values as JSON by key, as long as they fit into ``max_bytes``."""

    def __init__(self, max_bytes: int | None) -> None:
        self._max_bytes = max_bytes
        self._values: dict[str, bytes] = {}
        self._bytes = 0
        self._part: dict[str, bytes] = {}
        self._part_bytes = 0
        self.is_whole = True
        self._names: dict[str, None] = {}
        """Keys of values of which there is no copy, as far as they are kept."""

    def __repr__(self) -> str:
        return f"<copy of {len(self)} stored values{'' if self.is_whole else ', not whole'}>"

    def __len__(self) -> int:
        return len(self._values)

    def take(self, message: m.SessionStored) -> None:
        """A commit, or a part of one; nothing of it counts before the last part has come."""
        for key, raw in message.values.items():
            json = bytes(raw)
            self._part_bytes += len(key) + len(json) - self._size(self._part, key)
            self._part[key] = json
        if not message.more:
            self._commit()
        self._check()

    def forget_part(self) -> None:
        """The host is gone: what it had not said to its end never was."""
        self._part, self._part_bytes = {}, 0

    def clear(self) -> None:
        """The values are gone at the host too."""
        self.forget_part()
        self._values, self._bytes = {}, 0
        self._names = {}
        self.is_whole = True

    def drop(self) -> None:
        """The values are no use, and those of this host that come are not all."""
        names = dict.fromkeys(self.names)
        self.clear()
        self._names = names
        self.is_whole = False

    @property
    def names(self) -> tuple[str, ...]:
        """The keys of what is stored, in the order of storing; of what is not kept the first hundred."""
        return (*self._names, *(key for key in self._values if key not in self._names))[:NAMES]

    @property
    def values(self) -> dict[str, bytes]:
        """The values by key."""
        return dict(self._values)

    def replace(self, values: Mapping[str, bytes]) -> None:
        """Hold these and no others.

        Raises:
            LimitError: they are too much; nothing has changed.
        """
        size = sum(len(key) + len(json) for key, json in values.items())
        if self._max_bytes is not None and size > self._max_bytes:
            message = Limits(stored_bytes=self._max_bytes).message("stored_bytes", size)
            raise LimitError(message, limit="stored_bytes")
        self._values, self._bytes = dict(values), size

    def parts(self) -> Iterator[dict[str, Raw]]:
        """Everything, in parts that fit into a frame."""
        return in_parts(self._values.items())

    def _commit(self) -> None:
        for key, json in self._part.items():
            self._bytes += len(key) + len(json) - self._size(self._values, key)
            self._values[key] = json
        self.forget_part()

    def _check(self) -> None:
        if self._max_bytes is not None and self._bytes + self._part_bytes > self._max_bytes:
            if self.is_whole:
                _log.warning("a host stores more than %s bytes: no copy is kept", self._max_bytes)
            self.drop()

    def _size(self, values: dict[str, bytes], key: str) -> int:
        return len(key) + len(values[key]) if key in values else 0
