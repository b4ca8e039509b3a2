"""Approval from the person at the terminal: one question at a time, on the terminal itself.

Standard input may be the program, and standard output is data: so the question is written to the controlling
terminal, and read from it. Nothing that was typed before the question counts as its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import termios
from typing import TYPE_CHECKING, Final

from ..errors import ToolError
from .terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..tools.policy.approvals import Approval
    from .status import StatusLine

TERMINAL: Final = "/dev/tty"
SHOWN_ARGUMENTS: Final = 2_000
ANSWER_BYTES: Final = 4_096

_CHOICES: Final = "[y]es, [n]o, [s]: yes, whenever this tool is called in this run: "
_HINT: Final = "\nHint: go on without it, or tell the user what you would have called it for."


class TerminalApproval:
    """Asks about calls; given as ``on_approval``.

    Args:
        status: what else is drawn on the terminal; it pauses while a question stands there.
        terminal: the device.
    """

    def __init__(self, status: StatusLine, terminal: str = TERMINAL) -> None:
        self._status = status
        self._terminal = terminal
        self._turn = asyncio.Lock()
        self._approved: set[str] = set()
        """Digests of the tools that are approved for this run."""

    async def __call__(self, approval: Approval) -> None:
        """Return when the call is approved.

        Raises:
            ToolError: it is not, or there is no terminal.
        """
        async with self._turn:
            if approval.call.digest in self._approved:
                return
            with self._status.aside(), _opened(self._terminal, approval.name) as terminal:
                answer, reason = await _asked(terminal, approval)
        if answer == "n":
            told = f": {reason}" if reason else ""
            raise ToolError(f"the user refused the call of `{approval.name}`{told}{_HINT}")
        if answer == "s":
            self._approved.add(approval.call.digest)


async def _asked(terminal: int, approval: Approval) -> tuple[str, str]:
    """The first letter of an answer, and what stands behind it."""
    said = printable(json.dumps(approval.call.input, ensure_ascii=False))
    more = len(said) - SHOWN_ARGUMENTS
    shown = said if more <= 0 else f"{said[:SHOWN_ARGUMENTS]} … and {more} more characters"
    name = printable(approval.name)
    question = f"\napproval: {printable(approval.prompt)}\n  {name}({shown})\n{_CHOICES}"
    with contextlib.suppress(termios.error):
        termios.tcflush(terminal, termios.TCIFLUSH)
    while True:
        await _write(terminal, question)
        line = await _line(terminal)
        if line is None:  # the end of input: there is no one to answer
            return "n", "nobody answered"
        word, _, rest = line.strip().partition(" ")
        if word.lower() in ("y", "yes", "n", "no", "s"):
            return word[0].lower(), rest.strip()
        question = _CHOICES


async def _line(terminal: int) -> str | None:
    """A line that was typed; None at the end of input."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(terminal, readable.set)
    found = b""
    try:
        while b"\n" not in found and len(found) < ANSWER_BYTES:
            await readable.wait()
            readable.clear()
            try:
                part = os.read(terminal, ANSWER_BYTES)
            except BlockingIOError:
                continue
            except OSError:  # the terminal is gone
                return None
            if not part:
                return found.decode("utf-8", "replace") if found else None
            found += part
    finally:
        loop.remove_reader(terminal)
    return found.decode("utf-8", "replace")


async def _write(terminal: int, text: str) -> None:
    left = text.encode("utf-8", "replace")
    while left:
        try:
            left = left[os.write(terminal, left) :]
        except BlockingIOError:  # the terminal is stopped with Ctrl-S
            await asyncio.sleep(0.05)
        except OSError:
            return


@contextlib.contextmanager
def _opened(path: str, name: str) -> Iterator[int]:
    """The terminal, which is not blocked by reading or writing.

    Raises:
        ToolError: there is none.
    """
    try:
        terminal = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ToolError(
            f"the call of `{name}` needs approval, and there is no terminal to ask at{_HINT}"
        ) from error
    try:
        yield terminal
    finally:
        os.close(terminal)
