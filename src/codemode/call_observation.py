"""The part that carries out a nested call may report how, without knowing whether a trace takes it.

The observer stands in the context of the call, which is also that of the task or thread in which its tool runs.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    CallObserver: TypeAlias = Callable[[str, Mapping[str, Any]], None]

call_observer: Final[ContextVar[CallObserver | None]] = ContextVar("call_observer", default=None)
"""Takes a kind and its facts, which are JSON; None: no trace takes it."""


def observe_call(kind: str, facts: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Report how the call of this context is carried out; return the facts, None where no trace takes them."""
    tell = call_observer.get()
    if tell is None:
        return None
    found = facts()
    tell(kind, found)
    return found
