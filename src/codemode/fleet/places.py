"""Where the hosts of a fleet are: a fixed list, or the addresses of a name."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, runtime_checkable

from ..errors import EngineError, UsageError
from ..remote.rpc.endpoint import parse_endpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 5.0
"""How old the addresses of a name may be before they are asked for again."""

RESOLVE_SECONDS: Final = 5.0
"""How long that may take."""


@dataclass(frozen=True, slots=True)
class HostPlace:
    """A host of a fleet.

    Attributes:
        endpoint: as ``GrpcSessionProvider`` takes it.
        room: how many sessions of one provider it takes; None: the host alone decides.
        is_draining: it takes no session more, and those that are there go elsewhere.
    """

    endpoint: str
    room: int | None = None
    is_draining: bool = False


@runtime_checkable
class Places(Protocol):
    """Knows where the hosts of a fleet are now."""

    async def places(self) -> Sequence[HostPlace]:
        """The hosts that there are. Asked whenever a session is opened: keep what is costly to find.

        Raises:
            EngineError: nothing is known, not even what was true a while ago.
        """

    async def aclose(self) -> None:
        """Release what is held; no call follows."""


class StaticPlaces:
    """Hosts that do not change.

    Args:
        endpoints: one at least, each as ``GrpcSessionProvider`` takes it.

    Raises:
        UsageError: there is none, one is named twice, or one is no endpoint.
    """

    def __init__(self, *endpoints: str | HostPlace) -> None:
        found = [each if isinstance(each, HostPlace) else HostPlace(each) for each in endpoints]
        if not found:
            raise UsageError(
                "a fleet needs one host at least\nHint: StaticPlaces('grpc://10.0.0.1:50051')"
            )
        seen: set[str] = set()
        for each in found:
            parse_endpoint(each.endpoint, tls=False)
            if each.endpoint in seen:
                raise UsageError(f"the host {each.endpoint} is named twice")
            seen.add(each.endpoint)
        self._places = found

    def __repr__(self) -> str:
        return f"<{len(self._places)} places>"

    async def places(self) -> Sequence[HostPlace]:
        """All of them."""
        return self._places

    async def aclose(self) -> None:
        """Nothing is kept open."""


class DnsPlaces:
    """The hosts behind a name, one for each of its addresses, as a headless Service of Kubernetes has them.

    Addresses are asked for again after ``refresh_seconds``, when a session is opened. A name that cannot be
    resolved for the moment keeps the addresses that it had.

    Args:
        name: ``HOST:PORT``.
        scheme: ``"grpc"`` without TLS, ``"https"`` with it. Certificates are then checked against
            ``GrpcTls(server_name=…)``: a host is called by its address.
        refresh_seconds: how old addresses may be.

    Raises:
        UsageError: the name cannot be used.
    """

    def __init__(
        self,
        name: str,
        *,
        scheme: Literal["grpc", "https"] = "grpc",
        refresh_seconds: float = REFRESH_SECONDS,
    ) -> None:
        host, colon, port = name.rpartition(":")
        if not (host and colon and port.isascii() and port.isdecimal()) or scheme not in (
            "grpc",
            "https",
        ):
            raise UsageError(
                f"the name {name!r} cannot be used: write HOST:PORT, and the scheme 'grpc' or 'https'"
            )
        self._host, self._port, self._scheme = host.strip("[]"), int(port), scheme
        parse_endpoint(f"{scheme}://{name}", tls=False)
        self._refresh_seconds = refresh_seconds
        self._known: list[HostPlace] = []
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._trouble = ""

    def __repr__(self) -> str:
        return f"<the {len(self._known)} places of {self._host}:{self._port}>"

    async def places(self) -> Sequence[HostPlace]:
        """One for each address.

        Raises:
            EngineError: the name has never been resolved, and cannot be now.
        """
        loop = asyncio.get_running_loop()
        if loop.time() - self._asked_at >= self._refresh_seconds:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask(), name="addresses of a fleet")
            if not self._known:  # a stale list is used while the new one is fetched
                await asyncio.shield(self._asking)
        if not self._known:
            raise EngineError(f"no host is known: {self._trouble}")
        return self._known

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await loop.getaddrinfo(
                    self._host, self._port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
                )
        except TimeoutError:
            self._failed(f"{self._host} was not resolved within {RESOLVE_SECONDS:g} s")
        except OSError as error:
            self._failed(f"{self._host} cannot be resolved: {error.strerror or error}")
        else:
            self._asked_at, self._trouble = loop.time(), ""
            addresses = sorted({str(address[4][0]) for address in found})
            self._known = [HostPlace(self._endpoint(each)) for each in addresses]

    def _failed(self, trouble: str) -> None:
        if trouble != self._trouble:  # once, however often it is asked
            _log.warning("%s", trouble)
        self._trouble = trouble

    def _endpoint(self, address: str) -> str:
        shown = f"[{address}]" if ":" in address else address
        return f"{self._scheme}://{shown}:{self._port}"

    async def aclose(self) -> None:
        """Release what is held; no call follows."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
