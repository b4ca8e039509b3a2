"""A server as a child process: messages over its standard streams, and its certain end.

The SDK has a transport for this, which gathers a line of any length; a hostile server could fill
the memory with one. Here a line is bounded while it arrives, what the server writes to standard
error is kept (the last of it) for error texts, and closing takes at most three graces: standard
input is closed, then the whole process group gets SIGTERM, then SIGKILL.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from ...child_process import find_program, signal_group
from ...surface.text import on_one_line
from .last_words import last_words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp_types import JSONRPCMessage

    from ..redaction import Redaction
    from .answers import AnswerTable
    from .config import StdioServer

LINE_BYTES: Final = 64 * 1024 * 1024
"""The longest line that is waited for; one that is too long for a message and ends is passed over."""
EXIT_SECONDS: Final = 1.5
"""How long a server may take to end when its input is closed, and again after SIGTERM."""
STDERR_BYTES: Final = 16_384
"""How much of the end of a server's standard error is kept."""
BAD_LINES_LOGGED: Final = 5
"""A server that prints to standard output is logged, at most so many times."""
BAD_LINES: Final = 10_000
"""Lines without a message among them, after which a server is taken to speak another language."""
DRAIN_BYTES: Final = 65_536

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProcessEnding:
    """How a server's process ended.

    Attributes:
        how: in our words; empty, if it was ended from here.
        words: the line of its standard error that gives the reason, without secrets, for people; may be empty.
    """

    how: str = ""
    words: str = ""

    def for_people(self) -> str:
        """All that is known."""
        wrote = f"it wrote: {self.words}" if self.words else ""
        return "; ".join(part for part in (self.how, wrote) if part)

    def for_model(self) -> str:
        """How it ended, without a word of its own: what it wrote may be meant for a model."""
        if self.how and self.words:
            return f"{self.how}; what it wrote is in the log of the application"
        return self.how


