"""The stored values of a session at one moment: a mapping, which can be dumped and loaded again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import UsageError
from ..json_text import decode_json

if TYPE_CHECKING:
    from ..protocol.types import JsonValue


class SavedValues(Mapping[str, Any]):
    """What cells have stored with ``store(key, value)``, by key, as JSON has it.

    Args:
        json_by_key: JSON in UTF-8.

    Example:
        >>> saved = SavedValues.load(b'{"k": [1, 2]}')
        >>> saved["k"], saved.dump()
        ([1, 2], b'{"k":[1, 2]}')
    """

    def __init__(self, json_by_key: Mapping[str, bytes]) -> None:
        self.json = dict(json_by_key)

    @classmethod
    def load(cls, dumped: bytes | str) -> SavedValues:
        """The values of ``dumped``, which ``dump`` has made.

        Raises:
            UsageError: this is no JSON object.
        """
        try:
            found = msgspec.json.decode(dumped, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise UsageError(
                f"this is no dump of stored values: {error}"
                "\nHint: pass what cm.stored_values().dump() gave, or a dictionary."
            ) from error
        return cls({key: bytes(raw) for key, raw in found.items()})

    @classmethod
    def of(cls, values: object) -> SavedValues:
        """``values`` of an application: a dump, a mapping of JSON values, or what this class made.

        Raises:
            UsageError: they are none of these, or no JSON.
        """
        if isinstance(values, cls):
            return values
        if isinstance(values, bytes | str):
            return cls.load(values)
        if not isinstance(values, Mapping):
            raise UsageError(
                f"stored values are a mapping or a dump, got a {type(values).__name__}"
                "\nHint: pass what cm.stored_values().dump() gave, or a dictionary."
            )
        return cls({key: _as_json(key, value) for key, value in values.items()})

    def __getitem__(self, key: str) -> JsonValue:
        return decode_json(self.json[key].decode())

    def __iter__(self) -> Iterator[str]:
        return iter(self.json)

    def __len__(self) -> int:
        return len(self.json)

    def __repr__(self) -> str:
        return f"<{len(self)} stored values, {sum(map(len, self.json.values())):,} bytes>"

    def dump(self) -> bytes:
        """All of them as one JSON object, in UTF-8."""
        return msgspec.json.encode({key: msgspec.Raw(text) for key, text in self.json.items()})


def _as_json(key: object, value: JsonValue) -> bytes:
    if not isinstance(key, str):
        raise UsageError(f"the key of a stored value is a text, got {key!r}")
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the value of {key!r} is no JSON: {error}") from error
