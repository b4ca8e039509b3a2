"""The session and the caller that each nested call carries."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from ..errors import UsageError
from ..process_ledger import current_owner
from ..tools.occurrences import Occurrences

if TYPE_CHECKING:
    from ..protocol.types import CellId, ToolCall

Caller: TypeAlias = str | Callable[[], str]
"""For whom programs run; a function is asked at each nested call, in the context of the exec that caused it."""


class SessionIdentity:
    """Names the calls of a session.

    Args:
        session: what the application calls the session; None: it has no name, and is like no other.
        caller: for whom its programs run.

    Raises:
        UsageError: one of them is not what it should be.
    """

    def __init__(self, session: str | None, caller: Caller | None) -> None:
        if session is not None and not (session and isinstance(session, str)):
            raise UsageError(
                f'session is the name of a session, got {session!r}\nHint: session="user-7"'
            )
        if caller is not None and not isinstance(caller, str) and not callable(caller):
            raise UsageError(
                f"caller is a name, or a function that gives it, got {caller!r}"
                "\nHint: caller=USER.get, where USER is a ContextVar"
            )
        self.session = session
        self._caller = caller
        self._own_name = session or uuid.uuid4().hex
        self._occurrences = Occurrences(self._own_name)
        self._opened_for = current_owner()

    def named(self, call: ToolCall) -> ToolCall:
        """The call with session, caller and idempotency key; once for each call, in order."""
        caller = self._caller_now()
        return msgspec.structs.replace(
            call,
            session=self.session or "",
            caller=caller or "",
            idempotency_key=self._occurrences.key(call),
        )

    def owner(self) -> Hashable:
        """Who answers for what a nested call uses up of this process: its caller, or else the session."""
        return self._caller_now() or (
            self._own_name if self._opened_for is None else self._opened_for
        )

    @property
    def session_owner(self) -> Hashable:
        """Who answers for what the session uses up: whom it was opened for; None: no particular owner."""
        return self._caller if isinstance(self._caller, str) and self._caller else self._opened_for

    def _caller_now(self) -> str | None:
        return self._caller() if callable(self._caller) else self._caller

    def forget(self, cell_id: CellId) -> None:
        """The cell is over."""
        self._occurrences.forget(cell_id)
