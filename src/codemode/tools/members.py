"""What the members of a class are, as its author has written it.

It is the string beneath a member, or else a section ``Attributes:`` of the class's docstring.
Python forgets the first, so the source of the module is read for it, once; where there is no
source, nothing is said. Import it late: it needs griffe and what pydantic brings.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import sys
from typing import TYPE_CHECKING, Any

from typing_extensions import get_original_bases  # pydantic brings it

from .docstring import collapsed, read_docstring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NOT_THEIRS = frozenset({"builtins", "typing", "typing_extensions", "pydantic"})
"""Packages whose base classes describe no member of an application's."""


def member_texts(cls: Any) -> dict[str, str]:
    """What each member of ``cls`` is, inherited ones included, each text on one line.

    Before Python 3.12 a TypedDict does not know what it inherits from.
    """
    cls = inspect.unwrap(cls)
    texts: dict[str, str] = {}
    for base in reversed(_bases(cls)):
        texts |= member_texts(base)
    texts |= read_docstring(vars(cls).get("__doc__")).attributes
    texts |= _texts_in(cls.__module__).get(cls.__qualname__, {})
    return texts


def _bases(cls: type) -> list[Any]:
    """The classes that ``cls`` names as its own, those of libraries left out."""
    found = [getattr(base, "__origin__", base) for base in get_original_bases(cls)]
    return [
        base
        for base in found
        if isinstance(base, type) and base.__module__.partition(".")[0] not in _NOT_THEIRS
    ]


@functools.lru_cache(maxsize=64)
def _texts_in(module: str) -> Mapping[str, Mapping[str, str]]:
    """The strings beneath members in a module, by the qualified name of their class."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError, SyntaxError):
        return {}
    return {
        name: {member: collapsed(text) for member, text in _beneath(found)}
        for name, found in _classes(tree, "")
    }


def _classes(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield prefix + node.name, node
            yield from _classes(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(node, f"{prefix}{node.name}.<locals>.")
        else:
            yield from _classes(node, prefix)


def _beneath(found: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for member, text in itertools.pairwise(found.body):
        match member, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                yield name, said
