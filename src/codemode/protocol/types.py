"""The values that cross a boundary: requests, responses, output items, tool definitions.

All are frozen and compare by value. Names and spellings follow the code-mode interface, so
that the same values go over a wire unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, Literal, NewType, TypeAlias

from msgspec import UNSET, Struct, field

CellId = NewType("CellId", str)
"""Names a cell within its session: ``"1"``, ``"2"``, … in the order of admission."""

ImageDetail: TypeAlias = Literal["auto", "low", "high", "original"]
"""How closely a model should look at an image."""
ToolKind: TypeAlias = Literal["function", "freeform"]
"""``function`` takes an object, ``freeform`` one text."""
JsonValue: TypeAlias = Any
"""What JSON can say: None, bool, int, float, str, and lists and str-keyed dicts of these."""

HINTS: Final = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
"""What the author of a tool may say of it, by the names that MCP gives it."""

NAMESPACE_SEPARATOR: Final = "__"


class ToolName(Struct, frozen=True):
    """A tool's own name and, where it has one, the namespace that it lives in.

    >>> str(ToolName("send", "mail"))
    'mail__send'
    """

    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        """Namespace and name in one string, as written."""
        return f"{self.namespace}{NAMESPACE_SEPARATOR}{self.name}" if self.namespace else self.name


class ToolDefinition(Struct, frozen=True, kw_only=True, dict=True, weakref=True):
    """A tool that a cell may call.

    Attributes:
        name: the flattened public name, unique among the tools of a cell.
        tool_name: the name that the delegate is called with.
        description: what the model reads.
        kind: ``function`` takes a JSON object, ``freeform`` takes a string.
        input_schema: JSON Schema of the argument, or None.
        output_schema: JSON Schema of the result, or None.
        annotations: hints of MCP by their names there, such as ``readOnlyHint``. They are the word of the
            tool's author, and no proof.
        idempotent: whether a call that is made twice with the same idempotency key takes effect once.
        source: what stands behind the tool: the function and its text, or the MCP server.
        given: the tool as it was given, where ``description`` has its declaration behind it.

    None of the last four goes over a wire.
    """

    name: str
    tool_name: ToolName
    description: str
    kind: ToolKind = "function"
    input_schema: JsonValue = None
    output_schema: JsonValue = None
    annotations: Mapping[str, JsonValue] = {}
    idempotent: bool = False
    source: str = ""
    given: ToolDefinition | None = None

    @cached_property
    def digest(self) -> str:
        """Equal for equal names, descriptions, schemas, annotations and sources; 32 hexadecimal digits.

        It is the same in every process, and of a described tool it is that of the tool as it was given.
        """
        if self.given is not None:
            return self.given.digest
        facts = (
            self.name,
            self.tool_name.namespace,
            self.tool_name.name,
            self.kind,
            self.description,
            self.input_schema,
            self.output_schema,
            self.annotations,
            self.idempotent,
            self.source,
        )
        import hashlib  # noqa: PLC0415 - loads OpenSSL, for whoever asks

        text = json.dumps(facts, sort_keys=True, separators=(",", ":"), default=repr)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class TextItem(Struct, frozen=True, gc=False, tag="input_text"):
    """Text that a cell wrote; ``str`` gives the text."""

    text: str

    def __str__(self) -> str:
        return self.text


class ImageItem(Struct, frozen=True, tag="input_image", omit_defaults=True):
    """An image that a cell wrote.

    Attributes:
        image_url: the image as a data URL.
        detail: how closely a model should look at it; None if the program did not say.
    """

    image_url: str
    detail: ImageDetail | None = None


class AudioItem(Struct, frozen=True, tag="input_audio"):
    """A sound that a cell wrote.

    Attributes:
        audio_url: the sound as a data URL.
    """

    audio_url: str


Item: TypeAlias = TextItem | ImageItem | AudioItem
"""One output of a cell."""


class ExecuteRequest(Struct, frozen=True, kw_only=True):
    """Start a cell.

    Attributes:
        tool_call_id: the model's call; notifications carry it.
        enabled_tools: what the cell may call, pinned for its whole life.
        source: raw JavaScript, without a pragma line.
        yield_time_ms: how long the first observation waits; 10,000 if None.
        max_output_tokens: for those who truncate; the session itself does not.
    """

    tool_call_id: str
    enabled_tools: tuple[ToolDefinition, ...]
    source: str
    yield_time_ms: int | None = None
    max_output_tokens: int | None = None


class WaitRequest(Struct, frozen=True, kw_only=True):
    """Observe a cell.

    Attributes:
        cell_id: the cell.
        yield_time_ms: how long at most, in milliseconds; then the cell yields and runs on.
    """

    cell_id: CellId
    yield_time_ms: int = 10_000


class WaitToPendingRequest(Struct, frozen=True, kw_only=True):
    """Resume a frozen cell and observe it up to its next pending frontier.

    Attributes:
        cell_id: the cell.
    """

    cell_id: CellId


class Yielded(Struct, frozen=True, kw_only=True):
    """The observation ended while the cell runs on.

    Attributes:
        cell_id: the cell.
        items: what it wrote since the last observation, in order.
        host_duration_ns: how long the observation lasted, in nanoseconds, as the session measured it.
        by_program: whether the program ended it with ``yield_control()``, and not its time or a
            preemption. No wire carries it: it is None if the cell ran in a host.
    """

    cell_id: CellId
    items: tuple[Item, ...]
    host_duration_ns: int = 0
    by_program: bool | None = None


class Result(Struct, frozen=True, kw_only=True):
    """The program is over.

    Attributes:
        cell_id: the cell.
        items: what it wrote since the last observation, in order.
        error_text: why it failed, for the model; None if it succeeded.
        result_buffered_for_ns: how long the end waited for this observation, in nanoseconds.
        host_duration_ns: how long the observation lasted, in nanoseconds, as the session measured it.
        limit: the name of the limit that ended it, if one did. The text alone proves nothing: a
            program can throw any. V1 does not carry it: it is None if the cell ran in a host.
        worker_lost: whether it ended with its worker, and by no limit; the same holds for it.
    """

    cell_id: CellId
    items: tuple[Item, ...]
    error_text: str | None = None
    result_buffered_for_ns: int = 0
    host_duration_ns: int = 0
    limit: str | None = None
    worker_lost: bool = False


class Terminated(Struct, frozen=True, kw_only=True):
    """The cell was ended from outside; its stored writes are discarded.

    Attributes:
        cell_id: the cell.
        items: what it wrote since the last observation, in order.
        host_duration_ns: how long the observation lasted, in nanoseconds, as the session measured it.
    """

    cell_id: CellId
    items: tuple[Item, ...]
    host_duration_ns: int = 0


class Pending(Struct, frozen=True, kw_only=True):
    """The cell is frozen at its pending frontier.

    Attributes:
        cell_id: the cell.
        items: what it wrote since the last observation, in order.
        pending_tool_call_ids: the calls made since the last frontier, in order.
        host_duration_ns: how long the observation lasted, in nanoseconds, as the session measured it.
    """

    cell_id: CellId
    items: tuple[Item, ...]
    pending_tool_call_ids: tuple[str, ...] = ()
    host_duration_ns: int = 0


RuntimeResponse: TypeAlias = Yielded | Result | Terminated
"""What an observation gives."""
PendingResponse: TypeAlias = Pending | Result | Terminated
"""What an observation up to the pending frontier gives."""


class LiveCell(Struct, frozen=True):
    """The cell was there.

    Attributes:
        response: what became of the observation.
    """

    response: Yielded | Result | Terminated | Pending


class MissingCell(Struct, frozen=True):
    """No such cell: it never existed, or its end has been delivered.

    Attributes:
        response: the error for the model, in the form of an end; no cell has ended with it.
    """

    response: Result


WaitOutcome: TypeAlias = LiveCell | MissingCell
"""What a wait for a cell, or its termination, gives."""


class UnreadArguments(dict[str, Any]):
    """The arguments of a call whose input has not been read."""


class ToolCall(Struct, frozen=True, kw_only=True):
    """A cell calls a tool.

    Attributes:
        cell_id: the cell.
        runtime_tool_call_id: ``tool-1``, ``tool-2``, … within its cell.
        tool_name: the tool's own name, whatever its public one is.
        tool_kind: ``function`` for a tool that takes an object, ``freeform`` for one that takes a text.
        input: the argument as the program wrote it. A session gives ``UNSET`` if the program passed none;
            middlewares and tools then see ``{}``.
        arguments: what the tool gets, by the names of its parameters, once they have been read: before that
            it is empty, and an :class:`UnreadArguments`.
        call_id: the model's call that started the cell, as ``exec`` was given it.
        line: where in the program the call stands, from 1; None where the engine does not tell.
        column: the same, from 1.
        description: what the model was told of the tool, without its declaration.
        annotations: see :class:`ToolDefinition`.
        digest: that of the definition that the cell was given; empty where it is not known.
        session: the name that the application has given the session; empty if it has none.
        caller: for whom the call is made: the application's ``caller``, or a policy's ``run_as``.
        attempt: 1, or more where the call is made again after the process that made it has died.
        idempotency_key: the same for the same call of the same cell, at every attempt; see
            :mod:`codemode.tools.occurrences`.
    """

    cell_id: CellId
    runtime_tool_call_id: str
    tool_name: ToolName
    tool_kind: ToolKind = "function"
    input: JsonValue = UNSET
    arguments: dict[str, Any] = field(default_factory=UnreadArguments)
    call_id: str = ""
    line: int | None = None
    column: int | None = None
    description: str = ""
    annotations: Mapping[str, JsonValue] = {}
    digest: str = ""
    session: str = ""
    caller: str = ""
    attempt: int = 1
    idempotency_key: str = ""
