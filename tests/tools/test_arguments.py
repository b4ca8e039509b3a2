"""Arguments as a function sees them, and what a model reads when they do not fit."""

import copy
import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from typing_extensions import Unpack

from codemode.errors import ToolError
from codemode.protocol.session import Signal
from codemode.protocol.types import ToolCall
from codemode.tools.arguments import FunctionArguments
from codemode.tools.big_integers import MAX_BIG_INTEGERS
from codemode.tools.function import FunctionTool
from codemode.tools.problems import MAX_PROBLEMS
from codemode.tools.signature import read_signature

Call = Callable[..., Awaitable[Any]]
T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"
    TWO = 2


class Level(enum.IntEnum):
    LOW = 1


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


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class Even(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value


class Box(BaseModel, Generic[T]):
    item: T


@dataclasses.dataclass
class Named:
    """Something with a name.

    Attributes:
        name: From the section.
    """

    name: str


@dataclasses.dataclass
class Spot(Named):
    """A spot.

    Attributes:
        x: no
        y: no
    """

    x: int
    """From
    beneath."""
    y: Annotated[int, Field(description="From the field.")]
    "no"


class Place(TypedDict):
    spot: Spot
    """Where it is."""
    town: str


def function_of(hint: Any) -> Callable[..., Any]:
    def use(v):  # type: ignore[no-untyped-def]
        return v

    use.__annotations__["v"] = hint
    return use


def bind(function: Callable[..., Any], value: Any, *, strict: bool = True) -> dict[str, Any]:
    signature = read_signature(function, "use")
    arguments = FunctionArguments("use", signature, {}, strict=strict)
    read = arguments.read("use", value)
    bound = arguments.bound(read.values, {"call": "CALL", "cancel": "CANCEL"})
    return {"args": bound.args, **bound.kwargs} if bound.args else dict(bound.kwargs)


ACCEPTED: list[tuple[Any, Any, Any]] = [
    (int, 1, 1),
    (int, "9007199254740993", 9007199254740993),
    (int | str, "9007199254740993", "9007199254740993"),
    (dict[str, list[int]], {"a": ["-12345678901234567890"]}, {"a": [-12345678901234567890]}),
    (float, 1, 1.0),
    (str, "1", "1"),
    (bool, True, True),
    (None | int, None, None),
    (Any, {"a": [1]}, {"a": [1]}),
    (Literal["a", 1], 1, 1),
    (Color, "red", Color.RED),
    (Color, 2, Color.TWO),
    (Level, 1, Level.LOW),
    (Point, {"x": 1, "y": 2}, Point(1, 2.0)),
    (Order, {"point": {"x": 1}}, Order(point=Point(1))),
    (Movie, {"title": "M"}, {"title": "M"}),
    (Pair, [1, "b"], Pair(1, "b")),
    (Box[Point], {"item": {"x": 1}}, Box[Point](item=Point(1))),
    (Open, {"a": 1, "b": 2}, Open(a=1, b=2)),  # type: ignore[call-arg]
    (list[Point], [{"x": 1}], [Point(1)]),
    (Point | Movie, {"title": "M"}, {"title": "M"}),
    (tuple[int, str], [1, "a"], (1, "a")),
    (set[int], [1, 2], {1, 2}),
    (frozenset[str], ["a"], frozenset("a")),
    (dict[int, str], {"1": "a"}, {1: "a"}),
    (dt.datetime, "2026-01-02T03:04:05Z", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
    (dt.date, "2026-01-02", dt.date(2026, 1, 2)),
    (dt.timedelta, "PT5S", dt.timedelta(seconds=5)),
    (decimal.Decimal, "1.10", decimal.Decimal("1.10")),
    (decimal.Decimal, 1.5, decimal.Decimal("1.5")),
    (uuid.UUID, "00000000-0000-0000-0000-000000000001", uuid.UUID(int=1)),
    (pathlib.Path, "a/b", pathlib.Path("a/b")),
    (bytes, "aGk=", b"hi"),
    (bytes, "-_8=", b"\xfb\xff"),
    (bytes, "+/8=", b"\xfb\xff"),
    (list[T], ["a", 1], ["a", 1]),  # type: ignore[valid-type]
]


@pytest.mark.parametrize(
    ("hint", "given_", "expected"), ACCEPTED, ids=[str(n) for n in range(len(ACCEPTED))]
)
def test_json_becomes_the_real_thing(hint: Any, given_: Any, expected: Any) -> None:
    bound = bind(function_of(hint), {"v": given_})
    assert bound == {"v": expected}
    assert type(bound["v"]) is type(expected)


REFUSED: list[tuple[Any, Any, list[str]]] = [
    (int, "1", ['`v`: should be a valid integer, got "1"']),
    (int, 1.5, ["`v`: should be a valid integer, got 1.5"]),
    (int, True, ["`v`: should be a valid integer, got true"]),
    (int, None, ["`v`: should be a valid integer, got null"]),
    (str, 1, ["`v`: should be a valid string, got 1"]),
    (bool, "true", ['`v`: should be a valid boolean, got "true"']),
    (float, "1.5", ['`v`: should be a valid number, got "1.5"']),
    (Literal["a", "b"], "c", ["`v`: should be 'a' or 'b', got \"c\""]),
    (Color, "blue", ["`v`: should be 'red' or 2, got \"blue\""]),
    (int | str, [], ["`v`: should be a valid integer or should be a valid string, got []"]),
    (Point, {"y": 1}, ["`v.x`: is missing"]),
    (Point, {"x": 1, "z": 2}, ["`v.z`: is not known"]),
    (Order, {"point": {"x": 1}, "tag": []}, ["`v.tag`: is not known"]),
    (
        list[Order],
        [{"point": {"x": 1}}, {"point": {"x": "q"}}],
        ['`v[1].point.x`: should be a valid integer, got "q"'],
    ),
    (Even, {"n": 3}, ["`v.n`: must be even, got 3"]),
    (Annotated[int, Field(ge=5)], 3, ["`v`: should be greater than or equal to 5, got 3"]),
    (str, ["x" * 80], ['`v`: should be a valid string, got ["' + "x" * 57 + "…"]),
]


@pytest.mark.parametrize(
    ("hint", "given_", "lines"), REFUSED, ids=[str(n) for n in range(len(REFUSED))]
)
def test_what_does_not_fit_is_named(hint: Any, given_: Any, lines: list[str]) -> None:
    with pytest.raises(ToolError) as caught:
        bind(function_of(hint), {"v": given_})
    head, *middle, hint_line = str(caught.value).split("\n")
    assert head == "tool `use` cannot take these arguments:"
    assert middle == [f"- {line}" for line in lines]
    assert hint_line.startswith("Hint: expected tools.use({ v: ")


def everything(
    a: int, /, b: str, call: ToolCall, c: int = 3, *, d: list[int] | None = None, stop: Signal
) -> None: ...


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"a": 1, "b": "x"},
            {"args": (1,), "b": "x", "call": "CALL", "c": 3, "d": None, "stop": "CANCEL"},
        ),
        (
            {"d": [1], "c": 3, "b": "x", "a": 1},
            {"args": (1,), "b": "x", "call": "CALL", "c": 3, "d": [1], "stop": "CANCEL"},
        ),
    ],
    ids=["least", "all"],
)
def test_what_the_script_gives_is_passed_and_defaults_where_it_gives_nothing(
    value: Any, expected: Any
) -> None:
    assert bind(everything, value) == expected


