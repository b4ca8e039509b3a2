"""Hints as objects; test_hints.py has them as strings."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, NotRequired, Optional, TypedDict

import pytest
from typing_extensions import Unpack

from codemode.errors import ToolDefinitionError
from codemode.protocol.session import Signal
from codemode.protocol.types import ToolCall
from codemode.tools.signature import (
    EMPTY,
    OMITTED,
    Parameter,
    is_async,
    own_doc,
    own_name,
    read_signature,
)


class Rest(TypedDict):
    a: int
    b: NotRequired[str]


class Counter:
    """Counts."""

    def __call__(self, step: int) -> int:
        return step

    def method(self, x: int) -> int:
        """Method."""
        return x

    @classmethod
    def made(cls, x: int) -> int:
        return x

    @staticmethod
    def plain(x: int) -> int:
        return x


def positional(a: int, /, b: int = 2, *, c: int = 3) -> None: ...


def injected(
    a: str, call: ToolCall, stop: Annotated[Signal, "x"], other: Signal | None = None
) -> None: ...


def bare(a, b=1):  # type: ignore[no-untyped-def]
    """Bare."""


def nullable(a: int = None, b: Annotated[int, "b"] = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013


def unpacked(**rest: Unpack[Rest]) -> None: ...


PARAMETERS: list[tuple[str, Callable[..., Any], tuple[Parameter, ...]]] = [
    (
        "kinds",
        positional,
        (
            Parameter("a", int, EMPTY, positional_only=True),
            Parameter("b", int, 2),
            Parameter("c", int, 3),
        ),
    ),
    (
        "injected",
        injected,
        (
            Parameter("a", str),
            Parameter("call", ToolCall, source="call"),
            Parameter("stop", Annotated[Signal, "x"], source="cancel"),
            Parameter("other", Signal | None, None, source="cancel"),
        ),
    ),
    ("bare", bare, (Parameter("a", Any), Parameter("b", Any, 1))),
    (
        "nullable",
        nullable,
        (Parameter("a", Optional[int], None), Parameter("b", Annotated[int | None, "b"], None)),  # noqa: UP045
    ),
    ("unpacked", unpacked, (Parameter("a", int), Parameter("b", str, OMITTED))),
    ("object", Counter(), (Parameter("step", int),)),
    ("method", Counter().method, (Parameter("x", int),)),
    ("classmethod", Counter.made, (Parameter("x", int),)),
    ("staticmethod", Counter.plain, (Parameter("x", int),)),
    (
        "partial",
        functools.partial(functools.partial(positional, 1), b=5),
        (Parameter("c", int, 3),),
    ),
]


@pytest.mark.parametrize(
    ("function", "expected"), [row[1:] for row in PARAMETERS], ids=[row[0] for row in PARAMETERS]
)
def test_parameters(function: Callable[..., Any], expected: tuple[Parameter, ...]) -> None:
    assert read_signature(function, "t").parameters == expected


def star(*names: str) -> None: ...


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


class GeneratingObject:
    def __call__(self) -> Iterator[int]:
        yield 1


GENERATOR_TEXT = (
    "tool `t` is a generator function, and a tool has one result."
    "\nHint: collect the values in a list and return it."
)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (
            star,
            "tool `t`: `*names` cannot be given by name, and a script passes one object."
            "\nHint: take a list instead: `names: list[…]`.",
        ),
        (generator, GENERATOR_TEXT),
        (async_generator, GENERATOR_TEXT),
        (functools.partial(generator), GENERATOR_TEXT),
        (GeneratingObject(), GENERATOR_TEXT),
    ],
)
def test_what_json_cannot_call_is_refused(function: Callable[..., Any], text: str) -> None:
    with pytest.raises(ToolDefinitionError) as caught:
        read_signature(function, "t")
    assert str(caught.value) == text


def test_a_callable_without_a_signature_is_refused() -> None:
    with pytest.raises(ToolDefinitionError) as caught:
        read_signature(iter, "t")
    assert str(caught.value) == (
        "tool `t`: the signature of <built-in function iter> cannot be read."
        "\nHint: wrap it in a function with type hints."
    )


@pytest.mark.parametrize(
    ("function", "name", "doc"),
    [
        (bare, "bare", "Bare."),
        (functools.partial(bare, 1), "bare", "Bare."),
        (Counter(), "Counter", "Counts."),
        (Counter().method, "method", "Method."),
        (lambda: None, None, None),
    ],
)
def test_names_and_docstrings(function: object, name: str | None, doc: str | None) -> None:
    assert (own_name(function), own_doc(function)) == (name, doc)


async def asynchronous() -> None: ...


class AsyncObject:
    async def __call__(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (asynchronous, True),
        (functools.partial(asynchronous), True),
        (AsyncObject(), True),
        (AsyncObject().__call__, True),
        (bare, False),
        (Counter(), False),
    ],
)
def test_async_callables_are_known(function: object, expected: bool) -> None:
    assert is_async(function) is expected
