"""The events of a trace, schema 1: what happened in a session, in the order in which the application saw it.

*Observe first, interpret later*: an event says what happened and names what it belongs to; which wait read which cell,
what ran when its owner ended, and what is missing is worked out by :mod:`codemode.trace.reducer`. An event is frozen,
has a number that is one more than that of the event before it in its session, and the wall clock, which is for display
only: order is by number.

A cell has a runtime id (``cell_id``: ``"1"``, ``"g2:1"``), which is unique in its session. Its identity in the reduced
trace is the model's call that started it. Nested calls have a runtime id, too (``call``: ``"tool-1"``, in their cell).

The collector does not track events: they are no part of a cycle, and a sink may keep very many.

What may be long is a :class:`Content`. In a bundle on disk it is a digest, and the text a file of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

SCHEMA: Final = 1

Requester: TypeAlias = Literal["model", "application"]
CallOutcome: TypeAlias = Literal["ok", "failed", "refused", "cancelled"]
CellStatus: TypeAlias = Literal["yielded", "completed", "failed", "terminated", "refused"]


class Content(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A text that an event carries.

    Attributes:
        size: in bytes of UTF-8.
        text: the text itself; None where it stands elsewhere or was left out.
        digest: its SHA-256, as 64 hexadecimal digits, where it stands in the payloads of a bundle.
        left_out: why there is no text: ``size`` or ``redacted``.
    """

    size: int
    text: str | None = None
    digest: str = ""
    left_out: str = ""


def content(text: str | bytes | bytearray) -> Content:
    """``text`` as it goes into an event."""
    if isinstance(text, str):
        return Content(size=len(text) if text.isascii() else utf8_size(text), text=text)
    return Content(size=len(text), text=text.decode("utf-8", "replace"))


def utf8_size(text: str) -> int:
    """Bytes of ``text`` in UTF-8; a lone surrogate counts three."""
    return len(text.encode("utf-8", "surrogatepass"))


def _snake(name: str) -> str:
    words = "".join(f"_{each.lower()}" if each.isupper() else each for each in name)
    return words.strip("_").removesuffix("_event")


class TraceEvent(
    Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="type", tag=_snake
):
    """Something that happened; the base of all events.

    Attributes:
        seq: from 1 in each session, without gaps.
        at_ms: Unix time in milliseconds.
        session: the session's name.
    """

    seq: int
    at_ms: float
    session: str


# ── the session ──────────────────────────────────────────────────────────────────────────────────


class SessionOpenedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """A session begins.

    Attributes:
        provider: where its cells run.
        version: that of codemode.
        process: its number.
        limits: the bounds of the session by their names; None where there is none.
    """

    provider: str
    version: str
    process: int
    limits: Mapping[str, int | None] = {}


class SessionMovedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The session goes on elsewhere: its worker or its host was replaced, because of ``reason``."""

    reason: str


class SessionClosedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The session is over, and every cell of it."""


# ── what the model asked for ─────────────────────────────────────────────────────────────────────


class ModelCallStartedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The model called ``exec`` or ``wait``.

    Attributes:
        model_call: the call's id, the model's own where the application passed it on.
        tool: ``exec`` or ``wait``.
        requester: ``application`` where no model asked: ``run``, ``stream``.
        cell_id: what a wait is for; empty for exec.
        terminate: whether a wait ends its cell.
    """

    model_call: str
    tool: str
    requester: Requester = "model"
    cell_id: str = ""
    terminate: bool = False


class ModelCallEndedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The model has its answer: what it reads, which cell that is about, and the cell's status then."""

    model_call: str
    status: CellStatus
    cell_id: str = ""
    answer: Content | None = None


# ── cells ────────────────────────────────────────────────────────────────────────────────────────


class CellStartedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """A cell was admitted.

    Attributes:
        model_call: the call that started it.
        source: the program, without its pragma line.
        tools: how many tools it was given.
        catalogue: their digest.
    """

    cell_id: str
    model_call: str
    source: Content
    tools: int = 0
    catalogue: str = ""


class CellOutputEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """A text, an image or a sound that the program wrote, in the order of writing."""

    cell_id: str
    kind: Literal["text", "image", "audio"]
    item: Content


class CellNotifiedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The program called ``notify``."""

    cell_id: str
    text: Content


class CellRespondedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """An observation of the cell ended: the first one, or that of a wait; it yielded, or is over."""

    cell_id: str
    status: CellStatus
    is_first: bool = False
    host_duration_ns: int = 0
    waiting_for: tuple[str, ...] = ()


class CellFrozenEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The cell stands at its pending frontier; ``waiting_for`` are the calls made since the last one."""

    cell_id: str
    waiting_for: tuple[str, ...] = ()


class ValueStoredEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The program's ``store`` of this key was committed with the end of its cell."""

    cell_id: str
    key: str
    size: int


class LimitReachedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """A limit, by its name in ``Limits``, ended the cell or refused what it wanted."""

    cell_id: str
    limit: str


class WorkerLostEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The process that ran this cell ended under it."""

    cell_id: str
    reason: str


class CellEndedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The cell is over; ``error`` is what a failed one threw."""

    cell_id: str
    status: CellStatus
    error: Content | None = None


# ── nested calls ─────────────────────────────────────────────────────────────────────────────────


class CallRequestedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The program called a tool.

    Attributes:
        call: ``tool-1``, ``tool-2``, … in its cell.
        tool: the tool's public name.
        line, column: where in the source, from 1; 0 where the engine does not tell.
        arguments: as JSON; None where the program passed none.
        arguments_hash: SHA-256 of their canonical JSON; a recorder fills it in before it redacts.
        digest: of the tool's definition that the cell was given.
        attempt: 1, or more where the call is made again after a process died.
    """

    cell_id: str
    call: str
    tool: str
    line: int = 0
    column: int = 0
    arguments: Content | None = None
    arguments_hash: str = ""
    digest: str = ""
    attempt: int = 1


class CallQueuedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The call waits for room: for others of its cell to end, or, once it was requested, for a thread.

    Attributes:
        tool: the tool's public name, where the call has not been requested yet.
    """

    cell_id: str
    call: str
    tool: str = ""


class CallBegunEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """A call that waited for a thread has one. A call that waited for others begins as it is requested."""

    cell_id: str
    call: str


class CallObservedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """How the call was carried out: ``kind`` says what ``facts`` are, such as ``mcp`` or ``thread``."""

    cell_id: str
    call: str
    kind: str
    facts: Mapping[str, Any]


class CallEndedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """The call has an outcome; ``result`` is JSON, ``error`` the text that the program catches.

    ``run_ms`` is the time since its request without what it waited for a thread.
    """

    cell_id: str
    call: str
    outcome: CallOutcome
    run_ms: float = 0.0
    result: Content | None = None
    error: Content | None = None


class ApprovalRequestedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """A call waits for a person."""

    cell_id: str
    call: str
    approval: str
    prompt: str


class ApprovalDecidedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """A policy or a person decided about a call: what, who and why.

    Attributes:
        verdict: ``allowed``, ``refused``, ``approved`` and the like.
        approval: the request that this answers; empty where nobody was asked.
        by: the rule, or ``person``.
    """

    cell_id: str
    call: str
    verdict: str
    approval: str = ""
    reason: str = ""
    by: str = ""


# ── what the application adds ────────────────────────────────────────────────────────────────────


class ModelResponseEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """An inference: what the model answered, and what it used.

    Attributes:
        response: the application's id of it.
        model: the model's name.
        items: the answer's items, as JSON.
        usage: numbers by name, such as ``input_tokens``.
        turn: the turn that it belongs to.
    """

    response: str
    items: Content
    model: str = ""
    usage: Mapping[str, float] = {}
    turn: str = ""


class TurnStartedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """A turn of the conversation begins."""

    turn: str


class TurnEndedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """A turn of the conversation is over."""

    turn: str
    status: str = "completed"


class EventsDroppedEvent(TraceEvent, frozen=True, kw_only=True, gc=False):
    """A recorder could not keep up, or its disk was full: so many events are missing here."""

    count: int
    reason: str


Event: TypeAlias = (
    SessionOpenedEvent
    | SessionMovedEvent
    | SessionClosedEvent
    | ModelCallStartedEvent
    | ModelCallEndedEvent
    | CellStartedEvent
    | CellOutputEvent
    | CellNotifiedEvent
    | CellRespondedEvent
    | CellFrozenEvent
    | ValueStoredEvent
    | LimitReachedEvent
    | WorkerLostEvent
    | CellEndedEvent
    | CallRequestedEvent
    | CallQueuedEvent
    | CallBegunEvent
    | CallObservedEvent
    | CallEndedEvent
    | ApprovalRequestedEvent
    | ApprovalDecidedEvent
    | ModelResponseEvent
    | TurnStartedEvent
    | TurnEndedEvent
    | EventsDroppedEvent
)
