"""Python callables as tools: ``@tool``.

The schema comes from the type hints, the descriptions from the docstring; arguments are
checked before the function sees them, results become JSON, and whatever is raised becomes
the text that the script catches.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar, cast, overload
from weakref import WeakSet

from ..errors import ToolDefinitionError
from ..protocol.types import ToolDefinition, ToolName, UnreadArguments
from .failure import raise_tool_error
from .foreign import refuse_foreign
from .function_reading import FunctionOptions, ReadFunction, is_unbound, read_function
from .invocation import called
from .signature import is_async, own_name
from .tool import ToolInterface

if TYPE_CHECKING:
    from ..protocol.types import JsonValue, ToolCall, ToolKind
    from .tool import ToolContext

P = ParamSpec("P")
R = TypeVar("R")


class FunctionTool(Generic[P, R]):
    """A callable as a tool. Calling it calls the function, as if it were not wrapped.

    Args:
        function: a function, method, partial, callable object or class, sync or async.
            A sync one runs in a thread of its own with a copy of the context variables;
            Python cannot stop a thread, so a cancelled call goes on without its caller,
            unless it looks at an injected ``Signal``.
        name: the tool's name; the function's own by default.
        namespace: what the name is qualified with: ``tools.<namespace>__<name>``.
        description: what the model reads; the docstring up to its first section by default.
        kind: ``freeform`` for a tool that takes one string instead of an object.
        strict: take only values of the very type, as JSON has it: an integer for a float
            and ISO strings for dates will do, ``"1"`` for an int will not. False allows
            what pydantic allows.
        thread: False runs a sync function in the event loop: for what returns at once.
        annotations: hints of MCP for policies and clients, such as ``{"readOnlyHint": True}``.
        idempotent: a call that is made again with the same ``call.idempotency_key`` takes effect
            once: it may be repeated when it is not known what became of it.
        timeout: after so many seconds the call fails, and is cancelled as when its cell ends. The
            time in which it waits for approval does not count.

    The function is read when ``definition`` is read first; ``@tool`` does that at once.
    Parameters annotated ``ToolCall`` or ``Signal`` get the call and its cancellation and
    do not show in the schema. Those that a partial gives by keyword do not show either.
    Unknown arguments are refused, unless there is ``**kwargs``; so are unknown members of
    nested objects, unless a type among the hints allows or ignores them by its own
    pydantic configuration.

    Example:
        >>> def add(a: int, b: int = 1) -> int:
        ...     "Add two numbers."
        ...     return a + b
        >>> FunctionTool(add).definition.input_schema["required"]
        ['a']
    """

    def __init__(  # noqa: PLR0913 - options by keyword
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        namespace: str | None = None,
        description: str | None = None,
        kind: ToolKind = "function",
        strict: bool = True,
        thread: bool = True,
        annotations: Mapping[str, bool] | None = None,
        idempotent: bool = False,
        timeout: float | None = None,
    ) -> None:
        self._options = FunctionOptions(
            name=name,
            namespace=namespace,
            description=description,
            kind=kind,
            strict=strict,
            thread=thread,
            annotations=annotations or {},
            idempotent=idempotent,
            timeout=timeout,
        )
        self.function = function
        self._built: ReadFunction | None = None
        update_wrapper(self, function, updated=())

    def __repr__(self) -> str:
        return f"<FunctionTool {self._shown_name}, {self._options.kind}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself, without any of the checks."""
        return self.function(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> FunctionTool[..., R]:
        """The tool of a method, bound as the method would be."""
        bind = getattr(type(self.function), "__get__", None)
        bound = self.function if bind is None else bind(self.function, instance, owner)
        return self if bound is self.function else self._around(bound)

    @property
    def definition(self) -> ToolDefinition:
        """What the tool is.

        Raises:
            ToolDefinitionError: the function cannot be a tool; the text gives the reason.
        """
        return self._reading().definition

    @property
    def takes_call(self) -> bool:
        """Whether the function gets the call itself."""
        return any(each.source == "call" for each in self._reading().parameters)

    def prepare(self, call: ToolCall, context: ToolContext) -> ToolCall:
        """The call with what the function gets in ``arguments``, and its input repaired.

        Raises:
            ToolError: the input does not fit; names each problem and what is expected.
        """
        return self._checked(lambda built: built.read(call, context), context)

    def change(
        self, call: ToolCall, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolCall:
        """The prepared ``call`` with other arguments.

        Raises:
            ToolError: they do not fit; names each problem and what is expected.
        """
        return self._checked(lambda built: built.changed(call, arguments, context), context)

    async def invoke(self, call: ToolCall, context: ToolContext) -> JsonValue:
        """Call the function with the arguments of ``call``, and give its result as JSON.

        A call that is not prepared is prepared here.

        Raises:
            ToolError: the input does not fit, the function failed, or its result has no
                JSON form.
        """
        if isinstance(call.arguments, UnreadArguments):
            call = self.prepare(call, context)

        def bind(context: ToolContext) -> Callable[[], object]:
            bound = self._reading().bound(call, context)
            return partial(self.function, *bound.args, **bound.kwargs)

        options = self._options
        thread = options.thread and not is_async(self.function)
        return await called(bind, context, thread=thread, seconds=options.timeout)

    @property
    def _shown_name(self) -> str:
        name = self._options.name or own_name(self.function) or repr(self.function)
        return str(ToolName(name, self._options.namespace))

    def _around(self, function: Callable[..., Any]) -> FunctionTool[..., Any]:
        made: FunctionTool[..., Any] = FunctionTool(function)
        made._options = self._options
        return made

    def _reading(self) -> ReadFunction:
        if self._built is None:
            self._built = read_function(self.function, self._options, self._shown_name)
        return self._built

    def _read_early(self) -> None:
        """Read the function now, unless it is a method or uses names that are not there yet."""
        if is_unbound(self.function):
            return
        try:
            self._reading()
        except ToolDefinitionError as error:
            if not isinstance(error.__cause__, NameError):
                raise

    def _checked(self, check: Callable[[ReadFunction], ToolCall], context: ToolContext) -> ToolCall:
        try:
            return check(self._reading())
        except BaseException as error:  # noqa: BLE001 - validators are foreign code
            raise_tool_error(error, context.name)


@overload
def tool(function: Callable[P, R], /) -> FunctionTool[P, R]: ...


@overload
def tool(
    *,
    name: str | None = None,
    namespace: str | None = None,
    description: str | None = None,
    kind: ToolKind = "function",
    strict: bool = True,
    thread: bool = True,
    annotations: Mapping[str, bool] | None = None,
    idempotent: bool = False,
    timeout: float | None = None,
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...


def tool(
    function: Callable[..., Any] | None = None, /, **options: Any
) -> FunctionTool[..., Any] | Callable[[Callable[..., Any]], FunctionTool[..., Any]]:
    """Make a tool of a function; the options are those of :class:`FunctionTool`.

    Raises:
        ToolDefinitionError: the function cannot be a tool. A hint with a name that is not
            defined yet is looked up again when the tool is first used.

    Example:
        >>> @tool(namespace="math")
        ... async def double(x: float) -> float:
        ...     return 2 * x
        >>> double.definition.tool_name
        ToolName(name='double', namespace='math')
    """

    def decorate(function: Callable[..., Any]) -> FunctionTool[..., Any]:
        made = FunctionTool(function, **options)
        made._read_early()
        return made

    return decorate if function is None else decorate(function)


_TOOL_TYPES: Final[WeakSet[type]] = WeakSet()
"""Classes whose objects are all tools: to look at each of 3,000 takes 30 ms."""


def as_tool(item: ToolInterface | Callable[..., object]) -> ToolInterface:
    """``item`` as a tool: itself if it is one, else made of the callable.

    Raises:
        ToolDefinitionError: it is neither, or it is the tool of a framework.
    """
    if type(item) in _TOOL_TYPES:
        return cast("ToolInterface", item)
    refuse_foreign(item)
    if isinstance(item, types.MethodType) and isinstance(item.__func__, FunctionTool):
        return item.__func__._around(types.MethodType(item.__func__.function, item.__self__))
    if isinstance(item, ToolInterface) and not isinstance(item, type):
        if hasattr(type(item), "definition") and hasattr(type(item), "invoke"):
            _TOOL_TYPES.add(type(item))
        return item
    if callable(item):
        return FunctionTool(item)
    raise ToolDefinitionError(
        f"{item!r} is neither a tool nor callable\nHint: pass functions or tools."
    )
