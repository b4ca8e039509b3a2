"""What cells have stored, told by hosts of ours; others do not know the service, and say so."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import grpc
from msgspec import Raw

from ...errors import EngineError
from ...grpc import stored_values_pb2 as pb
from ...grpc.values import COMMIT
from ...protocol import messages as m
from ...surface.text import on_one_line
from .failure import RpcFailure
from .link import CONTROL_SECONDS
from .messages import number_in
from .service import END, each

if TYPE_CHECKING:
    from collections.abc import Callable

    from .link import SessionStub
    from .messages import Metadata

_log = logging.getLogger(__name__)


class Following:
    """The commits of one session, in order.

    Attributes:
        is_on: the host has told of all of them up to now.
    """

    def __init__(self, link: SessionStub, tell: Callable[[m.SessionStored], None]) -> None:
        self._link = link
        self._tell = tell
        self._stream: Any = None
        self._number = 0
        self._changed = asyncio.Event()
        self._has_ended = False
        self.is_on = False

    async def begin(self) -> None:
        """Ask the host whether it tells.

        Raises:
            AioRpcError: it is gone, or ends. One that is taken for a host that tells nothing would have the
                session lose its values.
            EngineError: it has ended the session already.
        """
        request = pb.FollowRequest(session_id=self._link.session_id)
        self._stream = self._link.call("Follow", request, None)
        try:
            async with asyncio.timeout(CONTROL_SECONDS):
                self.is_on = await self._stream.read() is not END
            if not self.is_on:
                raise EngineError("the code-mode host has ended the session that it has opened")
        except grpc.aio.AioRpcError as error:
            failure = RpcFailure.of(error)
            ends = failure.says_session_is_gone or failure.is_broken_off
            if ends or failure.may_be_over_soon:
                raise
            if not failure.is_unimplemented:
                _log.warning(
                    "the code-mode host does not tell what it stores: %s", on_one_line(failure.text)
                )
        except TimeoutError:
            self._stream.cancel()

    async def run(self) -> None:
        """Hand on what comes, until the host says nothing more."""
        if not self.is_on:
            return
        try:
            async for commit in each(self._stream):
                values = {value.key: Raw(value.json) for value in commit.values}
                self._tell(m.SessionStored(self._link.session_id, values, commit.more))
                if not commit.more:
                    self._number = commit.number
                    self._wake()
        except grpc.aio.AioRpcError as error:
            _log.debug(
                "the code-mode host tells no more what it stores: %s",
                on_one_line(RpcFailure.of(error).text),
            )
        finally:
            self._stream.cancel()
            self._has_ended = True
            self._wake()

    async def reach(self, trailers: Metadata) -> None:
        """Return when the commit that an outcome names has been handed on; bounded."""
        number = number_in(trailers, COMMIT)
        if number is None:
            return
        try:
            async with asyncio.timeout(CONTROL_SECONDS):
                while not self._has_ended and self._number < number:
                    await self._changed.wait()
        except TimeoutError:
            _log.warning("the code-mode host did not tell what it has stored")
        if self._number < number:
            self.is_on = False

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
