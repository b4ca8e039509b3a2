"""The channels to one host, and the sessions that go over each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import grpc

from .admission import ADMISSIONS
from .connection import RpcConnection
from .failure import RpcFailure
from .service import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from .endpoint import Endpoint, GrpcTls
    from .service import HostStubs

SESSIONS_PER_CHANNEL: Final = 30
"""A session keeps three streams open, and many proxies allow 100 on a connection: more would wait for ever."""


class _Channel:
    """A channel to the host, and the sessions that go over it."""

    def __init__(self, service: HostStubs) -> None:
        self.service = service
        self.connections: set[RpcConnection] = set()

    @property
    def is_full(self) -> bool:
        """Whether another session needs another channel."""
        return len(self.connections) >= SESSIONS_PER_CHANNEL


class ChannelPool:
    """Channels to one host, one more for each thirty sessions. Belongs to one event loop.

    Raises:
        UsageError: a file of ``tls`` cannot be read, once there is a channel.
    """

    def __init__(self, endpoint: Endpoint, token: str | None, tls: GrpcTls | None) -> None:
        self.endpoint = endpoint
        self._token = token
        self._tls = tls
        self._channels: list[_Channel] = []

    def __repr__(self) -> str:
        return f"<{len(self._channels)} channels to {self.endpoint.shown}, {len(self)} sessions>"

    def __len__(self) -> int:
        return sum(len(channel.connections) for channel in self._channels)

    def connection(
        self,
        on_over: Callable[[RpcConnection], None] | None = None,
        *,
        admissions: int = ADMISSIONS,
    ) -> RpcConnection:
        """A session to be opened, which is asked for so often.

        Args:
            on_over: told at its end.
            admissions: how often the host is asked for it before its opening has failed.
        """
        channel = next((each for each in self._channels if not each.is_full), None)
        if channel is None:
            channel = self._connected()

        def over(connection: RpcConnection) -> None:
            channel.connections.discard(connection)
            if on_over is not None:
                on_over(connection)

        shown = self.endpoint.shown
        connection = RpcConnection(channel.service, shown, over, admissions=admissions)
        channel.connections.add(connection)
        return connection

    async def why_not_serving(self, seconds: float) -> RpcFailure | str | None:
        """Why the host accepts no session now; None if it reports that it serves."""
        channel = self._channels[0] if self._channels else self._connected()
        try:
            return None if await channel.service.is_serving(seconds) else "it is not serving"
        except grpc.aio.AioRpcError as error:
            failure = RpcFailure.of(error)
            return None if failure.is_unimplemented else failure

    def _connected(self) -> _Channel:
        channel = _Channel(connect(self.endpoint, self._token, self._tls))
        self._channels.append(channel)
        return channel

    async def aclose(self) -> None:
        """End what goes over the channels, and close them."""
        connections = [each for channel in self._channels for each in channel.connections]
        ends = [connection.leave("session") for connection in connections]
        await asyncio.gather(*ends, return_exceptions=True)
        await asyncio.gather(*(channel.service.aclose() for channel in self._channels))
        self._channels.clear()
