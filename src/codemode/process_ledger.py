"""What this process has in use of what all its sessions share, and what it refuses.

A session's own limits bound the session; a thread, a process and a descriptor belong to the process. So
each kind has one account here, whichever session, provider or event loop uses it. What a closed session
left behind, such as a thread that no one can end, stays on the account until it is gone.

An owner may have as many as are left for the others. So one owner alone gets half of all, two a third
each, and the next one finds some: the first to be refused is the one that holds most.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .errors import LimitError, UsageError
from .process_limits import ProcessLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping

WAIT_SECONDS: Final = 10.0
"""How long an exec waits for a worker of which there are as many as there may be."""

SPARE_DESCRIPTORS: Final = 8
"""One in so many of the system's bound is left to the application."""

WORKER_DESCRIPTORS: Final = 3
"""A socket, a pipe for last words, and a handle on the process."""


_OWNER: Final[ContextVar[Hashable]] = ContextVar("codemode_owner", default=None)


@contextmanager
def owned_by(owner: Hashable) -> Iterator[None]:
    """Sessions that are opened inside of this are ``owner``'s, who answers for what they use up."""
    token = _OWNER.set(owner)
    try:
        yield
    finally:
        _OWNER.reset(token)


def current_owner() -> Hashable:
    """Whose sessions are opened here; None: of no particular owner."""
    return _OWNER.get()


class Figure(NamedTuple):
    """How many there are in this process, and may be; None: unknown, or no bound."""

    used: int | None
    limit: int | None


class Place:
    """One thing on an account. Give it back once it is gone; idempotent."""

    __slots__ = ("_account", "_is_stuck", "_owner")

    def __init__(self, account: Account, owner: Hashable) -> None:
        self._account: Account | None = account
        self._owner = owner
        self._is_stuck = False

    def claim(self, owner: Hashable) -> bool:
        """Assign it to ``owner``, where it has none; False where ``owner`` may not have one more."""
        if self._account is None or not self._account._claimed(owner):
            return False
        self._owner = owner
        return True

    def stick(self) -> None:
        """It is unknown whether it is ever given back."""
        if self._account is not None and not self._is_stuck:
            self._is_stuck = True
            self._account._stuck(self._owner)

    def give_back(self) -> None:
        """It is gone."""
        account, self._account = self._account, None
        if account is not None:
            account._remove(self._owner, was_stuck=self._is_stuck)


class Account:
    """How many of one kind this process has. Thread-safe.

    Args:
        bound: gives how many there may be.
    """

    def __init__(self, bound: Callable[[], int]) -> None:
        self._bound = bound
        self._lock = threading.Lock()
        self._total = 0
        self._held: Counter[Hashable] = Counter()
        self._stuck_by: Counter[Hashable] = Counter()
        self._waiting: dict[Callable[[], None], None] = {}

    def __repr__(self) -> str:
        return f"<{self._total} of {self._bound()}>"

    @property
    def used(self) -> int:
        """How many there are."""
        return self._total

    def held_by(self, owner: Hashable) -> int:
        """How many of them are ``owner``'s."""
        return self._held[owner]

    def has_room(self, owner: Hashable = None) -> bool:
        """Whether ``owner`` may have one more; None: it has no share, only the bound counts."""
        left = self._bound() - self._total
        return left > (0 if owner is None else self._held[owner])

    def is_stuck(self, owner: Hashable) -> bool:
        """Whether ``owner``, for whom there is no room, has no reason to wait for some."""
        with self._lock:
            stuck = self._stuck_by[owner]
            left = self._bound() - self._total
            return (stuck > 0 and stuck >= left) or self._stuck_by.total() >= self._bound()

    def take(self, owner: Hashable = None) -> Place | None:
        """One more for ``owner``; None where it may not have it."""
        with self._lock:
            if not self.has_room(owner):
                return None
            self._total += 1
            if owner is not None:
                self._held[owner] += 1
        return Place(self, owner)

    def _claimed(self, owner: Hashable) -> bool:
        with self._lock:
            if owner is None:
                return True
            if self._bound() - self._total + 1 <= self._held[owner]:
                return False
            self._held[owner] += 1
            return True

    def when_freed(self, call: Callable[[], None]) -> None:
        """Have ``call()`` called once, in whatever thread, when one has been given back."""
        with self._lock:
            self._waiting[call] = None

    def forget(self, call: Callable[[], None]) -> None:
        """Do not call it any more."""
        with self._lock:
            self._waiting.pop(call, None)

    async def wait_for_room(self, seconds: float, owner: Hashable = None) -> bool:
        """Wait until ``owner`` may find one; False if none was given back within ``seconds``."""
        loop, freed = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            try:
                loop.call_soon_threadsafe(freed.set)
            except RuntimeError:  # that loop is closed, and its waiters with it
                pass

        self.when_freed(tell)
        try:
            if self.has_room(owner):  # one was given back before it was accounted for
                return True
            # A place that is given back in another thread against the bound.
            async with asyncio.timeout(seconds):
                await freed.wait()
        except TimeoutError:
            return False
        finally:
            self.forget(tell)
        return True

    def _stuck(self, owner: Hashable) -> None:
        with self._lock:
            self._stuck_by[owner] += 1
            waiting, self._waiting = self._waiting, {}
        for call in waiting:  # who waits may have no reason to any more
            call()

    def _remove(self, owner: Hashable, *, was_stuck: bool) -> None:
        with self._lock:
            self._total -= 1
            _count_down(self._held, owner)
            if was_stuck:
                _count_down(self._stuck_by, owner)
            waiting, self._waiting = self._waiting, {}
        for call in waiting:
            call()


