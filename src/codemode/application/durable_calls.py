"""What of the nested calls of a durable session outlives its process: that they run, decisions, and counts.

A store has it that a tool runs, and what that counts for, before it does; and what a person has decided before that
takes effect.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import msgspec

from ..durable.store import CallBegun, RecordsKept, StoredRecord
from ..protocol.types import CellId
from ..tools.policy.decisions import Decision
from ..tools.policy.history import KeptCount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from ..durable.journals import Journals
    from ..durable.store import StoredCall
    from ..protocol.types import JsonValue, ToolCall
    from ..tools.chain import End
    from ..tools.policy.approvals import Approvals
    from ..tools.policy.gate import Gate
    from ..tools.policy.history import CallHistory

AGAIN_SECONDS: Final = 10.0
"""How long the calls of a cell that is brought back may take to come as far as the policy."""

_DECISION: Final = msgspec.msgpack.Decoder(Decision)
_RUN_AGAIN: Final = (
    "The process ended while this call ran: what it does may have been done already. Run it again?"
)


class DurableCalls:
    """The nested calls of one durable session.

    Args:
        journals: of the session.
        approvals: asks whether a call whose effect is unknown is run again.
        is_idempotent: whether a call may be made again without a word.

    Attributes:
        history: what a policy counts; None without one.
    """

    def __init__(
        self,
        journals: Journals,
        approvals: Approvals,
        is_idempotent: Callable[[ToolCall], bool],
    ) -> None:
        self._journals = journals
        self._approvals = approvals
        self._is_idempotent = is_idempotent
        self.history: CallHistory | None = None
        self._expected: set[tuple[str, str]] = set()
        self._call_came = asyncio.Event()
        self._attempts: dict[tuple[str, str], int] = {}
        self._keeping: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"<durable calls, {len(self._expected)} to be made again>"

    def restore(self, records: Iterable[StoredRecord]) -> None:
        """Take over what was decided and counted; from here on the store has it."""
        counts = []
        for each in records:
            if each.kind == "decision":
                self._approvals.decisions.remember(
                    _DECISION.decode(each.content), CellId(each.cell_id)
                )
            elif each.kind == "count":
                counts.append(KeptCount(each.key, each.content, each.cell_id))
        if self.history is not None:
            self.history.restore(counts)
        self._approvals.keep = self._keep

    # ── calls that are made again ────────────────────────────────────────────────────────────

    def expect(self, cell_id: str, calls: Sequence[StoredCall]) -> None:
        """A cell is brought back, and makes these calls again."""
        for call in calls:
            key = (cell_id, f"tool-{call.number}")
            self._expected.add(key)
            self._attempts[key] = call.attempts

    def expect_none(self, cell_id: str) -> None:
        """It does not make them after all."""
        for each in [each for each in self._expected if each[0] == cell_id]:
            self.came(*each)

    def came(self, cell_id: str, call_id: str) -> None:
        """A call has come as far as the policy, or needs not to."""
        call = (cell_id, call_id)
        if call in self._expected:
            self._expected.remove(call)
            came, self._call_came = self._call_came, asyncio.Event()
            came.set()

    async def made_again(self, cell_id: CellId) -> None:
        """Return when the calls without an answer of a cell that was brought back have come as far as the policy.

        A middleware may keep them for long: then after ``AGAIN_SECONDS`` all the same.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_SECONDS):
                while any(cell == cell_id for cell, _ in self._expected):
                    await self._call_came.wait()
        await asyncio.sleep(0)  # the last of them has come here, and asks in this round

    def gate(self, gate: Gate | None) -> DurableGate:
        """What stands before a tool: ``gate``, and around it what the store is to have."""
        return DurableGate(self, gate)

    async def settle_unknown(
        self, call: ToolCall, name: str, end: End, gate: Gate | None
    ) -> ToolCall:
        """The call, if it may run: one that may have been run before is asked about, or has its key.

        Raises:
            ToolError: an approver has refused to run it again.
        """
        self.came(call.cell_id, call.runtime_tool_call_id)
        attempts = self._attempts.get((call.cell_id, call.runtime_tool_call_id), 0)
        if not attempts:
            return call
        call = msgspec.structs.replace(call, attempt=attempts + 1)
        if self._is_idempotent(call):
            return call
        prompt = _RUN_AGAIN
        if gate is not None:
            if gate.refusal(call, name) is not None:
                return call  # nobody need be asked
            if (asked := gate.question(call, name)) is not None:
                prompt = f"{asked} {_RUN_AGAIN}"
        return await self._approvals.wait(
            call,
            name,
            prompt,
            expires_ms=None,
            end=end,
            recheck=lambda changed: None if gate is None else gate.refusal(changed, name),
            asks_anew=True,
        )

    async def runs(self, call: ToolCall) -> None:
        """Have in the store that the tool of a call runs, before it does, and what that counts for."""
        number = int(call.runtime_tool_call_id.removeprefix("tool-"))
        await self._journals.write(CallBegun(call.cell_id, number, self._counted()))

    # ── decisions and counts ─────────────────────────────────────────────────────────────────

    async def decisions_kept(self) -> None:
        """Return when the store has what was decided.

        Raises:
            StoreError: it cannot be written.
        """
        if self._keeping is not None:
            await asyncio.shield(self._keeping)

    def has_returned(self, call: ToolCall) -> None:
        """A tool has returned; the store has what that counts for before the program has the answer."""
        counted = self._counted()
        if counted:
            self._journals.quietly(RecordsKept(call.cell_id, counted))

    def _keep(self, decision: Decision, cell_id: CellId) -> None:
        is_call = decision.scope == "call"
        record = StoredRecord(
            "decision",
            decision.key if is_call else decision.digest,
            msgspec.msgpack.encode(decision),
            cell_id if is_call else "",
        )
        # The store keeps the order: the call that goes on, and the answer of one that does not, stand behind it.
        self._keeping = self._journals.write(RecordsKept(cell_id, (record,)))
        self._keeping.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _counted(self) -> tuple[StoredRecord, ...]:
        if self.history is None:
            return ()
        changes = self.history.take_changes()
        return tuple(
            StoredRecord("count", each.key, each.content, each.cell_id) for each in changes
        )


class DurableGate:
    """Stands between the last middleware and the tools of a durable session."""

    def __init__(self, calls: DurableCalls, gate: Gate | None) -> None:
        self._calls = calls
        self._gate = gate

    async def pass_on(self, call: ToolCall, name: str, end: End) -> JsonValue:
        """Pass a prepared call on; see ``tools.chain.CallGate``."""
        call = await self._calls.settle_unknown(call, name, end, self._gate)
        noted = _NotedEnd(self._calls, end)
        if self._gate is None:
            return await noted.invoke(call)
        try:
            return await self._gate.pass_on(call, name, noted)
        finally:
            self._calls.has_returned(call)


class _NotedEnd:
    """The end of a chain, where it is noted that a tool runs."""

    def __init__(self, calls: DurableCalls, end: End) -> None:
        self._calls = calls
        self._end = end

    @property
    def owner(self) -> object:
        return self._end.owner

    def prepare(self, call: ToolCall) -> ToolCall:
        return self._end.prepare(call)

    def change(self, call: ToolCall, arguments: Mapping[str, Any]) -> ToolCall:
        return self._end.change(call, arguments)

    async def invoke(self, call: ToolCall) -> JsonValue:
        await self._calls.runs(call)
        return await self._end.invoke(call)
