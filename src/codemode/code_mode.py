"""CodeMode: tools and a session, for a model and for the application around it.

What a model gets, ``exec`` and ``wait``, stands in ``application.model_tools``; here stands what an
application does with the same session: it runs programs to their end, follows them, and looks after
cells and stored values.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from .application.activity import Activity
from .application.cell_control import CellControl
from .application.events import CellEnded, CellEvent, CellOutput, CellStarted
from .application.following import Follower, FollowOptions
from .application.identity import SessionIdentity
from .application.kept_output import KeptOutput, OnOutput, hand_over
from .application.model_tools import check_count, parsed_source
from .application.opening import SessionOpening
from .application.output_waits import OBSERVE_MS
from .application.results import lost_cell, refused
from .application.traced_calls import answered, asked_for
from .errors import (
    SessionClosedError,
    SessionError,
    SourceError,
    UsageError,
    WorkerLostError,
)
from .limits import GREATEST
from .protocol.types import CellId
from .surface.result import ExecResult
from .tools.policy.approvals import Approvals
from .tools.policy.decisions import Decisions
from .tools.toolset import CATALOGUE_TOKENS, Toolset

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Iterable
    from typing import Self

    from .application.events import OnEvent
    from .application.identity import Caller
    from .durable.store import CellStore
    from .limits import Limits
    from .protocol.session import SessionProvider, Signal
    from .surface.declaration import DeclarationForm
    from .tools.chain import Middleware
    from .tools.mcp.servers import McpServers
    from .tools.policy.approvals import OnApproval
    from .tools.policy.decisions import Decision
    from .tools.policy.policy import Policy
    from .tools.tool import ToolInterface
    from .tools.toolset import OnNotify
    from .trace.tracer import Sink


class CodeMode(CellControl):
    """Tools and a session: ``exec`` and ``wait``, ready for a model.

    Args:
        tools: tools, and functions to make tools of (see :func:`codemode.tool`); or a Toolset,
            which then stays the caller's to close.
        limits: bounds on what cells may use; all are on by default. Without them those of ``provider`` are in force.
        provider: makes the session; it stays the caller's to close. By default cells run on this
            machine, in a process of their own.
        middleware: what every nested call passes before its tool, in order.
        on_notify: gets ``(call_id, cell_id, text)`` of each ``notify``; sync or async.
        namespaces: what namespaces of tools are for, by name; a heading that the model reads.
        mcp: MCP servers whose tools cells can call: the path of an ``mcp.json``, what one would
            say, or :class:`codemode.McpServers`, which then stay the caller's to close. Entering
            this object starts them, or else the first ``exec``.
        catalogue_tokens: how much of the text of exec the tools may take; what does not fit is
            deferred, see :class:`codemode.Toolset`. None lists every tool.
        declarations: ``"shared"`` declares each type that recurs once and refers to it;
            ``"published"`` gives the very form of the published client.
        policy: judges every nested call, behind the middleware; None allows all.
        on_approval: gets approval for calls that the policy asks about. Without it they wait: the
            cell yields, ``pending_approvals`` tells of them, ``approve`` and ``refuse`` decide.
        session: a name for the session, for rules and idempotency keys.
        caller: for whom programs run, for rules and tools; or a function that returns it, which is
            called at each nested call in the context of the ``exec`` that caused it.
        decisions: what was decided "always" in earlier sessions; see ``CodeMode.decisions``.
        on_event: gets each event of every cell, but for output, which is fetched: calls,
            notifications, and the news that an unobserved cell has output or has ended;
            sync or async.
        wait_conditions: let a model wait for a condition, and tell it with each yield what the
            cell waits for. The published ``wait`` has neither.
        trace: takes every event of the session, or is the folder in which to record them; None:
            the folder that the environment variable ``CODEMODE_TRACE`` names, or no trace.
        store: keeps the session ``session`` with its cells and stored values beyond this process: the
            path of an SQLite file, the ``postgresql://`` address of a database (extra ``postgres``),
            or a store. Cells then run on this machine. See docs/durable.md.
        engine: ``"workers"``, the only one there is. Leave it out: earlier releases had another.

    The session is opened by the first ``exec``. Use it as an async context manager, or call
    ``aclose``.

    Raises:
        ToolDefinitionError: something cannot be a tool.
        UsageError: an option is not what it should be, or options exclude each other.

    Example:
        >>> import asyncio
        >>> def double(x: int) -> int:
        ...     "Twice x."
        ...     return 2 * x
        >>> async def main() -> str:
        ...     async with CodeMode(tools=[double]) as cm:
        ...         result = await cm.exec("text(await tools.double({x: 21}))")
        ...         return result.items[-1].text
        >>> asyncio.run(main())
        '42'
    """

    def __init__(  # noqa: PLR0913 - options by keyword
        self,
        *,
        tools: Toolset | Iterable[ToolInterface | Callable[..., object]] = (),
        limits: Limits | None = None,
        provider: SessionProvider | None = None,
        middleware: Iterable[Middleware] = (),
        on_notify: OnNotify | None = None,
        namespaces: Mapping[str, str] | None = None,
        catalogue_tokens: int | None = CATALOGUE_TOKENS,
        declarations: DeclarationForm = "shared",
        mcp: McpServers | str | os.PathLike[str] | Mapping[str, Any] | None = None,
        policy: Policy | None = None,
        on_approval: OnApproval | None = None,
        session: str | None = None,
        caller: Caller | None = None,
        decisions: Iterable[Decision] = (),
        on_event: OnEvent | None = None,
        wait_conditions: bool = False,
        trace: Sink | str | os.PathLike[str] | None = None,
        store: CellStore | str | os.PathLike[str] | None = None,
        engine: Literal["workers"] = "workers",
    ) -> None:
        if engine != "workers":
            raise UsageError(
                f"there is no engine {engine!r}: cells run in worker processes, whatever is given here"
                "\nHint: leave engine= out."
            )
        if isinstance(tools, Toolset):
            given = (middleware, on_notify, namespaces, catalogue_tokens, policy, on_approval)
            if (*given, declarations) != ((), None, None, CATALOGUE_TOKENS, None, None, "shared"):
                raise UsageError(
                    "give middleware, on_notify, namespaces, catalogue_tokens, declarations, policy"
                    " and on_approval to the Toolset"
                )
            toolset, self._owns_toolset = tools, False
        else:
            toolset = Toolset(
                tools,
                middleware=middleware,
                on_notify=on_notify,
                namespaces=namespaces,
                catalogue_tokens=catalogue_tokens,
                declarations=declarations,
                policy=policy,
                on_approval=on_approval,
            )
            self._owns_toolset = True
        self._approvals = Approvals(toolset.on_approval, decisions=Decisions(decisions))
        identity = SessionIdentity(session, caller)
        activity = Activity(toolset, identity, self._approvals, on_event)
        if store is not None:
            from .application.durable_session import DurableSession  # noqa: PLC0415 - only with a store

            activity.durable = DurableSession(
                store, session, identity, self._approvals, toolset.is_idempotent
            )
            activity.durable.calls.history = activity.history
        opening = SessionOpening(
            activity,
            toolset,
            limits=limits,
            provider=provider,
            mcp=mcp,
            trace=trace,
            durable=activity.durable,
            owner=identity.session_owner,
        )
        activity.tracer = opening.tracer
        super().__init__(
            toolset,
            opening,
            activity,
            yields_to_ask=not self._approvals.has_approver,
            wait_conditions=wait_conditions,
        )
        opening.show_in_inspector(self)

    def __repr__(self) -> str:
        tools = len(self.toolset.catalogue.tools)
        return f"<code mode, {self._opening.state}, {tools} tools>"

    async def __aenter__(self) -> Self:
        self._opening.begin()
        try:
            await self._opening.start_servers()
            if self._durable is not None:
                await self._opening.session()  # so that its cells are known
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def run(
        self,
        source: str,
        *,
        call_id: str | None = None,
        max_output_tokens: int | None = None,
        on_output: OnOutput | None = None,
        on_event: OnEvent | None = None,
    ) -> ExecResult:
        """Run a program to its end, through all its yields, and keep everything that it writes.

        Args:
            source: raw JavaScript; of a pragma only ``max_output_tokens`` counts.
            call_id: the model's call; notifications carry it.
            max_output_tokens: budget of the result, which is whole without one.
            on_output: called with each text, image and sound as it comes; sync or async.
            on_event: called with each event that ``stream`` would give; sync or async.

        The result is that of the whole program. More output than ``Limits.output_bytes`` ends the
        program with an error that tells this. A cancelled call, and one whose ``on_output`` or
        ``on_event`` raises, leaves no cell.

        Raises:
            SessionClosedError: this object is closed.
            EngineError: no cell can run here.
            UsageError: the budget is no non-negative integer.
        """
        check_count("max_output_tokens", max_output_tokens)
        stop = asyncio.Event()
        events = self._followed(
            source,
            FollowOptions(
                call_id, max_output_tokens=max_output_tokens, stop=stop, on_too_much=stop.set
            ),
        )
        result: ExecResult | None = None
        async with aclosing(events):
            async for event in events:
                if on_output is not None and isinstance(event, CellOutput):
                    await hand_over(on_output, event.item)
                if on_event is not None:
                    await hand_over(on_event, event)
                if isinstance(event, CellEnded):
                    result = event.result
        assert result is not None, "the end is the last event"
        return result

    def stream(
        self,
        source: str,
        *,
        call_id: str | None = None,
        yield_time_ms: int | None = None,
        max_output_tokens: int | None = None,
        stop: Signal | None = None,
    ) -> AsyncGenerator[CellEvent, None]:
        """Run a program to its end, and give each event as it comes, the end last.

        Args:
            source: raw JavaScript; of a pragma only ``max_output_tokens`` counts.
            call_id: the model's call; notifications carry it.
            yield_time_ms: have the cell yield when so much time has passed since the last yield;
                None: it yields only where the program calls ``yield_control()``.
            max_output_tokens: budget of the result at the end, which is whole without one.
            stop: ends the program when it is set; its last output and the end still come.

        Leaving the loop ends the program, and so does cancelling the task that runs it; to have it
        ended before the next statement, close the generator (``contextlib.aclosing``). Output of
        one turn comes before calls and notifications of that turn. A loop that takes no events
        slows the program down.

        Raises:
            SessionClosedError: this object is closed.
            EngineError: no cell can run here.
            UsageError: a time or a budget is no non-negative integer.
        """
        check_count("yield_time_ms", yield_time_ms)
        check_count("max_output_tokens", max_output_tokens)
        following = FollowOptions(
            call_id,
            yield_seconds=None if yield_time_ms is None else yield_time_ms / 1000,
            max_output_tokens=max_output_tokens,
            stop=stop,
        )
        return self._followed(source, following)

    async def _followed(
        self, source: str, following: FollowOptions
    ) -> AsyncGenerator[CellEvent, None]:
        call_id = following.call_id or self.new_call_id()
        asked_for(self.tracer, call_id)
        result: ExecResult | None = None
        try:
            events = self._events(source, call_id, following)
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, CellEnded):
                        result = event.result
                    yield event
        finally:
            answered(self.tracer, call_id, result)

    async def _events(
        self, source: str, call_id: str, following: FollowOptions
    ) -> AsyncGenerator[CellEvent, None]:
        began = time.monotonic()
        kept = KeptOutput(self._limits.output_bytes)
        follower: Follower | None = None
        try:
            parsed = parsed_source(source, self._observe_ms, following.max_output_tokens)
            session = await self._opening.session()
            catalogue = await self.toolset.read()
            request = self._request(parsed, call_id, catalogue.tools)
            shown = None if self._durable is None else self._durable.shown
            follower = Follower(session, self._activity, request, following, shown)
            async with aclosing(follower.events()) as events:
                async for event in events:
                    if isinstance(event, CellOutput):
                        kept.add(event.item)
                        if kept.is_too_much and following.on_too_much is not None:
                            following.on_too_much()
                    elif isinstance(event, CellStarted):
                        self._results.finished.started(event.cell_id)
                    yield event
        except SessionClosedError:
            raise
        except (asyncio.CancelledError, GeneratorExit):
            if self._durable is not None and follower is not None and follower.cell_id is not None:
                self._durable.given_up(follower.cell_id)
            raise
        except (SourceError, SessionError, WorkerLostError) as error:
            if isinstance(error, WorkerLostError):
                self._activity.take_unseen_ends()  # it tells that they are lost
            if follower is None or follower.cell_id is None:
                yield CellEnded(cell_id=CellId(""), result=refused(error))
                return
            response = lost_cell(follower.cell_id, error)
        else:
            assert follower.response is not None, "a cell is followed to its last response"
            response = follower.response
        response = msgspec.structs.replace(response, items=kept.items)
        if self._durable is not None:
            await self._durable.handed_over(response)
        if kept.is_too_much and following.on_too_much is not None:
            response = self._results.beyond_output(response)
        tokens = GREATEST if parsed.max_output_tokens is None else parsed.max_output_tokens
        result = self._results.of(response, began, tokens)
        yield CellEnded(cell_id=response.cell_id, result=result)

    async def aclose(self) -> None:
        """End every cell and release everything that is this object's. Idempotent."""
        await self._opening.aclose(toolset=self.toolset if self._owns_toolset else None)
        await self._activity.aclose()

    @property
    def _observe_ms(self) -> int:
        bound = self._limits.max_yield_time_ms
        return OBSERVE_MS if bound is None else min(OBSERVE_MS, bound)
