"""What a tool returned, as JSON.

The rules, where JSON has none: a non-finite float is ``null``; an integer that JavaScript
cannot hold (beyond ±(2**53 - 1)) is the string of its digits, and an ``int`` parameter takes
that string back; a number of another library is the value of its ``__index__``, ``__float__`` or ``__int__``,
a ``Decimal`` the string of its digits; bytes are base64; sets are arrays, sorted where they can be; keys that are
no strings become strings as in JavaScript; half a surrogate pair is U+FFFD. A pydantic model
or dataclass is dumped by its own rules, by alias, and then follows these. Iterators and
generators are refused: their end is unknown.

A large result is converted outside of the event loop (:func:`converted`), in turn with those of other
sessions, so that no other session waits for it.

JSON has no references: a list that stands in ten places is written ten times, and seven levels of
that are ten million lists. So what a value would become is counted while it is made, and a result
with too many members or too long a text is refused before it takes the memory.
"""

from __future__ import annotations

import base64
import collections.abc
import dataclasses
import enum
import math
import operator
import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..errors import ToolError
from ..fair_executor import FAIR_EXECUTOR, no_pause
from ..large_values import is_large
from ..limits import amount
from .media import MediaResult

if TYPE_CHECKING:
    from ..fair_executor import Pause
    from ..protocol.types import JsonValue

SAFE_INTEGER = 2**53 - 1
"""The greatest integer up to which JavaScript's numbers are exact."""
MAX_DEPTH = 120
"""Levels of nesting. More is a cycle in most cases, and V8-side readers stop at about 127."""
RESULT_MEMBERS: Final = 200_000
"""Members of arrays and objects, at all levels together: as many as an argument may have."""
RESULT_BYTES: Final = 64 * 1024 * 1024
"""Characters of texts and keys together. A session has its own, smaller bound for the JSON."""
STEP_MEMBERS: Final = 250
"""How many members are converted before other threads may have their turn."""


async def converted(value: object, name: str, owner: object) -> JsonValue:
    """``to_json``, elsewhere than in the event loop if it takes long.

    Args:
        owner: whose turn it takes; see :class:`~codemode.fair_executor.FairExecutor`.

    Raises:
        ToolError: as :func:`to_json`.
    """
    if not is_large(value):
        return to_json(value, name)
    return await FAIR_EXECUTOR.run(owner, lambda pause: to_json(value, name, pause))


def to_json(value: object, name: str, pause: Pause = no_pause) -> JsonValue:
    """``value`` as the JSON result of tool ``name``, made of new dicts and lists.

    Args:
        pause: called again and again, to let other threads have their turn.

    Raises:
        ToolError: something in it has no JSON form, or it is too large; the text names the place and the
            type, or how large a result may be.

    Example:
        >>> to_json({"b": {2, 1}, "n": float("nan")}, "t")
        {'b': [1, 2], 'n': None}
    """
    try:
        return _Walk(pause).json(value, 0)
    except _UnfitError as error:
        place = f" at `result{error.path}`" if error.path else ""
        raise ToolError(
            f"tool `{name}` returned {error.reason}{place}, which has no JSON form."
            f"\nHint: {error.hint}"
        ) from error.__cause__
    except _ResultTooLargeError as error:
        raise ToolError(f"tool `{name}` returned more than {error}.\nHint: {_HINT_SIZE}") from None


class _UnfitError(Exception):
    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.path = ""


class _ResultTooLargeError(Exception):
    """How much a result may be."""


_HINT_TYPE = "the tool should return JSON-like values, dataclasses or pydantic models."
_HINT_LIST = "the tool should collect the values in a list."
_HINT_DEPTH = "the tool should return flatter data without references to itself."
_HINT_KEY = "the tool should use distinct strings as keys."
_HINT_SIZE = "ask the tool for less at once; it should return fewer values, or one string."


