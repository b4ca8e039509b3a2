from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from codemode.errors import ToolDefinitionError
from codemode.tools.function import FunctionTool, tool
from codemode.tools.type_hints import innermost, scope_of, without_none


def later(x: Later, many: list[Later]) -> Later:
    return x


@dataclasses.dataclass
class Later:
    n: int


LATER = {
    "additionalProperties": False,
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "title": "Later",
    "type": "object",
}


def defined_here_and_gone() -> Callable[..., Any]:
    class Gone: ...

    def use(x: Gone) -> None: ...

    return use


def kept_by_its_closure() -> Callable[..., Any]:
    @dataclasses.dataclass
    class Kept:
        n: int

    def use(x: Kept) -> int:
        return Kept(1).n + x.n

    return use


def schema_of(function: Callable[..., Any]) -> Any:
    return FunctionTool(function).definition.input_schema


def test_names_defined_later_in_the_module_resolve() -> None:
    assert schema_of(later) == {
        "$defs": {"Later": LATER},
        "additionalProperties": False,
        "properties": {
            "x": {"$ref": "#/$defs/Later"},
            "many": {"items": {"$ref": "#/$defs/Later"}, "type": "array"},
        },
        "required": ["x", "many"],
        "type": "object",
    }


def test_a_hint_that_is_not_there_yet_is_looked_up_at_first_use() -> None:
    @tool
    def use(x: NotYet) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ToolDefinitionError):
        _ = use.definition
    globals()["NotYet"] = int
    try:
        schema = use.definition.input_schema
    finally:
        del globals()["NotYet"]
    assert schema["properties"] == {"x": {"type": "integer"}}


def test_types_of_the_running_function_resolve() -> None:
    @dataclasses.dataclass
    class Inner:
        n: int

    @dataclasses.dataclass
    class Outer:
        inner: Inner
        more: list[Inner]

    def use(x: Outer) -> Inner:
        return x.inner

    definition = FunctionTool(use).definition
    assert sorted(definition.input_schema["$defs"]) == ["Inner", "Outer"]
    assert definition.output_schema["title"] == "Inner"


def test_types_in_the_closure_resolve_after_the_function_returned() -> None:
    assert list(schema_of(kept_by_its_closure())["$defs"]) == ["Kept"]


def test_a_local_type_that_is_gone_is_refused_with_advice() -> None:
    with pytest.raises(ToolDefinitionError) as caught:
        schema_of(defined_here_and_gone())
    assert str(caught.value) == (
        "tool `use`: parameter `x` uses `Gone`, which is not defined where the hints are read."
        "\nHint: import it at run time (not only under TYPE_CHECKING), or define it in the module."
    )


def test_an_unknown_name_inside_a_dataclass_is_refused() -> None:
    @dataclasses.dataclass
    class Broken:
        n: Nowhere  # type: ignore[name-defined]  # noqa: F821

    def use(x: Broken) -> None: ...

    with pytest.raises(ToolDefinitionError) as caught:
        schema_of(use)
    assert str(caught.value).partition("\n")[0] == (
        "tool `use`: a parameter uses `Nowhere`, which is not defined where the hints are read."
    )


def test_a_hint_that_is_no_type_is_refused() -> None:
    def use(x: 1 / 0) -> None: ...  # type: ignore[valid-type]

    with pytest.raises(ToolDefinitionError) as caught:
        schema_of(use)
    assert str(caught.value) == (
        "tool `use`: parameter `x` has the hint '1 / 0', which is not a type:"
        " ZeroDivisionError: division by zero"
    )


def test_wrapped_functions_are_read_in_their_own_module() -> None:
    def use(x: Later) -> None: ...

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def around(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return around

    assert innermost(functools.partial(decorated(use))) is use
    assert scope_of(decorated(use)).globals is globals()
    assert schema_of(decorated(use))["properties"] == {"x": {"$ref": "#/$defs/Later"}}


def test_typed_dicts_of_typing_resolve_with_their_required_keys() -> None:
    class Base(typing.TypedDict):
        a: int

    class Movie(Base, total=False):
        b: typing.Required[Annotated[str, "about b"]]
        c: list[Base]

    def use(x: list[Movie] | None) -> Movie: ...  # type: ignore[empty-body]

    definition = FunctionTool(use).definition
    assert definition.input_schema["$defs"]["Movie"]["required"] == ["a", "b"]
    assert sorted(definition.output_schema["properties"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (int, int),
        (int | None, int),
        pytest.param(typing.Optional[int], int, id="old"),  # noqa: UP045
        (Annotated[int | None, "x"], int),
        (Annotated[int, "x"] | None, int),
        (int | str, int | str),
        (None, None),
    ],
)
def test_none_and_annotations_come_off(hint: object, expected: object) -> None:
    assert without_none(hint) == expected
