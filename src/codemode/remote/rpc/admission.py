"""The opening of a session: asked for again where the host was not there, or had no room for it.

gRPC could do that itself, but it would do so too where the two will never trust each other.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Final

import grpc

from .failure import RpcFailure

if TYPE_CHECKING:
    from ...grpc import code_mode_pb2 as pb
    from .link import SessionStub

ADMISSIONS: Final = 5
"""How often a session is asked for before its opening has failed."""

PAUSE_SECONDS: Final = 0.1
"""Before the second time; each further pause is twice as long."""

SPREAD: Final = 0.2
"""By which part pauses differ, so that clients of one host do not come back together."""


async def admission(
    link: SessionStub, message: pb.OpenSessionRequest, times: int = ADMISSIONS
) -> tuple[Any, Any]:
    """Ask for a session, up to so many times: its lease, and what that says first.

    Raises:
        AioRpcError: why there is none, the last time that it was asked for.
    """
    pause = PAUSE_SECONDS
    for _ in range(times - 1):
        try:
            return await _asked(link, message)
        except grpc.aio.AioRpcError as error:
            failure = RpcFailure.of(error)
            # A host that has begun to answer may have begun a session.
            if error.initial_metadata() or not (failure.may_be_over_soon or failure.is_broken_off):
                raise
        await asyncio.sleep(pause * random.uniform(1 - SPREAD, 1 + SPREAD))
        pause *= 2
    return await _asked(link, message)


async def _asked(link: SessionStub, message: pb.OpenSessionRequest) -> tuple[Any, Any]:
    lease = link.call("OpenSession", message, None)
    try:
        return lease, await lease.read()
    except BaseException:
        lease.cancel()
        raise
