"""Builds the native worker: ``python build_worker.py [--target NAME] [--sanitize] [FOLDER]``.

The system's C++ compiler is used where there is one (``CXX``, ``c++``, ``g++``, ``clang++``), else Zig's from the
package ``ziglang``; for another target always the latter. The worker needs no C++ library, and V8's library only when
it runs, so nothing but headers of the C library is looked for, which Zig brings along.

A snapshot of the prelude is made with it, where what was built can run here and mini-racer is installed. A worker
without one makes it at each start, which takes 50 ms.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ENGINE: Final = Path(__file__).resolve().parent / "src" / "codemode" / "engine"
SOURCES: Final = ENGINE / "worker"
BUILT: Final = ENGINE / "built"
ZIG: Final = "ziglang==0.17.1"
"""What a build requires where there is no compiler."""

TARGETS: Final = {
    "x86_64-linux": ("x86_64-linux-gnu.2.28", "manylinux_2_28_x86_64"),
    "aarch64-linux": ("aarch64-linux-gnu.2.28", "manylinux_2_28_aarch64"),
    "arm64-macos": ("aarch64-macos.11.0", "macosx_11_0_arm64"),
}
"""By name: what Zig calls it, and the platform of a wheel."""

FLAGS: Final = (
    "-std=c++20 -O2 -fno-exceptions -fno-rtti -fno-threadsafe-statics -fvisibility=hidden"
    " -Wall -Wextra -Werror"
).split()
SANITIZERS: Final = (
    "-fsanitize=address,undefined -fno-sanitize-recover=all -g -DCODEMODE_SANITIZED".split()
)


class BuildError(Exception):
    """It cannot be built here; the text says why."""


def system_compiler() -> list[str] | None:
    """The command of the system's C++ compiler."""
    for name in filter(None, (os.environ.get("CXX"), "c++", "g++", "clang++")):
        words = name.split()
        if shutil.which(words[0]):
            return words
    return None


def zig_compiler(target: str | None) -> list[str]:
    """Zig's, for a target of ``TARGETS``, by default this machine."""
    if importlib.util.find_spec("ziglang") is None:
        raise BuildError(
            f"there is no C++ compiler.\nHint: install one, or: {sys.executable} -m pip install {ZIG}"
        )
    name = target or this_target()
    return [sys.executable, "-m", "ziglang", "c++", "-target", TARGETS[name][0], "-nostdlib++"]


def this_target() -> str:
    """The target that this machine is.

    Raises:
        BuildError: it is none.
    """
    machine = platform.machine().lower()
    for name in TARGETS:
        architecture, system = name.split("-")
        if system == {"linux": "linux", "darwin": "macos"}.get(sys.platform) and (
            architecture == machine
        ):
            return name
    raise BuildError(
        f"there is no worker for {sys.platform} on {machine}: V8 comes for {', '.join(TARGETS)}."
    )


def wheel_platform(target: str | None) -> str:
    """The platform of a wheel with what ``build`` makes."""
    name = target or this_target()
    if target is None and system_compiler() and sys.platform == "linux":
        _, version = platform.libc_ver()
        return f"manylinux_{version.replace('.', '_')}_{platform.machine()}"
    return TARGETS[name][1]


def build(folder: Path = BUILT, target: str | None = None, *, sanitize: bool = False) -> None:
    """Make the launcher, the worker's library and, where possible, the snapshot.

    Raises:
        BuildError: there is no compiler, or it fails.
    """
    macos = (target or this_target()).endswith("macos")
    compiler = (target is None and system_compiler()) or zig_compiler(target)
    flags = [*compiler, *FLAGS, *(SANITIZERS if sanitize else [])]
    folder.mkdir(parents=True, exist_ok=True)
    worker = folder / ("worker.dylib" if macos else "worker.so")
    sources = sorted(str(path) for path in SOURCES.glob("*.cc") if path.name != "launcher.cc")
    undefined = ["-undefined", "dynamic_lookup"] if macos else ["-Wl,--as-needed", "-lpthread"]
    _run([*flags, "-fPIC", "-shared", *sources, "-o", _beside(worker), *undefined])
    _run([*flags, str(SOURCES / "launcher.cc"), "-o", _beside(folder / "launcher")]
         + ([] if macos else ["-ldl", "-Wl,--as-needed"]))  # fmt: skip
    for path in (worker, folder / "launcher"):
        os.replace(_beside(path), path)  # one that runs keeps the old file
    (folder / "snapshot").unlink(missing_ok=True)
    if target is None:
        make_snapshot(folder, worker)


def make_snapshot(folder: Path, worker: Path) -> None:
    """The snapshot of the prelude, if V8 is here."""
    spec = importlib.util.find_spec("py_mini_racer")
    places = spec.submodule_search_locations if spec is not None else None
    if not places:
        return
    v8 = Path(places[0])
    _run([
        str(folder / "launcher"), str(v8 / f"libmini_racer{worker.suffix}"), str(worker), "snapshot",
        str(v8 / "icudtl.dat"), str(ENGINE / "prelude"), str(folder / "snapshot"),
    ])  # fmt: skip


def _beside(path: Path) -> str:
    return f"{path}.new"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(command)}\n{done.stderr.strip()}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Build the native worker.")
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("folder", nargs="?", type=Path, default=BUILT)
    options = parser.parse_args()
    try:
        build(options.folder, options.target, sanitize=options.sanitize)
    except BuildError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
