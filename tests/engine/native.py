"""A zygote whose workers make system calls for the test, as native code in a worker could.

A program whose first line is ``// native: [name, argument, …]`` makes that call on the thread that
starts it, before it runs; the rest of it finds the outcome in ``native``: the result, or the
name of the error. Arguments are numbers, ``{"text": …}`` and ``{"hex": …}`` for the addresses of
such bytes.
"""

from __future__ import annotations

import ctypes
import errno
import json
import re
from typing import Any, NoReturn

from codemode.engine import program, worker, zygote
from codemode.engine.cage import _machine
from codemode.engine.program import Catalogue, Program
from codemode.engine.syscalls import NUMBERS

MODULE = __name__

_LIBC = ctypes.CDLL(None, use_errno=True)
_NUMBERS = NUMBERS[_machine()]
_FIRST_LINE = re.compile(r"// native: (\[.*\])\n")


def main(control_fd: int, parent: int) -> NoReturn:
    """Be a zygote with this in it."""
    worker.compose = _compose  # type: ignore[attr-defined]
    zygote.main(control_fd, parent)


def _compose(source: str, catalogue: Catalogue, settings: str) -> Program:
    if found := _FIRST_LINE.match(source):
        outcome = call(*json.loads(found[1]))
        source = f"const native = {json.dumps(outcome)};{source[found.end() :]}"
    return program.compose(source, catalogue, settings)


def call(name: str, *arguments: Any) -> int | str:
    """One system call."""
    number = _NUMBERS[name]
    result = _LIBC.syscall(ctypes.c_long(number), *[_argument(each) for each in arguments])
    return errno.errorcode[ctypes.get_errno()] if result < 0 else int(result)


def _argument(value: Any) -> Any:
    if isinstance(value, int):
        return ctypes.c_long(value)
    data = bytes.fromhex(value["hex"]) if "hex" in value else value["text"].encode() + b"\0"
    return ctypes.create_string_buffer(data, len(data))
