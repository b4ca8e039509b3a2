"""Named tools behind one delegate: definitions for cells, dispatch for their calls."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from ..errors import ToolDefinitionError, ToolError
from ..protocol.types import CellId, ToolName
from ..surface.catalogue import Catalogue
from .chain import linked
from .failure import as_tool_error
from .function import FunctionTool, as_tool
from .names import Names, identifier, nearest
from .options import (
    checked_form,
    checked_middleware,
    checked_namespaces,
    checked_on_notify,
    checked_policy,
    checked_series,
    checked_tokens,
)
from .origin import is_same
from .policy import Gate
from .result import to_json
from .runner import MAX_THREADS, Runner
from .search import SEARCH, ToolSearch, search_definition
from .tool import Checking, Tool, ToolContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from ..protocol.session import Signal
    from ..protocol.types import JsonValue, ToolCall, ToolDefinition
    from ..surface.declaration import DeclarationForm
    from .chain import Middleware
    from .names import Clash
    from .policy import OnApproval, Policy

CATALOGUE_TOKENS = 20_000
"""What the descriptions of tools may cost a model where nobody says otherwise."""

_log = logging.getLogger(__name__)

OnNotify: TypeAlias = Callable[[str, CellId, str], object]
"""``on_notify(call_id, cell_id, text)``, sync or async."""

CANCELLED = "code mode nested tool call cancelled"
CHANGED: Final = (
    "the call of tool `{name}` is refused: it has changed since this program started"
    "\nHint: end this program; the next one gets the tool as it is now, and its declaration in ALL_TOOLS."
)


@dataclass(slots=True)
class _Withdrawn:
    """A tool that is, or was, not there any more.

    Attributes:
        function: what it called; None if it was no Python function.
        replacements: how often another function took its name.
    """

    function: object
    replacements: int


class Toolset:
    """The tools of a session, in order; a :class:`~codemode.protocol.session.SessionDelegate`.

    Args:
        tools: tools, and callables to make tools of.
        middleware: what every call passes before its tool, in order; for what they see, see
            :mod:`codemode.tools.chain`. Calls of unknown tools pass, too.
        on_notify: gets what cells say with ``notify``; called in the event loop.
        max_threads: how many sync functions run at once.
        namespaces: what namespaces of tools are for, by name; a heading that the model reads.
        catalogue_tokens: what the descriptions of the tools may cost a model together, in tokens
            of 4 bytes; None for no bound. Tools that do not fit are *deferred*: cells can call
            them and have them in ``ALL_TOOLS``, and get one tool more, ``search_tools``, that
            finds them.
        declarations: ``"shared"`` declares each type that recurs once, before the tools, whatever
            tools it recurs in; ``"published"`` gives the very form of the published client, in
            which each tool repeats its types.
        policy: judges every call behind the middleware; None allows all.
        on_approval: gets approval for calls that the policy asks about; without it they are
            refused.

    Names are made identifiers of JavaScript; where two come out alike, the later one gets a
    number; ``clashes`` and a warning in the log tell. A definition's ``name`` is that public name.

    Raises:
        UsageError: an option is not what it should be; says what to give.
        ToolDefinitionError: something cannot be a tool, two have the same name, or one is
            called ``exec`` or ``wait``.

    Example:
        >>> def go_on() -> None: ...
        >>> Toolset([go_on]).definitions[0].name
        'go_on'
    """

    def __init__(  # noqa: PLR0913 - options by keyword
        self,
        tools: Iterable[Tool | Callable[..., object]] = (),
        *,
        middleware: Iterable[Middleware] = (),
        on_notify: OnNotify | None = None,
        max_threads: int = MAX_THREADS,
        namespaces: Mapping[str, str] | None = None,
        catalogue_tokens: int | None = CATALOGUE_TOKENS,
        declarations: DeclarationForm = "shared",
        policy: Policy | None = None,
        on_approval: OnApproval | None = None,
    ) -> None:
        self._middleware = checked_middleware(middleware)
        policy = checked_policy(policy)
        if policy is not None:
            gate = Gate(policy, on_approval, lambda call: self._public_name(call.tool_name))
            self._middleware += (gate,)  # last: nothing behind it changes what it judged
        self._on_notify = checked_on_notify(on_notify)
        self._runner = Runner(max_threads=max_threads)
        self._names = Names()
        self._tools: dict[ToolName, tuple[Tool, ToolDefinition]] = {}
        self._withdrawn: dict[ToolName, _Withdrawn] = {}
        self._definitions: tuple[ToolDefinition, ...] = ()
        self._namespaces = checked_namespaces(namespaces)
        self._catalogue_tokens = checked_tokens(catalogue_tokens)
        self._form = checked_form(declarations)
        self._catalogue: Catalogue | None = None  # the last one
        self._catalogue_is_old = True
        self._search = ToolSearch(lambda: self.catalogue)
        self.add(*checked_series("tools", tools))

    def __repr__(self) -> str:
        return f"<Toolset {len(self._tools)} tools, {len(self.clashes)} clashes, {self._runner}>"

    def __len__(self) -> int:
        return len(self._tools)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    @property
    def definitions(self) -> tuple[ToolDefinition, ...]:
        """The tools in order; the same object until one is added or removed."""
        return self._definitions

    @property
    def catalogue(self) -> Catalogue:
        """The tools as cells and models get them; the same object until something changes."""
        last = self._catalogue
        if last is None or self._catalogue_is_old:
            last = self._catalogue = Catalogue(
                self._definitions,
                namespaces=self._namespaces,
                max_tokens=self._catalogue_tokens,
                search=self._search_definition(),
                before=last,
                form=self._form,
            )
            self._catalogue_is_old = False
        return last

    @property
    def clashes(self) -> tuple[Clash, ...]:
        """The tools that could not have the name that theirs makes."""
        return self._names.clashes

    def find(self, tool_name: ToolName) -> ToolDefinition | None:
        """The definition of a tool; what a middleware may want to know about a call."""
        target = self._target(tool_name)
        return None if target is None else target[1]

    @property
    def namespaces(self) -> Mapping[str, str]:
        """What namespaces are for, by name."""
        return dict(self._namespaces)

    def describe(self, namespace: str, description: str) -> None:
        """Say what a namespace is for; a blank text takes it back.

        Raises:
            UsageError: one of the two is no text.
        """
        self._namespaces |= checked_namespaces({namespace: description})
        self._catalogue_is_old = True

    def add(self, *tools: Tool | Callable[..., object]) -> None:
        """Add tools at the end: all of them, or none if one is refused.

        Cells that run already do not get them: a cell's tools are pinned when it starts.

        Raises:
            ToolDefinitionError: as for the constructor.
        """
        made = [as_tool(each) for each in tools]
        found = [each.definition for each in made]
        names = self._names.copy()
        given = names.give([each.tool_name for each in found])
        self._names = names
        for each, definition in zip(made, found, strict=True):
            tool_name = definition.tool_name
            named = msgspec.structs.replace(
                definition, name=given[tool_name], source=self._source(each, definition)
            )
            self._tools[tool_name] = (each, named)
        self._renew()
        for clash in names.clashes:
            if clash.tool_name in given:
                _log.warning(
                    "tool %r is tools.%s: tools.%s is %r",
                    str(clash.tool_name),
                    clash.name,
                    clash.wanted,
                    str(clash.holder),
                )

    def remove(self, *tool_names: ToolName | str) -> None:
        """Withdraw tools by their own or public names: all of them, or none.

        Calls under way go on; cells that call one from now on get a ToolError.

        Raises:
            ToolDefinitionError: one of them is not there.
        """
        found = [self._own_name(each) for each in tool_names]
        for tool_name in dict.fromkeys(found):
            tool, _ = self._tools.pop(tool_name)
            self._names.take_back(tool_name)
            before = self._withdrawn.get(tool_name)
            self._withdrawn[tool_name] = _Withdrawn(
                _function_of(tool), 0 if before is None else before.replacements
            )
        self._renew()

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        """Pass the call through the chain to its tool; give the result as JSON.

        Raises:
            ToolError: the tool is not enabled, its arguments do not fit, it was refused, or failed.
            asyncio.CancelledError: this task was cancelled.
        """
        if cancel.is_set():
            raise ToolError(CANCELLED)
        last: list[JsonValue] = []

        async def dispatch(call: ToolCall) -> JsonValue:
            last[:] = [await self._dispatch(call, cancel)]
            return last[0]

        me = asyncio.current_task()
        before = me.cancelling() if me else 0
        name = self._public_name(call.tool_name)
        call = _with_input(call)
        try:
            self._check_digest(call)
            if self._middleware:  # the tool itself looks at what it is given
                self._check(call, cancel)
            result = await linked(self._middleware, dispatch)(call)
            if last and result is last[0]:  # JSON already
                return result
            return to_json(result, name)
        except GeneratorExit:
            raise
        except BaseException as error:  # a middleware is foreign code, as a tool is
            if isinstance(error, asyncio.CancelledError) and me and me.cancelling() > before:
                raise
            failure = as_tool_error(error, name)
            raise failure from failure.__cause__

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        """Hand ``text`` to ``on_notify``.

        Raises:
            ToolError: it failed.
            asyncio.CancelledError: this task was cancelled.
        """
        if self._on_notify is None or cancel.is_set():
            return
        me = asyncio.current_task()
        before = me.cancelling() if me else 0
        try:
            result = self._on_notify(call_id, cell_id, text)
            if inspect.isawaitable(result):
                await result
        except GeneratorExit:
            raise
        except BaseException as error:  # the application's own code; see invoke_tool
            if isinstance(error, asyncio.CancelledError) and me and me.cancelling() > before:
                raise
            failure = as_tool_error(error, "notify")
            raise failure from failure.__cause__

    def cell_closed(self, cell_id: CellId) -> None:
        """Nothing is kept for a cell, so nothing is to be done."""

    async def aclose(self) -> None:
        """End what runs and refuse later calls. Idempotent; bounded.

        A thread whose function does not return is left behind; it is a daemon.
        """
        await self._runner.aclose()
        self._search.close()

    def _check(self, call: ToolCall, cancel: Signal) -> None:
        target = self._target(call.tool_name)
        if target is not None and isinstance(target[0], Checking):
            target[0].check(call, ToolContext(target[1].name, cancel, self._runner))

    async def _dispatch(self, call: ToolCall, cancel: Signal) -> JsonValue:
        target = self._target(call.tool_name)
        if target is None:
            raise ToolError(self._unknown(call.tool_name))
        self._check_digest(call)  # again: a middleware may have waited for hours
        tool, definition = target
        context = ToolContext(definition.name, cancel, self._runner)
        return await tool.invoke(_with_input(call), context)

    def _target(self, tool_name: ToolName) -> tuple[Tool | ToolSearch, ToolDefinition] | None:
        """What answers calls of this name, and as what it is known."""
        entry = self._tools.get(tool_name)
        if entry is not None:
            return entry
        search = self.catalogue.search if tool_name == SEARCH else None
        return None if search is None else (self._search, search.source)

    def _source(self, tool: Tool, definition: ToolDefinition) -> str:
        """What stands behind ``tool``; another function than the one that had its name is told apart."""
        before = self._withdrawn.get(definition.tool_name)
        if before is None:
            return definition.source
        if not is_same(before.function, _function_of(tool)):
            before.replacements += 1
        if not before.replacements:
            return definition.source
        return f"{definition.source} (replacement {before.replacements})"

    def _check_digest(self, call: ToolCall) -> None:
        """Refuse a call of a tool that is another one than the call's program was given.

        Raises:
            ToolError: it is.
        """
        entry = self._tools.get(call.tool_name)  # the search is ours, and always the same
        if entry is not None and call.digest not in ("", entry[1].digest):
            raise ToolError(CHANGED.format(name=entry[1].name))

    def _unknown(self, tool_name: ToolName) -> str:
        if tool_name == ToolName("exec"):
            return "exec cannot invoke itself"
        name = identifier(tool_name)
        near = nearest(name, [each.name for each in self._definitions])
        if tool_name in self._withdrawn:
            hint = "it was withdrawn after this cell had started; go on without it."
        elif near:
            hint = f"did you mean {' or '.join(f'`{each}`' for each in near)}?"
        else:
            hint = "ALL_TOOLS lists the tools there are."
        return f"tool `{name}` is not enabled in exec\nHint: {hint}"

    def _public_name(self, tool_name: ToolName) -> str:
        found = self.find(tool_name)
        return identifier(tool_name) if found is None else found.name

    def _search_definition(self) -> ToolDefinition:
        """The search under a name that no tool has: it gives way to all of them."""
        taken = {each.name for each in self._definitions}
        names = (SEARCH.name, *(f"{SEARCH.name}_{n}" for n in range(2, len(taken) + 3)))
        return search_definition(next(name for name in names if name not in taken))

    def _own_name(self, name: ToolName | str) -> ToolName:
        if isinstance(name, ToolName) and name in self._tools:
            return name
        for own, (_, definition) in self._tools.items():
            if name in (own, definition.name):
                return own
        near = nearest(self._text(name), [each.name for each in self._definitions])
        hint = f"\nHint: did you mean `{near[0]}`?" if near else ""
        raise ToolDefinitionError(f"no tool is called {self._text(name)!r}{hint}")

    @staticmethod
    def _text(name: ToolName | str) -> str:
        return name if isinstance(name, str) else identifier(name)

    def _renew(self) -> None:
        self._definitions = tuple(definition for _, definition in self._tools.values())
        self._catalogue_is_old = True


def _function_of(tool: Tool) -> object:
    return tool.function if isinstance(tool, FunctionTool) else None


def _with_input(call: ToolCall) -> ToolCall:
    """``call``, or the same with an empty object where the script passed no argument."""
    return msgspec.structs.replace(call, input={}) if call.input is msgspec.UNSET else call
