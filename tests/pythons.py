"""Run ``make test`` on each Python that is found: ``python -m tests.pythons [PYTHON…]``.

Without arguments these are ``python3.11`` to ``python3.14`` on the path, and those of pyenv. The exit code is 1 if
the tests failed on one of them, and the last lines say on which.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

MINORS = (11, 12, 13, 14)


def found() -> dict[str, str]:
    """An interpreter that starts for each version, by ``3.11`` and the like."""
    pythons: dict[str, str] = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in MINORS:
        version = f"3.{minor}"
        installed = sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)
        for candidate in (shutil.which(f"python{version}"), *map(str, installed)):
            if candidate and version_of(candidate) == version:
                pythons[version] = candidate
                break
    return pythons


def version_of(python: str) -> str | None:
    """``3.11``, or None if it does not start: pyenv has stand-ins for versions that are not chosen."""
    command = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def main(chosen: list[str]) -> int:
    """Test on each; the exit code."""
    pythons = {version_of(each) or each: each for each in chosen} or found()
    verdicts: dict[str, str] = {}
    for version, python in pythons.items():
        _say(f"== Python {version}: {python}")
        done = subprocess.run(["make", "test", f"PYTHON={python}"], check=False)
        verdicts[version] = "passed" if done.returncode == 0 else "failed"
    for version, verdict in verdicts.items():
        _say(f"Python {version}: {verdict}")
    if not chosen:
        for version in (f"3.{minor}" for minor in MINORS):
            if version not in pythons:
                _say(f"Python {version}: not found, not run")
    return 1 if "failed" in verdicts.values() or not verdicts else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
