"""The signature of a callable, read once: what to ask for, what to inject, how to call.

Refuses parameters that JSON arguments cannot fill. Knows nothing of schemas or of running.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, get_type_hints

from ..errors import ToolDefinitionError
from ..protocol.session import Signal
from ..protocol.types import ToolCall
from .type_hints import form_of, innermost, member_of, or_none, scope_of, without_none

if TYPE_CHECKING:
    from collections.abc import Callable

    from .type_hints import Scope

EMPTY: Any = inspect.Parameter.empty
Source: TypeAlias = Literal["argument", "call", "cancel"]
_INJECTED: dict[Any, Source] = {ToolCall: "call", Signal: "cancel"}
_UNNAMED = {"<lambda>", "<locals>", ""}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a callable.

    Attributes:
        source: ``argument`` if the script gives it; else what is injected.
        default: ``EMPTY`` if there is none.
    """

    name: str
    hint: Any
    default: Any = EMPTY
    source: Source = "argument"
    positional_only: bool = False


@dataclass(frozen=True, slots=True)
class CallableSignature:
    """What a callable takes and gives.

    Attributes:
        extra: the hint of ``**kwargs``, ``EMPTY`` without them.
        keywords: the TypedDict that ``**kwargs: Unpack[…]`` names, if there is one; its members
            are among the parameters.
        returns: the hint of the result, ``EMPTY`` without one.
    """

    parameters: tuple[Parameter, ...]
    extra: Any
    returns: Any
    scope: Scope
    keywords: type | None = None

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        """The parameters that the script gives."""
        return tuple(p for p in self.parameters if p.source == "argument")


def read_signature(function: Callable[..., object], name: str) -> CallableSignature:
    """Read ``function``; ``name`` is for the errors.

    Raises:
        ToolDefinitionError: it cannot be called with JSON arguments, or a hint has no
            meaning; then the cause is the ``NameError``.
    """
    refuse_generator(function, name)
    try:
        found = inspect.signature(function)
    except (ValueError, TypeError) as error:
        raise ToolDefinitionError(
            f"tool `{name}`: the signature of {function!r} cannot be read."
            "\nHint: wrap it in a function with type hints."
        ) from error
    except NameError as error:  # annotations are evaluated here from Python 3.14 on
        raise unresolved(name, "its signature", error) from error
    reader = _SignatureReader(name, scope_of(function), frozenset(_fixed_by_partial(function)))
    return reader.read(found)


def refuse_generator(function: object, name: str) -> None:
    """Raise ToolDefinitionError if a call of ``function`` gives a generator."""
    call = function if inspect.isroutine(function) else getattr(function, "__call__", None)  # noqa: B004
    for candidate in (function, call, innermost(function)):
        if inspect.isgeneratorfunction(candidate) or inspect.isasyncgenfunction(candidate):
            raise ToolDefinitionError(
                f"tool `{name}` is a generator function, and a tool has one result."
                "\nHint: collect the values in a list and return it."
            )


def is_async(function: object) -> bool:
    """Whether calling ``function`` gives a coroutine at once."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004
    )


def own_name(function: object) -> str | None:
    """The name that ``function`` goes by: its own, or its class's for a callable object."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    return None if name in _UNNAMED else str(name)


def own_doc(function: object) -> str | None:
    """The docstring of ``function``; of ``__call__`` or the class for a callable object."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or isinstance(function, type):
        return inspect.getdoc(function)
    call_doc = inspect.getdoc(type(function).__call__)
    generic = inspect.getdoc(object.__call__)
    return call_doc if call_doc and call_doc != generic else inspect.getdoc(function)


def unresolved(name: str, where: str, error: NameError) -> ToolDefinitionError:
    """The error for a hint that names something unknown."""
    missing = error.name or str(error).partition("\n")[0]
    return ToolDefinitionError(
        f"tool `{name}`: {where} uses `{missing}`, which is not defined where the hints are read."
        "\nHint: import it at run time (not only under TYPE_CHECKING), or define it in the module."
    )


@dataclass(frozen=True, slots=True)
class _SignatureReader:
    name: str
    scope: Scope
    fixed: frozenset[str]

    def read(self, found: inspect.Signature) -> CallableSignature:
        parameters: list[Parameter] = []
        extra = EMPTY
        keywords = None
        for entry in found.parameters.values():
            if entry.kind is entry.VAR_POSITIONAL:
                raise ToolDefinitionError(
                    f"tool `{self.name}`: `*{entry.name}` cannot be given by name, and a script"
                    " passes one object.\nHint: take a list instead:"
                    f" `{entry.name}: list[…]`."
                )
            if entry.kind is entry.VAR_KEYWORD:
                keywords, extra = self._variable_keywords(entry)
                parameters.extend(self._members(keywords))
            elif entry.name not in self.fixed:
                parameters.append(self._parameter(entry))
        returns = found.return_annotation
        if returns is not EMPTY:
            returns = self._resolve(returns, "the return annotation")
        return CallableSignature(tuple(parameters), extra, returns, self.scope, keywords)

    def _parameter(self, entry: inspect.Parameter) -> Parameter:
        hint: Any = Any
        if entry.annotation is not EMPTY:
            hint = self._resolve(entry.annotation, f"parameter `{entry.name}`")
        source = _source(hint)
        if source == "argument" and entry.default is None and hint is not Any:
            hint = or_none(hint)
        return Parameter(
            entry.name, hint, entry.default, source, entry.kind is entry.POSITIONAL_ONLY
        )

    def _variable_keywords(self, entry: inspect.Parameter) -> tuple[Any, Any]:
        """The TypedDict that they are the members of, or the hint of any."""
        if entry.annotation is EMPTY:
            return None, Any
        hint = self._resolve(entry.annotation, f"`**{entry.name}`")
        return (get_args(hint)[0], EMPTY) if form_of(hint) == "Unpack" else (None, hint)

    def _members(self, keywords: Any) -> list[Parameter]:
        if keywords is None:
            return []
        required = keywords.__required_keys__
        members = get_type_hints(keywords, localns=dict(self.scope.locals), include_extras=True)
        found = []
        for key, member in members.items():
            plain, needed = member_of(member, required=key in required)
            found.append(Parameter(key, plain, EMPTY if needed else OMITTED))
        return found

    def _resolve(self, annotation: object, where: str) -> Any:
        try:
            return self.scope.resolve(annotation)
        except NameError as error:
            raise unresolved(self.name, where, error) from error
        except Exception as error:
            raise ToolDefinitionError(
                f"tool `{self.name}`: {where} has the hint {annotation!r}, which is not a type:"
                f" {type(error).__name__}: {error}"
            ) from error


class _Omitted:
    """The default of a member that may be left out: then it is not passed on."""

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Any = _Omitted()


def _source(hint: Any) -> Source:
    plain = without_none(hint)
    return next((source for kind, source in _INJECTED.items() if plain is kind), "argument")


def _fixed_by_partial(function: object) -> set[str]:
    """Parameters that a partial gives by keyword: they are fixed, a script cannot pass them."""
    fixed: set[str] = set()
    while isinstance(function, functools.partial):
        fixed.update(function.keywords)
        function = function.func
    return fixed
