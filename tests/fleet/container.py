"""The rules that deploy/ sets for a container, on a process of this machine: read-only root, uid 65532, nothing else.

Mounts and users are the system's: this needs root, `unshare` and `setpriv`, and a Python that other users may read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

USER: Final = 65532
SECONDS: Final = 120

_SCRIPT: Final = """
mount --make-rprivate / && mount -o bind,remount,ro / || exit 90
exec env -i PATH=/usr/bin:/bin HOME=/nonexistent PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$PACKAGES" \
    setpriv --no-new-privs --bounding-set=-all --inh-caps=-all --reuid=65532 --regid=65532 --clear-groups \
    "$PYTHON" -m codemode "$@"
"""


def interpreter() -> str | None:
    """A Python of our version that other users may run; None: there is none."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (f"/usr/bin/{name}", f"/usr/local/bin/{name}", sys.executable):
        if Path(found).exists() and _is_for_all(found):
            return found
    return None


_AGAIN: Final = "import subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
"""A program may be started by whoever was root, and not once more."""


def _is_for_all(python: str) -> bool:
    tried = subprocess.run(
        ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", python, "-c", _AGAIN],
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


def why_not() -> str | None:
    """Why the rules cannot be tried here; None: they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root may change what is mounted"
    missing = [name for name in ("unshare", "setpriv") if shutil.which(name) is None]
    if missing:
        return f"{missing[0]} is not installed"
    if interpreter() is None:
        return "no Python of this version that other users may run"
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "the system gives no name space of mounts"


def contained(*words: str) -> subprocess.CompletedProcess[str]:
    """``codemode WORDS`` under the rules."""
    python = interpreter()
    assert python is not None
    source = Path(__file__).parents[2] / "src"
    packages = [str(source), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", _SCRIPT, "contained", *words],
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS,
        cwd="/",
        env={**os.environ, "PYTHON": python, "PACKAGES": ":".join(dict.fromkeys(packages))},
    )
