"""Where the text of a program goes: standard output, which is its alone, or a report."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, TextIO

from ..protocol.types import ImageItem, TextItem
from .stdout import explained
from .terminal import printable

if TYPE_CHECKING:
    from typing import Self

    from ..protocol.types import Item
    from .media import SavedFile


class StandardOutput:
    """This process's standard output, for the program alone.

    While it is open, whatever else writes there, a tool's ``print`` or the process that a tool
    starts, goes to standard error.
    """

    def __init__(self) -> None:
        self.lines = 0
        self._restore = contextlib.ExitStack()
        self._fd: int | None = None
        self._to_terminal = False
        self._stream: TextIO | None = sys.stdout

    def __enter__(self) -> Self:
        if self._stream is None:  # closed by the parent process
            return self
        self._stream.flush()
        try:
            fd = self._stream.fileno()
        except (OSError, ValueError):  # a test's stand-in
            self._restore.enter_context(contextlib.redirect_stdout(sys.stderr))
            return self
        self._fd = os.dup(fd)
        self._to_terminal = os.isatty(fd)
        self._restore.callback(os.dup2, self._fd, fd)
        self._restore.callback(self._stream.flush)
        if sys.stderr is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, fd)
            os.close(nowhere)
        else:
            os.dup2(sys.stderr.fileno(), fd)
        return self

    def __exit__(self, *_: object) -> None:
        # The copy is not closed: a thread may still wait in a write to it.
        self._restore.close()

    async def write(self, text: str) -> None:
        """Write ``text`` as lines: as it is, or to a terminal without what could command that.

        A reader that does not read blocks a thread of its own and not the event loop: time
        limits and Ctrl-C work on.

        Raises:
            ReaderGoneError: it is closed.
            OutputError: it cannot be written for another reason.
        """
        if not text.endswith("\n"):
            text += "\n"
        self.lines += text.count("\n")
        if self._to_terminal:
            text = printable(text)
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()

        def work() -> None:
            error: OSError | None = None
            try:
                self._write(text.encode("utf-8", "replace"))
            except OSError as caught:
                error = caught
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(_settle, written, error)

        threading.Thread(target=work, name="standard output", daemon=True).start()
        await written

    def _write(self, data: bytes) -> None:
        if self._fd is not None:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        elif self._stream is not None:
            self._stream.buffer.write(data)
            self._stream.flush()


def _settle(written: asyncio.Future[None], error: OSError | None) -> None:
    if written.done():
        return
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(explained(error))


def item_report(item: Item, saved: SavedFile | None) -> dict[str, str | int]:
    """One output item for ``--json``: the interface's names, and a file instead of its data."""
    if isinstance(item, TextItem):
        return {"type": "input_text", "text": item.text}
    if isinstance(item, ImageItem):
        report: dict[str, str | int] = {"type": "input_image"}
        key, url = "image_url", item.image_url
        if item.detail is not None:
            report["detail"] = item.detail
    else:
        report = {"type": "input_audio"}
        key, url = "audio_url", item.audio_url
    if saved is None:
        return {**report, key: url}
    return {
        **report,
        "file": str(saved.path),
        "mime_type": saved.mime_type,
        "bytes": saved.size,
    }
