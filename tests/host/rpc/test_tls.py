"""A gRPC host that speaks TLS, and one that asks its clients for certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from codemode.grpc import code_mode_pb2 as pb
from tests.certificates import Identity, identity, needs_openssl

from .hosts import client, host, status_of, texts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_openssl


def shown_by(own: Identity | None, trusted: Identity) -> grpc.ChannelCredentials:
    """What a client shows and trusts."""
    return grpc.ssl_channel_credentials(
        trusted.certificate.read_bytes(),
        None if own is None else own.key.read_bytes(),
        None if own is None else own.certificate.read_bytes(),
    )


async def test_a_client_that_trusts_the_certificate_is_served(tmp_path: Path) -> None:
    own = identity(tmp_path, "host")
    options = (f"--tls-cert={own.certificate}", f"--tls-key={own.key}")

    async with host(*options) as running, client(running, shown_by(None, own)) as there:
        _, session_id = await there.open()
        outcome = await there.run(session_id, "e", "text(1)")

    assert running.where.startswith("https://127.0.0.1:")
    assert texts(outcome) == ["1"]


async def test_a_client_without_the_right_certificate_is_not_served(tmp_path: Path) -> None:
    own, known, stranger = (identity(tmp_path, name) for name in ("host", "known", "stranger"))
    options = (
        f"--tls-cert={own.certificate}",
        f"--tls-key={own.key}",
        f"--tls-client-ca={known.certificate}",
    )

    async with host(*options) as running:
        found = []
        for shown in (None, stranger, known):
            async with client(running, shown_by(shown, own)) as there:
                rpc = there.call("GetProcessMetrics", pb.GetProcessMetricsRequest())
                found.append((await status_of(rpc))[0])

    assert found == [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.OK,
    ]
