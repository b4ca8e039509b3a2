"""The messages of V1, both ways: between a code-mode host and its client.

Spelled as on the wire; what sessions speak of - requests, items, calls - are the values of
``types``. A host decodes a client's messages strictly, a client decodes tolerantly: a field that a newer
host adds is ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from .types import CellId, ExecuteRequest, Item, JsonValue, ToolKind, ToolName, WaitRequest

VERSION: Final = 1

BOUNDED_OUTPUT: Final = "bounded-output-v1"
DELEGATE_CAPACITY: Final = "delegate-capacity-4096"
CELL_LIMITS: Final = "session-cell-execution-resource-limits"
CATALOG_REVISION: Final = "tool-catalog-revision-v1"
YIELD_OBSERVATION: Final = "yield-observation"
CAPABILITIES: Final = (
    BOUNDED_OUTPUT,
    DELEGATE_CAPACITY,
    CELL_LIMITS,
    CATALOG_REVISION,
    YIELD_OBSERVATION,
)

STORED_VALUES: Final = "codemode-stored-values-v1"
"""Ours: the client keeps a copy of stored values (``docs/protocol.md``). Nothing of it is said unless both want it."""

KNOWN_CAPABILITIES: Final = (*CAPABILITIES, STORED_VALUES)
"""Those of V1 and ours."""

Int64: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Unsigned: TypeAlias = Annotated[int, Meta(ge=0)]
Int32: TypeAlias = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Version: TypeAlias = Annotated[int, Meta(ge=1, le=2**32 - 1)]
OutputTruncation: TypeAlias = Literal["client", "server"]


class Strict(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A message object of the client, which the host reads."""


class _Tolerant(Struct, frozen=True, rename="camel"):
    """A message object of the host, which the client reads."""


# ── client to host ───────────────────────────────────────────────────────────────────────────────


class Hello(Strict, frozen=True, tag="connection/hello"):
    """The first message: what the client speaks, needs and would like."""

    supported_versions: tuple[Version, ...]
    required_capabilities: tuple[str, ...]
    optional_capabilities: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.supported_versions:
            raise ValueError("at least one protocol version is required")
        _refuse_duplicates("protocol version {}", self.supported_versions)
        for names in (self.required_capabilities, self.optional_capabilities):
            for name in names:
                _refuse_blank(name)
            _refuse_duplicates("capability `{}`", names)
        for name in self.required_capabilities:
            if name in self.optional_capabilities:
                raise ValueError(f"capability `{name}` cannot be both required and optional")


class CellLimits(Strict, frozen=True, omit_defaults=True):
    """What a session asks its cells to be held to."""

    max_yield_time_ms: Unsigned | None = None
    max_heap_size_bytes: Unsigned | None = None


class OfSession(Strict, frozen=True, tag_field="method"):
    """A request that names a session; the base of all."""

    session_id: str

    def __post_init__(self) -> None:
        _refuse_blank(self.session_id)


class OpenSession(OfSession, frozen=True, tag="session/open", omit_defaults=True):
    """Open a session under a name of the client's choice."""

    cell_execution_limits: CellLimits | None = None
    output_truncation: OutputTruncation | None = None


class Restore(OfSession, frozen=True, tag="session/restore"):
    """These were the stored values of the session (only with ``STORED_VALUES``)."""

    values: dict[str, Raw]


class RevisedExecuteRequest(ExecuteRequest, frozen=True, kw_only=True):
    """A request whose tools have a number: where it brings none, the host keeps them under that number."""

    catalog_revision: Unsigned


def with_revision(request: ExecuteRequest, revision: int | None) -> ExecuteRequest:
    """The same request with the number of its tools, if they have one."""
    if revision is None:
        return request
    return RevisedExecuteRequest(**msgspec.structs.asdict(request), catalog_revision=revision)


class Execute(OfSession, frozen=True, tag="session/execute"):
    """Start a cell; the host chooses its id."""

    request: ExecuteRequest


class Wait(OfSession, frozen=True, tag="session/wait", omit_defaults=True):
    """Observe a cell."""

    request: WaitRequest
    max_output_tokens: Unsigned | None = None


class Terminate(OfSession, frozen=True, tag="session/terminate", omit_defaults=True):
    """End a cell."""

    cell_id: CellId
    max_output_tokens: Unsigned | None = None


class Shutdown(OfSession, frozen=True, tag="session/shutdown"):
    """End a session."""


HostRequest: TypeAlias = OpenSession | Restore | Execute | Wait | Terminate | Shutdown


class Request(Strict, frozen=True, tag="operation/request"):
    """Do something, and answer under this id."""

    id: Int64
    request: HostRequest


class Cancel(Strict, frozen=True, tag="operation/cancel"):
    """The client no longer wants the answer."""

    id: Int64


class Yield(Strict, frozen=True, tag="operation/yield"):
    """End this observation early."""

    id: Int64


class ToolResult(Strict, frozen=True, tag="tool/result"):
    """What a tool returned: JSON, as it was read; anything that JSON can say, to be written."""

    result: Any


class NotificationDelivered(
    Strict, frozen=True, tag="notification/delivered", forbid_unknown_fields=False
):
    """The notification has arrived."""


class DelegateOk(Strict, frozen=True, tag_field="status", tag="ok"):
    """A callback succeeded."""

    value: ToolResult | NotificationDelivered