@pytest.mark.parametrize("key", ["call", "stop", "z", "p0", "self"])
def test_injected_and_unknown_arguments_are_refused(key: str) -> None:
    with pytest.raises(ToolError) as caught:
        bind(everything, {"a": 1, "b": "x", key: None})
    assert str(caught.value) == (
        f"tool `use` cannot take these arguments:\n- `{key}`: is not known"
        "\nHint: expected tools.use({ a: integer, b: string, c?: integer, d?: integer[] | null })"
    )


def open_ended(a: int, call: ToolCall, **rest: float) -> None: ...


def test_variable_keywords_take_what_is_left() -> None:
    assert bind(open_ended, {"a": 1, "b": 2, "p0": 3}) == {
        "a": 1,
        "call": "CALL",
        "b": 2.0,
        "p0": 3.0,
    }


def test_variable_keywords_are_checked() -> None:
    with pytest.raises(ToolError) as caught:
        bind(open_ended, {"a": 1, "b": "x", "c": {}})
    assert str(caught.value) == (
        "tool `use` cannot take these arguments:"
        '\n- `b`: should be a valid number, got "x"'
        "\n- `c`: should be a valid number, got {}"
        "\nHint: expected tools.use({ a: integer, … })"
    )


def test_variable_keywords_cannot_replace_what_is_injected() -> None:
    with pytest.raises(ToolError) as caught:
        bind(open_ended, {"a": 1, "call": 5})
    assert str(caught.value).split("\n")[1] == "- `call`: is not known"


