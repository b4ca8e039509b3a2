"""The limits that the suite runs under, and the routes that it takes."""

from __future__ import annotations

import sys
from typing import Final, Literal, TypeAlias

from codemode.limits import MIB, Limits

Route: TypeAlias = Literal["workers", "host"]
"""The default engine in this process; the same behind our V1 host."""

ROUTES: Final[tuple[Route, ...]] = ("workers", "host")

TIGHT_COMPUTE_MS: Final = 1_000

TIGHT: Final = Limits(
    heap_bytes=32 * MIB,
    worker_memory_bytes=192 * MIB,
    compute_ms=TIGHT_COMPUTE_MS,
    output_bytes=4 * MIB,
    value_bytes=4 * MIB,
    stored_bytes=8 * MIB,
)
"""So tight that most programs reach a limit soon."""

DEFAULT: Final = Limits()

HOST_WORD: Final = "tests.hostile.host"
"""What tells a tight host from other processes."""

TIGHT_HOST: Final = (sys.executable, "-m", HOST_WORD)
"""With ``compute_ms`` of every session as its argument."""
DEFAULT_HOST: Final = (sys.executable, "-m", "codemode", "host")
