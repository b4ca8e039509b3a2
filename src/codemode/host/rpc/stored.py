"""Our own service beside that of Codex: what a session has stored, for a client that keeps a copy.

``docs/protocol.md`` says how it is used. The numbers of commits let a client wait for the copy of
what an outcome stands for: the two come on different streams.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

import grpc

from ...grpc import stored_values_pb2 as pb
from ...protocol.v1 import in_parts
from ..stored import KeepsValues
from .refusal import RpcError, exhausted, invalid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ...protocol.session import Session

VALUES: Final = 524_288
"""In one request; 64 MiB of stored values are never more, as a session counts them."""

TOO_MANY_VALUES: Final = f"code-mode restore exceeds {VALUES} stored values"

UNREAD_BYTES: Final = 64 * 1024 * 1024
"""Of commits that a follower has not read; beyond, it is cut off, and keeps what it has."""


class Commits:
    """What the cells of one session commit, for one follower."""

    def __init__(self) -> None:
        self.number = 0
        self._unread: deque[pb.Commit] = deque()
        self._bytes = 0
        self._is_overrun = False
        self._followed = False
        self._is_closed = False
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<commits: {self.number}, {self._bytes} bytes unread>"

    @property
    def is_followed(self) -> bool:
        """Whether anybody keeps a copy that is whole."""
        return self._followed and not self._is_overrun

    def tell(self, written: Mapping[str, bytes]) -> None:
        """A cell has committed this."""
        self.number += 1
        if not self._followed or self._is_overrun:
            return
        parts = list(in_parts(written.items()))
        for left, part in zip(reversed(range(len(parts))), parts, strict=True):
            values = [pb.StoredValue(key=key, json=bytes(json)) for key, json in part.items()]
            commit = pb.Commit(number=self.number, values=values, more=left > 0)
            self._unread.append(commit)
            self._bytes += commit.ByteSize()
        if self._bytes > UNREAD_BYTES:  # it may be in the middle of a write that never ends
            self._is_overrun = True
            self._forget()
        self._changed.set()

    async def follow(self, write: Callable[[pb.Commit], Awaitable[object]]) -> None:
        """Write what is committed from now on, until the session ends.

        Raises:
            RpcError: somebody follows already, or reads too slowly.
        """
        if self._followed:
            raise RpcError(
                grpc.StatusCode.FAILED_PRECONDITION, "the stored values are followed already"
            )
        self._followed = True
        try:
            await write(pb.Commit())
            while True:
                await self._write_unread(write)
                if self._is_closed:  # maybe during a write: nobody will say it again
                    return
                self._changed.clear()
                await self._changed.wait()
        finally:
            self._followed = self._is_overrun = False
            self._forget()

    async def _write_unread(self, write: Callable[[pb.Commit], Awaitable[object]]) -> None:
        while self._unread:
            commit = self._unread.popleft()
            await write(commit)
            self._bytes = max(0, self._bytes - commit.ByteSize())
        if self._is_overrun:
            raise exhausted("the follower of stored values reads too slowly")

    def _forget(self) -> None:
        self._unread.clear()
        self._bytes = 0

    def close(self) -> None:
        """Nothing more is committed."""
        self._is_closed = True
        self._changed.set()


def restore(runtime: Session, request: pb.RestoreRequest) -> None:
    """Give a session values that another one had stored.

    Raises:
        RpcError: it keeps none, or one is no text.
        CodeModeError: it has executed already, or they are too much.
    """
    if not isinstance(runtime, KeepsValues):
        raise RpcError(grpc.StatusCode.FAILED_PRECONDITION, "code-mode host keeps no stored values")
    values = {value.key: value.json for value in request.values}
    try:
        for json in values.values():
            json.decode()
    except UnicodeDecodeError as error:
        raise invalid(f"a stored value is not UTF-8: {error}") from None
    runtime.restore(values)
