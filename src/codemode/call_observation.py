"""The part that carries out a nested call may report how, without knowing whether a trace takes it.

The observer stands in the context of the call, which is also that of the task or thread in which its tool runs.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class CallObserver(Protocol):
    """Is told of one nested call, in the event loop of its session."""

    def __call__(self, kind: str, facts: Mapping[str, Any]) -> None:
        """How the call is carried out; ``facts`` are JSON."""

    def queued(self) -> None:
        """It waits for a thread."""

    def begun(self) -> None:
        """It has got one, after it had to wait."""


call_observer: Final[ContextVar[CallObserver | None]] = ContextVar("call_observer", default=None)
"""None: no trace takes it."""


def observe_call(kind: str, facts: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Report how the call of this context is carried out; return the facts, None where no trace takes them."""
    tell = call_observer.get()
    if tell is None:
        return None
    found = facts()
    tell(kind, found)
    return found
