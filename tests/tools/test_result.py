import collections
import dataclasses
import datetime as dt
import decimal
import enum
import json
import math
import pathlib
import threading
import tracemalloc
import types
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import mpmath
import msgspec
import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.errors import ToolError
from codemode.tools.function import FunctionTool
from codemode.tools.media import Audio, Image
from codemode.tools.result import MAX_DEPTH, to_json

Call = Callable[..., Awaitable[Any]]


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Name(str):
    __slots__ = ()


@dataclasses.dataclass
class Point:
    x: int
    when: dt.date | None = None


class Index:
    def __init__(self, number: int) -> None:
        self._number = number

    def __index__(self) -> int:
        return self._number

    def __float__(self) -> float:
        raise AssertionError("its digits would be lost")


class Int:
    def __init__(self, number: int) -> None:
        self._number = number

    def __int__(self) -> int:
        return self._number


class Symbol:
    """A number only when it is known, as in sympy."""

    def __float__(self) -> float:
        raise TypeError("cannot convert expression to float")


class Pair(NamedTuple):
    left: int
    right: Any


class Model(pydantic.BaseModel):
    n: int = pydantic.Field(serialization_alias="number")
    point: Point
    ratio: float = math.nan
    big: int = 2**60
    anything: Any = None

    @pydantic.field_serializer("point", when_used="json")
    def _point(self, value: Point) -> str:
        return f"at {value.x}"


class Struct(msgspec.Struct, rename="camel"):
    first_name: str
    raw: bytes
    point: Point


@pydantic.dataclasses.dataclass
class Checked:
    at: dt.date


