"""The host over standard input and output: from the first byte to the exit status."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING, Final

from ..errors import CodeModeError
from ..protocol.frames import FrameError, FrameReader
from ..runtime.local import LocalSessionProvider
from .connection import ProtocolViolationError
from .ending import SHUTDOWN_SECONDS, Ending, ended_by_signals, last_resort, leave
from .pipes import Inlet, PipeOutlet, take_standard_streams
from .recording import recorded
from .service import Service

if TYPE_CHECKING:
    from typing import BinaryIO

    from ..protocol.session import SessionProvider
    from .ceiling import Ceiling

FLUSH_SECONDS: Final = 2.0
"""How much of that a client gets to read what was said before the end."""

TURNS_BEFORE_REFUSAL: Final = 4
"""Turns of the loop that requests get to end before one more is refused: a burst is no overload."""


class StdioHost:
    """One connection over two files. Belongs to one event loop."""

    def __init__(self, provider: SessionProvider, ceiling: Ceiling | None = None) -> None:
        self._provider = provider
        self._frames = FrameReader()
        self._inlet = Inlet(self._on_data, self._on_end)
        self._outlet = PipeOutlet(self._on_lost, self._on_drained)
        self._service = Service(provider, self._outlet, ceiling=ceiling)
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._turns = 0

    def __repr__(self) -> str:
        return f"<host: {self._service!r}, {self._frames!r}, {self._outlet!r}>"

    async def run(self, reading: BinaryIO, writing: BinaryIO) -> Ending:
        """Serve until the connection ends, and end everything that it began."""
        self._outlet.open(writing)
        self._inlet.open(reading)
        ending = await self._ending
        with last_resort(ending):
            self._inlet.close()
            self._outlet.shut()
            try:
                async with asyncio.timeout(SHUTDOWN_SECONDS - FLUSH_SECONDS):
                    await self._service.aclose()
                    await self._provider.aclose()
            except TimeoutError:
                pass
            await self._outlet.aclose(FLUSH_SECONDS)
        return ending

    def end(self, ending: Ending) -> None:
        """End; the first reason counts."""
        if not self._ending.done():
            self._ending.set_result(ending)

    def _on_data(self, data: memoryview) -> None:
        self._frames.feed(data)
        self._take_frames()

    def _take_frames(self) -> None:
        """Take what has been read, unless there is too much to do or to write already."""
        try:
            while not self._ending.done() and not self._must_pause():
                payload = self._frames.next()
                if payload is None:
                    self._inlet.resume()
                    return
                self._service.receive(payload)
                if self._service.is_rejected:
                    self.end(Ending())
        except FrameError as error:
            what = "message" if self._service.is_open else "hello"
            self.end(Ending(f"failed to read code-mode client {what}: {error}"))
        except ProtocolViolationError as error:
            self.end(Ending(str(error)))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave a silent host
            self.end(Ending(f"the host failed: {error!r}"))

    def _must_pause(self) -> bool:
        if self._outlet.is_clogged:
            self._inlet.pause()
            return True
        if self._service.is_full and self._turns < TURNS_BEFORE_REFUSAL:
            self._inlet.pause()
            self._turns += 1
            asyncio.get_running_loop().call_soon(self._take_frames)
            return True
        self._turns = 0
        return False

    def _on_drained(self) -> None:
        self._take_frames()

    def _on_end(self, error: Exception | None) -> None:
        if error is not None:
            self.end(Ending(f"failed to read code-mode client message: {error}"))
            return
        try:
            self._frames.end()
        except FrameError as truncated:
            what = "message" if self._service.is_open else "hello"
            self.end(Ending(f"failed to read code-mode client {what}: {truncated}"))
        self.end(Ending())

    def _on_lost(self, error: Exception | None) -> None:
        self.end(Ending(f"failed to write code-mode host message: {error or 'nobody reads'}"))


async def _serve(reading: BinaryIO, writing: BinaryIO, ceiling: Ceiling) -> Ending:
    provider = LocalSessionProvider()
    provider.warm_up()  # while the client says hello
    host = StdioHost(recorded(provider), ceiling)
    with ended_by_signals(host.end):
        return await host.run(reading, writing)


def serve_stdio(ceiling: Ceiling) -> int:
    """Serve the client at the other end of standard input and output; return the exit status.

    A signal that asks for the end ends everything first, and then this process as it always does.
    """
    try:
        reading, writing = take_standard_streams()
    except OSError as error:
        sys.stderr.write(f"Error: standard input and output are needed: {error}\n")
        return 1
    # What is loaded stays: a full collection that looks through all modules holds up every session for 60 ms.
    gc.freeze()
    try:
        ending = asyncio.run(_serve(reading, writing, ceiling))
    except CodeModeError as error:
        ending = Ending(str(error))
    return leave(ending)
