"""What an application may do for its MCP servers, and the events of them that it may receive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from ...protocol.types import ToolCall

McpState: TypeAlias = Literal["starting", "ready", "failed", "lost", "closed"]


@dataclass(frozen=True, slots=True)
class McpStatus:
    """A server's state has changed.

    Attributes:
        server: its name.
        state: ``lost`` is restarted by the next call, ``failed`` could not be started;
            ``starting`` with a reason takes longer than callers wait, and goes on.
        reason: why it is not ready, without secrets; empty if it is.
        tools: how many tools it offers.
        problems: what of its list of tools could not be used, each in a sentence.
        digests: of each tool it offers, by its public name: an approval that was given for one
            digest does not hold for another.
        added: tools that were not in its list before, by their public names.
        changed: tools that are described otherwise than before.
        removed: tools that are not in its list any more.
    """

    server: str
    state: McpState
    reason: str = ""
    tools: int = 0
    problems: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict, repr=False)
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class McpProgress:
    """A server reports the progress of a call.

    Attributes:
        server: its name.
        call: the cell's call.
        progress: how far, in the server's own unit.
        total: what ``progress`` will be at the end, or None.
        message: what it is doing, or None.
    """

    server: str
    call: ToolCall
    progress: float
    total: float | None
    message: str | None


Sampling: TypeAlias = Callable[[str, Any], Awaitable[Any]]
"""``async def sampling(server, params: CreateMessageRequestParams) -> CreateMessageResult``."""
Elicitation: TypeAlias = Callable[[str, Any], Awaitable[Any]]
"""``async def elicitation(server, params: ElicitRequestParams) -> ElicitResult``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpHandlers:
    """What the application offers to its servers; what is None is refused, and they know before.

    Args:
        sampling: has a model answer a server, see :data:`Sampling`; the types are the SDK's.
        elicitation: asks the user for a server, see :data:`Elicitation`.
        roots: folders, as ``file://`` URIs, that servers may regard as theirs.
        on_progress: is called with each :class:`McpProgress`; it must return at once.
        on_status: is called with each :class:`McpStatus`; it must return at once.
    """

    sampling: Sampling | None = None
    elicitation: Elicitation | None = None
    roots: Sequence[str] | None = None
    on_progress: Callable[[McpProgress], object] | None = None
    on_status: Callable[[McpStatus], object] | None = None
