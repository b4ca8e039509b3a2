"""Sessions whose cells run in a gRPC host, on this machine or another one."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..grpc.quiet import load_quietly
from .provider import RemoteProvider
from .rpc.endpoint import GrpcTls, check_token, parse_endpoint

if TYPE_CHECKING:
    from ..limits import Limits
    from .rpc.channels import ChannelPool
    from .rpc.connection import RpcConnection

__all__ = ["GrpcSessionProvider", "GrpcTls"]


class GrpcSessionProvider(RemoteProvider):
    """Makes sessions in a code-mode host that is there already: ours, or OpenAI's.

    Thirty sessions share a connection, made by the first of them. A session that is lost, with the host or
    the way to it, is opened anew by its next ``execute``, which says once what was lost; the one
    after it goes on. A session here runs no cell to its pending frontier (``execute_to_pending``).

    Args:
        endpoint: ``grpc://HOST:PORT``, ``http://HOST:PORT``, ``https://HOST:PORT`` or ``unix:PATH``.
        token: a bearer token that the host asks for. It is in no log and no error.
        tls: certificates, where the system's authorities do not do.
        insecure: let the token be read by everybody on the way: needed for a host on another
            machine that has no TLS.
        limits: bounds for sessions that are created without their own. The host keeps its own
            too, and is told of ``heap_bytes`` and ``max_yield_time_ms``.

    Raises:
        UsageError: the endpoint or the token cannot be used, or gRPC is not installed.

    Example:
        >>> GrpcSessionProvider("grpc://127.0.0.1:50051")
        <grpc session provider for 127.0.0.1:50051, 0 sessions>
    """

    def __init__(
        self,
        endpoint: str,
        *,
        token: str | None = None,
        tls: GrpcTls | None = None,
        insecure: bool = False,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(limits)
        self._endpoint = parse_endpoint(endpoint, tls=tls is not None)
        check_token(token, self._endpoint, insecure=insecure)
        check_installed()
        self._token = token
        self._tls = tls
        self._pool: ChannelPool | None = None

    def __repr__(self) -> str:
        return f"<grpc session provider for {self._endpoint.shown}, {len(self._sessions)} sessions>"

    async def connection(self) -> RpcConnection:
        """A session to be opened (``session.Hosts``)."""
        self._check_open()
        if self._pool is None:
            load_quietly()
            from .rpc.channels import ChannelPool  # noqa: PLC0415 - gRPC takes long to load

            self._pool = ChannelPool(self._endpoint, self._token, self._tls)
        return self._pool.connection()

    async def _end_connections(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()


def check_installed() -> None:
    """Raise UsageError where gRPC is not installed; loads nothing."""
    for name in ("grpc", "google.protobuf"):
        try:
            found = find_spec(name)
        except (ModuleNotFoundError, ValueError):  # the package that it would be in; or blocked
            found = None
        if found is None:
            raise UsageError(
                f"a gRPC host needs the module `{name}`\nHint: pip install 'codemode[grpc]'"
            )
