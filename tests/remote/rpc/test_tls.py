"""A provider and a host that speak TLS with each other: who is let in, and what the others read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from codemode import EngineError, GrpcSessionProvider, GrpcTls, UsageError
from codemode.remote.rpc.service import HostStubs
from tests.certificates import Identity, identity, needs_openssl
from tests.remote.sessions import text
from tests.remote.stage import bounded
from tests.runtime.doubles import Recorder

from .hosts import Host, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = needs_openssl

TOKEN = "s3cret"


@dataclass(frozen=True)
class Secured:
    """A host that asks for a token and for a certificate, and everybody's identity."""

    host: Host
    own: Identity
    client: Identity
    stranger: Identity

    def shown(self, who: Identity | None, *, trusts: Identity | None = None) -> GrpcTls:
        """What a client shows and trusts."""
        return GrpcTls(
            ca=(trusts or self.own).certificate,
            certificate=None if who is None else who.certificate,
            key=None if who is None else who.key,
        )


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    own, client, stranger = (identity(tmp_path, name) for name in ("own", "client", "stranger"))
    (tmp_path / "token").write_text(TOKEN)
    options = (
        *("--tls-cert", str(own.certificate), "--tls-key", str(own.key)),
        *("--tls-client-ca", str(client.certificate), "--token-file", str(tmp_path / "token")),
    )
    async with listening("ours", *options) as host:
        yield Secured(host, own, client, stranger)


async def refusal(provider: GrpcSessionProvider) -> str:
    """Why the provider gets no session."""
    async with provider:
        with pytest.raises(EngineError) as told:
            await bounded(provider.create_session(Recorder()))
    return str(told.value)


async def test_whoever_shows_the_right_certificate_and_token_is_served(secured: Secured) -> None:
    tls = secured.shown(secured.client)
    async with GrpcSessionProvider(secured.host.url, token=TOKEN, tls=tls) as provider:
        session = await bounded(provider.create_session(Recorder()))

        assert await text(session, "text('in')") == "in"


async def test_whoever_has_the_certificate_and_no_token_is_told_so(secured: Secured) -> None:
    tls = secured.shown(secured.client)

    assert (await refusal(GrpcSessionProvider(secured.host.url, tls=tls))).endswith(
        ": a bearer token is required"
    )


async def test_a_certificate_that_is_missing_or_strange_opens_nothing(secured: Secured) -> None:
    url, shown = secured.host.url, secured.shown
    found = [
        await refusal(GrpcSessionProvider(url, token=TOKEN, tls=shown(None))),
        await refusal(GrpcSessionProvider(url, token=TOKEN, tls=shown(secured.stranger))),
        await refusal(
            GrpcSessionProvider(
                url, token=TOKEN, tls=shown(secured.client, trusts=secured.stranger)
            )
        ),
    ]

    where = url.removeprefix("https://")
    for words in found:
        assert words.startswith(f"no session at code-mode host {where}: ")
        assert TOKEN not in words


async def test_a_host_that_will_never_be_trusted_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    call = HostStubs.call

    def counted(service: HostStubs, name: str, *request: Any, **options: Any) -> Any:
        asked.append(name)
        return call(service, name, *request, **options)

    monkeypatch.setattr(HostStubs, "call", counted)
    own, other = identity(tmp_path, "own", subject="DNS:cells.example"), identity(tmp_path, "other")
    options = ("--tls-cert", str(own.certificate), "--tls-key", str(own.key))
    async with listening("ours", *options) as host, listening("ours") as plain:
        strange = await refusal(GrpcSessionProvider(host.url, tls=GrpcTls(ca=other.certificate)))
        misnamed = await refusal(GrpcSessionProvider(host.url, tls=GrpcTls(ca=own.certificate)))
        clear = plain.url.replace("http://", "https://")
        without = await refusal(GrpcSessionProvider(clear, tls=GrpcTls(ca=own.certificate)))

    assert asked == ["OpenSession"] * 3
    assert "CERTIFICATE_VERIFY_FAILED" in strange
    assert "Hostname Verification Check failed" in misnamed
    assert "WRONG_VERSION_NUMBER" in without


async def test_a_host_by_another_name_is_believed_when_the_name_is_given(tmp_path: Path) -> None:
    own = identity(tmp_path, "own", subject="DNS:cells.example")
    options = ("--tls-cert", str(own.certificate), "--tls-key", str(own.key))
    async with listening("ours", *options) as host:
        assert "no session at" in await refusal(
            GrpcSessionProvider(host.url, tls=GrpcTls(ca=own.certificate))
        )
        named = GrpcTls(ca=own.certificate, server_name="cells.example")
        async with GrpcSessionProvider(host.url, tls=named) as provider:
            session = await bounded(provider.create_session(Recorder()))

            assert await text(session, "text('in')") == "in"


async def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    async with GrpcSessionProvider("https://127.0.0.1:1", tls=GrpcTls(ca=missing)) as provider:
        with pytest.raises(UsageError, match=r"missing\.pem"):
            await bounded(provider.create_session(Recorder()))
