"""What an application gives a toolset besides tools, looked at when it is given.

A mistake is reported where it was made, and not by the first call of a model.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from ..errors import UsageError
from ..surface.declaration import FORMS
from .foreign import refuse_foreign
from .policy.policy import Policy

if TYPE_CHECKING:
    from ..surface.declaration import DeclarationForm
    from .chain import Middleware

T = TypeVar("T")


def checked_series(option: str, given: Iterable[T]) -> tuple[T, ...]:
    """What ``option`` lists.

    Raises:
        UsageError: it is no list.
        ToolDefinitionError: it is an object of a framework.
    """
    refuse_foreign(given)
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise UsageError(
            f"{option} must be a list, got {_told(given)}\nHint: one is a list, too: {option}=[…]."
        )
    return tuple(given)


def checked_middleware(given: Iterable[Middleware]) -> tuple[Middleware, ...]:
    """The middleware of a chain.

    Raises:
        UsageError: one of them cannot be called with a call and what follows.
    """
    found = checked_series("middleware", given)
    for each in found:
        _check_callable("middleware", each, "call, call_next")
    return found


def checked_callback(option: str, given: T, parameters: str) -> T:
    """What is called with ``parameters``, names with a comma between them; None: nothing is.

    Raises:
        UsageError: it cannot be called with them.
    """
    if given is not None:
        _check_callable(option, given, parameters)
    return given


def checked_namespaces(given: object) -> dict[str, str]:
    """What namespaces are for, by name.

    Raises:
        UsageError: this is no mapping of texts.
    """
    hint = '\nHint: namespaces={"mail": "The mailbox of the user."}'
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"namespaces must be a mapping of texts, got {_told(given)}{hint}")
    for name, text in given.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise UsageError(f"namespaces must be texts, got {name!r}: {_told(text)}{hint}")
    return dict(given)


def checked_tokens(given: int | None) -> int | None:
    """What the descriptions of tools may cost.

    Raises:
        UsageError: it is neither a number of tokens nor None.
    """
    if given is not None and (type(given) is not int or given < 0):
        raise UsageError(f"catalogue_tokens must be a non-negative integer or None, got {given!r}")
    return given


def checked_form(given: DeclarationForm) -> DeclarationForm:
    """How tools are declared.

    Raises:
        UsageError: there is no such form.
    """
    if given not in FORMS:
        names = " or ".join(map(repr, FORMS))
        raise UsageError(f"declarations must be {names}, got {given!r}")
    return given


def checked_policy(given: Policy | None) -> Policy | None:
    """The policy of a chain.

    Raises:
        UsageError: it is none.
    """
    if given is not None and not isinstance(given, Policy):
        raise UsageError(
            f"policy must be a Policy, got {_told(given)}"
            '\nHint: policy=Policy([refuse("fs__delete_*")])'
        )
    return given


def _check_callable(option: str, given: object, parameters: str) -> None:
    hint = f"\nHint: async def f({parameters}): …"
    if isinstance(given, type):
        raise UsageError(
            f"{option} is the class {given.__name__}, not an object of it"
            f"\nHint: pass {given.__name__}(…)."
        )
    if not callable(given):
        raise UsageError(f"{option} must be callable, got {_told(given)}{hint}")
    for call in (given, type(given).__call__):
        if inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
            raise UsageError(f"{option} {given!r} is a generator function{hint}")
    try:
        inspect.signature(given).bind(*parameters.split())
    except ValueError:
        return  # it has no signature that could be read
    except TypeError as error:
        raise UsageError(
            f"{option} {given!r} cannot be called with ({parameters}): {error}{hint}"
        ) from error


def _told(given: object) -> str:
    """``given`` in a few words."""
    if given is None or isinstance(given, bool | int | float | str):
        return repr(given)
    return f"a {type(given).__name__}"
