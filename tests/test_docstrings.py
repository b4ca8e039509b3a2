"""Docstrings: examples give what stands below them, and public names are described whole."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib
import inspect
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

import codemode
from codemode.tools.tool import Preparing, ToolInterface

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT: Final = Path(codemode.__file__).parent
MODULES: Final = sorted(
    ".".join(("codemode", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_an_example_gives_what_stands_below_it(name: str) -> None:
    module = importlib.import_module(name)

    found = doctest.testmod(module)

    assert found.failed == 0 < found.attempted


INTERFACES: Final = (codemode.SessionDelegate, codemode.SessionProvider, Preparing, ToolInterface)
"""A method that they describe need not be described again by a class that has it."""


@pytest.mark.parametrize("name", codemode.__all__)
def test_a_public_name_is_described_with_all_that_it_takes(name: str) -> None:
    assert list(_undescribed(getattr(codemode, name))) == []


def _undescribed(value: Any) -> Iterator[str]:
    """What of a class or function has no word in its docstring."""
    if inspect.isfunction(value):
        yield from _missing(
            value.__name__, inspect.getdoc(value), inspect.signature(value).parameters
        )
    if not isinstance(value, type) or not value.__module__.startswith("codemode"):
        return  # an alias, which the string beneath it describes
    own = "\n".join(text for each in value.__mro__ for text in _texts_of(each))
    yield from _missing(value.__name__, own, _taken(value))
    for key, member in vars(value).items():
        method = getattr(member, "__func__", member)
        if key.startswith("_") or not inspect.isfunction(method):
            continue
        same = [getattr(each, key, None) for each in INTERFACES if hasattr(each, key)]
        texts = [inspect.getdoc(each) or "" for each in (getattr(value, key), *same)]
        taken = [
            each for each in inspect.signature(method).parameters if each not in ("self", "cls")
        ]
        raised = set(re.findall(r"raise ([A-Z]\w+)\(", inspect.getsource(method))) - {
            "AssertionError"
        }
        yield from _missing(f"{value.__name__}.{key}", "\n".join(texts), [*taken, *sorted(raised)])


def _taken(kind: type) -> Iterable[str]:
    if dataclasses.is_dataclass(kind):
        return [each.name for each in dataclasses.fields(kind) if each.init]
    if issubclass(kind, msgspec.Struct):
        return kind.__struct_fields__
    if "__init__" not in vars(kind) or getattr(kind, "_is_protocol", False):
        return ()
    parameters = inspect.signature(vars(kind)["__init__"]).parameters
    return [each for each in parameters if each not in ("self", "args", "kwargs")]


def _texts_of(kind: type) -> Iterator[str]:
    """The docstring of a class of ours, and the names of fields with a string beneath them, as limits have it."""
    if not kind.__module__.startswith("codemode"):
        return
    yield kind.__doc__ or ""
    [definition] = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    yield " ".join(
        field.target.id
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    )


def _missing(label: str, text: str | None, names: Iterable[str]) -> Iterator[str]:
    if not text:
        yield label
    for each in names:
        if not re.search(rf"\b{each}\b", text or ""):
            yield f"{label}: {each}"
