"""Bytes and length-prefixed frames: four bytes of little-endian length, then that much payload.

Knows nothing of the content of payloads and does no I/O. A length is judged before a byte is kept for
it, and a frame that is too large is refused before its first byte is written, so that the stream
stays readable for what comes after it.
"""

from __future__ import annotations

from typing import ClassVar, Final

from ..errors import CodeModeError

LENGTH_BYTES: Final = 4
MAX_FRAME_BYTES: Final = 64 * 1024 * 1024


class FrameError(CodeModeError):
    """A stream of frames cannot go on. What fails while reading or writing is an ``OSError``."""

    code: ClassVar[str] = "frame"


class FrameTooLargeError(FrameError):
    """A frame is longer than both sides agreed on; ``length`` is its size in bytes."""

    code = "frame_too_large"

    def __init__(self, length: int, max_bytes: int = MAX_FRAME_BYTES) -> None:
        super().__init__(f"code-mode IPC frame length {length} exceeds {max_bytes} bytes")
        self.length = length


class FrameTruncatedError(FrameError):
    """The stream ended inside a frame."""

    code = "frame_truncated"

    def __init__(self) -> None:
        super().__init__("code-mode IPC stream ended inside a frame: early eof")


class FrameUndecodableError(FrameError):
    """The payload is not a message; ``detail`` is the reason."""

    code = "frame_undecodable"

    def __init__(self, detail: str) -> None:
        super().__init__(f"failed to decode code-mode IPC frame: {detail}")
        self.detail = detail


class FrameUnencodableError(FrameError):
    """The message cannot be said in a frame; nothing of it was written."""

    code = "frame_unencodable"

    def __init__(self, detail: str) -> None:
        super().__init__(f"failed to encode code-mode IPC frame: {detail}")
        self.detail = detail


class FrameReader:
    """Bytes, fed in any pieces, as payloads.

    >>> reader = FrameReader()
    >>> reader.feed(b"\\x02\\x00\\x00\\x00h")
    >>> reader.next() is None
    True
    >>> reader.feed(b"i\\x00\\x00\\x00\\x00")
    >>> reader.next(), reader.next(), reader.next()
    (b'hi', b'', None)
    """

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._start = 0

    def __repr__(self) -> str:
        return f"<frame reader, {self.buffered} bytes not taken>"

    @property
    def buffered(self) -> int:
        """Bytes that were fed and not taken."""
        return len(self._buffer) - self._start

    def feed(self, data: bytes | memoryview) -> None:
        """Take what has been read."""
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += data

    def next(self) -> bytes | None:
        """The next payload, or None if more bytes are needed.

        Raises:
            FrameTooLargeError: the next frame announces more than is allowed.
        """
        body = self._start + LENGTH_BYTES
        if len(self._buffer) < body:
            return None
        length = int.from_bytes(self._buffer[self._start : body], "little")
        if length > self._max_bytes:
            raise FrameTooLargeError(length, self._max_bytes)
        end = body + length
        if len(self._buffer) < end:
            return None
        with memoryview(self._buffer) as view:
            payload = bytes(view[body:end])
        self._start = end
        return payload

    def end(self) -> None:
        """The stream has ended; between two frames that is a clean end.

        Raises:
            FrameTruncatedError: it ended inside a frame.
        """
        if self.buffered:
            raise FrameTruncatedError


def seal(frame: bytearray, max_bytes: int = MAX_FRAME_BYTES) -> None:
    """Write the length into ``frame``, whose first four bytes were left for it.

    Raises:
        FrameTooLargeError: the payload is longer than is allowed; nothing has been changed.
    """
    length = len(frame) - LENGTH_BYTES
    if length > max_bytes:
        raise FrameTooLargeError(length, max_bytes)
    frame[:LENGTH_BYTES] = length.to_bytes(LENGTH_BYTES, "little")


def frame_of(payload: bytes, max_bytes: int = MAX_FRAME_BYTES) -> bytes:
    """One frame as bytes.

    >>> frame_of(b"hi")
    b'\\x02\\x00\\x00\\x00hi'

    Raises:
        FrameTooLargeError: the payload is longer than is allowed.
    """
    if len(payload) > max_bytes:
        raise FrameTooLargeError(len(payload), max_bytes)
    return len(payload).to_bytes(LENGTH_BYTES, "little") + payload
