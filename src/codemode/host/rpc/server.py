"""A gRPC server with everything on it that a host offers, and with bounds on what clients may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc_health.v1 import _async as aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from ...grpc import code_mode_pb2, stored_values_pb2
from ...grpc.values import BESIDE_BYTES, MESSAGE_BYTES
from .metadata import bearer_token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...tokens import Source
    from ..listen import Access

SERVICES: Final = tuple(
    service.full_name
    for file in (code_mode_pb2.DESCRIPTOR, stored_values_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
)

STREAMS: Final = 8_192
"""RPCs under way on one connection."""

OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES + BESIDE_BYTES),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.max_concurrent_streams", STREAMS),
    # Of a burst, gRPC cancels what goes beyond 1,000 by chance, and all beyond 3,000, unasked.
    ("grpc.server.max_pending_requests", STREAMS),
    ("grpc.server.max_pending_requests_hard_limit", 2 * STREAMS),
    # A message that is small on the wire and large in memory is no use to anybody else.
    ("grpc.compression_enabled_algorithms_bitset", 1),
    # Two hosts at one port would share its clients.
    ("grpc.so_reuseport", 0),
    # A connection that nobody is at the other end of is found out; a client may ask as often.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
)


HEALTH_CHECK: Final = f"/{health.SERVICE_NAME}/Check"


class TokenInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs alone
    """Lets in who brings a token, and tells the others whether theirs is wrong or missing, or that the host is alive.

    Args:
        tokens: one of them has to be brought.
        readiness: what a stranger may know.
    """

    def __init__(self, tokens: Source, readiness: Readiness) -> None:
        self._tokens = tokens
        self._alive = _saying(readiness)

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Refuse every RPC without the token, but a health check."""
        shown = bearer_token(handler_call_details.invocation_metadata)
        if shown is not None and self._tokens.current().name_of(shown) is not None:
            return await continuation(handler_call_details)
        if handler_call_details.method == HEALTH_CHECK:
            return self._alive
        return _MISSING if shown is None else _WRONG


def _refusing(why: str) -> grpc.RpcMethodHandler[Any, Any]:
    """Reads no message: what a stranger sends is not even taken in."""

    async def refuse(_: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, why)

    return grpc.stream_stream_rpc_method_handler(refuse)


class Readiness:
    """Whether a host takes sessions, as it says to whoever checks its health."""

    def __init__(self) -> None:
        self.status = health_pb2.HealthCheckResponse.SERVING
        self.checks = aio.HealthServicer()

    async def serve(self) -> None:
        """Say that it does."""
        for name in ("", *SERVICES):
            await self.checks.set(name, self.status)

    async def end(self) -> None:
        """Say that it does not, from now on."""
        self.status = health_pb2.HealthCheckResponse.NOT_SERVING
        await self.checks.enter_graceful_shutdown()


def _saying(readiness: Readiness) -> grpc.RpcMethodHandler[Any, Any]:
    """The same answer about every service, so that its name is not read either."""

    async def say(_: object, __: object) -> health_pb2.HealthCheckResponse:
        return health_pb2.HealthCheckResponse(status=readiness.status)

    return grpc.stream_unary_rpc_method_handler(
        say, response_serializer=health_pb2.HealthCheckResponse.SerializeToString
    )


_MISSING: Final = _refusing("a bearer token is required")
_WRONG: Final = _refusing("the bearer token is not the one that this host asks for")


async def make_server(
    handlers: tuple[grpc.GenericRpcHandler[Any, Any], ...], access: Access, readiness: Readiness
) -> grpc.aio.Server:
    """A server that serves nothing yet, anywhere."""
    guards = [] if access.tokens is None else [TokenInterceptor(access.tokens, readiness)]
    server = grpc.aio.server(interceptors=guards, options=OPTIONS)
    server.add_generic_rpc_handlers(handlers)
    await readiness.serve()
    health_pb2_grpc.add_HealthServicer_to_server(readiness.checks, server)
    names = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    return server


def credentials(access: Access) -> grpc.ServerCredentials | None:
    """What the host shows of itself and asks of clients, if it speaks TLS."""
    if access.key is None or access.certificate is None:
        return None
    return grpc.ssl_server_credentials(
        [(access.key, access.certificate)],
        root_certificates=access.client_authority,
        require_client_auth=access.client_authority is not None,
    )
