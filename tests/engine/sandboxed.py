"""Native code in a sandbox: ``python -m tests.engine.sandboxed`` enters that of a worker and makes one system call.

Its arguments are JSON: the call, ``[name, argument, …]``, and options. Arguments of the call are numbers,
``{"text": …}`` and ``{"hex": …}`` for the addresses of such bytes. It writes the report of the sandbox, a blank line and
the outcome: the result of the call, or the name of the error. With ``thread`` the call is made by a thread that was
started inside; without ``filter`` the other parts stand alone.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import subprocess
import sys
import threading
from typing import Any

from codemode.engine.installed import find
from codemode.engine.seccomp import compile_filter
from codemode.engine.syscalls import NUMBERS


class Violation(Exception):  # noqa: N818 - that is what it is
    """The system has ended the process for what it did; the signal is the argument."""


def attempt(
    call: list[Any],
    *,
    thread: bool = False,
    with_filter: bool = True,
    descriptors: tuple[int, ...] = (),
) -> tuple[str, str]:
    """The report of the sandbox, and what came of a call in it.

    Raises:
        Violation: it ended the process.
    """
    options = {"thread": thread, "filter": with_filter}
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.sandboxed", json.dumps(call), json.dumps(options)],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
        pass_fds=descriptors,
    )
    if done.returncode < 0:
        raise Violation(-done.returncode)
    assert done.returncode == 0, done.stderr
    report, _, outcome = done.stdout.partition("\n\n")
    return report + "\n", outcome


def _main(call: list[Any], *, thread: bool, filter: bool) -> None:
    installed = find()
    ctypes.CDLL(str(installed.v8), mode=ctypes.RTLD_GLOBAL)
    enter = ctypes.CDLL(str(installed.worker)).codemode_enter_sandbox
    libc = ctypes.CDLL(None, use_errno=True)
    number = NUMBERS[os.uname().machine][call[0]]
    arguments = [_argument(each) for each in call[1:]]
    code = compile_filter(os.uname().machine) if filter else b""
    report = ctypes.create_string_buffer(4096)
    enter(code, ctypes.c_size_t(len(code)), report, ctypes.c_size_t(len(report)))

    # What is tried here would hurt this machine, were the sandbox not there: a signal to every process, for one.
    if filter and b"seccomp\t1\t" not in report.value:
        sys.exit(f"the sandbox is not in force: {report.value!r}")

    def make() -> None:
        result = libc.syscall(ctypes.c_long(number), *arguments)
        said = errno.errorcode[ctypes.get_errno()] if result < 0 else str(result)
        os.write(1, report.value + b"\n" + said.encode())

    if thread:
        inside = threading.Thread(target=make)
        inside.start()
        inside.join()
    else:
        make()
    os._exit(0)


def _argument(value: Any) -> Any:
    if isinstance(value, int):
        return ctypes.c_long(value)
    data = bytes.fromhex(value["hex"]) if "hex" in value else value["text"].encode() + b"\0"
    return ctypes.create_string_buffer(data, len(data))


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]), **json.loads(sys.argv[2]))
