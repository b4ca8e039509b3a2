"""What an application does with the cells of its session, beside running programs.

It looks at them, ends them, brings those back that another process has left, decides about calls that wait for
approval, and takes and gives stored values.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ..errors import EngineError, LimitError, SessionClosedError, SessionError, UsageError
from ..protocol.session import StoresValues
from ..protocol.types import CellId
from .call_answers import CallAnswers
from .model_tools import cell_id_of
from .saved_values import SavedValues

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..protocol.session import Session
    from ..surface.result import ExecResult
    from ..tools.policy.approvals import Approval, Approvals
    from ..tools.policy.decisions import Decision, Scope
    from .cell_record import CellInfo


class CellControl(CallAnswers):
    """The part of a CodeMode that controls cells.

    Attributes:
        _approvals: the calls that wait for approval; set by :class:`~codemode.CodeMode`.
    """

    _approvals: Approvals

    def cells(self) -> tuple[CellInfo, ...]:
        """The cells whose end was not handed over yet, in the order of their starts.

        With a store those are among them, and first, that another process has left and none has
        brought back: ``wait`` does, and so does ``approve`` of one of their calls. They are known
        once this object was entered (``async with``), or first used.
        """
        asleep = () if self._durable is None else self._durable.asleep
        return (*asleep, *self._activity.cells)

    async def resume(self, cell: ExecResult | str | None = None) -> tuple[CellInfo, ...]:
        """Bring back cells that another process has left; the cells as they are then.

        Args:
            cell: the one to bring back, also if that has failed before; its ``cell_id`` or a result. None: all
                that were not refused before. One that cannot be brought back stays as it is; ``wait`` gives the
                reason.

        Raises:
            SessionClosedError: this object is closed.
            EngineError: the cell cannot be brought back, or the session is open in another process.
            LimitError: there are as many cells as there may be.
            StoreError: the store cannot be used.
            UsageError: there is no such cell to bring back.
        """
        await self._opening.session()
        if cell is not None:
            await self._bring_back(cell_id_of(cell), tries_again=True)
            return self.cells()
        asleep = () if self._durable is None else self._durable.asleep
        for each in asleep:
            with contextlib.suppress(EngineError, LimitError):
                await self._bring_back(each.cell_id)
        return self.cells()

    async def _bring_back(self, cell_id: CellId, *, tries_again: bool = False) -> None:
        """Bring a cell back, until it has made the calls again that have no answer."""
        if self._durable is None or not self._durable.is_asleep(cell_id):
            raise UsageError(
                f"the store has no cell {cell_id} that could be brought back"
                "\nHint: cells() has those that there are."
            )
        await self._wake(self._durable, cell_id, tries_again=tries_again)
        await self._durable.calls.made_again(cell_id)

    async def terminate(self, cell: ExecResult | str) -> ExecResult:
        """End a cell, and get its last output; ``wait`` with ``terminate``.

        Raises:
            SessionClosedError: this object is closed.
            UsageError: ``cell`` is a result that has no cell.
        """
        return await self.wait(cell, terminate=True)

    async def reap(self, idle_seconds: float) -> tuple[ExecResult, ...]:
        """End the cells of which no result has told for so long; their last results.

        Raises:
            SessionClosedError: this object is closed.
        """
        idle = [each for each in self.cells() if each.idle_seconds >= idle_seconds]
        return tuple([await self.terminate(each.cell_id) for each in idle])

    def stored_values(self) -> SavedValues:
        """What programs have stored with ``store``, as the next one will see it.

        A mapping; its ``dump()`` is what ``restore_values`` of another CodeMode takes.

        Raises:
            UsageError: the cells run in a host that does not tell it; ours does.
            SessionClosedError: this object is closed.
        """
        session = self._opening.current
        if session is None:
            return SavedValues({})
        try:
            return SavedValues(_storing(session).stored_values())
        except SessionError as error:
            raise UsageError(str(error)) from error

    async def restore_values(self, values: SavedValues | Mapping[str, Any] | bytes | str) -> None:
        """Have programs load these values; before the first program starts.

        Args:
            values: what ``stored_values`` or its ``dump`` gave, or a mapping of JSON values.

        Raises:
            UsageError: these are no values, a program was started already, or the host does not
                take values.
            LimitError: they are more than ``Limits.stored_bytes``; none was taken.
            SessionClosedError: this object is closed.
            EngineError: there is no host.
        """
        saved = SavedValues.of(values)
        session = await self._opening.session()
        try:
            await _storing(session).restore_values(saved.json)
        except (LimitError, SessionClosedError):
            raise
        except SessionError as error:
            raise UsageError(str(error)) from error

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided about tools for the session or for always: values to store and give back."""
        return self._approvals.decisions.all

    def pending_approvals(self) -> tuple[Approval, ...]:
        """The nested calls that wait for approval, in the order in which they began to."""
        return self._approvals.pending()

    async def approve(
        self,
        approval_id: str,
        *,
        arguments: Mapping[str, Any] | None = None,
        remember: Scope = "call",
    ) -> None:
        """Let a nested call go on that waits for approval.

        Args:
            approval_id: of one of ``pending_approvals``.
            arguments: values that the tool gets instead of the program's, by the names of its
                parameters: as Python values, or as JSON. The others stay.
            remember: ``"call"``, or ``"session"`` for every call of this tool in this session, or
                ``"always"``: see ``decisions``. It holds as long as the tool stays what it is.

        Raises:
            UsageError: no such call waits, the arguments do not fit, or the policy refuses the call
                with them; it goes on waiting.
        """
        await self._wake_for(approval_id)
        self._approvals.approve(approval_id, arguments, remember=remember)
        await self._decision_kept()

    async def refuse(self, approval_id: str, reason: str = "", *, remember: Scope = "call") -> None:
        """Refuse a nested call that waits for approval; the program can catch that.

        Args:
            approval_id: of one of ``pending_approvals``.
            reason: one sentence that the program and the model read.
            remember: as for ``approve``.

        Raises:
            UsageError: no such call waits.
        """
        await self._wake_for(approval_id)
        self._approvals.refuse(approval_id, reason, remember=remember)
        await self._decision_kept()

    async def _decision_kept(self) -> None:
        if self._durable is not None:
            await self._durable.calls.decisions_kept()

    async def _wake_for(self, approval_id: str) -> None:
        """Bring back the cell whose call waited for this approval in another process."""
        if self._durable is None or self._approvals.is_waiting(approval_id):
            return
        await self._opening.session()
        cell_id = CellId(approval_id.rpartition("-tool-")[0])
        if self._durable.is_asleep(cell_id):
            await self._bring_back(cell_id)


def _storing(session: Session) -> StoresValues:
    if isinstance(session, StoresValues):
        return session
    raise UsageError(f"sessions of this provider do not tell what cells store: {session!r}")
