"""The RPCs of a host as one client calls them: over one channel, with its token, and with bounds.

Nothing that a host has begun is ever sent again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc_health.v1 import health, health_pb2

from ...errors import UsageError
from ...grpc import code_mode_pb2, stored_values_pb2
from ...grpc.methods import methods
from ...grpc.values import BESIDE_BYTES, MESSAGE_BYTES
from ...trace_headers import trace_headers
from .endpoint import GrpcTls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from os import PathLike

    from google.protobuf.message import Message

    from .endpoint import Endpoint

_HOST: Final = code_mode_pb2.DESCRIPTOR.services_by_name["CodeModeHost"]
_STORED: Final = stored_values_pb2.DESCRIPTOR.services_by_name["StoredValues"]

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES + BESIDE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.max_metadata_size", 16 * 1024),
    # A message that is small on the wire and large in memory is no use to anybody else.
    ("grpc.compression_enabled_algorithms_bitset", 1),
    # What goes to a host is not for a proxy that somebody has named for browsing.
    ("grpc.enable_http_proxy", 0),
    # Two providers have two connections, with a token each.
    ("grpc.use_local_subchannel_pool", 1),
    # A host that is not there any more, and has not said so, is found out. The pings of HTTP/2 have a
    # timeout of their own, a minute, which comes on top if it is not set.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A host that comes back is found soon.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class HostStubs:
    """A channel to a host, and its RPCs by name."""

    def __init__(self, channel: Any, token: str | None) -> None:
        self._channel = channel
        self._metadata = () if token is None else (("authorization", f"Bearer {token}"),)
        self._stubs: dict[str, Any] = {}
        self._check = channel.unary_unary(
            f"/{health.SERVICE_NAME}/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        for service in (_HOST, _STORED):
            for name, method in methods(service).items():
                make = channel.unary_stream if method.streams else channel.unary_unary
                self._stubs[name] = make(
                    method.path,
                    request_serializer=method.request.SerializeToString,
                    response_deserializer=method.response.FromString,
                )

    def call(
        self,
        name: str,
        request: Message,
        *,
        route: str | None = None,
        seconds: float | None = None,
    ) -> Any:
        """Begin an RPC: a ``grpc.aio.Call``. Where ``seconds`` is left out somebody else bounds it."""
        metadata = self._metadata
        if route is not None:
            metadata = (*metadata, (ROUTE, route))
        metadata = (*metadata, *trace_headers().items())
        return self._stubs[name](request, timeout=seconds, metadata=metadata)

    async def is_serving(self, seconds: float) -> bool:
        """Whether the host says that it takes sessions.

        Raises:
            AioRpcError: it does not answer within so many seconds, or has no such RPC.
        """
        answer = await self._check(health_pb2.HealthCheckRequest(), timeout=seconds)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def aclose(self) -> None:
        """Close the channel, and with it whatever goes over it."""
        await self._channel.close()


END: Final[Any] = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs do not know it
"""What a stream gives when there is nothing more."""

ROUTE: Final = "x-code-mode-route"
"""Header that a host answers an opening with, to be shown with every RPC of that session."""


async def each(stream: Any) -> AsyncIterator[Any]:
    """What a stream gives from now on; gRPC's own iteration cannot follow a single ``read``.

    Raises:
        AioRpcError: it ends with another status than OK.
    """
    while (message := await stream.read()) is not END:
        yield message


def connect(endpoint: Endpoint, token: str | None, tls: GrpcTls | None) -> HostStubs:
    """A channel that connects when it is first used.

    Raises:
        UsageError: a file of ``tls`` cannot be read.
    """
    tls = tls or GrpcTls()
    options: tuple[tuple[str, str | int], ...] = _OPTIONS
    if tls.server_name is not None:
        options = (*options, ("grpc.ssl_target_name_override", tls.server_name))
    if not endpoint.is_tls:
        return HostStubs(grpc.aio.insecure_channel(endpoint.target, options=options), token)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_read(tls.ca),
        private_key=_read(tls.key),
        certificate_chain=_read(tls.certificate),
    )
    return HostStubs(grpc.aio.secure_channel(endpoint.target, credentials, options=options), token)


def _read(path: str | PathLike[str] | None) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path} for TLS: {error.strerror}") from None
