"""As ``native``, on a system that has neither seccomp nor limits: Landlock stands alone."""

from __future__ import annotations

from typing import NoReturn

from codemode.engine import cage

from . import native

MODULE = __name__


def main(control_fd: int, parent: int) -> NoReturn:
    """Be a zygote with this in it."""
    for name in ("resource limits", "seccomp"):
        cage._PARTS[name] = _missing
    native.main(control_fd, parent)


def _missing() -> str:
    raise cage._MissingError("this kernel does not have it")
