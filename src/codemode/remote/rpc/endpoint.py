"""Where a gRPC host is, and how it is known and trusted. Loads no gRPC."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ...errors import UsageError
from ...tokens import TOKEN_BYTES, is_token

if TYPE_CHECKING:
    from os import PathLike

FORMS: Final = "`grpc://HOST:PORT`, `http://HOST:PORT`, `https://HOST:PORT` or `unix:PATH`"

SOCKET_PATH_BYTES: Final = 107
"""Longest path of a socket on Linux."""

_PORTS: Final = {"http": 80, "https": 443, "grpc": None}


@dataclass(frozen=True, slots=True)
class GrpcTls:
    """Files, in PEM, with which a client and a host know each other.

    Attributes:
        ca: who signs the host's certificate; the system's authorities if left out.
        certificate, key: what the client shows of itself, if the host asks for it; both or neither.
        server_name: the name in the host's certificate, if it is not the one in the endpoint.

    Raises:
        UsageError: a certificate without its key, or a key without its certificate.
    """

    ca: str | PathLike[str] | None = None
    certificate: str | PathLike[str] | None = None
    key: str | PathLike[str] | None = field(default=None, repr=False)
    server_name: str | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise UsageError("a client certificate and its key belong together: give both")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that was read.

    Attributes:
        target: as gRPC writes it.
        shown: as people read it; no secret is in it.
        is_tls: the connection is encrypted.
        is_local: it does not leave this machine.
    """

    target: str
    shown: str
    is_tls: bool
    is_local: bool


def parse_endpoint(url: str, *, tls: bool) -> Endpoint:
    """Read an endpoint.

    Args:
        url: one of ``FORMS``.
        tls: the application has given certificates.

    Raises:
        UsageError: it is none. The text does not repeat what may hold a secret.
    """
    if url.startswith("unix:"):
        return _socket(url, tls=tls)
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname
    except ValueError:
        raise UsageError(f"the endpoint cannot be read; expected {FORMS}") from None
    if "@" in parts.netloc:
        raise UsageError(
            "the endpoint must not include credentials"
            "\nHint: give the token as `token=`, or on the command line as --host-token-file"
        )
    if parts.scheme not in _PORTS and url.partition(":")[2].startswith("//"):
        raise UsageError(f"there are no {parts.scheme}:// endpoints; expected {FORMS}")
    if parts.scheme not in _PORTS or not host or parts.path not in ("", "/"):
        raise UsageError(f"the endpoint cannot be read; expected {FORMS}")
    if parts.query or parts.fragment:
        raise UsageError(f"the endpoint must not have a query or fragment; expected {FORMS}")
    if parts.scheme == "http" and tls:
        raise UsageError("an http:// endpoint has no TLS: write https://")
    port = _PORTS[parts.scheme] if port is None else port
    if port is None:
        raise UsageError("a grpc:// endpoint names its port: `grpc://HOST:PORT`")
    is_tls = tls or parts.scheme == "https"
    return _address(host, port, is_tls=is_tls)


def _address(host: str, port: int, *, is_tls: bool) -> Endpoint:
    try:
        address = ip_address(host)
    except ValueError:
        named = f"{host}:{port}"
        return Endpoint(f"dns:///{named}", named, is_tls, host == "localhost")
    named = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    return Endpoint(f"ipv{address.version}:{named}", named, is_tls, address.is_loopback)


def _socket(url: str, *, tls: bool) -> Endpoint:
    path = url.removeprefix("unix:").removeprefix("//")
    if not path or "\0" in path:
        raise UsageError("a unix: endpoint names its socket: `unix:PATH`")
    if tls:
        raise UsageError("a unix: endpoint has no TLS: leave `tls` out")
    absolute = str(Path(path).absolute())
    if len(absolute.encode()) > SOCKET_PATH_BYTES:
        raise UsageError(f"the path of the socket is longer than {SOCKET_PATH_BYTES} bytes")
    return Endpoint(f"unix:{absolute}", f"unix:{path}", is_tls=False, is_local=True)


def check_token(token: str | None, endpoint: Endpoint, *, insecure: bool) -> None:
    """Refuse a token that is none, or that everybody on the way could read.

    Raises:
        UsageError: it is so. The text does not repeat it.
    """
    if token is None:
        return
    if not is_token(token):
        raise UsageError(f"a token is printable ASCII, 1 to {TOKEN_BYTES} characters")
    if not (endpoint.is_tls or endpoint.is_local or insecure):
        raise UsageError(
            f"the token would go to {endpoint.shown} where everybody on the way can read it"
            "\nHint: write https:// (the host needs --tls-cert and --tls-key), or give `insecure=True`"
        )