def _count_down(counts: Counter[Hashable], owner: Hashable) -> None:
    """One less, and no entry for nothing: owners come and go."""
    if counts[owner] > 1:
        counts[owner] -= 1
    else:
        counts.pop(owner, None)


class ProcessLedger:
    """The accounts of this process, and their limits.

    Attributes:
        limits: in force; what is beyond new ones stays until it is given back.
    """

    def __init__(self) -> None:
        self.limits = ProcessLimits()
        self.tool_threads = Account(lambda: self.limits.tool_threads)
        self.workers = Account(lambda: self.limits.workers)
        self.zygotes = Account(lambda: self.limits.zygotes)

    def __repr__(self) -> str:
        return f"<process ledger, {self.figures()}>"

    def figures(self) -> Mapping[str, Figure]:
        """What is in use and what may be, by the name of the limit."""
        return {
            "tool_threads": Figure(self.tool_threads.used, self.limits.tool_threads),
            "workers": Figure(self.workers.used, self.limits.workers),
            "zygotes": Figure(self.zygotes.used, self.limits.zygotes),
            "descriptors": Figure(open_descriptors(), self.descriptor_bound),
        }

    @property
    def descriptor_bound(self) -> int | None:
        """With how many open descriptors no worker is begun any more; None: no bound."""
        if self.limits.descriptors is not None:
            return self.limits.descriptors
        soft = descriptor_limit()
        return None if soft is None else soft - soft // SPARE_DESCRIPTORS

    def check_descriptors(self) -> None:
        """Raise LimitError where a worker would leave the application too few descriptors."""
        bound, found = self.descriptor_bound, open_descriptors()
        if bound is not None and found is not None and found + WORKER_DESCRIPTORS > bound:
            limits = ProcessLimits(descriptors=bound)
            raise LimitError(limits.message("descriptors", found), limit="descriptors")

    def refusal(self, name: str, observed: int | None = None) -> LimitError:
        """The error of limit ``name``."""
        return LimitError(self.limits.message(name, observed), limit=name)


LEDGER: Final = ProcessLedger()
"""The one of this process."""


def limit_process(limits: ProcessLimits) -> None:
    """Bound what all sessions of this process use together, from now on.

    Args:
        limits: the bounds; one below what is in use refuses what comes, and ends nothing.

    Raises:
        UsageError: this is no ProcessLimits.

    Example:
        >>> limit_process(ProcessLimits(workers=64))
        >>> process_figures()["workers"].limit
        64
        >>> limit_process(ProcessLimits())
    """
    if not isinstance(limits, ProcessLimits):
        raise UsageError(
            f"limits must be a ProcessLimits, got a {type(limits).__name__}"
            "\nHint: limit_process(ProcessLimits(workers=64))"
        )
    LEDGER.limits = limits


def limit_process_by(given: Mapping[str, int | None]) -> Mapping[str, int | None]:
    """Set the limits of this process among ``given``, by name; the others are given back.

    Raises:
        UsageError: one is not in its range.
    """
    names = {each.name for each in fields(ProcessLimits)}
    ours: dict[str, Any] = {name: value for name, value in given.items() if name in names}
    limit_process(replace(LEDGER.limits, **ours))
    return {name: value for name, value in given.items() if name not in names}


def process_figures() -> Mapping[str, Figure]:
    """What the sessions of this process use together, and may use, by the names of ``ProcessLimits``.

    ``descriptors`` counts all that the process has open. A ``limit`` of None is no bound.
    """
    return LEDGER.figures()


def open_descriptors() -> int | None:
    """How many descriptors this process has open; None where the system does not tell."""
    try:
        return len(os.listdir("/dev/fd")) - 1  # without the listing itself
    except OSError:
        return None


def descriptor_limit() -> int | None:
    """How many the system lets this process have; None for no bound."""
    try:
        import resource  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft
