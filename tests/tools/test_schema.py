"""Schemas of arguments and results, as a model is told them."""

import dataclasses
import enum
import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Generic, NamedTuple, NotRequired, TypedDict, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from typing_extensions import Doc, Unpack

from codemode.errors import ToolDefinitionError
from codemode.tools.function import FunctionTool

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


def test_variable_keywords_show_as_additional_properties() -> None:
    def use(**rest: int | None) -> None: ...

    assert FunctionTool(use).definition.input_schema == {
        "additionalProperties": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "properties": {},
        "type": "object",
    }


DESCRIBED = {
    "additionalProperties": False,
    "properties": {
        "a": {"description": "From the docstring.", "type": "integer"},
        "b": {"description": "From the field.", "type": "integer"},
        "c": {"description": "From the text.", "type": "integer"},
        "d": {"description": "From the doc.", "default": 1, "type": "integer"},
    },
    "required": ["a", "b", "c"],
    "type": "object",
}


def described(
    a: int,
    b: Annotated[int, "no", Field(description="From the field.")],
    c: Annotated[int, "From the text."],
    d: Annotated[int, Doc("From the doc.")] = 1,
) -> None:
    """Describe.

    Args:
        a: From the docstring.
        b: no
        c: no
    """


def test_descriptions_of_parameters_and_who_wins() -> None:
    assert FunctionTool(described).definition.input_schema == DESCRIBED


def test_what_is_written_beneath_a_member_describes_it() -> None:
    def use(where: Spot, around: Place, **rest: Unpack[Place]) -> Spot:
        return where

    spot = {
        "description": inspect.getdoc(Spot),
        "properties": {
            "name": {"description": "From the section.", "type": "string"},
            "x": {"description": "From beneath.", "type": "integer"},
            "y": {"description": "From the field.", "type": "integer"},
        },
        "required": ["name", "x", "y"],
        "title": "Spot",
        "type": "object",
    }
    definition = FunctionTool(use).definition
    assert definition.output_schema == spot
    assert definition.input_schema["$defs"] == {
        "Spot": {"additionalProperties": False, **spot},
        "Place": {
            "additionalProperties": False,
            "properties": {
                "spot": {"$ref": "#/$defs/Spot", "description": "Where it is."},
                "town": {"type": "string"},
            },
            "required": ["spot", "town"],
            "title": "Place",
            "type": "object",
        },
    }
    properties = definition.input_schema["properties"]
    assert {key: each.get("description") for key, each in properties.items()} == {
        "where": None,
        "around": None,
        "spot": "Where it is.",
        "town": None,
    }


def test_no_parameters_make_a_closed_empty_object() -> None:
    def use() -> None: ...

    assert FunctionTool(use).definition.input_schema == {
        "additionalProperties": False,
        "properties": {},
        "type": "object",
    }


def test_schemas_carry_no_titles_made_of_names() -> None:
    assert FunctionTool(function_of(Order)).definition.input_schema == {
        "$defs": {
            "Order": {
                "properties": {
                    "point": {"$ref": "#/$defs/Point"},
                    "tags": {"default": [], "items": {"type": "string"}, "type": "array"},
                },
                "required": ["point"],
                "title": "Order",
                "type": "object",
            },
            "Point": {
                "properties": {"x": {"type": "integer"}, "y": {"default": 0.0, "type": "number"}},
                "required": ["x"],
                "title": "Point",
                "type": "object",
            },
        },
        "additionalProperties": False,
        "properties": {"v": {"$ref": "#/$defs/Order"}},
        "required": ["v"],
        "type": "object",
    }


def test_defaults_that_are_no_json_or_secret_stay_out_of_the_schema() -> None:
    def use(a: Any = object(), b: SecretStr = SecretStr("hunter2")) -> None: ...  # noqa: B008

    assert FunctionTool(use).definition.input_schema["properties"] == {
        "a": {},
        "b": {"default": "**********", "format": "password", "type": "string", "writeOnly": True},
    }


def test_a_parameter_without_a_json_form_is_refused() -> None:
    with pytest.raises(ToolDefinitionError) as caught:
        _ = FunctionTool(function_of(Call)).definition
    assert str(caught.value).startswith("tool `use`: a parameter has no JSON form: ")

    class Odd: ...

    with pytest.raises(ToolDefinitionError) as caught:
        _ = FunctionTool(function_of(Odd)).definition
    assert str(caught.value) == (
        "tool `use`: a parameter has no JSON form: Unable to generate pydantic-core schema for"
        f" {Odd!r}."
        "\nHint: use JSON-like types, dataclasses, TypedDicts or pydantic models as hints."
    )


class Odd: ...


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (None, None),
        (Any, None),
        (Odd, None),
        (Callable[[], int], None),
        (int, {"type": "integer"}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Color, {"enum": ["red", 2], "title": "Color"}),
        (
            Movie,
            {
                "properties": {"title": {"type": "string"}, "year": {"type": "integer"}},
                "required": ["title"],
                "title": "Movie",
                "type": "object",
            },
        ),
    ],
    ids=["none", "any", "class", "callable", "int", "optional", "enum", "typed dict"],
)
def test_output_schemas(hint: Any, expected: Any) -> None:
    function = function_of(int)
    function.__annotations__["return"] = hint
    assert FunctionTool(function).definition.output_schema == expected
