"""The client at the other end of one session, as the CodeMode of that session knows it."""

from __future__ import annotations

import contextlib
import json
import unicodedata
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import mcp_types as types

from ...errors import ToolError
from ...protocol.types import Item, JsonValue, ToolCall
from .questions import Questions, UnansweredError

if TYPE_CHECKING:
    from ...surface.result import ExecResult
    from ...tools.chain import Next
    from ...tools.policy.approvals import Approval

Hear: TypeAlias = Callable[[str], Awaitable[None]]
"""Takes the texts that a cell passes to ``notify``."""

SHOWN_ARGUMENTS: Final = 2_000
"""Characters of a call's arguments that the approver reads."""

_HINT: Final = "\nHint: go on without it, or tell the user what you would have called it for."
_CONFIRM: Final[dict[str, Any]] = {"type": "object", "properties": {}}
"""The form of an approval: nothing to fill in, only yes or no."""
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})


class ServedClient:
    """What a CodeMode may need of the client that it works for.

    It is called with notifications, so that it can be given as ``on_notify``; ``on_approval`` gets
    the user's approval of a call, ``elicitation`` and ``sampling`` are handlers for MCP servers, and
    ``watch`` is a middleware that notes which servers work for this client.

    Attributes:
        questions: those that its user or its model has to answer.
        aside: receives notifications of cells that no request observes.
        running: its cells that go on.
        has_stored: whether something was stored when its last request ended.
    """

    def __init__(self) -> None:
        self.questions = Questions()
        self.aside: Hear | None = None
        self.running: set[str] = set()
        self.has_stored = False
        self._listeners: dict[str, list[Hear]] = {}
        """For each call and cell those who observe it now; they may leave in any order."""
        self._unsent: dict[str, tuple[Item, ...]] = {}
        """What cells wrote in observations whose result had to be a question."""
        self._namespaces: Counter[str] = Counter()
        """How many calls into each namespace are under way."""

    async def __call__(self, call_id: str, cell_id: str, text: str) -> None:
        """Deliver a text of ``notify``."""
        listeners = self._listeners.get(cell_id) or self._listeners.get(call_id)
        hear = listeners[-1] if listeners else self.aside
        if hear is not None:
            await hear(text)

    @contextlib.contextmanager
    def heard_by(self, call_or_cell: str, hear: Hear) -> Iterator[None]:
        """While this lasts, notifications of the call or the cell go to ``hear``.

        Of several requests that observe the same cell, the last one receives them.
        """
        listeners = self._listeners.setdefault(call_or_cell, [])
        listeners.append(hear)
        try:
            yield
        finally:
            listeners.remove(hear)
            if not listeners:
                del self._listeners[call_or_cell]

    def saw(self, result: ExecResult) -> None:
        """Note whether the cell of a result goes on."""
        if result.cell_id is not None:
            (self.running.add if result.running else self.running.discard)(result.cell_id)

    def keep(self, result: ExecResult) -> None:
        """Keep what a cell has written for its next result."""
        if result.cell_id is not None:
            before = self._unsent.get(result.cell_id, ())
            self._unsent[result.cell_id] = (*before, *result.items[1:])

    def whole(self, result: ExecResult) -> ExecResult:
        """The result with what was kept for it, behind its header."""
        unsent = self._unsent.pop(result.cell_id or "", ())
        header, *written = result.items
        return replace(result, items=(header, *unsent, *written)) if unsent else result

    async def on_approval(self, approval: Approval) -> None:
        """Ask the user whether a call may be made.

        Raises:
            ToolError: it is not allowed, or the user could not be asked; the text tells which.
        """
        name = approval.name
        message = f"{approval.prompt}\n{name}({shown(approval.call.input)})"
        params = types.ElicitRequestFormParams(message=message, requested_schema=_CONFIRM)
        try:
            answer = await self.questions.ask(
                types.ElicitRequest(params=params), f"the user's approval of `{name}`"
            )
        except UnansweredError as error:
            raise ToolError(f"the call of `{name}` needs approval: {error}{_HINT}") from error
        if answer.action != "accept":
            raise ToolError(f"the user did not approve the call of `{name}`{_HINT}")

    async def elicitation(
        self, server: str, params: types.ElicitRequestParams
    ) -> types.ElicitResult:
        """Ask the user what an MCP server wants to know.

        Raises:
            UnansweredError: the user cannot be asked, or does not answer.
        """
        told = params.model_copy(update={"message": f"MCP server {server}: {params.message}"})
        request = types.ElicitRequest(params=told)
        found: types.ElicitResult = await self.questions.ask(
            request, f"the user's answer to MCP server {server}"
        )
        return found

    async def sampling(self, server: str, params: types.CreateMessageRequestParams) -> Any:
        """Have the client's model answer an MCP server.

        Raises:
            UnansweredError: there is no model, or it does not answer.
        """
        request = types.CreateMessageRequest(params=params)
        return await self.questions.ask(request, f"a model's answer to MCP server {server}")

    async def watch(self, call: ToolCall, call_next: Next) -> JsonValue:
        """A middleware: note that a namespace works for this client while the call lasts."""
        namespace = call.tool_name.namespace or ""
        self._namespaces[namespace] += 1
        token = _CLIENT.set(self)
        try:
            return await call_next(call)
        finally:
            _CLIENT.reset(token)
            self._namespaces[namespace] -= 1

    def waits_for(self, namespace: str) -> bool:
        """Whether calls into a namespace are under way."""
        return self._namespaces[namespace] > 0


_CLIENT: Final[ContextVar[ServedClient | None]] = ContextVar("codemode_client", default=None)


def client_of_context() -> ServedClient | None:
    """The client whose call this context belongs to; None if that is not known."""
    return _CLIENT.get()


def shown(arguments: JsonValue) -> str:
    """Arguments of a call as one line for a person, without characters that cannot be seen.

    >>> print(shown({"to": "bob\\n\\u202eeve"}))
    {"to": "bob\\n\\u202eeve"}
    """
    text = json.dumps(arguments, ensure_ascii=False)
    seen = "".join(
        json.dumps(each)[1:-1] if unicodedata.category(each) in _INVISIBLE else each
        for each in text[:SHOWN_ARGUMENTS]
    )
    more = len(text) - SHOWN_ARGUMENTS
    return seen if more <= 0 else f"{seen} … and {more} more characters"
