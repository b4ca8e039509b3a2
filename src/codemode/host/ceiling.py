"""What clients may ask for: the limits of a host's sessions, and where they end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field

from ..limits import MIB, Limits, read_limit
from ..process_ledger import limit_process_by
from ..process_limits import ProcessLimits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..protocol.messages import CellLimits

CELLS_OF_A_SESSION: Final = 256
"""Cells in one session; its worker was seen to have room for 330 before it ran out of memory."""

SMALLEST_HEAP_BYTES: Final = 8 * MIB
"""What V8 needs to begin with. A client that asks for less means "little", not "nothing"."""

LARGEST_HEAP_BYTES: Final = 4096 * MIB
"""What V8 can address."""

LONGEST_YIELD_MS: Final = 2**53 - 1
"""What a limit can be set to; more is as good as for ever."""

HEAP_BESIDE_BYTES: Final = 256 * MIB
"""What a worker may use beyond the heap of a cell to which the client gave more than usual."""


class Ceiling(Struct, frozen=True):
    """The limits of sessions, and what their clients may make of them.

    Attributes:
        limits: of a session whose client asks for nothing else.
        fixed: the names of those that whoever runs the host has set: a client may ask for less, and
            gets no more.
    """

    limits: Limits = field(default_factory=lambda: Limits(live_cells=CELLS_OF_A_SESSION))
    fixed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, options: Iterable[str]) -> Ceiling:
        """What ``--limit NAME=VALUE`` says; the limits of this process are set.

        Raises:
            UsageError: one is none, or cannot be set so.
        """
        read = dict(read_limit(each, (Limits, ProcessLimits)) for each in options)
        given: dict[str, Any] = dict(limit_process_by(read))
        return cls(Limits(**{"live_cells": CELLS_OF_A_SESSION, **given}), frozenset(given))

    def granted(self, asked: CellLimits | None) -> Limits:
        """The limits of a session whose client asks for these. A heap of 0 bytes: it does not care."""
        limits = self.limits
        if asked is None:
            return limits
        if asked.max_yield_time_ms is not None:
            wanted = min(asked.max_yield_time_ms, LONGEST_YIELD_MS)
            if "max_yield_time_ms" in self.fixed and limits.max_yield_time_ms is not None:
                wanted = min(wanted, limits.max_yield_time_ms)
            limits = replace(limits, max_yield_time_ms=wanted)
        if asked.max_heap_size_bytes:
            limits = self._with_heap(limits, asked.max_heap_size_bytes)
        return limits

    def _with_heap(self, limits: Limits, asked: int) -> Limits:
        most = limits.heap_bytes if "heap_bytes" in self.fixed else LARGEST_HEAP_BYTES
        heap = min(max(asked, SMALLEST_HEAP_BYTES), most)
        memory = limits.worker_memory_bytes
        if memory is not None and "worker_memory_bytes" not in self.fixed:
            memory = max(memory, heap + HEAP_BESIDE_BYTES)
        return replace(limits, heap_bytes=heap, worker_memory_bytes=memory)
