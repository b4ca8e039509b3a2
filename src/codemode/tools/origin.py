"""What stands behind a Python tool, as a text that tells two functions apart.

It is part of a definition's digest: an approval that was given to one function must not hold for
another one with the same name, description and schema. It is read from the compiled function, so that
it is there for every function, and the same in every process of one Python version. What a closure
or an object holds is not in it: :class:`~codemode.tools.toolset.Toolset` tells functions apart by
identity, too, while the process lives.
"""

from __future__ import annotations

import hashlib
import types
from typing import TYPE_CHECKING, Final

from .type_hints import innermost

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGITS: Final = 16
"""Hexadecimal digits of the hash of the code."""


def origin_of(function: object) -> str:
    """Module and qualified name of ``function``, and a hash of its code where Python has compiled it.

    Example:
        >>> origin_of(len)
        'python builtins.len'
        >>> origin_of(lambda: 1) == origin_of(lambda: 2)
        False
    """
    inner = innermost(function)
    module = getattr(inner, "__module__", None) or "builtins"
    name = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    told = f"python {module}.{name}"
    if isinstance(inner, type):
        inner = inner.__init__  # type: ignore[misc]  # of a class only its code is read
    code = getattr(inner, "__code__", None)
    if not isinstance(code, types.CodeType):
        return told
    found = hashlib.sha256()
    for part in _parts(code):
        found.update(part.encode("utf-8", "surrogatepass"))
        found.update(b"\0")
    return f"{told} {found.hexdigest()[:DIGITS]}"


def is_same(one: object, other: object) -> bool:
    """Whether these are one function: a method of the same object counts as the same."""
    methods = isinstance(one, types.MethodType) and isinstance(other, types.MethodType)
    return one is other or (methods and one == other)


def _parts(code: types.CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join((*code.co_names, *code.co_varnames, *code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _parts(constant)
        elif isinstance(constant, frozenset):  # its order is another one in each process
            yield repr(sorted(map(repr, constant)))
        else:
            yield repr(constant)