class _Walk:
    """One way through a result, and what may still be made of it."""

    __slots__ = ("_characters", "_members", "_pause", "_until_pause")

    def __init__(self, pause: Pause) -> None:
        self._members = RESULT_MEMBERS
        self._characters = RESULT_BYTES
        self._pause = pause
        self._until_pause = STEP_MEMBERS

    def json(self, value: Any, depth: int) -> JsonValue:
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is int:
            return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else self._text(_digits(value))
        if kind is float:
            return value if math.isfinite(value) else None
        if depth >= MAX_DEPTH:
            raise _UnfitError(f"something nested more than {MAX_DEPTH} deep", _HINT_DEPTH)
        if kind is dict or isinstance(value, collections.abc.Mapping):
            return self._object(value, depth)
        if kind is list or isinstance(value, list | tuple | collections.abc.Set):
            return self._array(value, depth)
        return self._other(value, depth)

    def _other(self, value: Any, depth: int) -> JsonValue:
        """Scalars with a subclass, records, and what pydantic knows."""
        if isinstance(value, enum.Enum):
            return self.json(value.value, depth + 1)
        for plain in (str, int, float):  # subclasses, such as numpy.float64
            if isinstance(value, plain):
                return self.json(plain(value), depth)
        if isinstance(value, MediaResult):
            self._spend(_base64_characters(len(value.data)))
            return value.block()
        if isinstance(value, bytes | bytearray | memoryview):
            self._spend(_base64_characters(memoryview(value).nbytes))
            return base64.b64encode(value).decode("ascii")
        if _is_path(value):
            return self._text(str(value))
        if isinstance(value, type):
            raise _UnfitError(f"the class `{value.__name__}`", _HINT_TYPE)
        serializer = getattr(value, "__pydantic_serializer__", None)
        if serializer is not None:
            return self.json(self._dumped(serializer, value, depth), depth + 1)
        if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
            return self._object({name: getattr(value, name) for name in names}, depth)
        if isinstance(value, msgspec.Struct) or hasattr(value, "__attrs_attrs__"):
            built = msgspec.to_builtins(value, enc_hook=lambda item: self.json(item, depth + 1))
            return self.json(built, depth + 1)
        if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
            self._check(getattr(value, "size", 1) - 1)  # before there is an object for each
            return self.json(value.tolist(), depth + 1)
        return self._leaf(value, depth)

    def _leaf(self, value: Any, depth: int) -> JsonValue:
        """Dates, decimals, UUIDs, paths, URLs … as pydantic writes them."""
        if isinstance(value, collections.abc.Iterator | collections.abc.AsyncIterator):
            raise _UnfitError(f"a `{type(value).__name__}`", _HINT_LIST)
        if isinstance(value, collections.abc.Sequence | collections.abc.ValuesView):
            return self._array(value, depth)
        from pydantic_core import PydanticSerializationError, to_jsonable_python  # noqa: PLC0415 - late

        try:
            found = to_jsonable_python(value)
        except PydanticSerializationError as error:
            number = _number(value)
            if number is None:
                kind = type(value).__name__
                raise _UnfitError(f"a value of type `{kind}`", _HINT_TYPE) from error
            return self.json(number, depth)
        return self._text(found) if isinstance(found, str) else self.json(found, depth + 1)

    def _dumped(self, serializer: Any, value: object, depth: int) -> JsonValue:
        """``value`` dumped by its own rules; what those do not know follows ours."""
        from pydantic_core import PydanticSerializationError  # noqa: PLC0415 - late

        try:
            return serializer.to_python(
                value, mode="json", by_alias=True, fallback=lambda item: self.json(item, depth + 1)
            )
        except (PydanticSerializationError, UnicodeDecodeError) as error:
            reason = str(error).partition("\n")[0]
            raise _UnfitError(f"a `{type(value).__name__}` ({reason})", _HINT_TYPE) from error

    def _object(self, value: collections.abc.Mapping[Any, Any], depth: int) -> dict[str, JsonValue]:
        self._count(len(value))
        found: dict[str, JsonValue] = {}
        plain_keys = 0
        for key, member in value.items():
            if type(key) is str and key.isascii():
                text = key
                plain_keys += len(key)
            else:
                text = self._key(key)
            if text in found:
                raise _UnfitError(f"two keys that both read {text!r}", _HINT_KEY)
            try:
                found[text] = self.json(member, depth + 1)
            except _UnfitError as error:
                error.path = f".{text}{error.path}"
                raise
        self._spend(plain_keys)
        return found

    def _array(self, value: collections.abc.Collection[Any], depth: int) -> list[JsonValue]:
        self._count(len(value))
        found: list[JsonValue] = []
        for member in _ordered(value):
            try:
                found.append(self.json(member, depth + 1))
            except _UnfitError as error:
                error.path = f"[{len(found)}]{error.path}"
                raise
        return found

    def _key(self, key: object) -> str:
        found = self.json(key, 0)
        if isinstance(found, str):
            return found
        if found is None or isinstance(found, bool):
            return {None: "null", True: "true", False: "false"}[found]
        if isinstance(found, int | float):
            return str(int(found)) if found == int(found) else repr(found)
        raise _UnfitError(f"a key of type `{type(key).__name__}`", _HINT_KEY)

    def _text(self, value: str) -> str:
        self._spend(len(value))
        if value.isascii():
            return value
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value

    def _count(self, members: int) -> None:
        self._check(members)
        self._members -= members
        self._until_pause -= members
        if self._until_pause < 0:
            self._until_pause = STEP_MEMBERS
            self._pause()

    def _check(self, members: int) -> None:
        if members > self._members:
            raise _ResultTooLargeError(
                f"{amount(RESULT_MEMBERS, 'members')}, those of everything inside it included"
            )

    def _spend(self, characters: int) -> None:
        self._characters -= characters
        if self._characters < 0:
            raise _ResultTooLargeError(f"{amount(RESULT_BYTES, 'bytes')} of text")


def _number(value: Any) -> int | float | None:
    """A number of a library (mpmath, sympy, gmpy2) as one of Python's; None for what is none.

    A type that declares itself an integer keeps its digits. Symbols and arrays have the methods, too, and
    refuse.
    """
    kind = type(value)
    for name, convert in (("__index__", operator.index), ("__float__", float), ("__int__", int)):
        if hasattr(kind, name):
            try:
                return convert(value)
            except Exception:  # noqa: BLE001 - a stranger's method; then it is no number
                return None
    return None


def _base64_characters(size: int) -> int:
    return (size + 2) // 3 * 4


def _ordered(value: collections.abc.Iterable[Any]) -> collections.abc.Iterable[Any]:
    if not isinstance(value, collections.abc.Set):
        return value
    try:
        return sorted(value)
    except TypeError:
        return value


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError as error:  # more digits than sys.get_int_max_str_digits
        raise _UnfitError("an integer of thousands of digits", _HINT_TYPE) from error


def _is_path(value: object) -> bool:
    pathlib = sys.modules.get("pathlib")  # nothing is a path before that is loaded
    return pathlib is not None and isinstance(value, pathlib.PurePath)
