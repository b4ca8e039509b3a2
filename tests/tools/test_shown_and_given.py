"""What a middleware is shown is what the function gets, for any type of parameter and any JSON.

The types that this does not hold for stand in docs/tools.md, "What a middleware cannot be shown", and
in ``EXCEPTIONS`` here.
"""

import asyncio
import collections
import contextlib
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import inspect
import ipaddress
import pathlib
import re
import uuid
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    TypedDict,
    TypeVar,
    Union,
    get_origin,
)

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    AnyUrl,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    PositiveInt,
    SecretStr,
    StringConstraints,
)

from codemode.errors import ToolError
from codemode.protocol.types import CellId, JsonValue, ToolCall, ToolName
from codemode.tools.chain import Next
from codemode.tools.copies import same
from codemode.tools.function import tool
from codemode.tools.toolset import Toolset

_Open = TypeVar("_Open")
T: Any = _Open  # a variable to fill in, and no type


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.0


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Pair(NamedTuple):
    left: int
    right: str


class Order(BaseModel):
    point: Point
    tags: list[str] = []
    made: uuid.UUID = Field(default_factory=uuid.uuid4)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    a: int = Field(alias="A")


class Word(enum.StrEnum):
    YES = "yes"
    NO = "no"


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Dataclasses inside of each other, with defaults that are made."""

    start: Point
    stops: tuple[Point, ...] = ()
    labels: dict[str, list[Word]] = dataclasses.field(default_factory=lambda: {"a": [Word.YES]})


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    weight: decimal.Decimal


class Tree(BaseModel):
    """One that contains itself."""

    name: str
    below: list["Tree"] = []


class Aliased(BaseModel):
    amount: int = Field(validation_alias=AliasChoices("amt", "amount"))
    when: dt.date | None = Field(default=None, alias="on")


Amount = NewType("Amount", int)


class Silent:
    """Equal to nothing but itself; a validator makes it."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__


def _counted(value: int) -> int:
    """Not idempotent."""
    return value + 1


LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**70), 2**70).map(lambda n: n if abs(n) < 2**53 else str(n)),
    str: st.text(max_size=5) | st.just(str(2**60)),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 5),
    type(None): st.none(),
    Any: st.none() | st.integers(0, 3) | st.lists(st.text(max_size=2), max_size=2),
    bytes: st.sampled_from(["aGk=", "", "-_8="]),
    Color: st.sampled_from(["red", "blue"]),
    Level: st.integers(0, 3),
    Literal["a", 1]: st.sampled_from(["a", 1]),
    decimal.Decimal: st.sampled_from(["1.50", 2, "NaN"]),
    fractions.Fraction: st.sampled_from(["1/3", 2]),
    dt.datetime: st.sampled_from(["2024-01-02T03:04:05Z", "2024-01-02T03:04:05"]),
    dt.date: st.just("2024-01-02"),
    dt.timedelta: st.sampled_from(["PT5M", 3]),
    dt.time: st.sampled_from(["03:04:05", "03:04:05.123456Z"]),
    Word: st.sampled_from(["yes", "no", "maybe"]),
    Number: st.sampled_from([1, 2]),
    Amount: st.integers(-9, 9) | st.just(str(2**60)),
    Route: st.just({"start": {"x": 1}})
    | st.just({"start": {"x": 1}, "stops": [{"x": 2, "y": 1}], "labels": {"b": ["no"]}}),
    Annotated[Cat | Dog, Field(discriminator="kind")]: st.sampled_from(
        [{"kind": "cat"}, {"kind": "dog", "weight": "1.50"}, {"kind": "cow"}]
    ),
    Union[Cat, Movie, Point, None]: st.sampled_from(  # noqa: UP007 - a type in a table
        [{"kind": "cat", "lives": 1}, {"title": "a"}, {"x": 1}, None]
    ),
    Tree: st.just({"name": "a", "below": [{"name": "b", "below": []}]}),
    Aliased: st.sampled_from([{"amt": str(2**60)}, {"amount": 1, "on": "2024-01-02"}]),
    PositiveInt: st.sampled_from([1, 0, str(2**60)]),
    AnyUrl: st.sampled_from(["https://EXAMPLE.com/A/../b", "no url"]),
    Base64Bytes: st.just("aGk="),
    ipaddress.IPv6Network: st.just("2001:db8::/32"),
    uuid.UUID: st.uuids().map(str),
    pathlib.Path: st.sampled_from(["a/../b", "/"]),
    ipaddress.IPv4Address: st.just("127.0.0.1"),
    re.Pattern: st.just("a+"),
    SecretStr: st.text(max_size=3),
    Json[list[int]]: st.just("[1, 2]"),
    Point: st.fixed_dictionaries({"x": st.integers(0, 9)}, optional={"y": st.just(0.5)}),
    Movie: st.fixed_dictionaries({"title": st.text(max_size=3)}, optional={"year": st.just(1)}),
    Pair: st.tuples(st.integers(0, 9), st.text(max_size=2)).map(list),
    Order: st.just({"point": {"x": 1}}) | st.just({"point": {"x": 1}, "tags": ["a"]}),
    Open: st.fixed_dictionaries({"A": st.integers(0, 9)}, optional={"other": st.just([1])}),
    Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True)]: st.just(" ANN "),
    Annotated[int, Field(ge=0, le=2**62)]: st.sampled_from([1, -1, str(2**61), str(2**63)]),
    Annotated[int, AfterValidator(_counted)]: st.integers(0, 9),
    Annotated[Any, BeforeValidator(Silent)]: st.integers(0, 9),
}
"""Types of parameters, and JSON that fits them, for the most part."""
CONTAINERS: list[Any] = [
    list[T],
    dict[str, T],
    tuple[T, ...],
    tuple[T, int],
    Sequence[T],
    Mapping[str, T],
    Iterable[T],
    collections.deque[T],
    collections.OrderedDict[str, T],
    set[T],
    frozenset[T],
    Union[T, None],  # noqa: UP007 - with a variable to fill in
    Union[T, int, list[int]],  # noqa: UP007 - the same
    Annotated[list[T], Field(min_length=1)],
]