def test_unpacked_typed_dicts_are_keywords() -> None:
    def use(**movie: Unpack[Movie]) -> None: ...

    assert bind(use, {"title": "M"}) == {"title": "M"}
    assert bind(use, {"title": "M", "year": 1}) == {"title": "M", "year": 1}
    with pytest.raises(ToolError):
        bind(use, {"title": "M", "other": 1})


def test_defaults_of_the_function_stay_its_own() -> None:
    sentinel: list[int] = []

    def use(a: list[int] = sentinel, b: Annotated[int, Field(default=4)] = 5) -> None: ...

    bound = bind(use, {})
    assert (bound, bound["a"] is sentinel) == ({"a": [], "b": 5}, True)


def test_fields_may_hold_defaults_and_other_names() -> None:
    def use(
        a: Annotated[int, Field(default=4)],
        b: Annotated[int, Field(alias="from")],
        c: int = Field(default=6, description="Sea.", le=9),
    ) -> None: ...

    assert bind(use, {"from": 1}) == {"a": 4, "b": 1, "c": 6}
    assert bind(use, {"from": 1, "c": 7}) == {"a": 4, "b": 1, "c": 7}


def test_a_field_that_none_is_the_default_of_keeps_its_name_its_bounds_and_its_description() -> (
    None
):
    def use(a: Annotated[int, Field(alias="from", ge=0, description="A.")] = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013

    assert [bind(use, said) for said in ({"from": 3}, {"from": None}, {})] == [
        {"a": 3},
        {"a": None},
        {"a": None},
    ]
    assert FunctionTool(use).definition.input_schema["properties"]["from"]["description"] == "A."
    with pytest.raises(ToolError):
        bind(use, {"from": -1})


def test_none_as_default_may_be_given() -> None:
    def use(a: int = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013

    assert bind(use, {"a": None}) == {"a": None}


def test_lax_tools_coerce_but_do_not_overlook() -> None:
    assert bind(function_of(Point), {"v": {"x": "1"}}, strict=False) == {"v": Point(1)}
    with pytest.raises(ToolError):
        bind(function_of(Point), {"v": {"x": "1", "z": 0}}, strict=False)


def test_variable_keywords_open_only_the_outermost_object() -> None:
    def use(v: Movie, **rest: Point) -> None: ...

    assert bind(use, {"v": {"title": "M"}, "**": {"x": 1}}) == {
        "v": {"title": "M"},
        "**": Point(1),
    }
    with pytest.raises(ToolError) as caught:
        bind(use, {"v": {"title": "M", "z": 1}, "p": {"x": 1, "z": 1}})
    assert str(caught.value) == (
        "tool `use` cannot take these arguments:"
        "\n- `v.z`: is not known\n- `p.z`: is not known"
        "\nHint: expected tools.use({ v: Movie, … })"
    )


def test_parameter_names_of_pydantic_are_free() -> None:
    def use(schema: int, model_config: str, copy: bool, json: int, __dict__: int = 1) -> None: ...

    value = {"schema": 1, "model_config": "x", "copy": True, "json": 2}
    assert bind(use, value) == {**value, "__dict__": 1}


@pytest.mark.parametrize(
    "value", [{"v": "\ud800"}, {"v": {"a": 1, "b": [None]}}, {"v": "x" * 10_000}]
)
def test_odd_values_never_escape_as_other_errors(value: Any) -> None:
    with pytest.raises(ToolError):
        bind(function_of(int), value)


@pytest.mark.parametrize("depth", [300, 5_000])
def test_bottomless_arguments_are_refused(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    with pytest.raises(ToolError) as caught:
        bind(function_of(Any), {"v": value})
    assert str(caught.value) == (
        "tool `use`: the arguments are nested too deeply\nHint: pass flatter data."
    )


def refusal(hint: Any, value: Any) -> tuple[str, bool]:
    """The text of the refusal, and whether it has a cause that would be printed with it."""
    with pytest.raises(ToolError) as caught:
        bind(function_of(hint), {"v": value})
    return str(caught.value), caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("count", "last", "caused"),
    [
        (MAX_PROBLEMS, "- and 992 more", True),
        (MAX_PROBLEMS + 1, "- 1,001 problems, too many to name", False),
    ],
)
def test_beyond_a_bound_problems_are_counted_and_not_looked_at(
    count: int, last: str, caused: bool
) -> None:
    text, has_cause = refusal(list[str], [1] * count)
    assert (text.split("\n")[-2:], has_cause) == (
        [last, "Hint: expected tools.use({ v: string[] })"],
        caused,
    )


@pytest.mark.parametrize(
    "value",
    [
        {"k" * 1_000_000: [1] * 200},
        {str(n) + "k" * 10_000: [1] * 200 for n in range(100)},
    ],
    ids=["one key", "many keys"],
)
def test_long_keys_before_many_values_are_refused_before_anything_is_checked(value: Any) -> None:
    hint, seen = _counted(dict[str, list[int]])
    text, _ = refusal(hint, value)
    assert (text, seen) == (
        "tool `use`: the arguments have too long keys, or too many levels, for so many values"
        "\nHint: pass shorter keys, flatter data or fewer values at once.",
        [],
    )
    assert bind(function_of(hint), {"v": {"k" * 1_000_000: [1]}})
    assert len(seen) == 1


def _counted(hint: Any) -> tuple[Any, list[int]]:
    """``hint``, and a list that grows by one whenever pydantic checks a value against it."""
    seen: list[int] = []

    def count(value: Any) -> Any:
        seen.append(1)
        return value

    return Annotated[hint, BeforeValidator(count)], seen


def test_digits_are_replaced_in_copies_and_only_so_many() -> None:
    digits = [str(2**53 + n) for n in range(MAX_BIG_INTEGERS)]
    value = {"v": {"a": digits, "b": [1], "c": [2**53, *digits[:1]]}}
    before = copy.deepcopy(value)

    taken = bind(function_of(dict[str, list[int]]), {"v": {"a": digits}})
    assert taken == {"v": {"a": [2**53 + n for n in range(MAX_BIG_INTEGERS)]}}
    text, _ = refusal(dict[str, list[int]], value["v"])
    assert text.split("\n")[1] == "- 10,001 problems, too many to name"
    assert value == before


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_any_value_passes_an_open_parameter_unchanged(value: Any) -> None:
    assert bind(function_of(Any), {"v": value}) == {"v": value}


@given(json_values)
def test_any_value_either_fits_or_is_a_tool_error(value: Any) -> None:
    try:
        bound = bind(everything, value if isinstance(value, dict) else {"a": 1, "b": value})
        text = ""
    except ToolError as error:
        bound, text = {}, str(error)
    fits = isinstance(value, str) or (isinstance(value, dict) and "b" in bound)
    assert isinstance(bound.get("b"), str) is fits
    assert text.rpartition("\n")[2].startswith("Hint: expected tools.use(") is not fits
