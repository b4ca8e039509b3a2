"""Where the worker and V8 lie on this machine."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Final, NamedTuple

from ..errors import EngineError, EngineMissingError

V8: Final = "14.4.258.23"
"""The version of V8 that the worker is made for (``worker/engine.cc``); it refuses to serve with another."""

SUFFIX: Final = "dylib" if sys.platform == "darwin" else "so"
_HERE: Final = os.path.dirname(__file__)

BUILT: Final = os.path.join(_HERE, "built")
"""What ``build_worker.py`` makes."""

PRELUDE: Final = os.path.join(_HERE, "prelude")


class Installed(NamedTuple):
    """Paths for the command line of a worker (``worker/zygote.cc``)."""

    launcher: str
    v8: str
    worker: str
    icu: str
    snapshot: str
    prelude: str

    def command(self, mode: str, fd: int, parent: int) -> list[str]:
        """Run a zygote or a worker on the socket ``fd``, to end with the process ``parent``."""
        return [
            *(self.launcher, self.v8, self.worker),
            mode,
            *(self.icu, self.snapshot, self.prelude, str(fd), str(parent)),
        ]


def find() -> Installed:
    """What is installed.

    Raises:
        EngineError: workers cannot run on this system.
        EngineMissingError: the worker is not built, or mini-racer is not installed.
    """
    if sys.platform == "win32":
        raise EngineError("codemode does not run on Windows.\nHint: use WSL2.")
    launcher, worker = os.path.join(BUILT, "launcher"), os.path.join(BUILT, f"worker.{SUFFIX}")
    if not (os.path.isfile(launcher) and os.path.isfile(worker)):
        raise EngineMissingError(
            f"the worker is not built: {BUILT} lacks it."
            "\nHint: in a checkout run `make setup`; otherwise reinstall codemode from a wheel for this system."
        )
    v8 = _v8()
    icu = os.path.join(os.path.dirname(v8), "icudtl.dat")
    return Installed(launcher, v8, worker, icu, os.path.join(BUILT, "snapshot"), PRELUDE)


def _v8() -> str:
    # Found without importing the package, whose __init__ loads much and starts nothing that we need.
    spec = importlib.util.find_spec("py_mini_racer")
    for folder in (spec and spec.submodule_search_locations) or ():
        library = os.path.join(folder, f"libmini_racer.{SUFFIX}")
        if os.path.isfile(library):
            return library
    raise EngineMissingError(
        "V8 is missing.\nHint: install mini-racer==0.14.1, of which codemode uses the library."
    )
