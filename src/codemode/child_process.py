"""What all child processes need: where their program is, the name of what ended them, and an end for their group."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN_COMMANDS: Final = ("codemode", "codemode-host")


def find_program(name: str, environment: Mapping[str, str]) -> str:
    """Where the program called ``name`` is.

    Our own commands are those of this Python: no environment needs to be activated, and no other
    version answers. Others are looked for on the ``PATH`` of ``environment``, then beside this
    Python, where pip puts them. What is not found is left as it is.
    """
    if os.path.dirname(name):
        return name
    beside = shutil.which(name, path=os.path.dirname(sys.executable))
    on_path = shutil.which(name, path=environment.get("PATH", os.defpath))
    found = (beside or on_path) if name in _OWN_COMMANDS else (on_path or beside)
    return found or name


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to process ``leader`` and what it has started in its group; harmless after their end."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):  # all gone, or not ours to end
        pass
