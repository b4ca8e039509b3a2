"""A tool made of a JSON Schema and a callable, for what has its schema already."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import ToolDefinitionError, ToolError
from ..protocol.types import ToolDefinition, ToolName, UnreadArguments
from .declared_options import checked_annotations, checked_timeout
from .invocation import called
from .origin import origin_of
from .signature import is_async
from .tool import INPUT

if TYPE_CHECKING:
    from ..protocol.types import JsonValue, ToolCall, ToolKind
    from .tool import ToolContext


class Tool:
    """A schema and a callable. For functions with type hints, :func:`codemode.tool` is simpler.

    Args:
        name: the tool's name.
        function: gets the arguments, a dict as JSON has it, or the text of a freeform tool; sync
            or async. A sync one runs in a thread. What it returns becomes JSON, what it raises the
            error that the program catches.
        description: what the model reads.
        input_schema: JSON Schema of the arguments; an object of any members if left out. The model
            reads it as TypeScript. Arguments are an object, and nothing more is checked: whether
            they fit is the function's decision.
        output_schema: JSON Schema of the result; ``unknown`` to the model if left out.
        namespace: what the name is qualified with: ``tools.<namespace>__<name>``.
        kind: ``freeform`` for a tool that takes one string instead of an object.
        takes_call: give the :class:`codemode.ToolCall` as a second argument.
        thread: False runs a sync function in the event loop: for what returns at once.
        annotations: hints of MCP, such as ``{"readOnlyHint": True}``.
        idempotent: whether a call with the same idempotency key takes effect once.
        timeout: seconds after which a call fails and is cancelled.

    Raises:
        ToolDefinitionError: one of these is not what it should be.

    Example:
        >>> schema = {"type": "object", "properties": {"city": {"type": "string"}}}
        >>> weather = Tool("weather", lambda arguments: 3.5, input_schema=schema)
        >>> weather.definition.tool_name
        ToolName(name='weather', namespace=None)
    """

    def __init__(  # noqa: PLR0913 - options by keyword
        self,
        name: str,
        function: Callable[..., object],
        *,
        description: str = "",
        input_schema: Mapping[str, Any] | None = None,
        output_schema: Mapping[str, Any] | None = None,
        namespace: str | None = None,
        kind: ToolKind = "function",
        takes_call: bool = False,
        thread: bool = True,
        annotations: Mapping[str, bool] | None = None,
        idempotent: bool = False,
        timeout: float | None = None,
    ) -> None:
        _check(name, function, namespace, kind, has_schema=input_schema is not None)
        self.function = function
        self.takes_call = takes_call
        self._timeout = checked_timeout(name, timeout)
        self._thread = thread and not is_async(function)
        tool_name = ToolName(name, namespace)
        if input_schema is None and kind == "function":
            input_schema = {"type": "object"}
        self._definition = ToolDefinition(
            name=str(tool_name),
            tool_name=tool_name,
            description=description,
            kind=kind,
            input_schema=_as_json(name, "input_schema", input_schema),
            output_schema=_as_json(name, "output_schema", output_schema),
            annotations=checked_annotations(name, annotations or {}, idempotent=idempotent),
            idempotent=idempotent,
            source=origin_of(function),
        )

    def __repr__(self) -> str:
        return f"<Tool {self._definition.name}, {self._definition.kind}>"

    @property
    def definition(self) -> ToolDefinition:
        """What the tool is."""
        return self._definition

    def prepare(self, call: ToolCall, context: ToolContext) -> ToolCall:
        """The call; its arguments are its input, which the function checks.

        Raises:
            ToolError: the input is no object, or no text of a freeform tool.
        """
        if self._definition.kind == "freeform":
            if not isinstance(call.input, str):
                raise ToolError(f"tool `{context.name}` expects a string input")
            return msgspec.structs.replace(call, arguments={INPUT: call.input})
        if not isinstance(call.input, dict):
            raise ToolError(f"tool `{context.name}` expects a JSON object for arguments")
        return msgspec.structs.replace(call, arguments=call.input)

    def change(
        self, call: ToolCall, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolCall:
        """The call with another input.

        Raises:
            ToolError: there is no text for a freeform tool.
        """
        is_text = self._definition.kind == "freeform"
        said = arguments.get(INPUT) if is_text else dict(arguments)
        return self.prepare(msgspec.structs.replace(call, input=said), context)

    async def invoke(self, call: ToolCall, context: ToolContext) -> JsonValue:
        """Call the function, and give its result as JSON.

        Raises:
            ToolError: the input is no object, the function failed, or its result has no JSON form.
        """
        if isinstance(call.arguments, UnreadArguments):
            call = self.prepare(call, context)
        given = (call.input, call) if self.takes_call else (call.input,)

        def bind(_: ToolContext) -> Callable[[], object]:
            return partial(self.function, *given)

        return await called(bind, context, thread=self._thread, seconds=self._timeout)


def _check(
    name: object, function: object, namespace: str | None, kind: ToolKind, *, has_schema: bool
) -> None:
    """Raise ToolDefinitionError where one of these is not what it should be."""
    if not isinstance(name, str) or not name:
        raise ToolDefinitionError(f"the name of a tool is a text that is not empty, got {name!r}")
    if not callable(function):
        raise ToolDefinitionError(
            f"tool `{name}` cannot call {function!r}\nHint: Tool({name!r}, function, …)"
        )
    if namespace == "":
        raise ToolDefinitionError(f"tool `{name}` has an empty namespace\nHint: leave it out.")
    if kind not in ("function", "freeform"):
        raise ToolDefinitionError(
            f"tool `{name}` has the kind {kind!r}\nHint: it is 'function' or 'freeform'."
        )
    if kind == "freeform" and has_schema:
        raise ToolDefinitionError(
            f"tool `{name}` is freeform and takes a text, which has no input_schema"
        )


def _as_json(name: str, option: str, schema: Mapping[str, Any] | None) -> JsonValue:
    """A copy of ``schema``, which the application may change later.

    Raises:
        ToolDefinitionError: it is no JSON object.
    """
    if schema is None:
        return None
    if not isinstance(schema, Mapping):
        raise ToolDefinitionError(
            f"{option} of tool `{name}` is a JSON Schema as a dict, got a {type(schema).__name__}"
        )
    try:
        return json.loads(json.dumps(dict(schema), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolDefinitionError(f"{option} of tool `{name}` is no JSON: {error}") from error