def json_for(container: Any, inner: st.SearchStrategy[Any]) -> Any:
    """What fits ``container`` of what ``inner`` gives, for the most part."""
    if container in (dict[str, T], Mapping[str, T], collections.OrderedDict[str, T]):
        return st.dictionaries(st.text(max_size=3), inner, max_size=3)
    if container == tuple[T, int]:
        return st.tuples(inner, st.integers(0, 9)).map(list)
    if get_origin(container) is Union:
        return inner | st.none()
    return st.lists(inner, max_size=3)


@st.composite
def hints_with_json(draw: st.DrawFn) -> tuple[Any, Any]:
    hint, values = draw(st.sampled_from(list(LEAVES.items())))
    for container in draw(st.lists(st.sampled_from(CONTAINERS), max_size=2)):
        hint, values = container[hint], json_for(container, values)
    return hint, draw(values)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4) | st.just(str(2**60)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


def alike(one: Any, other: Any) -> bool:
    """The same, where objects that are equal to nothing but themselves are compared by what they hold."""
    if isinstance(one, Silent) and isinstance(other, Silent):
        return same(one.value, other.value)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple | collections.deque):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, set | frozenset):
        return len(one) == len(other) and all(any(alike(a, b) for b in other) for a in one)
    if isinstance(one, decimal.Decimal) and one.is_nan():
        return bool(other.is_nan())
    return same(one, other)


def tool_of(
    hints: Mapping[str, Any], defaults: Mapping[str, Any], got: list[Any], **options: Any
) -> Any:
    """A tool with these parameters, which writes down what it gets."""

    def use(**values: Any) -> None:
        got.append(values)

    kind = inspect.Parameter.KEYWORD_ONLY
    use.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name, kind, annotation=hint, default=defaults.get(name, inspect.Parameter.empty)
            )
            for name, hint in hints.items()
        ]
    )
    return tool(thread=False, **options)(use)


