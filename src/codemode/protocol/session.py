"""The seams: what a session offers, and what it asks of the application.

An implementation of :class:`SessionProvider` can stand behind ``CodeMode``: sessions in this
process's workers, in a host process, or on another machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from msgspec import Raw

    from ..errors import ToolError
    from ..limits import Limits
    from .types import (
        CellId,
        ExecuteRequest,
        JsonValue,
        PendingResponse,
        RuntimeResponse,
        ToolCall,
        ToolName,
        WaitOutcome,
        WaitRequest,
        WaitToPendingRequest,
    )


class Signal(Protocol):
    """Something that happens once; ``asyncio.Event`` is one."""

    def is_set(self) -> bool:
        """Whether it has happened."""

    def wait(self) -> Coroutine[object, object, object]:
        """Return when it has happened, at once if it has already; the result is ignored."""


News: TypeAlias = Literal["output", "taken", "ended"]
"""The kinds of news of an unobserved cell; see :class:`TellsNews`."""


class SessionDelegate(Protocol):
    """The application's side of callbacks.

    A callback that is no longer wanted has its ``cancel`` signal set and its task cancelled.
    It gets a short grace (``Limits.callback_grace_ms``), then it is dropped.
    """

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        """Run a tool and return its JSON value.

        Args:
            call: which tool, with what input, for which cell.
            cancel: set when the result is no longer wanted.

        Raises:
            Exception: any; its text rejects the script's promise.
        """

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        """Deliver ``notify(text)``.

        Args:
            call_id: the ``tool_call_id`` of the execute.
            cell_id: the cell that has called ``notify``.
            text: what it passed.
            cancel: set when the delivery is no longer wanted.

        Raises:
            Exception: any; it is logged, and the cell goes on.
        """

    def cell_closed(self, cell_id: CellId) -> None:
        """The cell ``cell_id`` is over and all its callbacks have ended. Called exactly once a cell."""


@runtime_checkable
class TakesStores(Protocol):
    """What a delegate may offer besides: to be told which cell has stored what."""

    def values_stored(self, cell_id: CellId, values: Mapping[str, bytes]) -> None:
        """The cell has committed these values, JSON in UTF-8 by key. Called before its end is delivered."""


@runtime_checkable
class TakesQueued(Protocol):
    """What a delegate may offer besides: to be told of tool calls that wait for room."""

    def call_queued(self, cell_id: CellId, call: str, tool: ToolName) -> None:
        """``Limits.concurrent_tool_calls`` of the cell run: this call is passed to ``invoke_tool`` when one has ended."""


@runtime_checkable
class TakesRawCalls(Protocol):
    """What a delegate in another process may offer besides: to take a call as JSON, without a task that waits for it."""

    def begin_tool(
        self, call: ToolCall, on_ended: Callable[[Raw | ToolError], None]
    ) -> Callable[[], None] | None:
        """Begin a call whose ``input`` is ``Raw`` or unset; None if it cannot begin now, so that ``invoke_tool`` must.

        Args:
            on_ended: called once, later, with the result or why there is none.

        What is returned takes the call back: ``on_ended`` is not called any more.
        """

    def cell_yielded(self, cell_id: CellId) -> None:
        """An observer of the cell was answered with a yield: what begins now is to come behind that answer."""


class StartedCell(Protocol):
    """A cell that was admitted."""

    @property
    def cell_id(self) -> CellId:
        """The id under which the cell is waited for; new in its session."""

    async def initial_response(self) -> RuntimeResponse:
        """The first observation. A cancelled caller ends the cell.

        Raises:
            UsageError: it was asked for before.
        """


class Session(Protocol):
    """Cells that share stored values."""

    async def execute(
        self, request: ExecuteRequest, *, preempt: Signal | None = None
    ) -> StartedCell:
        """Start a cell; return when it is admitted, before it has done anything.

        Args:
            request: the program, its tools, and how long the first observation may last.
            preempt: ends the first observation early: the cell yields and runs on.

        Raises:
            SessionClosedError: the session is shutting down.
            LimitError: too many live cells, or too long a source.
            EngineError: no worker could be started.
        """

    async def wait(self, request: WaitRequest, *, preempt: Signal | None = None) -> WaitOutcome:
        """Observe a cell until it yields, ends, or the time is up.

        Args:
            request: which cell, and for how long.
            preempt: ends the observation early: the cell yields and runs on.

        Raises:
            CellBusyError: the cell has an observer already.
            SessionClosedError: the session is shut.
        """

    async def terminate(self, cell_id: CellId) -> WaitOutcome:
        """End the cell ``cell_id``; if it has ended by itself already, that end is the outcome.

        Raises:
            CellTerminatingError: another caller terminates it already.
            SessionClosedError: the session is shut.
        """

    async def execute_to_pending(self, request: ExecuteRequest) -> PendingResponse:
        """Start a cell as ``request`` says, and run it to its pending frontier, where it freezes, or to its end.

        Raises:
            UsageError: the cells run in a host, which has no such request.
            SessionError, EngineError: as for ``execute``.
        """

    async def wait_to_pending(self, request: WaitToPendingRequest) -> WaitOutcome:
        """Resume the cell of ``request`` and run it to its next pending frontier, or to its end.

        Raises:
            UsageError: the cells run in a host, which has no such request.
            SessionError: as for ``wait``.
        """

    async def shutdown(self) -> None:
        """End every cell and close. Idempotent; bounded."""


@runtime_checkable
class StoresValues(Protocol):
    """What a session may offer besides: its stored values, read and set."""

    def stored_values(self) -> Mapping[str, bytes]:
        """The committed values, as JSON in UTF-8 by key.

        Raises:
            SessionError: the cells run in a host that does not tell them.
        """

    async def restore_values(self, values: Mapping[str, bytes]) -> None:
        """Take over values that another session had stored; all of them, or none.

        Raises:
            SessionError: a cell has been started already, or the host does not take them.
            LimitError: they are too much.
        """


class TellsOutput(Protocol):
    """What a session may offer besides: to end an observation when there is output.

    Attributes:
        ends_at_output: whether it does that; of a session without the attribute, it does not.
    """

    ends_at_output: bool

    async def wait_for_output(
        self, request: WaitRequest, *, preempt: Signal | None = None
    ) -> WaitOutcome:
        """Observe a cell until it has output, yields, ends, or the time is up; as ``Session.wait``."""


@runtime_checkable
class TellsNews(Protocol):
    """What a session may offer besides: news of unobserved cells."""

    def on_news(self, tell: Callable[[CellId, News], None]) -> None:
        """Call ``tell(cell_id, news)`` when an unobserved cell has written something
        (``output``, again as it writes more) or has ended (``ended``), and when its output is
        handed over (``taken``)."""


class SessionProvider(Protocol):
    """Makes sessions.

    A provider may have an attribute ``limits: Limits``: the bounds of sessions that are created without their own.
    """

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> Session:
        """Open a session whose cells call back to ``delegate``.

        Args:
            delegate: the application's side of callbacks.
            limits: the session's; None: the provider's own.

        Raises:
            SessionClosedError: the provider is closed.
            EngineError: there is no host.
        """

    async def aclose(self) -> None:
        """Shut every session down and release what they shared."""
