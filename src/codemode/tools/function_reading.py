"""A function read as a tool: its definition, and how a call of it is made.

The schema comes from the type hints, the descriptions from the docstring.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import ToolDefinitionError, ToolError
from ..protocol.types import ToolDefinition, ToolName
from .declared_options import checked_annotations, checked_timeout
from .named_tools import same_definition
from .origin import origin_of
from .problems import no_object_text
from .signature import EMPTY, own_doc, own_name, read_signature

if TYPE_CHECKING:
    from ..protocol.types import ToolCall, ToolKind
    from .arguments import BoundArguments, FunctionArguments
    from .signature import Parameter, Source
    from .tool import ToolContext


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOptions:
    """What the author said about a tool beside its function."""

    name: str | None = None
    namespace: str | None = None
    description: str | None = None
    kind: ToolKind = "function"
    strict: bool = True
    thread: bool = True
    annotations: Mapping[str, bool] = field(default_factory=dict)
    idempotent: bool = False
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class ReadFunction:
    """What reading the function gave. A freeform tool has no ``arguments``."""

    definition: ToolDefinition
    parameters: tuple[Parameter, ...]
    arguments: FunctionArguments | None

    def read(self, call: ToolCall, context: ToolContext) -> ToolCall:
        """The call with its arguments.

        Raises:
            ToolError: the input does not fit.
            BaseException: any, from the validators of the hints.
        """
        if self.arguments is not None:
            if not isinstance(call.input, dict):
                raise ToolError(no_object_text(context.name, self.definition.input_schema))
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

    def bound(self, call: ToolCall, context: ToolContext) -> BoundArguments:
        """What to call the function with."""
        from .arguments import BoundArguments  # noqa: PLC0415 - the first tool has imported it

        injected: dict[Source, Any] = {"call": call, "cancel": context.cancel}
        if self.arguments is not None:
            return self.arguments.bound(call.arguments, injected)
        values = [(p, injected.get(p.source, call.input)) for p in self.parameters]
        return BoundArguments(
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


def read_function(
    function: Callable[..., object], options: FunctionOptions, name: str
) -> ReadFunction:
    """Read signature, docstring and options of ``function``; ``name`` is for errors.

    Raises:
        ToolDefinitionError: it cannot be a tool; the text gives the reason and a hint.
    """
    # pydantic and griffe take 0.2 s to import: an application without tools does not pay for them.
    from .arguments import FunctionArguments  # noqa: PLC0415
    from .docstring import read_docstring  # noqa: PLC0415
    from .members import member_texts  # noqa: PLC0415
    from .schema import output_schema  # noqa: PLC0415

    own = options.name or own_name(function)
    if not own:
        raise ToolDefinitionError(f"{function!r} has no name\nHint: pass name=… to tool().")
    if options.namespace == "":
        raise ToolDefinitionError(f"tool `{name}` has an empty namespace\nHint: leave it out.")
    if is_unbound(function):
        raise ToolDefinitionError(
            f"tool `{name}` is a method without its object\nHint: pass the bound method, obj.{own}."
        )
    checked_timeout(name, options.timeout)
    signature = read_signature(function, name)
    told = read_docstring(own_doc(function))
    arguments = None
    if options.kind == "freeform":
        _check_freeform(signature.arguments, name, has_extra=signature.extra is not EMPTY)
    elif options.kind == "function":
        texts = member_texts(signature.keywords) if signature.keywords else {}
        texts |= told.parameters
        arguments = FunctionArguments(name, signature, texts, strict=options.strict)
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
        annotations=checked_annotations(name, options.annotations, idempotent=options.idempotent),
        idempotent=options.idempotent,
        source=origin_of(function),
    )
    return ReadFunction(same_definition(definition), signature.parameters, arguments)


def _check_freeform(arguments: tuple[Parameter, ...], name: str, *, has_extra: bool) -> None:
    if len(arguments) == 1 and not has_extra and arguments[0].hint in (str, Any):
        return
    raise ToolDefinitionError(
        f"tool `{name}` is freeform and must have one parameter, a str"
        f"\nHint: def {name}(text: str) -> …, or leave out kind='freeform'."
    )


def is_unbound(function: object) -> bool:
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
