"""Python callables as tools: ``@tool``.

The schema comes from the type hints, the descriptions from the docstring; arguments are
checked before the function sees them, results become JSON, and whatever is raised becomes
the text that the script catches.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

import msgspec

from ..errors import ToolDefinitionError, ToolError
from ..protocol.types import ToolDefinition, ToolName, Unread
from .failure import as_tool_error
from .foreign import refuse_foreign
from .invocation import called
from .origin import origin_of
from .signature import EMPTY, is_async, own_doc, own_name, read_signature
from .tool import ToolInterface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..protocol.types import JsonValue, ToolCall, ToolKind
    from .arguments import Arguments, Bound
    from .signature import Parameter, Source
    from .tool import ToolContext

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What the author said about a tool beside its function."""

    name: str | None = None
    namespace: str | None = None
    description: str | None = None
    kind: ToolKind = "function"
    strict: bool = True
    thread: bool = True


@dataclass(frozen=True, slots=True)
class _Built:
    """What reading the function gave. A freeform tool has no ``arguments``."""

    definition: ToolDefinition
    parameters: tuple[Parameter, ...]
    arguments: Arguments | None

    def read(self, call: ToolCall, context: ToolContext) -> ToolCall:
        """The call with its arguments.

        Raises:
            ToolError: the input does not fit.
            BaseException: any, from the validators of the hints.
        """
        if self.arguments is not None:
            if not isinstance(call.input, dict):
                raise ToolError(f"tool `{context.name}` expects a JSON object for arguments")
            read = self.arguments.read(context.name, call.input)
            return msgspec.structs.replace(call, input=read.input, arguments=read.values)
        return self._freeform(call, context, call.input)

    def changed(
        self, call: ToolCall, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolCall:
        """The call with other arguments; what differs from its own is checked.

        Raises:
            ToolError: they do not fit.
            BaseException: any, from the validators of the hints.
        """
        if self.arguments is None:
            return self._freeform(call, context, arguments.get(self._text.name))
        read = self.arguments.changed(context.name, call.input, call.arguments, arguments)
        return msgspec.structs.replace(call, input=read.input, arguments=read.values)

    def bound(self, call: ToolCall, context: ToolContext) -> Bound:
        """What to call the function with."""
        from .arguments import Bound  # noqa: PLC0415 - the first tool has imported it

        injected: dict[Source, Any] = {"call": call, "cancel": context.cancel}
        if self.arguments is not None:
            return self.arguments.bound(call.arguments, injected)
        values = [(p, injected.get(p.source, call.input)) for p in self.parameters]
        return Bound(
            tuple(value for p, value in values if p.positional_only),
            {p.name: value for p, value in values if not p.positional_only},
        )

    def _freeform(self, call: ToolCall, context: ToolContext, text: object) -> ToolCall:
        if not isinstance(text, str):
            raise ToolError(f"tool `{context.name}` expects a string input")
        return msgspec.structs.replace(call, input=text, arguments={self._text.name: text})

    @property
    def _text(self) -> Parameter:
        """The one parameter of a freeform tool."""
        return next(p for p in self.parameters if p.source == "argument")


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
    ) -> None:
        self._options = _Options(
            name=name,
            namespace=namespace,
            description=description,
            kind=kind,
            strict=strict,
            thread=thread,
        )
        self.function = function
        self._built: _Built | None = None
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
            ToolDefinitionError: the function cannot be a tool; says why.
        """
        return self._reading().definition

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
        if isinstance(call.arguments, Unread):
            call = self.prepare(call, context)
        bound = self._reading().bound(call, context)
        function = partial(self.function, *bound.args, **bound.kwargs)
        thread = self._options.thread and not is_async(self.function)
        return await called(function, context, thread=thread)

    @property
    def _shown_name(self) -> str:
        name = self._options.name or own_name(self.function) or repr(self.function)
        return str(ToolName(name, self._options.namespace))

    def _around(self, function: Callable[..., Any]) -> FunctionTool[..., Any]:
        made: FunctionTool[..., Any] = FunctionTool(function)
        made._options = self._options
        return made

    def _reading(self) -> _Built:
        if self._built is None:
            self._built = _build(self.function, self._options, self._shown_name)
        return self._built

    def _read_early(self) -> None:
        """Read the function now, unless it is a method or uses names that are not there yet."""
        if _is_unbound(self.function):
            return
        try:
            self._reading()
        except ToolDefinitionError as error:
            if not isinstance(error.__cause__, NameError):
                raise

    def _checked(self, check: Callable[[_Built], ToolCall], context: ToolContext) -> ToolCall:
        try:
            return check(self._reading())
        except BaseException as error:  # noqa: BLE001 - validators are foreign code
            failure = as_tool_error(error, context.name)
            raise failure from failure.__cause__


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


def as_tool(item: ToolInterface | Callable[..., object]) -> ToolInterface:
    """``item`` as a tool: itself if it is one, else made of the callable.

    Raises:
        ToolDefinitionError: it is neither, or it is the tool of a framework.
    """
    refuse_foreign(item)
    if isinstance(item, types.MethodType) and isinstance(item.__func__, FunctionTool):
        return item.__func__._around(types.MethodType(item.__func__.function, item.__self__))
    if isinstance(item, ToolInterface) and not isinstance(item, type):
        return item
    if callable(item):
        return FunctionTool(item)
    raise ToolDefinitionError(
        f"{item!r} is neither a tool nor callable\nHint: pass functions or tools."
    )


def _build(function: Callable[..., object], options: _Options, name: str) -> _Built:
    # pydantic and griffe take 0.2 s to import: whoever makes no tools does not pay for them.
    from .arguments import Arguments  # noqa: PLC0415
    from .docstring import read_docstring  # noqa: PLC0415
    from .members import member_texts  # noqa: PLC0415
    from .schema import output_schema  # noqa: PLC0415

    own = options.name or own_name(function)
    if not own:
        raise ToolDefinitionError(f"{function!r} has no name\nHint: pass name=… to tool().")
    if options.namespace == "":
        raise ToolDefinitionError(f"tool `{name}` has an empty namespace\nHint: leave it out.")
    if _is_unbound(function):
        raise ToolDefinitionError(
            f"tool `{name}` is a method without its object\nHint: pass the bound method, obj.{own}."
        )
    signature = read_signature(function, name)
    told = read_docstring(own_doc(function))
    arguments = None
    if options.kind == "freeform":
        _check_freeform(signature.arguments, name, has_extra=signature.extra is not EMPTY)
    elif options.kind == "function":
        texts = member_texts(signature.keywords) if signature.keywords else {}
        texts |= told.parameters
        arguments = Arguments(name, signature, texts, strict=options.strict)
    else:
        raise ToolDefinitionError(
            f"tool `{name}` has the kind {options.kind!r}\nHint: it is 'function' or 'freeform'."
        )
    definition = ToolDefinition(
        name=name,
        tool_name=ToolName(own, options.namespace),
        description=told.text if options.description is None else options.description,
        kind=options.kind,
        input_schema=None if arguments is None else arguments.schema,
        output_schema=output_schema(name, signature),
        source=origin_of(function),
    )
    return _Built(definition, signature.parameters, arguments)


def _check_freeform(arguments: tuple[Parameter, ...], name: str, *, has_extra: bool) -> None:
    if len(arguments) == 1 and not has_extra and arguments[0].hint in (str, Any):
        return
    raise ToolDefinitionError(
        f"tool `{name}` is freeform and must have one parameter, a str"
        f"\nHint: def {name}(text: str) -> …, or leave out kind='freeform'."
    )


def _is_unbound(function: object) -> bool:
    """Whether this is a function in a class body, not bound to an object."""
    if isinstance(function, classmethod):
        return True
    if not isinstance(function, types.FunctionType):
        return False
    outer = function.__qualname__.rpartition(".")[0]
    if not outer or outer.endswith("<locals>"):
        return False
    first = function.__code__.co_varnames[:1]
    return first in (("self",), ("cls",)) and function.__code__.co_argcount > 0
