"""The durable side of one session: what is brought back from a store, and what is written to it beside the journals.

The promises are made at two moments. Before a tool runs, the store has it that it does: a call that was running when its
process died is not run again without a word. Before a result is handed over, the store has what it rests on, and how much
output was given: what was given is not given again.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

import msgspec

from ..durable.identity import noticed_limits
from ..durable.journalled_session import JournalledSession
from ..durable.journals import Journals
from ..durable.places import store_at
from ..durable.store import (
    CellForgotten,
    CellRefused,
    OutputDelivered,
    StoreError,
    ValuesCommitted,
)
from ..errors import EngineError, UsageError
from ..json_text import decode_json
from ..protocol.types import (
    CellId,
    ExecuteRequest,
    Pending,
    ToolCall,
    ToolDefinition,
    Yielded,
)
from ..runtime.local import LocalSessionProvider
from ..surface.nested_call import NestedCall
from .cell_record import CellInfo
from .durable_calls import DurableCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..durable.journals import CellOwner
    from ..durable.store import CellStore, StoredCell
    from ..engine.events import ToolCalled
    from ..limits import Limits
    from ..protocol.session import SessionDelegate, SessionProvider
    from ..protocol.types import JsonValue, RuntimeResponse
    from ..runtime.session import LocalStartedCell, SessionRuntime
    from ..tools.policy.approvals import Approvals
    from .identity import SessionIdentity

    Store = CellStore | str | os.PathLike[str]

AGAIN_SECONDS: Final = 10.0
"""How long the calls of a cell that is brought back may take to come as far as the policy."""

_TOOLS: Final = msgspec.msgpack.Decoder(tuple[ToolDefinition, ...])
_REQUEST: Final = msgspec.msgpack.Decoder(ExecuteRequest)
_RUN_AGAIN: Final = (
    "The process ended while this call ran: what it does may have been done already. Run it again?"
)


class DurableSession:
    """A session that a store keeps; a ``SessionProvider`` for its one session.

    Args:
        store: a store, which stays the caller's to close; the path of an SQLite file, or the ``postgresql://``
            address of a database.
        session: the name of the session in it.
        identity: counts the calls of its cells.
        approvals: asks whether a call whose effect is unknown is run again.
        is_idempotent: whether a call may be made again without a word.

    Raises:
        UsageError: the session has no name.

    Attributes:
        calls: what of its calls outlives the process.
    """

    def __init__(
        self,
        store: Store,
        session: str | None,
        identity: SessionIdentity,
        approvals: Approvals,
        is_idempotent: Callable[[ToolCall], bool],
    ) -> None:
        if session is None:
            raise UsageError(
                'a store keeps sessions by their names\nHint: CodeMode(store="cells.db", session="user-7")'
            )
        self._owned = store_at(store) if isinstance(store, str | os.PathLike) else None
        self._store = self._owned or store
        self._name = session
        self._identity = identity
        self._journals = Journals(
            self._store,  # type: ignore[arg-type]
            session,
            on_settled=self._settled,
            on_left=self._left_behind,
        )
        self._provider: SessionProvider | None = None
        self._session: SessionRuntime | None = None
        self._asleep: dict[str, StoredCell] = {}
        self._left: set[str] = set()  # over in this process, and still in the store
        self.calls = DurableCalls(self._journals, approvals, is_idempotent)

    def __repr__(self) -> str:
        return f"<durable session {self._name!r}, {len(self._asleep)} cells asleep>"

    # ── the session ──────────────────────────────────────────────────────────────────────────

    def at(self, provider: SessionProvider) -> DurableSession:
        """Open the session at ``provider`` when it is asked for.

        Raises:
            UsageError: its cells do not run in this process's workers.
        """
        if not isinstance(provider, LocalSessionProvider):
            raise UsageError(
                f"durable cells run on this machine, not at {provider!r}"
                "\nHint: leave provider= out, or leave store= out."
            )
        self._provider = provider
        return self

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> SessionRuntime:
        """Open the session with what the store has of it.

        Raises:
            SessionHeldError: it is open in another process.
            StoreError: the store cannot be used.
            LimitError: its stored values are more than they may be.
        """
        assert isinstance(self._provider, LocalSessionProvider), "at() comes first"
        self._journals.limits = noticed_limits(limits or self._provider.limits)
        stored = await self._journals.store.open_session(self._name)
        session = await self._provider.create_journalled_session(
            delegate, lambda engine: JournalledSession(engine, self._journals), limits=limits
        )
        self.calls.restore(stored.records)
        session.restore(stored.values)
        session.count_on(stored.last_cell)
        session.on_cell_commit(self._committed)
        self._asleep = {each.cell_id: each for each in stored.cells}
        self._session = session
        return session

    async def aclose(self) -> None:
        """Give the session back to the store, once its cells have been closed. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await self._journals.store.close_session(self._name)
        if self._owned is not None:
            await self._owned.aclose()

    def _committed(self, cell_id: str, written: Mapping[str, bytes]) -> None:
        # Not awaited: the result of the cell is handed over behind it.
        self._journals.quietly(ValuesCommitted(cell_id, dict(written)))

    # ── cells that another process has left ──────────────────────────────────────────────────

    @property
    def asleep(self) -> tuple[CellInfo, ...]:
        """The cells that were not brought back yet."""
        return tuple(map(_info, self._asleep.values()))

    def is_asleep(self, cell_id: str) -> bool:
        """Whether a cell is in the store, and not in this process."""
        return cell_id in self._asleep

    async def wake(
        self,
        cell_id: CellId,
        *,
        tries_again: bool = False,
    ) -> tuple[LocalStartedCell, ExecuteRequest]:
        """Bring a cell back to where its journal ends.

        Args:
            cell_id: one that is asleep.
            tries_again: also if it was refused before.

        Raises:
            EngineError: its journal is damaged, of another engine, or cannot be read; or it was refused before;
                it stays asleep.
            LimitError: there are as many cells as there may be; it stays asleep.
        """
        assert self._session is not None, "the session was opened"
        stored = self._asleep[cell_id]
        if stored.refused:
            if not tries_again:
                raise EngineError(
                    f"cell {cell_id} is not brought back: {stored.refused}"
                    "\nHint: start a new exec. The application may try again with resume(cell), or end the cell."
                )
            self._journals.quietly(CellRefused(cell_id, ""))
            stored = msgspec.structs.replace(stored, refused="")
        del self._asleep[cell_id]
        self._journals.resuming[cell_id] = stored
        request = msgspec.structs.replace(
            _REQUEST.decode(stored.request),
            enabled_tools=_TOOLS.decode(stored.tools),
            yield_time_ms=None,
        )
        self.calls.expect(cell_id, stored.calls)
        try:
            started = await self._session.resume(cell_id, request)
        except BaseException:
            self._journals.resuming.pop(cell_id, None)
            self._asleep[cell_id] = stored
            await self._look_again(cell_id)
            raise
        return started, request

    def drop(self, cell_id: str) -> None:
        """Forget a cell that is asleep."""
        del self._asleep[cell_id]
        self.given_up(cell_id)

    def _left_behind(self, cell_id: CellId) -> None:
        """A cell is over here, and stays in the store; its owner is told next."""
        self._left.add(cell_id)
        self.calls.expect_none(cell_id)

    async def _look_again(self, cell_id: str) -> None:
        """Have the cell asleep as the store has it by now."""
        self._left.discard(cell_id)
        with contextlib.suppress(StoreError):  # then as it was known before
            for each in await self._journals.store.cells(self._name):
                if each.cell_id == cell_id:
                    self._asleep[cell_id] = each

    def _settled(self, owner: CellOwner, called: ToolCalled) -> None:
        """A call that is not made again counts among those that are like it."""
        self.calls.came(owner.cell_id, f"tool-{called.number}")
        tools = owner.request.enabled_tools
        if 0 <= called.index < len(tools):
            value: JsonValue = {} if called.input_json is None else decode_json(called.input_json)
            call = ToolCall(
                cell_id=owner.cell_id,
                runtime_tool_call_id=f"tool-{called.number}",
                tool_name=tools[called.index].tool_name,
                input=value,
            )
            self._identity.named(call)

    # ── results ──────────────────────────────────────────────────────────────────────────────

    async def handed_over(self, response: RuntimeResponse | Pending) -> None:
        """Have in the store what a result rests on, before it is handed over.

        Raises:
            StoreError: it cannot be written.
        """
        cell_id = response.cell_id
        if cell_id in self._left:
            try:
                await self._journals.write(OutputDelivered(cell_id, len(response.items)))
            finally:
                await self._look_again(cell_id)
        elif isinstance(response, Yielded | Pending):
            said = self._journals.outputs.get(cell_id)
            mark = None if said is None else said.mark
            await self._journals.write(OutputDelivered(cell_id, len(response.items), mark))
        else:
            self._journals.outputs.pop(cell_id, None)
            try:
                await self._journals.write(CellForgotten(cell_id))
            except StoreError:
                await self._look_again(cell_id)  # its end can be had once more
                raise

    async def shown(self, cell_id: CellId) -> None:
        """Have in the store what output rests on, before it is shown; it counts as handed over with a result only.

        Raises:
            StoreError: it cannot be written.
        """
        await self._journals.write(OutputDelivered(cell_id, 0))

    def given_up(self, cell_id: str) -> None:
        """A cell was ended, and its result is not handed over."""
        self._journals.outputs.pop(cell_id, None)
        self._journals.quietly(CellForgotten(cell_id, given_up=True))


def _info(cell: StoredCell) -> CellInfo:
    request = _REQUEST.decode(cell.request)
    age = round(max(0.0, time.time() - cell.began_at), 3)
    waiting_for = tuple(
        NestedCall(
            id=f"tool-{call.number}", tool=call.tool, status="running", milliseconds=0.0, bytes=0
        )
        for call in cell.calls
    )
    return CellInfo(
        cell_id=CellId(cell.cell_id),
        call_id=request.tool_call_id,
        seconds=age,
        idle_seconds=age,
        calls=max((call.number for call in cell.calls), default=0),
        waiting_for=waiting_for,
        has_output=False,
        is_over=False,
    )
