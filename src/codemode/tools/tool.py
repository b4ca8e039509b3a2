"""The seam of this package: what a toolset needs of a tool, whatever stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from ..protocol.session import Signal
    from ..protocol.types import JsonValue, ToolCall, ToolDefinition
    from .runner import Runner

INPUT: Final = "input"
"""The one argument of a call whose input is no object: of a freeform tool, and of one that does not name it."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool is given besides the call.

    Attributes:
        name: the public name that the script used, for error texts.
        cancel: set when the result is no longer wanted; the task is cancelled as well.
        runner: where blocking functions run.
        owner: for whom the call is made, to share the threads of the process; None: not known.
    """

    name: str
    cancel: Signal
    runner: Runner
    owner: Hashable = None


@runtime_checkable
class Preparing(Protocol):
    """What a tool may offer besides: to read its arguments before middleware and policy see a call."""

    def prepare(self, call: ToolCall, context: ToolContext) -> ToolCall:
        """The call with what the tool gets in ``arguments``.

        Args:
            call: as the program made it.
            context: the tool's public name, for errors.

        Raises:
            ToolError: its input does not fit; the text tells the model what does.
        """

    def change(
        self, call: ToolCall, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolCall:
        """The prepared ``call`` with other arguments, and the input that would have said them.

        Args:
            call: what :meth:`prepare` gave.
            arguments: values by the names of the tool's parameters.
            context: the tool's public name, for errors.

        Raises:
            ToolError: they do not fit.
        """


@runtime_checkable
class ToolInterface(Protocol):
    """What a toolset needs of something a cell can call; it gives it its public name."""

    @property
    def definition(self) -> ToolDefinition:
        """What the tool is; the same object at each reading.

        Raises:
            ToolDefinitionError: it cannot be a tool after all.
        """

    async def invoke(self, call: ToolCall, context: ToolContext) -> JsonValue:
        """Run the tool and give its result as JSON.

        Args:
            call: a prepared one has ``arguments``.
            context: what the tool is given besides.

        Raises:
            ToolError: it failed; the text is what the script catches.
        """
