"""What has to be the same for a program to do the same again: the engine, named by what it is made of."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..engine.installed import find
from ..engine.timezone import system_time_zone

if TYPE_CHECKING:
    from ..limits import Limits

_PRELUDE: Final = "*.js"
_NOTICED: Final = ("heap_bytes", "timers", "tool_calls", "value_bytes")


@cache
def engine_identity() -> str:
    """V8's distribution, our worker (with V8's flags in it), the prelude, and the time zone.

    Raises:
        EngineError: there is no engine here.
    """
    installed = find()
    worker = _hash(Path(installed.worker).read_bytes())
    prelude = _hash(*[file.read_bytes() for file in sorted(Path(installed.prelude).glob(_PRELUDE))])
    zone = os.environ.get("TZ") or system_time_zone() or "UTC"
    return f"mini-racer {version('mini-racer')}, worker {worker}, prelude {prelude}, {zone}"


def noticed_limits(limits: Limits) -> dict[str, int]:
    """The limits that a program can notice, by name; -1 is none."""
    values = {name: getattr(limits, name) for name in _NOTICED}
    return {name: -1 if value is None else value for name, value in values.items()}


def _hash(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
