"""Named tools behind one delegate: definitions for cells, dispatch for their calls."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from functools import reduce
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

from ..errors import ToolDefinitionError, ToolError
from ..fair_executor import FAIR_EXECUTOR
from ..large_values import is_large
from ..protocol.types import CellId, ToolName
from .chain import Chain
from .dispatch import Dispatch, with_input
from .failure import raise_tool_error
from .function import as_tool
from .named_tools import NamedTools
from .options import (
    checked_callback,
    checked_form,
    checked_middleware,
    checked_namespaces,
    checked_policy,
    checked_series,
    checked_tokens,
)
from .policy.approvals import Approvals
from .policy.gate import Gate
from .registry import Registry
from .runner import MAX_THREADS, Runner
from .search import SEARCH, ToolSearch
from .shared_catalogues import AT_ONCE_TOOLS, Recipe
from .tool import ToolInterface

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence
    from typing import Self

    from ..protocol.session import Signal
    from ..protocol.types import JsonValue, ToolCall, ToolDefinition
    from ..surface.declaration import DeclarationForm
    from ..surface.tool_catalogue import ToolCatalogue
    from .chain import CallGate, Middleware
    from .names import Clash
    from .policy.approvals import OnApproval
    from .policy.policy import Policy

CATALOGUE_TOKENS = 20_000
"""What the descriptions of tools may cost a model by default."""

_log = logging.getLogger(__name__)

OnNotify: TypeAlias = Callable[[str, CellId, str], object]
"""``on_notify(call_id, cell_id, text)``, sync or async."""

CANCELLED = "code mode nested tool call cancelled"


class Toolset:
    """The tools of a session, in order; a :class:`~codemode.protocol.session.SessionDelegate`.

    Args:
        tools: tools, and callables to make tools of.
        middleware: what every call passes before its tool, in order; for what they see, see
            :mod:`codemode.tools.chain`. Calls of unknown tools pass, too.
        on_notify: gets the texts that cells pass to ``notify``; called in the event loop.
        max_threads: how many sync functions run at once; ``ProcessLimits.tool_threads`` bounds those
            of all toolsets together.
        namespaces: what namespaces of tools are for, by name; a heading that the model reads.
        catalogue_tokens: what the descriptions of the tools may cost a model together, in tokens
            of 4 bytes; None for no bound. Tools that do not fit are *deferred*: cells can call
            them and have them in ``ALL_TOOLS``, and get one tool more, ``search_tools``, that
            finds them.
        declarations: ``"shared"`` declares each type that recurs once, before the tools, whatever
            tools it recurs in; ``"published"`` gives the very form of the published client, in
            which each tool repeats its types.
        policy: judges every call behind the middleware; None allows all.
        on_approval: gets approval for calls that the policy asks about; without it they wait in
            the CodeMode whose cells make them, and are refused where there is none.

    Names are made identifiers of JavaScript; where two come out alike, the later one gets a
    number; ``clashes`` and a warning in the log list them. A definition's ``name`` is that public name.

    Raises:
        UsageError: an option is not what it should be; the text names what to give.
        ToolDefinitionError: something cannot be a tool, two have the same name, or one is
            called ``exec`` or ``wait``.

    Example:
        >>> def go_on() -> None: ...
        >>> Toolset([go_on]).definitions[0].name
        'go_on'
    """

    def __init__(  # noqa: PLR0913 - options by keyword
        self,
        tools: Iterable[ToolInterface | Callable[..., object]] = (),
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
        self.policy = checked_policy(policy)
        self.on_approval = checked_callback("on_approval", on_approval, "approval")
        self._gate = None
        if self.policy is not None:
            self._gate = Gate(self.policy, Approvals(on_approval) if on_approval else None)
        self._on_notify = checked_callback("on_notify", on_notify, "call_id, cell_id, text")
        self._runner = Runner(max_threads=max_threads)
        self._registry = Registry(self._searching)
        self._namespaces = checked_namespaces(namespaces)
        self._catalogue_tokens = checked_tokens(catalogue_tokens)
        self._form = checked_form(declarations)
        self._catalogue: ToolCatalogue | None = None  # the last one
        self._catalogue_is_old = True
        self._reading = 0  # how many are under way
        self._search = ToolSearch(lambda: self.catalogue)
        self.add(*checked_series("tools", tools))

    def __repr__(self) -> str:
        return f"<Toolset {len(self)} tools, {len(self.clashes)} clashes, {self._runner}>"

    def __len__(self) -> int:
        return len(self._registry)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def definitions(self) -> tuple[ToolDefinition, ...]:
        """The tools in order; the same object until one is added or removed."""
        return self._registry.definitions

    @property
    def catalogue(self) -> ToolCatalogue:
        """The tools as cells and models get them; the same object until something changes.

        While :meth:`read` is under way, it is the one of before.
        """
        last = self._catalogue
        if last is None or (self._catalogue_is_old and not self._reading):
            last = self._catalogue = self._recipe().made(last)
            self._catalogue_is_old = False
        return last

    async def read(self) -> ToolCatalogue:
        """The catalogue, read outside of the event loop where that takes long.

        Toolsets with the same tools share it. Tools that come meanwhile are in the next one.
        """
        if self._catalogue is not None and not self._catalogue_is_old:
            return self._catalogue
        recipe = self._recipe()
        self._reading += 1
        try:
            found = await recipe.made_aside(self._catalogue)
        finally:
            self._reading -= 1
        self._catalogue = found
        self._catalogue_is_old = recipe != self._recipe()
        return found

    async def named_with(self, added: Sequence[ToolDefinition]) -> object:
        """Have the list of tools made that this one is with ``added``; adding them is quick while it is kept."""
        if len(added) <= AT_ONCE_TOOLS:
            return None
        named = self._registry.named
        steps = [list(group) for _, group in groupby(added, lambda each: each.tool_name.namespace)]

        def make(_: object) -> object:
            try:
                return reduce(NamedTools.plus, steps, named)
            except ToolDefinitionError:  # which adding them tells
                return None

        return await FAIR_EXECUTOR.run(NamedTools, make)

    def _recipe(self) -> Recipe:
        namespaces = tuple(self._namespaces.items())
        return Recipe(self._registry.named, namespaces, self._catalogue_tokens, self._form)

    @property
    def clashes(self) -> tuple[Clash, ...]:
        """The tools that could not have the name that theirs makes."""
        return self._registry.clashes

    def find(self, tool_name: ToolName) -> ToolDefinition | None:
        """The definition of ``tool_name``, for middleware that is given a call of it; None if there is none."""
        entry = self._registry.entry(tool_name)
        return None if entry is None else entry[1]

    @property
    def namespaces(self) -> Mapping[str, str]:
        """What namespaces are for, by name."""
        return dict(self._namespaces)

    def describe(self, namespace: str, description: str) -> None:
        """Set the heading of a namespace.

        Args:
            namespace: the namespace, with or without tools.
            description: what it is for; a blank text takes the heading back.

        Raises:
            UsageError: one of the two is no text.
        """
        self._namespaces |= checked_namespaces({namespace: description})
        self._catalogue_is_old = True

    def add(self, *tools: ToolInterface | Callable[..., object]) -> None:
        """Add tools at the end: all of them, or none if one is refused.

        Cells that run already do not get them: a cell's tools are pinned when it starts.

        Raises:
            ToolDefinitionError: as for the constructor.
        """
        given = self._registry.add([as_tool(each) for each in tools])
        self._catalogue_is_old = True
        for clash in self.clashes:
            if clash.tool_name in given:
                _log.warning("%s", clash)

    def remove(self, *tool_names: ToolName | str) -> None:
        """Withdraw ``tool_names``, own or public ones: all of them, or none.

        Calls under way go on; cells that call one from now on get a ToolError.

        Raises:
            ToolDefinitionError: one of them is not there.
        """
        self._registry.remove(tool_names)
        self._catalogue_is_old = True

    async def invoke_tool(
        self,
        call: ToolCall,
        cancel: Signal,
        *,
        gate: CallGate | None = None,
        owner: Hashable = None,
    ) -> JsonValue:
        """Pass the call through the chain to its tool; give the result as JSON.

        Args:
            call: as a session makes it.
            cancel: set when the result is no longer wanted.
            gate: the policy in force for a session; None: this object's own.
            owner: for whom the call is made: the threads that sync functions hold, and those that
                cancelled ones do not give back, are the owner's. None: this object's.

        Raises:
            ToolError: the tool is not enabled, its arguments do not fit, it was refused, or failed.
            asyncio.CancelledError: this task was cancelled.
        """
        if cancel.is_set():
            raise ToolError(CANCELLED)
        me = asyncio.current_task()
        before = me.cancelling() if me else 0
        name = self._registry.public_name(call.tool_name)
        try:
            end = Dispatch(self._registry, self._runner, cancel, owner)
            gate = gate or self._gate
            is_prepared = is_large(call.input)
            if is_prepared:  # which takes its time, and is not the event loop's
                whole = call
                call = await FAIR_EXECUTOR.run(end.owner, lambda _: end.prepare(whole))
            if not self._middleware and gate is None:  # the tool reads its arguments itself
                return await end.invoke(with_input(call))
            chain = Chain(self._middleware, gate, end, name)
            return await chain.pass_on(call if is_prepared else end.prepare(call))
        except GeneratorExit:
            raise
        except BaseException as error:  # a middleware is foreign code, as a tool is
            if isinstance(error, asyncio.CancelledError) and me and me.cancelling() > before:
                raise
            raise_tool_error(error, name)

    def is_idempotent(self, call: ToolCall) -> bool:
        """Whether a call may be made again without a word: its tool says that this changes nothing more.

        It says so itself, or by the hints of MCP: that it is idempotent, or only reads.
        """
        definition = self.find(call.tool_name)
        if definition is None:
            return False
        hints = definition.annotations
        return (
            definition.idempotent
            or hints.get("idempotentHint") is True
            or hints.get("readOnlyHint") is True
        )

    def shows(self, call: ToolCall) -> bool:
        """Whether middleware, the policy or the tool is given the call itself."""
        if self._middleware or self.policy is not None:
            return True
        entry = self._registry.entry(call.tool_name)
        return entry is not None and bool(getattr(entry[0], "takes_call", True))

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        """Hand ``text`` to ``on_notify``; see ``protocol.session.SessionDelegate``.

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
            raise_tool_error(error, "notify")

    def cell_closed(self, cell_id: CellId) -> None:
        """Drop what is counted and remembered for the cell ``cell_id``, which is over."""
        if self._gate is not None:
            self._gate.cell_closed(cell_id)

    async def aclose(self) -> None:
        """End what runs and refuse later calls. Idempotent; bounded.

        A thread whose function does not return is left behind; it is a daemon.
        """
        await self._runner.aclose()
        self._search.close()

    def _searching(self, tool_name: ToolName) -> tuple[ToolSearch, ToolDefinition] | None:
        """The search, while something can be found, under its own name."""
        search = self.catalogue.search if tool_name == SEARCH else None
        return None if search is None else (self._search, search.source)
