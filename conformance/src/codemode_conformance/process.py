"""A V1 host as a process: bytes to its input, frames from its output, its end.

It knows framing and nothing of messages, and may be told to break the framing. Every wait has a
bound.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

EXIT_SECONDS: Final = 60.0
"""How long a host may take to end when its input has ended; five seconds, on a machine that is not busy."""

LENGTH_BYTES: Final = 4

MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
"""What V1 allows; a greater length means that something other than a frame was written."""

Message: TypeAlias = dict[str, Any]


class HostLost(Exception):  # noqa: N818 - named for what happened
    """The host is gone, silent, or not speaking the protocol."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a host ended: its status (negative: a signal), and its last words."""

    status: int
    stderr: str


class HostProcess:
    """A running host and its pipes."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start a host.

        :raises HostLost: it cannot be started.
        """
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the host
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr
            )
        except OSError as error:
            self._stderr.close()
            raise HostLost(f"cannot start {command[0]}: {error.strerror}") from error
        assert self._process.stdin is not None  # opened as pipes
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._frames: SimpleQueue[Message | None] = SimpleQueue()
        self._reader = threading.Thread(target=self._read_frames, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, message: Message) -> None:
        """Send one message as one frame.

        :raises HostLost: the host has closed its end.
        """
        self.send_bytes(frame(json.dumps(message, ensure_ascii=False).encode()))

    def send_bytes(self, data: bytes) -> None:
        """Send bytes, whether they are frames or not.

        :raises HostLost: the host has closed its end.
        """
        try:
            self._stdin.write(data)
            self._stdin.flush()
        except OSError as error:
            raise self.lost("closed its input") from error

    def receive(self, deadline: float) -> Message | None:
        """Return the host's next message, or ``None`` when there will be no more.

        :raises HostLost: the deadline has passed.
        """
        try:
            message = self._frames.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            raise self.lost("did not answer in time") from None
        if message is None:
            self._frames.put(None)  # the end stays the end
        return message

    def close_input(self) -> None:
        """End the host's input; a host that is gone already does not mind."""
        with contextlib.suppress(OSError):
            self._stdin.close()

    def finish(self) -> Exit:
        """Close the input, wait for the end of the process, and return it.

        :raises HostLost: the host did not end in time; it has been killed.
        """
        self.close_input()
        try:
            status = self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(EXIT_SECONDS)
            raise self.lost("did not end with its input") from None
        return Exit(status, self._last_words())

    def close(self) -> None:
        """End the host: by the end of its input, or by force if it does not obey."""
        with contextlib.suppress(HostLost):
            self.finish()
        self._reader.join(EXIT_SECONDS)
        self._stdout.close()
        self._stderr.close()

    def lost(self, what: str) -> HostLost:
        """Return the error that says what the host did, with its status and its last words."""
        return HostLost(f"the host {what}; status {self._process.poll()}; {self._last_words()}")

    def _last_words(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace").strip()

    def _read_frames(self) -> None:
        """Move frames from the pipe to the queue; ``None`` marks the end of them."""
        while head := self._stdout.read(LENGTH_BYTES):
            length = int.from_bytes(head, "little")
            if length > MAX_FRAME_BYTES:
                break
            try:
                self._frames.put(json.loads(self._stdout.read(length)))
            except ValueError:
                break
        self._frames.put(None)


def frame(payload: bytes) -> bytes:
    """Return a payload with its length before it."""
    return len(payload).to_bytes(LENGTH_BYTES, "little") + payload
