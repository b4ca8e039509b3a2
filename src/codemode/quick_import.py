"""Many modules are loaded without the collector of cycles, which would find nothing in what stays."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def quick_import() -> Iterator[None]:
    """Load modules in the block, for the life of this process: later collections, and its end, pass over them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