CONVERTED: dict[str, tuple[Any, Any]] = {
    "plain": ({"a": [1, 2.5, "x", True, None]}, {"a": [1, 2.5, "x", True, None]}),
    "nan": ([math.nan, math.inf, -math.inf], [None, None, None]),
    "greatest safe integer": (2**53 - 1, 2**53 - 1),
    "big integer": ([2**53, -(2**53), 10**30], [str(2**53), str(-(2**53)), str(10**30)]),
    "enum": ([Color.RED, Level.LOW], ["red", 1]),
    "subclass of str": (Name("n"), "n"),
    "dataclass": (Point(1, dt.date(2026, 1, 2)), {"x": 1, "when": "2026-01-02"}),
    "named tuple": (Pair(1, {2}), [1, [2]]),
    "model": (
        Model(n=1, point=Point(2), anything=[math.inf, Point(3)]),
        {
            "number": 1,
            "point": "at 2",
            "ratio": None,
            "big": str(2**60),
            "anything": [None, {"x": 3, "when": None}],
        },
    ),
    "model with a foreign value": (
        Model(n=1, point=Point(2), anything=Struct("a", b"hi", Point(1))).model_copy(),
        {
            "number": 1,
            "point": "at 2",
            "ratio": None,
            "big": str(2**60),
            "anything": {"firstName": "a", "raw": "aGk=", "point": {"x": 1, "when": None}},
        },
    ),
    "pydantic dataclass": (Checked(dt.date(2026, 1, 2)), {"at": "2026-01-02"}),
    "struct": (
        Struct("a", b"hi", Point(1)),
        {"firstName": "a", "raw": "aGk=", "point": {"x": 1, "when": None}},
    ),
    "datetime": (
        dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        "2026-01-02T03:04:05Z",
    ),
    "time and duration": ([dt.time(1, 2), dt.timedelta(hours=1)], ["01:02:00", "PT1H"]),
    "decimal": (decimal.Decimal("1.10"), "1.10"),
    "uuid": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "path": (pathlib.PurePosixPath("a/b"), "a/b"),
    "secret": (pydantic.SecretStr("hunter2"), "**********"),
    "set": ({3, 1, 2}, [1, 2, 3]),
    "frozenset of strings": (frozenset({"b", "a"}), ["a", "b"]),
    "tuple": ((1, (2,)), [1, [2]]),
    "deque": (collections.deque([1]), [1]),
    "range": (range(3), [0, 1, 2]),
    "views": ([{"a": 1}.keys(), {"a": 1}.values()], [["a"], [1]]),
    "mapping": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "counter": (collections.Counter("aab"), {"a": 2, "b": 1}),
    "bytes": ([b"hi", bytearray(b"\xfb\xff"), memoryview(b"hi")], ["aGk=", "+/8=", "aGk="]),
    "keys": (
        {1: 0, "t": 1, None: 2, 2.5: 3, 3.0: 4, Color.RED: 5, uuid.UUID(int=1): 6},
        {
            "1": 0,
            "t": 1,
            "null": 2,
            "2.5": 3,
            "3": 4,
            "red": 5,
            "00000000-0000-0000-0000-000000000001": 6,
        },
    ),
    "boolean keys": ({True: 1, False: 0}, {"true": 1, "false": 0}),
    "odd keys": ({"__proto__": 1, "": 2, "é": 3}, {"__proto__": 1, "": 2, "é": 3}),
    "half a pair": (["a\ud800b", {"\udc00": 1}], ["a�b", {"�": 1}]),
    "numpy": (
        [np.float64(1.5), np.float32("nan"), np.int64(2), np.bool_(True), np.array([[1, 2]])],
        [1.5, None, 2, True, [[1, 2]]],
    ),
    "numbers of mpmath": (
        [mpmath.mpf("2.5"), mpmath.mpf(3), mpmath.pi, mpmath.inf, {mpmath.mpf(1): 0}],
        [2.5, 3.0, math.pi, None, {"1": 0}],
    ),
    "numbers of any library": ([Index(7), Index(2**60), Int(5)], [7, str(2**60), 5]),
    "image": (
        [Image(b"hi"), Image(b"hi", "image/gif", detail="low")],
        [
            {"type": "image", "data": "aGk=", "mimeType": "image/png"},
            {
                "type": "image",
                "data": "aGk=",
                "mimeType": "image/gif",
                "_meta": {"codex/imageDetail": "low"},
            },
        ],
    ),
    "audio": (Audio(b"hi"), {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"}),
}


@pytest.mark.parametrize(("value", "expected"), CONVERTED.values(), ids=CONVERTED.keys())
def test_results_become_json(value: Any, expected: Any) -> None:
    found = to_json(value, "t")
    assert found == expected
    assert json.loads(json.dumps(found, allow_nan=False)) == expected


def numbers() -> Iterator[int]:
    yield 1


async def coroutine() -> None: ...


class Odd: ...


CYCLE: list[Any] = []
CYCLE.append(CYCLE)

TYPE_HINT = "the tool should return JSON-like values, dataclasses or pydantic models."
REFUSED: dict[str, tuple[Any, str]] = {
    "object": (Odd(), f"a value of type `Odd`, which has no JSON form.\nHint: {TYPE_HINT}"),
    "nested": (
        {"items": [0, Point(Odd())]},  # type: ignore[arg-type]
        f"a value of type `Odd` at `result.items[1].x`, which has no JSON form.\nHint: {TYPE_HINT}",
    ),
    "symbol": (Symbol(), f"a value of type `Symbol`, which has no JSON form.\nHint: {TYPE_HINT}"),
    "complex of mpmath": (
        [mpmath.mpc(1, 2)],
        f"a value of type `mpc` at `result[0]`, which has no JSON form.\nHint: {TYPE_HINT}",
    ),
    "class": (Odd, f"the class `Odd`, which has no JSON form.\nHint: {TYPE_HINT}"),
    "model class": (Model, f"the class `Model`, which has no JSON form.\nHint: {TYPE_HINT}"),
    "function": (
        numbers,
        f"a value of type `function`, which has no JSON form.\nHint: {TYPE_HINT}",
    ),
    "generator": (
        {"a": numbers()},
        "a `generator` at `result.a`, which has no JSON form."
        "\nHint: the tool should collect the values in a list.",
    ),
    "iterator": (
        iter([1]),
        "a `list_iterator`, which has no JSON form."
        "\nHint: the tool should collect the values in a list.",
    ),
    "two keys alike": (
        {1: 0, "1": 0},
        "two keys that both read '1', which has no JSON form."
        "\nHint: the tool should use distinct strings as keys.",
    ),
    "tuple as key": (
        {(1, 2): 0},
        "a key of type `tuple`, which has no JSON form."
        "\nHint: the tool should use distinct strings as keys.",
    ),
}


@pytest.mark.parametrize(("value", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_json_form_is_named(value: Any, text: str) -> None:
    with pytest.raises(ToolError) as caught:
        to_json(value, "t")
    assert str(caught.value) == f"tool `t` returned {text}"


def test_a_cycle_is_refused_without_running_out_of_stack() -> None:
    with pytest.raises(ToolError) as caught:
        to_json(CYCLE, "t")
    assert str(caught.value) == (
        f"tool `t` returned something nested more than {MAX_DEPTH} deep"
        f" at `result{'[0]' * MAX_DEPTH}`, which has no JSON form."
        "\nHint: the tool should return flatter data without references to itself."
    )


def test_bytes_that_a_model_cannot_dump_are_refused() -> None:
    class Raw(pydantic.BaseModel):
        data: bytes

    with pytest.raises(ToolError) as caught:
        to_json(Raw(data=b"\xff"), "t")
    assert str(caught.value).startswith("tool `t` returned a `Raw` ('utf-8' codec can't decode")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.dates()
    | st.decimals()
    | st.uuids()
    | st.characters(categories=["Cs"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers() | st.booleans(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(values)
def test_whatever_comes_out_survives_a_trip_through_json(value: Any) -> None:
    try:
        found = to_json(value, "t")
    except ToolError:
        return
    text = json.dumps(found, allow_nan=False, ensure_ascii=False)
    assert json.loads(text.encode()) == found


@given(values)
def test_converting_twice_changes_nothing(value: Any) -> None:
    try:
        found = to_json(value, "t")
    except ToolError:
        return
    assert to_json(found, "t") == found


async def test_an_image_is_declared_returned_and_taken_back(call: Call) -> None:
    def turn(picture: Image) -> Image:
        return Image(picture.data[::-1], picture.mime_type)

    block = {
        "type": "object",
        "properties": {
            "type": {"const": "image", "type": "string"},
            "data": {"type": "string", "contentEncoding": "base64"},
            "mimeType": {"type": "string"},
        },
        "required": ["type", "data", "mimeType"],
    }
    definition = FunctionTool(turn).definition
    assert definition.output_schema == block
    assert definition.input_schema["properties"] == {"picture": block}
    given_ = {"type": "image", "data": "aGk=", "mimeType": "image/gif"}
    assert await call(turn, {"picture": given_}) == {
        "type": "image",
        "data": "aWg=",
        "mimeType": "image/gif",
    }


@pytest.mark.parametrize(
    "block",
    [
        "text",
        {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"},
        {"type": "image", "data": "aGk="},
        {"type": "image", "data": "!", "mimeType": "image/gif"},
    ],
    ids=["text", "audio", "no mime type", "no base64"],
)
def test_what_is_no_image_block_makes_no_image(block: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        Image.from_block(block)


SIZE_HINT = "\nHint: ask the tool for less at once; it should return fewer values, or one string."


def shared(levels: int) -> list[Any]:
    """Few lists, and ten times as many in JSON with each level."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value] * 10
    return value


TOO_LARGE: dict[str, dict[str, Any]] = {
    "200,000 members, those of everything inside it included": {
        "lists": [[]] * 200_001,
        "shared": shared(100),
        "keys": dict.fromkeys(range(200_001)),
        "set": set(range(200_001)),
        "array": np.zeros(200_001),
        "mixed": [dict.fromkeys("ab")] * 100_000,
    },
    "64 MiB of text": {
        "bytes": bytes(50 * 2**20),
        "texts": ["x" * 2**20] * 65,
        "keys' texts": [{"x" * 2**20: 0}] * 65,
        "image": Image(bytes(50 * 2**20)),
    },
}


@pytest.mark.parametrize(
    ("value", "most"),
    [
        pytest.param(value, most, id=name)
        for most, values in TOO_LARGE.items()
        for name, value in values.items()
    ],
)
def test_what_is_too_large_is_refused_before_it_is_made(value: Any, most: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ToolError) as caught:
            to_json(value, "t")
        made = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert str(caught.value) == f"tool `t` returned more than {most}.{SIZE_HINT}"
    assert made < 64 * 2**20


def test_as_many_members_as_there_may_be_are_taken() -> None:
    value: dict[str, list[list[int]]] = {"a": [[]] * 199_999}

    assert to_json(value, "t") == value


async def test_what_a_thread_returns_is_made_json_by_the_thread(call: Call) -> None:
    seen: list[threading.Thread] = []

    class Told(dict[str, int]):
        def items(self) -> Any:
            seen.append(threading.current_thread())
            return super().items()

    def work() -> dict[str, int]:
        return Told(a=1)

    async def pause() -> dict[str, int]:
        return Told(a=2)

    assert (await call(work), await call(pause)) == ({"a": 1}, {"a": 2})
    assert [each is threading.main_thread() for each in seen] == [False, True]