class ServerProcess:
    """What is known of a server's process besides its messages.

    Args:
        name: the server's, for the log.
        redact: for what it writes.
        answers: gets its answers.
        on_end: is called when the server's output has ended, before the session reads that from its stream.
    """

    def __init__(
        self, name: str, redact: Redaction, answers: AnswerTable, on_end: Callable[[], None]
    ) -> None:
        self._reason = ""
        """Why it was ended, if its own messages did it."""
        self._name = on_one_line(name)
        self._redact = redact
        self._answers = answers
        self._on_end = on_end
        self._stderr = b""
        self._bad_lines = 0
        self._process: asyncio.subprocess.Process | None = None
        self._is_ended_here = False
        self._has_ended = False
        """Whether it ended by itself."""

    @asynccontextmanager
    async def running(
        self, config: StdioServer
    ) -> AsyncIterator[
        tuple[
            MemoryObjectReceiveStream[SessionMessage | Exception],
            MemoryObjectSendStream[SessionMessage],
        ]
    ]:
        """Start it, and give the streams of messages from and to it.

        Raises:
            OSError: it cannot be started.
        """
        self._process = process = await _started(config)
        inward, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, outward = anyio.create_memory_object_stream[SessionMessage](0)
        async with inward, read, write, outward:
            readers = asyncio.create_task(self._read_stderr(process))
            pumps = [
                asyncio.create_task(self._read(process, inward)),
                asyncio.create_task(self._write(process, outward, inward)),
            ]
            try:
                yield read, write
            finally:
                self._is_ended_here = True
                read.close()  # a message without a reader must not hold up the pipe
                await _end(process)
                for each in (readers, *pumps):
                    each.cancel()
                # They have been cancelled, and the process has ended: nothing else wakes them, so no bound.
                await asyncio.wait([readers, *pumps])

    def ending(self) -> ProcessEnding:
        """How it ended, once it has."""
        status = None if self._process is None else self._process.returncode
        parts = [self._reason] if self._reason else []
        if self._has_ended and status is not None:
            parts.append(f"killed by signal {-status}" if status < 0 else f"exit status {status}")
        words = last_words(self._redact(self._stderr.decode("utf-8", "replace")))
        return ProcessEnding(", ".join(parts), on_one_line(words))

    def log_words(self) -> None:
        """Put into the log what it wrote last, whole: an error text has one line of it."""
        if self._stderr and _log.isEnabledFor(logging.INFO):
            said = self._redact(self._stderr.decode("utf-8", "replace"))
            _log.info("MCP server %s wrote last: %s", self._name, on_one_line(said))

    def kill(self) -> None:
        """End it and all that it has started, at once, if it still runs. From any thread."""
        if self._process is not None and self._process.returncode is None:
            signal_group(self._process.pid, signal.SIGKILL)

    async def _read(
        self,
        process: asyncio.subprocess.Process,
        inward: MemoryObjectSendStream[SessionMessage | Exception],
    ) -> None:
        assert process.stdout is not None
        async with inward:
            try:
                await self._read_messages(process.stdout, inward)
                self._has_ended = not (self._is_ended_here or self._reason)
            except ValueError:  # the bound of the stream
                self._reason = f"it sent a message longer than {LINE_BYTES // 2**20} MiB"
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass  # the SDK's session is gone
            self._on_end()
        while await process.stdout.read(DRAIN_BYTES):  # a full pipe would hold up its end
            pass

    async def _read_messages(
        self,
        stdout: asyncio.StreamReader,
        inward: MemoryObjectSendStream[SessionMessage | Exception],
    ) -> None:
        bad_lines = 0
        while line := await stdout.readline():
            found = None if line.isspace() else self._messages(line)
            for each in found or ():
                await inward.send(SessionMessage(each))
            if found is not None:
                bad_lines = 0
            elif bad_lines < BAD_LINES:
                bad_lines += 1
            else:
                self._reason = f"it wrote more than {BAD_LINES:,} lines that are no messages"
                return
            if not found:
                await asyncio.sleep(0)  # what is there already is read without a pause

    def _messages(self, line: bytes) -> list[JSONRPCMessage] | None:
        """The messages that the session should read for ``line``; None, if it has none."""
        texts = self._answers.read(line)
        try:
            if texts is not None:
                return [
                    jsonrpc_message_adapter.validate_json(each, by_name=False) for each in texts
                ]
        except ValueError:  # what it asks for or tells of is malformed
            pass
        self._warn(line)
        return None

    def _warn(self, line: bytes) -> None:
        self._bad_lines += 1
        if self._bad_lines <= BAD_LINES_LOGGED:
            shown = self._redact(line[:STDERR_BYTES].decode("utf-8", "replace"))[:200].rstrip()
            _log.warning(
                "MCP server %s wrote no message to its output: %s", self._name, on_one_line(shown)
            )

    async def _write(
        self,
        process: asyncio.subprocess.Process,
        outward: MemoryObjectReceiveStream[SessionMessage],
        inward: MemoryObjectSendStream[SessionMessage | Exception],
    ) -> None:
        assert process.stdin is not None
        async with outward:
            try:
                async for each in outward:
                    text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
                    process.stdin.write(text.encode("utf-8", "replace") + b"\n")
                    await process.stdin.drain()
            except OSError:  # it reads no more: then there will be no answers either
                self._on_end()
                await inward.aclose()

    async def _read_stderr(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while part := await process.stderr.read(STDERR_BYTES):
            self._stderr = (self._stderr + part)[-STDERR_BYTES:]
            if _log.isEnabledFor(logging.DEBUG):
                said = self._redact(part.decode("utf-8", "replace")).rstrip()
                _log.debug("MCP server %s: %s", self._name, on_one_line(said))


async def _started(config: StdioServer) -> asyncio.subprocess.Process:
    environment = get_default_environment() | dict(config.env)
    try:
        return await asyncio.create_subprocess_exec(
            find_program(config.command, environment),
            *config.args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=config.cwd,
            env=environment,
            limit=LINE_BYTES,
            start_new_session=True,
        )
    except OSError as error:
        where = f" in {config.cwd}" if config.cwd is not None else ""
        raise OSError(f"cannot run `{config.command}`{where}: {error.strerror}") from error


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process and its group. Three graces at most; survives one cancellation."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        if not await _exits(process, EXIT_SECONDS):
            signal_group(process.pid, signal.SIGTERM)
            await _exits(process, EXIT_SECONDS)
    finally:
        signal_group(process.pid, signal.SIGKILL)  # what it has started may outlive it
        try:
            await _exits(process, EXIT_SECONDS)
        finally:  # what has left the group may still hold the other ends of the pipes
            process._transport.close()  # type: ignore[attr-defined] # no other way


async def _exits(process: asyncio.subprocess.Process, seconds: float) -> bool:
    try:
        # The exit against its bound; at the same moment both may be true, so the return code decides.
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        return process.returncode is not None
    return True
