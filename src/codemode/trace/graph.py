"""A reduced trace: sessions, model calls, cells and nested calls, linked in both directions.

Everything is named by text: a model call by ``session/call id``, a cell by the model call that started it, a nested
call by ``cell/tool-1``. Lists of names are in the order of the events that named them.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from .events import Content


class Window(Struct, kw_only=True, omit_defaults=True):
    """When something ran, by number and by the wall clock; 0 where it did not begin or end."""

    started_seq: int = 0
    started_at_ms: float = 0.0
    ended_seq: int = 0
    ended_at_ms: float = 0.0

    @property
    def ms(self) -> float:
        """How long it ran; 0.0 while it runs, and where its start is missing."""
        is_whole = self.started_seq and self.ended_seq
        return max(0.0, self.ended_at_ms - self.started_at_ms) if is_whole else 0.0


class Node(Struct, kw_only=True, omit_defaults=True):
    """What runs for a while.

    Attributes:
        id: its name in the trace.
        status: ``running``, or how it ended.
        reason: why it ended, where that was not its own doing.
    """

    id: str
    session: str
    window: Window = msgspec.field(default_factory=Window)
    status: str = "running"
    reason: str = ""


class SessionNode(Node, kw_only=True, omit_defaults=True):
    """A session. ``moves`` are the reasons for which it went on elsewhere, ``limits`` its bounds by name."""

    provider: str = ""
    version: str = ""
    limits: dict[str, int | None] = {}
    moves: list[str] = []
    cells: list[str] = []


class ModelCallNode(Node, kw_only=True, omit_defaults=True):
    """A call of ``exec`` or ``wait``; ``cell`` is the one that it started or observed."""

    tool: str = ""
    requester: str = "model"
    cell: str = ""
    terminate: bool = False
    answer: Content | None = None
    response: str = ""


class Output(Struct, kw_only=True):
    """An item that a cell wrote. ``kind`` is ``text``, ``image``, ``audio`` or ``notification``."""

    kind: str
    item: Content


class CellNode(Node, kw_only=True, omit_defaults=True):
    """A cell, for its whole life.

    Attributes:
        cell_id: its runtime id.
        model_call: the call that started it; empty where its start is missing.
        waits: the waits that observed it.
        calls: its nested calls.
        observations: the status of each observation, the first one first.
        stored: the keys that it stored.
        limit: the limit that ended it.
    """

    cell_id: str
    model_call: str = ""
    source: Content | None = None
    tools: int = 0
    catalogue: str = ""
    waits: list[str] = []
    calls: list[str] = []
    outputs: list[Output] = []
    observations: list[str] = []
    stored: list[str] = []
    frozen: int = 0
    limit: str = ""
    error: Content | None = None


class Observed(Struct, kw_only=True):
    """How a call was carried out."""

    kind: str
    facts: dict[str, Any]


class CallNode(Node, kw_only=True, omit_defaults=True):
    """A nested call.

    Attributes:
        queued_ms: how long it waited for room, of the time of its ``window``.
        queued_since_ms: since when it waits for room, while it does; otherwise 0.
    """

    cell: str
    call: str
    tool: str = ""
    line: int = 0
    column: int = 0
    arguments: Content | None = None
    arguments_hash: str = ""
    digest: str = ""
    attempt: int = 1
    queued_ms: float = 0.0
    queued_since_ms: float = 0.0
    run_ms: float = 0.0
    result: Content | None = None
    error: Content | None = None
    observed: list[Observed] = []
    approvals: list[str] = []


def by_number(call: CallNode) -> tuple[int, str]:
    """A key that sorts the calls of a cell as the program made them: one that is queued may be told sooner."""
    return len(call.call), call.call


class ApprovalNode(Node, kw_only=True, omit_defaults=True):
    """A decision about a call."""

    call: str
    prompt: str = ""
    verdict: str = ""
    by: str = ""


class ResponseNode(Struct, kw_only=True, omit_defaults=True):
    """An inference that the application recorded; ``calls`` are the model calls among its items."""

    id: str
    session: str
    model: str = ""
    turn: str = ""
    usage: dict[str, float] = {}
    items: Content | None = None
    calls: list[str] = []


class Recording(Struct, kw_only=True, omit_defaults=True):
    """What is known of the recording itself.

    Attributes:
        status: ``complete``: every session was closed; ``unclosed``: one was not; ``damaged``: something is missing
            or was not understood, and ``problems`` say what, and where.
        events: how many events were read.
    """

    status: Literal["complete", "unclosed", "damaged"] = "complete"
    events: int = 0
    problems: list[str] = []


class Trace(Struct, kw_only=True, omit_defaults=True):
    """Everything, by name."""

    schema: int
    recording: Recording
    sessions: dict[str, SessionNode] = {}
    turns: dict[str, Node] = {}
    responses: dict[str, ResponseNode] = {}
    model_calls: dict[str, ModelCallNode] = {}
    cells: dict[str, CellNode] = {}
    calls: dict[str, CallNode] = {}
    approvals: dict[str, ApprovalNode] = {}

    def to_json(self) -> bytes:
        """The trace as JSON, the same bytes for the same trace."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=1)
