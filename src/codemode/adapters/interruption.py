"""Programs that wait for a person while a framework's run is interrupted.

A framework asks a person by ending its run, and makes the model's call again once there is an answer. The program must
not run again then: its cell is kept, by the id of that call, with what it has written, and goes on with the answer. Only
this process has the cell: where a run is taken up in another one, ``is_kept`` is false and the adapter tells the model.
"""

from __future__ import annotations

import asyncio
import dataclasses
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..code_mode import CodeMode
    from ..protocol.types import JsonValue
    from ..surface.result import ExecResult


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class InterruptingCall:
    """A nested call that waits for a person.

    Attributes:
        call_id: of the nested call, unique within its program.
        name: the tool.
        arguments: what it is called with.
        detail: what the framework wants to show, if anything.
        answer: takes the answer; what it is, is the adapter's matter.
    """

    call_id: str
    name: str
    arguments: Mapping[str, JsonValue]
    detail: Any
    answer: asyncio.Future[Any]


class InterruptedProgram:
    """One program, and the calls of it that wait for a person.

    Attributes:
        context: of the framework's call that observes the program now; nested calls run in it.
        asked: set while a call waits, which ends the observation.
        questions: the calls that wait, by their ids.
    """

    def __init__(self, context: Any) -> None:
        self.context = context
        self.asked = asyncio.Event()
        self.questions: dict[str, InterruptingCall] = {}

    async def ask(
        self, call_id: str, name: str, arguments: Mapping[str, JsonValue], detail: Any = None
    ) -> Any:
        """The answer of a person; until it comes, the call waits and observations of the program end at once."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.questions[call_id] = InterruptingCall(call_id, name, dict(arguments), detail, answer)
        self.asked.set()
        try:
            # The answer against the end of the cell, which cancels the call.
            return await answer
        finally:
            self._over(call_id)

    def answer(self, call_id: str, value: Any) -> None:
        """Let a call go on; one that waits no longer is passed over."""
        found = self.questions.get(call_id)
        if found is not None and not found.answer.done():
            found.answer.set_result(value)
            self._over(call_id)  # now, so that the next observation does not end at once

    def _over(self, call_id: str) -> None:
        self.questions.pop(call_id, None)
        if not self.questions:
            self.asked.clear()


running_program: Final[ContextVar[InterruptedProgram | None]] = ContextVar(
    "codemode_running_program", default=None
)
"""The program whose nested call this is."""


class InterruptibleCells:
    """``exec`` and ``wait`` of one ``CodeMode``, with programs that outlive an interruption of the run.

    Args:
        cm: whose cells they are; it stays the caller's to close, unless ``aclose`` is called.
    """

    def __init__(self, cm: CodeMode) -> None:
        self.cm = cm
        self._programs: dict[str, InterruptedProgram] = {}
        self._kept: dict[str, tuple[InterruptedProgram, ExecResult]] = {}

    async def aclose(self) -> None:
        """Close the ``CodeMode``; no program is kept any more."""
        self._kept.clear()
        self._programs.clear()
        await self.cm.aclose()

    def is_kept(self, call_id: str) -> bool:
        """Whether a program waits for this call of the model to be made again."""
        return call_id in self._kept

    def questions(self, call_id: str) -> tuple[InterruptingCall, ...]:
        """What has interrupted this call of the model; empty if its result is one for the model."""
        kept = self._kept.get(call_id)
        return () if kept is None else tuple(kept[0].questions.values())

    def answer(self, call_id: str, question_id: str, value: Any) -> None:
        """Answer one question of an interrupted call; the call then has to be made again."""
        kept = self._kept.get(call_id)
        if kept is not None:
            kept[0].answer(question_id, value)

    async def call(
        self, name: str, payload: str | Mapping[str, Any], *, call_id: str, context: Any
    ) -> ExecResult:
        """Run a model's call, or go on with the one that was interrupted.

        Args:
            name: ``exec`` or ``wait``.
            payload: as ``CodeMode.call`` takes it; not read where the call was interrupted.
            call_id: the model's call.
            context: what nested calls find as ``running_program.get().context``.
        """
        kept = self._kept.pop(call_id, None)
        if kept is not None:
            program, before = kept
            program.context = context
            assert before.cell_id is not None, "only a running cell is kept"
            later = await self.cm.wait(before.cell_id, call_id=call_id, preempt=program.asked)
            return self._told(program, _joined(before, later), call_id)
        found = self._of_cell(payload) if name == "wait" else None
        program = found or InterruptedProgram(context)
        program.context = context
        running_program.set(program)
        result = await self.cm.call(name, payload, call_id=call_id, preempt=program.asked)
        return self._told(program, result, call_id)

    def _of_cell(self, payload: object) -> InterruptedProgram | None:
        cell_id = payload.get("cell_id") if isinstance(payload, dict) else None
        return self._programs.get(cell_id) if isinstance(cell_id, str) else None

    def _told(self, program: InterruptedProgram, result: ExecResult, call_id: str) -> ExecResult:
        if result.cell_id is None:
            return result
        if not result.running:
            self._programs.pop(result.cell_id, None)
            return result
        self._programs[result.cell_id] = program
        if program.questions:
            self._kept[call_id] = program, result
        return result


def _joined(before: ExecResult, later: ExecResult) -> ExecResult:
    """Two results of one cell as one: the header of the later, the output and the calls of both."""
    headers = 0 if later.status == "refused" else 1
    return dataclasses.replace(
        later,
        items=(*later.items[:headers], *before.items[1:], *later.items[headers:]),
        calls=(*before.calls, *later.calls),
    )