async def call_it(item: Any, said: Any, shown: list[Any], *, spoil: bool = False) -> None:
    async def look(call: ToolCall, call_next: Next) -> JsonValue:
        shown.append(call.arguments)
        return await call_next(call)

    async def meddle(call: ToolCall, call_next: Next) -> JsonValue:
        result = await call_next(call)
        if spoil:  # too late to change anything
            call.input.clear()
            call.arguments.clear()
        return result

    call = ToolCall(
        cell_id=CellId("1"), runtime_tool_call_id="tool-1", tool_name=ToolName("use"), input=said
    )
    async with Toolset([item], middleware=[meddle, look, look]) as tools, asyncio.timeout(20):
        await tools.invoke_tool(call, asyncio.Event())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_middleware_is_shown_what_the_function_gets(data: st.DataObject) -> None:
    given_ = data.draw(st.lists(hints_with_json(), min_size=1, max_size=3))
    names = [f"v{at}" for at in range(len(given_))]
    said: dict[str, Any] = {}
    hints: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for name, (hint, fitting) in zip(names, given_, strict=True):
        key = name
        if data.draw(st.booleans()):
            key = f"{name}-alias"
            hint = Annotated[hint, Field(validation_alias=AliasChoices(key, f"{key}-2"))]
        hints[name] = hint
        if data.draw(st.booleans()):
            defaults[name] = data.draw(st.sampled_from([None, 7, [1]]))
            if data.draw(st.booleans()):
                continue
        said[key] = fitting if data.draw(st.integers(0, 9)) else data.draw(JSON)
    got: list[Any] = []
    shown: list[Any] = []
    item = tool_of(hints, defaults, got, strict=data.draw(st.booleans()))
    with contextlib.suppress(ToolError):
        asyncio.run(call_it(item, said, shown, spoil=True))
    assert len(shown) == 2 * len(got)
    assert all(alike(each, got[0]) for each in shown), (shown, got)


EXCEPTIONS: dict[str, tuple[Any, Any, Any]] = {
    "a generator": (Generator[int, None, None], [1, 2], [1, 2]),
}
"""A hint, JSON, and what a middleware is shown where it is not what the function gets."""


@pytest.mark.parametrize(("hint", "said", "expected"), EXCEPTIONS.values(), ids=EXCEPTIONS)
async def test_where_a_middleware_is_shown_something_else_it_is_the_same_values(
    hint: Any, said: Any, expected: Any
) -> None:
    got: list[Any] = []
    shown: list[Any] = []
    await call_it(tool_of({"v": hint}, {}, got), {"v": said}, shown)
    assert (shown, list(got[0]["v"])) == ([{"v": expected}] * 2, expected)


async def test_elements_that_pydantic_leaves_for_later_are_checked_before_the_chain() -> None:
    got: list[Any] = []
    shown: list[Any] = []
    with pytest.raises(ToolError) as refused:
        await call_it(tool_of({"v": Iterable[int]}, {}, got), {"v": [1, "x"]}, shown)
    assert (str(refused.value).splitlines()[1], shown, got) == (
        '- `v[1]`: should be a valid integer, got "x"',
        [],
        [],
    )


async def test_what_cannot_be_copied_is_shown_as_itself() -> None:
    got: list[Any] = []
    shown: list[Any] = []
    hint = Annotated[Any, BeforeValidator(lambda value: (each for each in value))]
    await call_it(tool_of({"v": hint}, {}, got), {"v": [1]}, shown)
    assert shown[0]["v"] is got[0]["v"]


class Coins(NamedTuple):
    left: Annotated[Any, BeforeValidator(Silent)]


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (set[Annotated[Any, BeforeValidator(Silent)]], [0]),
        (collections.OrderedDict[str, Annotated[Any, BeforeValidator(Silent)]], {"a": 0}),
        (Coins, [0]),
    ],
    ids=["a set", "an ordered dict", "a named tuple"],
)
async def test_what_was_handed_on_unchanged_is_not_validated_again(hint: Any, said: Any) -> None:
    got: list[Any] = []
    shown: list[Any] = []
    await call_it(tool_of({"v": hint}, {}, got), {"v": said}, shown)

    (coin,) = got[0]["v"].values() if isinstance(got[0]["v"], dict) else got[0]["v"]
    assert coin.value == 0  # and not another coin with this one in it
