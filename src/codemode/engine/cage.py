"""The cage: what a worker gives up for good after the fork and before any script.

V8 is the first wall. This is the second: it holds against native code in the worker, should a
script ever get that far. Whoever has taken a worker over can compute, and speak on the one socket
to the application, which takes what comes from there for hostile.

The parts are independent, and each is there to hold where another is missing. A part that the
system lacks is left out, and the worker says so in its first frame. They are closed by the only
thread there is, so that all later threads are born inside.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..errors import EngineError
from .landlock import rights_of
from .seccomp import ARCHITECTURES, compile_filter
from .syscalls import NUMBERS

if sys.platform != "win32":
    import resource  # now: inside there is nothing to import from

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES: Final = 4096
"""No worker has so much to say about its cage."""

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITY_VERSION_3: Final = 0x2008_0522
_LANDLOCK_VERSION: Final = 1
_SECCOMP_SET_MODE_FILTER: Final = 1
_SECCOMP_FILTER_FLAG_TSYNC: Final = 1


class Part(NamedTuple):
    """One part of the cage.

    Attributes:
        name: see ``PARTS``.
        in_force: whether the worker has it.
        note: what of it, or why not.
    """

    name: str
    in_force: bool
    note: str = ""


class _MissingError(Exception):
    """This system lacks a part."""


def close_cage() -> tuple[Part, ...]:
    """Close it around this process, which must have one thread; what is in force."""
    return tuple(_closed(name, close) for name, close in _PARTS.items())


def _closed(name: str, close: Callable[[], str]) -> Part:
    try:
        return Part(name, in_force=True, note=close())
    except _MissingError as error:
        return Part(name, in_force=False, note=str(error))
    except (OSError, AttributeError, ValueError) as error:
        return Part(name, in_force=False, note=f"{type(error).__name__}: {error}")


def packed(parts: tuple[Part, ...]) -> bytes:
    """For the wire."""
    return json.dumps(parts).encode()


def unpacked(data: bytes) -> tuple[Part, ...]:
    """What a worker says of its cage: hostile, and only to be shown.

    Raises:
        EngineError: it is not of the form, or names other parts than there are.
    """
    try:
        entries: Any = json.loads(data) if len(data) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        entries = None
    if not _describes_a_cage(entries):
        raise EngineError("a worker described its cage in a way that nobody does")
    return tuple(Part(name, in_force, _printable(note)) for name, in_force, note in entries)


def _describes_a_cage(entries: Any) -> bool:
    return (
        isinstance(entries, list)
        and [type(entry) for entry in entries] == [list] * len(PARTS)
        and [[type(field) for field in entry] for entry in entries]
        == [[str, bool, str]] * len(PARTS)
        and tuple(entry[0] for entry in entries) == PARTS
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:200])


def _close_privileges() -> str:
    """What it executes gains nothing; the filter and Landlock are refused without this."""
    _require_linux()
    _checked(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    return ""


def _close_memory() -> str:
    """Nobody of the same user may look into it, and it leaves no core."""
    _require_linux()
    _checked(_libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))
    return ""


def _close_capabilities() -> str:
    """Root without its powers: what follows cannot be taken back, limits cannot be raised."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _call("capset", header, none)
    return ""


def _close_files() -> str:
    """No file, and as far as this kernel can: no network, no signal to anybody outside."""
    version = _call("landlock_create_ruleset", None, 0, _LANDLOCK_VERSION)
    rights = rights_of(version)
    attribute = rights.attribute()
    ruleset = _call("landlock_create_ruleset", attribute, len(attribute), 0)
    try:
        _call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)
    return f"version {version}: {rights.words()}"


def _close_limits() -> str:
    """No core, no byte in any file, not one more descriptor."""
    if sys.platform == "win32":
        raise _MissingError("Windows has nothing like it")
    names = ["RLIMIT_CORE", "RLIMIT_FSIZE"]
    if sys.platform == "linux":
        names += ["RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE"]
    for name in names:
        resource.setrlimit(getattr(resource, name), (0, 0))
    return ", ".join(name.removeprefix("RLIMIT_").lower() for name in names)


def _close_calls() -> str:
    """Only the system calls that computing needs; see ``seccomp``."""
    _require_linux()
    machine = _machine()
    if machine not in ARCHITECTURES:
        raise _MissingError(f"there is no filter for {machine}")
    program = compile_filter(machine, os.getpid())
    code = ctypes.create_string_buffer(program, len(program))
    _call(
        "seccomp",
        _SECCOMP_SET_MODE_FILTER,
        _SECCOMP_FILTER_FLAG_TSYNC,
        ctypes.byref(_Program(len(program) // 8, ctypes.addressof(code))),
    )
    return machine


_PARTS: Final[dict[str, Callable[[], str]]] = {
    "no new privileges": _close_privileges,
    "not dumpable": _close_memory,
    "no capabilities": _close_capabilities,
    "landlock": _close_files,
    "resource limits": _close_limits,
    "seccomp": _close_calls,  # last: it forbids the others
}
PARTS: Final = tuple(_PARTS)
"""Their names, in the order in which they close."""


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _machine() -> str:
    """The machine that this process is built for, which a 64-bit kernel may not be."""
    name = os.uname().machine
    return name if sys.maxsize > 2**32 else f"32-bit {name}"


def _require_linux() -> None:
    if sys.platform != "linux":
        raise _MissingError(f"{sys.platform} has nothing like it")


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> int:
    """A system call that the C library may not know."""
    _require_linux()
    number = NUMBERS.get(_machine(), {}).get(name)
    if number is None:
        raise _MissingError(f"the number of {name} on {_machine()} is not known here")
    wide = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return _checked(_libc().syscall(ctypes.c_long(number), *wide))


def _checked(result: int) -> int:
    if result >= 0:
        return result
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EOPNOTSUPP):
        why = "does not have it" if code == errno.ENOSYS else "has it switched off"
        raise _MissingError(f"this kernel {why}")
    raise OSError(code, os.strerror(code))
