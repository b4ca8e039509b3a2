"""What the members of a class are, as it is written in the source or in a docstring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypedDict, TypeVar

from pydantic import BaseModel

from codemode.tools.members import member_texts

T = TypeVar("T")


@dataclass
class Base:
    """A base.

    Attributes:
        a: the first,
            on two lines.
        b: of the section
    """

    a: int
    b: int
    """Beneath it."""
    "not a text of b any more"
    c: int


@dataclass
class Derived(Base, Generic[T]):
    c: T  # type: ignore[assignment]  # another type, for the test
    "Said where it is derived."

    class Inner(TypedDict):
        a: int
        "Another one."


class Model(BaseModel):
    a: int
    "Of a model."


def test_a_text_beneath_wins_over_the_section_and_is_inherited() -> None:
    assert member_texts(Base) == {"a": "the first, on two lines.", "b": "Beneath it."}
    assert member_texts(Derived) == {**member_texts(Base), "c": "Said where it is derived."}


def test_classes_within_classes_and_functions_are_their_own() -> None:
    class Base(TypedDict):
        a: int
        """Of a function."""

    assert member_texts(Derived.Inner) == {"a": "Another one."}
    assert member_texts(Base) == {"a": "Of a function."}


def test_a_model_has_its_own_texts_only() -> None:
    assert member_texts(Model) == {"a": "Of a model."}


def test_where_there_is_no_source_nothing_is_said() -> None:
    found: dict[str, type] = {"__name__": "nowhere"}  # type: ignore[dict-item]  # as exec wants it
    exec('class Lost:\n    a: int\n    "gone"', found)
    assert member_texts(found["Lost"]) == {}
    assert member_texts(int) == {}
