"""Endpoints: what is read, what is refused, and that no secret is repeated."""

from __future__ import annotations

import pytest

from codemode import GrpcSessionProvider, GrpcTls, UsageError
from codemode.remote.rpc.endpoint import Endpoint, parse_endpoint

READ = {
    "grpc://127.0.0.1:5": Endpoint("ipv4:127.0.0.1:5", "127.0.0.1:5", False, True),
    "http://[::1]:5/": Endpoint("ipv6:[::1]:5", "[::1]:5", False, True),
    "http://far.example": Endpoint("dns:///far.example:80", "far.example:80", False, False),
    "https://far.example": Endpoint("dns:///far.example:443", "far.example:443", True, False),
    "unix:/run/host": Endpoint("unix:/run/host", "unix:/run/host", False, True),
    "unix:///run/host": Endpoint("unix:/run/host", "unix:/run/host", False, True),
}


@pytest.mark.parametrize("url", READ)
def test_an_endpoint_is_read(url: str) -> None:
    assert parse_endpoint(url, tls=False) == READ[url]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host:5",
        "ftp://host:5",
        "grpc://host",
        "grpc://:5",
        "grpc://host:99999",
        "http://host/path",
        "http://host?a=b",
        "unix:",
        "unix:/" + "a" * 120,
        "http://[::1",
    ],
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        parse_endpoint(url, tls=False)


@pytest.mark.parametrize("scheme", ["http", "https", "grpc"])
@pytest.mark.parametrize("secret", ["user:hunter2", "hunter2", ":hunter2"])
def test_credentials_in_an_endpoint_are_refused_and_not_repeated(scheme: str, secret: str) -> None:
    with pytest.raises(UsageError, match="must not include credentials") as refused:
        GrpcSessionProvider(f"{scheme}://{secret}@127.0.0.1:5")

    assert "hunter2" not in str(refused.value)


def test_a_token_is_not_sent_where_everybody_can_read_it() -> None:
    with pytest.raises(UsageError, match=r"everybody on the way can read it") as refused:
        GrpcSessionProvider("grpc://192.0.2.1:5", token="s3cret")

    assert "s3cret" not in str(refused.value)
    GrpcSessionProvider("grpc://192.0.2.1:5", token="s3cret", insecure=True)
    GrpcSessionProvider("https://192.0.2.1:5", token="s3cret")


@pytest.mark.parametrize("token", ["", "a\nb", "é", "x" * 5_000])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match=r"^a token is printable ASCII"):
        GrpcSessionProvider("grpc://127.0.0.1:5", token=token)


def test_a_certificate_and_its_key_belong_together() -> None:
    with pytest.raises(UsageError, match="belong together"):
        GrpcTls(certificate="cert.pem")