class DelegateFailed(Strict, frozen=True, tag_field="status", tag="error"):
    """A callback failed."""

    message: str


class DelegateResponse(Strict, frozen=True, tag="delegate/response"):
    """The answer to a callback."""

    id: Int64
    result: DelegateOk | DelegateFailed


ClientMessage: TypeAlias = Hello | Request | Cancel | Yield | DelegateResponse


# ── host to client ───────────────────────────────────────────────────────────────────────────────


class Ready(_Tolerant, frozen=True, tag="connection/ready"):
    """The handshake has succeeded."""

    selected_version: int
    capabilities: tuple[str, ...]


class NoCompatibleVersion(_Tolerant, frozen=True, tag="noCompatibleVersion"):
    """The host speaks other versions."""

    supported_versions: tuple[int, ...]


class MissingRequiredCapability(_Tolerant, frozen=True, tag="missingRequiredCapability"):
    """The client needs what the host cannot do."""

    capability: str


class InvalidHello(_Tolerant, frozen=True, tag="invalidHello"):
    """The first message was something else."""

    message: str


class Rejected(_Tolerant, frozen=True, tag="connection/rejected"):
    """The handshake has failed; nothing follows."""

    reason: NoCompatibleVersion | MissingRequiredCapability | InvalidHello


class SessionReady(_Tolerant, frozen=True, tag="session/ready"):
    """The session is open."""

    session_id: str


class ExecutionStarted(_Tolerant, frozen=True, tag="execution/started"):
    """The cell is admitted; its initial response follows."""

    cell_id: CellId


class SessionClosed(_Tolerant, frozen=True, tag="session/closed"):
    """The session is shut, and all its cells are closed."""

    session_id: str


class ResultBody(Struct, frozen=True):
    """A program that is over."""

    cell_id: CellId
    content_items: tuple[Item, ...]
    error_text: str | None = None
    result_buffered_for_ns: int = 0
    code_mode_host_duration_ns: int = 0


class ProgressBody(Struct, frozen=True):
    """A cell that runs on, or was terminated."""

    cell_id: CellId
    content_items: tuple[Item, ...]
    code_mode_host_duration_ns: int = 0


class Response(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """A runtime response under the name of its kind; exactly one is there."""

    result: ResultBody | UnsetType = UNSET
    yielded: ProgressBody | UnsetType = UNSET
    terminated: ProgressBody | UnsetType = UNSET


class Outcome(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """The outcome of a wait under the name of its kind; exactly one is there."""

    live_cell: Response | UnsetType = UNSET
    missing_cell: Response | UnsetType = UNSET


class WaitCompleted(_Tolerant, frozen=True, tag="wait/completed"):
    """An observation, or a termination, has ended."""

    outcome: Outcome


class Ok(_Tolerant, frozen=True, tag_field="status", tag="ok"):
    """The request succeeded."""

    value: SessionReady | ExecutionStarted | WaitCompleted | SessionClosed


class InitialOk(_Tolerant, frozen=True, tag_field="status", tag="ok"):
    """The first observation of a cell."""

    value: Response


class Failed(_Tolerant, frozen=True, tag_field="status", tag="error"):
    """The request failed; the session lives."""

    message: str


class OperationResponse(_Tolerant, frozen=True, tag="operation/response"):
    """The answer to a request."""

    id: int
    result: Ok | Failed


class InitialResponse(_Tolerant, frozen=True, tag="execute/initialResponse"):
    """The second answer to an execute, exactly one."""

    id: int
    result: InitialOk | Failed


class Invocation(Struct, frozen=True):
    """A call of a tool as it crosses the wire; ``input`` is still ``Raw`` where a client has read it."""

    cell_id: CellId
    runtime_tool_call_id: str
    tool_name: ToolName
    tool_kind: ToolKind = "function"
    input: JsonValue = UNSET


class ToolInvoke(_Tolerant, frozen=True, tag="tool/invoke"):
    """Call a tool. A call without an argument carries null."""

    invocation: Invocation


class NotificationSend(_Tolerant, frozen=True, tag="notification/send"):
    """Deliver ``notify(text)``."""

    call_id: str
    cell_id: CellId
    text: str


class DelegateRequest(_Tolerant, frozen=True, tag="delegate/request"):
    """A callback; the host counts its ids from 1."""

    id: int
    session_id: str
    request: ToolInvoke | NotificationSend


class DelegateCancel(_Tolerant, frozen=True, tag="delegate/cancel"):
    """A callback is no longer wanted."""

    id: int


class CellClosed(_Tolerant, frozen=True, tag="cell/closed"):
    """Nothing more comes of this cell."""

    session_id: str
    cell_id: CellId


class SessionStored(_Tolerant, frozen=True, tag="session/stored"):
    """A cell has committed what it stored (only with ``STORED_VALUES``)."""

    session_id: str
    values: dict[str, Raw]
    more: bool = False


HostMessage: TypeAlias = (
    Ready
    | Rejected
    | OperationResponse
    | InitialResponse
    | DelegateRequest
    | DelegateCancel
    | CellClosed
    | SessionStored
)


def _refuse_blank(name: str) -> None:
    if not name.strip():
        raise ValueError("identifier must not be empty")


def _refuse_duplicates(what: str, values: tuple[object, ...]) -> None:
    if len(set(values)) == len(values):
        return
    for at, value in enumerate(values):
        if value in values[:at]:
            raise ValueError(f"duplicate {what.format(value)}")
