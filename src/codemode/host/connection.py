"""The rules of one connection, pure: how it begins, which request ids are free, which are refused.

Knows nothing of sessions or cells, waits for nothing and writes nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from ..errors import CodeModeError
from ..protocol import messages as m

if TYPE_CHECKING:
    from collections.abc import Hashable

IN_FLIGHT_REQUESTS: Final = 2_048
"""Room to wait for every active cell and to end each; 0.169.0 was not seen to refuse so many."""

RECENT_IDS: Final = 4_096
"""Ids of requests, and of sessions, that are refused because they were used not long ago."""

K = TypeVar("K", bound="Hashable")


class ProtocolViolationError(CodeModeError):
    """The client broke a rule of the connection, which ends with this reason."""

    code: ClassVar[str] = "protocol_violation"


class Recent(Generic[K]):
    """The last few keys that were added.

    >>> recent = Recent[int](2)
    >>> for key in (1, 2, 3):
    ...     recent.add(key)
    >>> 1 in recent, 3 in recent
    (False, True)
    """

    def __init__(self, size: int = RECENT_IDS) -> None:
        self._size = size
        self._keys: set[K] = set()
        self._order: deque[K] = deque()

    def __contains__(self, key: K) -> bool:
        return key in self._keys

    def add(self, key: K) -> None:
        """Remember ``key``, and forget the oldest if there are too many."""
        if key in self._keys:
            return
        self._keys.add(key)
        self._order.append(key)
        if len(self._order) > self._size:
            self._keys.discard(self._order.popleft())


class ConnectionState:
    """What has been agreed on, and the ids of the requests in flight."""

    def __init__(self, *, in_flight: int = IN_FLIGHT_REQUESTS, recent: int = RECENT_IDS) -> None:
        self._bound = in_flight
        self._active: set[int] = set()
        self._recent = Recent[int](recent)
        self._greeted = False
        self.capabilities: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<connection {'open' if self._greeted else 'new'}, {len(self._active)} requests>"

    @property
    def is_open(self) -> bool:
        """Whether both sides have agreed."""
        return self._greeted

    @property
    def is_full(self) -> bool:
        """Whether one more request would be refused."""
        return len(self._active) >= self._bound

    def greet(self, message: m.ClientMessage) -> m.Ready | m.Rejected:
        """The answer to the first message. After a rejection nothing follows."""
        if not isinstance(message, m.Hello):
            return m.Rejected(m.InvalidHello("first message must be connection/hello"))
        if m.VERSION not in message.supported_versions:
            return m.Rejected(m.NoCompatibleVersion((m.VERSION,)))
        for name in sorted(message.required_capabilities):
            if name not in m.KNOWN_CAPABILITIES:
                return m.Rejected(m.MissingRequiredCapability(name))
        wanted = {*message.required_capabilities, *message.optional_capabilities}
        self.capabilities = frozenset(wanted.intersection(m.KNOWN_CAPABILITIES))
        self._greeted = True
        return m.Ready(m.VERSION, tuple(sorted(self.capabilities)))

    def admit(self, request_id: int) -> bool:
        """Take in a request; False if there are too many.

        Raises:
            ProtocolViolationError: the id is in use, or was not long ago.
        """
        if request_id in self._active or request_id in self._recent:
            raise ProtocolViolationError(f"duplicate code-mode request ID RequestId({request_id})")
        if self.is_full:
            self._recent.add(request_id)
            return False
        self._active.add(request_id)
        return True

    def finish(self, request_id: int) -> None:
        """The request has been answered, or never will be."""
        self._active.discard(request_id)
        self._recent.add(request_id)
