"""Where the worker and V8 lie on this machine."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Final, NamedTuple

from ..errors import EngineError, EngineMissingError

V8: Final = "14.4.258.23"
"""The version of V8 that the worker is made for (``worker/engine.cc``); it refuses to serve with another."""

SUFFIX: Final = "dylib" if sys.platform == "darwin" else "so"
BUILT: Final = Path(__file__).parent / "built"
"""What ``build_worker.py`` makes."""

PRELUDE: Final = Path(__file__).parent / "prelude"


class Installed(NamedTuple):
    """Paths for the command line of a worker (``worker/zygote.cc``)."""

    launcher: Path
    v8: Path
    worker: Path
    icu: Path
    snapshot: Path
    prelude: Path

    def command(self, mode: str, fd: int, parent: int) -> list[str]:
        """Run a zygote or a worker on the socket ``fd``, to end with the process ``parent``."""
        return [
            *map(str, (self.launcher, self.v8, self.worker)),
            mode,
            *map(str, (self.icu, self.snapshot, self.prelude, fd, parent)),
        ]


def find() -> Installed:
    """What is installed.

    Raises:
        EngineError: workers cannot run on this system.
        EngineMissingError: the worker is not built, or mini-racer is not installed.
    """
    if sys.platform == "win32":
        raise EngineError("codemode does not run on Windows.\nHint: use WSL2.")
    built = Installed(
        BUILT / "launcher",
        Path(),
        BUILT / f"worker.{SUFFIX}",
        Path(),
        BUILT / "snapshot",
        PRELUDE,
    )
    if not (built.launcher.is_file() and built.worker.is_file()):
        raise EngineMissingError(
            f"the worker is not built: {BUILT} lacks it."
            "\nHint: in a checkout run `make setup`; otherwise reinstall codemode from a wheel for this system."
        )
    folder = _v8_folder()
    return built._replace(v8=folder / f"libmini_racer.{SUFFIX}", icu=folder / "icudtl.dat")


def _v8_folder() -> Path:
    # Found without importing the package, whose __init__ loads much and starts nothing that we need.
    spec = importlib.util.find_spec("py_mini_racer")
    for folder in (spec and spec.submodule_search_locations) or ():
        if Path(folder, f"libmini_racer.{SUFFIX}").is_file():
            return Path(folder)
    raise EngineMissingError(
        "V8 is missing.\nHint: install mini-racer==0.14.1, of which codemode uses the library."
    )
