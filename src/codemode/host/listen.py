"""Where a host listens, and who may come: its arguments, checked, without loading gRPC."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ..lazy_pattern import lazy_pattern
from ..tokens import HOW_TO_MAKE_ONE, LEAST_TOKEN, TokenError, TokenFile, parse_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..tokens import Source

Kind: TypeAlias = Literal["stdio", "grpc+stdio", "tcp", "unix"]

TOKEN_VARIABLE: Final = "CODEMODE_HOST_TOKEN"

GREATEST_PORT: Final = 2**16 - 1
PORT_DIGITS: Final = 5

_PLACE: Final = lazy_pattern(r"(?P<host>\[.*\]|[^:]*)(?::(?P<port>[^:]*))?")

FORMS: Final = "`stdio://`, `grpc+stdio://`, `grpc://IP:PORT` or `unix:PATH`"


class ListenError(ValueError):
    """The arguments do not go together, or name what is not there."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a host listens.

    Attributes:
        kind: how it is reached.
        host, port: of ``tcp``; port 0 lets the system choose.
        path: of ``unix``.
    """

    kind: Kind
    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.kind != "tcp" or ip_address(self.host).is_loopback

    @property
    def target(self) -> str:
        """The address as gRPC writes it."""
        if self.kind == "unix":
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """Who may come. Never shown.

    Attributes:
        tokens: one of them a client must bring, if there are any.
        certificate, key: PEM; with them the host speaks TLS.
        client_authority: PEM; with it a client must show a certificate signed by it.
    """

    tokens: Source | None = None
    certificate: bytes | None = None
    key: bytes | None = None
    client_authority: bytes | None = None

    def __repr__(self) -> str:
        return f"<access: tls={self.key is not None}, token={self.tokens is not None}>"


def parse_address(url: str) -> Address:
    """What ``--listen`` names.

    Raises:
        ListenError: nothing that there is.
    """
    if url in ("stdio", "stdio://"):
        return Address("stdio")
    if url == "grpc+stdio://":
        return Address("grpc+stdio")
    if url.startswith("unix:"):
        path = url.removeprefix("unix:").removeprefix("//")
        if not path:
            raise _unsupported(url, "it names no socket", "`unix:PATH`")
        return Address("unix", path=path)
    if url.startswith("grpc://"):
        return _tcp(url)
    raise ListenError(f"unsupported --listen URL `{url}`; expected {FORMS}")


def parse_status(url: str) -> Address:
    """What ``--status`` names.

    Raises:
        ListenError: no address of HTTP.
    """
    if not url.startswith("http://"):
        raise _unsupported(url, "it is no http:// URL", "`http://IP:PORT`", "status")
    return _tcp(url.removesuffix("/"), "http", "status")


def _tcp(url: str, scheme: str = "grpc", option: str = "listen") -> Address:
    expected = f"`{scheme}://IP:PORT`"
    found = _PLACE.fullmatch(url.removeprefix(f"{scheme}://"))
    if found is None:
        why = "an IPv6 address stands in brackets"
        raise _unsupported(url, why, f"`{scheme}://[IP]:PORT`", option)
    host, port = found["host"], found["port"]
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        what = f"`{host}` is no IP address" if host else "it names no IP address"
        raise _unsupported(url, what, expected, option) from None
    if not (port and port.isascii() and port.isdecimal()):
        what = f"`{port}` is no port" if port else "it names no port"
        raise _unsupported(url, f"{what}, 0 is any that is free", expected, option)
    if len(port) > PORT_DIGITS or int(port) > GREATEST_PORT:
        raise _unsupported(url, f"ports go up to {GREATEST_PORT}", expected, option)
    return Address("tcp", host=str(address), port=int(port))


def _unsupported(url: str, why: str, expected: str, option: str = "listen") -> ListenError:
    return ListenError(f"unsupported --{option} URL `{url}`: {why}; expected {expected}")


def read_access(
    files: Mapping[str, str], environment: Mapping[str, str], *, least: int = 1
) -> Access:
    """Read what ``--token-file``, ``--tls-cert``, ``--tls-key`` and ``--tls-client-ca`` name.

    Args:
        files: paths by option, without its dashes.
        environment: where the token may be instead.
        least: characters of a token that comes into the file later.

    Raises:
        ListenError: a file cannot be read, or one is missing for another to make sense.
    """
    certificate, key = _read(files, "tls-cert"), _read(files, "tls-key")
    authority = _read(files, "tls-client-ca")
    if (certificate is None) != (key is None):
        raise ListenError("--tls-cert and --tls-key belong together")
    if authority is not None and key is None:
        raise ListenError("--tls-client-ca needs --tls-cert and --tls-key")
    return Access(_tokens(files, environment, least), certificate, key, authority)


def check_certificates(files: Mapping[str, str]) -> None:
    """Refuse files that TLS cannot use; gRPC would only say that it cannot listen.

    Args:
        files: as ``read_access`` takes them.

    Raises:
        ListenError: names the file, and what is wrong with it.
    """
    certificate, key = files.get("tls-cert"), files.get("tls-key")
    if certificate is None or key is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")  # how long a key must be is gRPC's to say
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except OSError as error:
        raise ListenError(
            f"--tls-cert and --tls-key: {certificate} and {key} are no certificate and its key"
            f" in PEM, without a password{_reason(error)}"
        ) from None
    authority = files.get("tls-client-ca")
    try:
        if authority is not None:
            context.load_verify_locations(authority)
    except OSError as error:
        raise ListenError(
            f"--tls-client-ca: {authority} holds no certificate in PEM{_reason(error)}"
        ) from None


def _no_password() -> bytes:
    """Without it OpenSSL asks at the terminal."""
    return b""


def _reason(error: OSError) -> str:
    """What OpenSSL says, where it says more than that it cannot read the file."""
    said = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return f": {said.lower().replace('_', ' ')}" if said else ""


def check_grpc(address: Address) -> None:
    """Refuse options that only gRPC knows, for an address without it.

    Raises:
        ListenError: it has none.
    """
    if address.kind == "stdio":
        raise ListenError("the other options are for gRPC: give another --listen URL")


def check_access(address: Address, access: Access, *, insecure: bool) -> None:
    """Refuse to be reached from other machines by anybody, in the clear, or by who guesses a token.

    Raises:
        ListenError: that would be so.
    """
    if address.is_local:
        return
    if access.tokens is not None and not access.tokens.current().are_long_enough:
        raise ListenError(
            f"{address.host} can be reached from other machines: the token must have at least"
            f" {LEAST_TOKEN} characters\nhint: {HOW_TO_MAKE_ONE}"
        )
    if insecure:
        return
    missing = [
        option
        for option, there in (
            ("--tls-cert and --tls-key", access.key is not None),
            (f"--token-file (or {TOKEN_VARIABLE})", access.tokens is not None),
        )
        if not there
    ]
    if missing:
        raise ListenError(
            f"{address.host} can be reached from other machines: give {' and '.join(missing)},"
            " or --insecure to let anybody in who reaches it"
        )


def dangers(address: Address, access: Access) -> str:
    """What others can do to a host at this address; empty if it is safe from them."""
    if address.is_local:
        return ""
    can = [
        text
        for text, there in (
            ("run programs here: there is no token", access.tokens is not None),
            ("read and change what is sent: there is no TLS", access.key is not None),
        )
        if not there
    ]
    return f"who reaches {address.host} can {', and '.join(can)}" if can else ""


def _tokens(files: Mapping[str, str], environment: Mapping[str, str], least: int) -> Source | None:
    path, text = files.get("token-file"), environment.get(TOKEN_VARIABLE)
    try:
        if path is not None:
            return TokenFile(Path(path), least=least)
        return None if text is None else parse_tokens(text)
    except OSError as error:
        raise ListenError(f"--token-file: cannot read {path}: {error.strerror}") from None
    except TokenError as error:
        where = TOKEN_VARIABLE if path is None else "--token-file"
        raise ListenError(f"{where} must hold a token: {error}") from None


def _read(files: Mapping[str, str], option: str) -> bytes | None:
    path = files.get(option)
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ListenError(f"--{option}: cannot read {path}: {error.strerror}") from None
