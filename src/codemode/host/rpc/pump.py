"""HTTP/2 over standard input and output.

gRPC for Python adopts no descriptors, so its server listens on a socket of our own, in a folder that nobody else
can enter, and two threads carry bytes between that and the pipes. The socket has no name any more as soon as
the one connection is made.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

COPY_BYTES: Final = 256 * 1024


class Pump:
    """Carries bytes until one side ends.

    ``on_end`` is called once, in a thread of its own, when the client says nothing more or hears nothing more.
    """

    def __init__(
        self, reading: BinaryIO, writing: BinaryIO, path: str, on_end: Callable[[], None]
    ) -> None:
        self._on_end = on_end
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        inward = (reading, self._feed, "code-mode host stdin")
        outward = (writing, self._drain, "code-mode host stdout")
        self._threads = [
            threading.Thread(target=carry, args=(file,), daemon=True, name=name)
            for file, carry, name in (inward, outward)
        ]
        for thread in self._threads:
            thread.start()

    def close(self, seconds: float) -> None:
        """Let what the server has said be written, for at most ``seconds``; then carry nothing more."""
        self._threads[1].join(seconds)
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()

    def _feed(self, reading: BinaryIO) -> None:
        try:
            while data := os.read(reading.fileno(), COPY_BYTES):
                self._socket.sendall(data)
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self._on_end()

    def _drain(self, writing: BinaryIO) -> None:
        try:
            while data := self._socket.recv(COPY_BYTES):
                view = memoryview(data)
                while view:
                    view = view[os.write(writing.fileno(), view) :]
        except OSError:
            pass
        writing.close()
        self._on_end()
