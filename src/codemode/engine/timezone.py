"""The name of the system's time zone, for V8 in a worker, which cannot read files.

V8's library looks for a name in ``TZ``, then at what ``/etc/localtime`` links to, then for a file
with the same content. We do the latter two for it, once, before there are workers.
"""

from __future__ import annotations

import os
from typing import Final

LOCALTIME: Final = "/etc/localtime"
ZONES: Final = "/usr/share/zoneinfo"

_OTHER_KINDS: Final = frozenset({"posix", "right"})
"""Folders that hold all zones once more."""
_NO_NAMES: Final = frozenset({"localtime", "posixrules"})


def system_time_zone(localtime: str = LOCALTIME, zones: str = ZONES) -> str | None:
    """Such as ``Europe/Oslo``; None if the system has no zone, or none with a name."""
    _, marker, name = os.path.realpath(localtime).partition("/zoneinfo/")
    if marker:
        return name
    try:
        with open(localtime, "rb") as file:
            return _zone_with(file.read(), zones)
    except OSError:
        return None


def _zone_with(content: bytes, zones: str) -> str | None:
    """The first zone by name whose file is this; they are 600 of 1 kB each."""
    for folder, inner, files in os.walk(zones):
        inner[:] = sorted(set(inner) - _OTHER_KINDS)
        for name in sorted(set(files) - _NO_NAMES):
            path = os.path.join(folder, name)
            if os.path.getsize(path) == len(content):
                with open(path, "rb") as file:
                    if file.read() == content:
                        return os.path.relpath(path, zones)
    return None
