"""Type hints of callables: finding what the names in them mean. Knows nothing of schemas."""

from __future__ import annotations

import functools
import inspect
import operator
import sys
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Union

if typing.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the hints of a callable were written: what their names may refer to."""

    module: str
    globals: Mapping[str, Any]
    locals: Mapping[str, Any]

    def resolve(self, annotation: object) -> Any:
        """The type in ``annotation``, strings and forward references followed.

        Raises:
            NameError: a name in it is not defined here.
            Exception: what else evaluating it raises.
        """
        holder = types.SimpleNamespace(__annotations__={"hint": annotation})
        hints = typing.get_type_hints(
            holder, dict(self.globals), dict(self.locals), include_extras=True
        )
        return with_modern_typed_dicts(hints["hint"], self)


def scope_of(function: object) -> Scope:
    """The scope in which the hints of ``function`` are to be read."""
    inner = innermost(function)
    if isinstance(inner, type):
        module = sys.modules.get(inner.__module__)
        return Scope(inner.__module__, vars(module) if module else {}, dict(vars(inner)))
    code = getattr(inner, "__code__", None)
    names: dict[str, Any] = {}
    if code is not None and "." in getattr(inner, "__qualname__", ""):
        names.update(_enclosing_locals(code))
    for parameter in getattr(inner, "__type_params__", ()):
        names[parameter.__name__] = parameter
    closure = getattr(inner, "__closure__", None) or ()
    for name, cell in zip(code.co_freevars if code else (), closure, strict=False):
        if _is_filled(cell):
            names[name] = cell.cell_contents
    module_name = getattr(inner, "__module__", None) or "builtins"
    return Scope(module_name, getattr(inner, "__globals__", {}), names)


def innermost(function: object) -> object:
    """The function (or class) under partials, methods, wrappers and callable objects."""
    for _ in range(100):  # a chain of wrappers that refers to itself must end
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, types.MethodType | classmethod | staticmethod):
            function = function.__func__
        elif (wrapped := inspect.getattr_static(function, "__wrapped__", None)) is not None:
            function = wrapped
        elif isinstance(function, type) or inspect.isroutine(function):
            break
        else:
            function = type(function).__call__
    return function


def without_none(hint: Any) -> Any:
    """``hint`` without ``Annotated`` around it and without ``| None``."""
    if typing.get_origin(hint) is Annotated:
        return without_none(typing.get_args(hint)[0])
    if is_union(hint):
        rest = [part for part in typing.get_args(hint) if part is not type(None)]
        return without_none(rest[0]) if len(rest) == 1 else hint
    return hint


def or_none(hint: Any) -> Any:
    """``hint | None``; the metadata of ``Annotated`` is kept for the whole.

    Example:
        >>> or_none(Annotated[int, "How many."])
        typing.Annotated[int | None, 'How many.']
    """
    if typing.get_origin(hint) is not Annotated:
        return hint | None
    plain, *said = typing.get_args(hint)
    inner = [each for each in said if not _describes(each)]  # a validator is not for None
    whole = (Annotated[(plain, *inner)] if inner else plain) | None
    outer = [each for each in said if _describes(each)]
    return Annotated[(whole, *outer)] if outer else whole


def _describes(said: object) -> bool:
    """Whether this is a text, a ``Doc``, or a ``Field``, which may have another name for it."""
    is_text = isinstance(said, str) or isinstance(getattr(said, "documentation", None), str)
    return is_text or type(said).__name__ == "FieldInfo"


def is_union(hint: Any) -> bool:
    """Whether ``hint`` is ``Union[…]`` or ``… | …``."""
    return typing.get_origin(hint) in (Union, types.UnionType)


def form_of(hint: Any) -> str:
    """The special form that ``hint`` was made of, by typing or typing_extensions."""
    return str(typing.get_origin(hint)).rpartition(".")[2]


def member_of(hint: Any, *, required: bool) -> tuple[Any, bool]:
    """A TypedDict's member without ``Required`` and the like around it, and their meaning.

    ``__required_keys__`` alone is wrong where the annotations were strings.
    """
    while (form := form_of(hint)) in ("Required", "NotRequired", "ReadOnly"):
        required = required if form == "ReadOnly" else form == "Required"
        hint = typing.get_args(hint)[0]
    return hint, required


def with_modern_typed_dicts(hint: Any, scope: Scope) -> Any:
    """``hint`` with each ``typing.TypedDict`` in it made anew by ``typing_extensions``.

    Before Python 3.12 pydantic refuses those of ``typing``. One inside a dataclass or a
    model is out of reach here, as is one that refers to itself.
    """
    if sys.version_info >= (3, 12):
        return hint
    return _modern(hint, scope, ())


def _modern(hint: Any, scope: Scope, inside: tuple[object, ...]) -> Any:
    if type(hint).__name__ == "_TypedDictMeta" and type(hint).__module__ == "typing":
        return hint if hint in inside else _rebuilt(hint, scope, (*inside, hint))
    args = typing.get_args(hint)
    if not args or typing.get_origin(hint) is typing.Literal:
        return hint
    if typing.get_origin(hint) is Annotated:
        first = _modern(args[0], scope, inside)
        return hint if first is args[0] else Annotated[(first, *args[1:])]
    changed = tuple(_modern(arg, scope, inside) for arg in args)
    if all(new is old for new, old in zip(changed, args, strict=True)):
        return hint
    if is_union(hint):
        return functools.reduce(operator.or_, changed)
    copy_with = getattr(hint, "copy_with", None)
    return copy_with(changed) if copy_with else typing.get_origin(hint)[changed]


def _rebuilt(hint: Any, scope: Scope, inside: tuple[object, ...]) -> Any:
    import typing_extensions  # noqa: PLC0415 - only with pydantic, which brings it

    module = sys.modules.get(hint.__module__)
    members = typing.get_type_hints(
        hint, vars(module) if module else None, dict(scope.locals), include_extras=True
    )
    fields = {}
    for name, member in members.items():
        plain, required = member_of(member, required=name in hint.__required_keys__)
        wrap: Any = typing.Required if required else typing.NotRequired
        fields[name] = wrap[_modern(plain, scope, inside)]
    make: Any = typing_extensions.TypedDict
    made = make(hint.__name__, fields)
    made.__doc__, made.__module__ = hint.__doc__, hint.__module__
    made.__wrapped__ = hint  # what knows where it is written
    if hasattr(hint, "__pydantic_config__"):
        made.__pydantic_config__ = hint.__pydantic_config__
    return made


def _enclosing_locals(code: types.CodeType) -> dict[str, Any]:
    """The local names of the running functions in whose text ``code`` stands."""
    names: dict[str, Any] = {}
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_locals is not frame.f_globals and any(
            inner is code for inner in _codes_within(frame.f_code)
        ):
            names = {**frame.f_locals, **names}
        frame = frame.f_back
    return names


def _codes_within(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _codes_within(constant)


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
