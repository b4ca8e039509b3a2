"""Requests that a host has not answered yet, each with what becomes of its answer.

A caller waits on a bare future. One who is cancelled cancels it, and what comes for it later is
not lost: it goes to whoever can use it, or undoes what nobody wants.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ..protocol import messages as m
from ..protocol.types import LiveCell, MissingCell
from ..sessions.waits import retrieved
from .overtime import Overtime
from .refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..errors import CodeModeError
    from ..protocol.types import RuntimeResponse

Value: TypeAlias = m.SessionReady | m.ExecutionStarted | m.SessionClosed | LiveCell | MissingCell


class UnexpectedAnswerError(Exception):
    """The host has answered with something else than was asked for. Never leaves ``remote``."""


class Operation(Protocol):
    """What a connection keeps for a request."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come for it."""

    def answered(self, value: Value) -> None: ...

    def refused(self, message: str) -> None: ...

    def observed(self, response: RuntimeResponse) -> None:
        """The second answer, to an execute."""

    def unobserved(self, message: str) -> None:
        """The second answer is an error."""

    def lost(self, error: CodeModeError) -> None:
        """The connection is over."""


class Call:
    """A request with one answer.

    Args:
        expected: what the answer may be.
        on_late: gets the answer that no caller waits for any more.
        on_refused: gets the text of the host that refuses it.
        on_overdue: called when the host has not answered in the time that ``overtime`` was given.
    """

    def __init__(
        self,
        *expected: type[Value],
        on_late: Callable[[Any], None] | None = None,
        on_refused: Callable[[str], None] | None = None,
        on_overdue: Callable[[], None] = lambda: None,
    ) -> None:
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.answer.add_done_callback(retrieved)
        self.is_over = False
        self._expected = expected
        self._on_late = on_late
        self._on_refused = on_refused
        self.overtime = Overtime(on_overdue)

    def __repr__(self) -> str:
        return f"<request for {self._expected[0].__name__}, {'over' if self.is_over else 'open'}>"

    def answered(self, value: Value) -> None:
        if not isinstance(value, self._expected):
            raise UnexpectedAnswerError(f"{type(value).__name__} for {self._expected[0].__name__}")
        self._done()
        if not self.answer.done():
            self.answer.set_result(value)
        elif self._on_late is not None:
            self._on_late(value)

    def refused(self, message: str) -> None:
        self._done()
        if self._on_refused is not None:
            self._on_refused(message)
        if not self.answer.done():
            self.answer.set_exception(refusal(message))

    def observed(self, response: RuntimeResponse) -> None:
        raise UnexpectedAnswerError("an initial response for no execute")

    def unobserved(self, message: str) -> None:
        raise UnexpectedAnswerError("an initial response for no execute")

    def lost(self, error: CodeModeError) -> None:
        self._done()
        if not self.answer.done():
            self.answer.set_exception(error)

    def _done(self) -> None:
        self.is_over = True
        self.overtime.end()
