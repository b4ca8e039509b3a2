"""How a command ends early: by a signal that it handles, or at once with all that it has started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..tools.mcp.servers import McpServers


@contextlib.contextmanager
def handled_signals(
    handle: Callable[[int], object], numbers: Sequence[int] = (signal.SIGINT,)
) -> Iterator[None]:
    """Call ``handle`` with the number of each such signal while the block runs; then they act as before.

    The calls are made in the running event loop.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        loop.add_signal_handler(number, handle, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])


def exit_at_once(code: int, servers: McpServers | None, said: bytes = b"") -> NoReturn:
    """End this process, whatever hangs; workers end with their parent, MCP servers would not.

    Args:
        code: the exit code.
        servers: whose processes are killed first.
        said: is written to standard error before the end.
    """
    if servers is not None:
        servers.kill()
    with contextlib.suppress(OSError):
        os.write(2, said)
    os._exit(code)
