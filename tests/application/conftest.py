"""CodeMode over every provider: what an application sees must not depend on where cells run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import pytest

from codemode import GrpcSessionProvider, LocalSessionProvider, ProcessSessionProvider
from codemode.protocol.session import SessionProvider
from tests.remote.hosts import NO_ORACLE, ORACLE, OURS
from tests.remote.rpc.hosts import listening

Open = Callable[[], AbstractAsyncContextManager[SessionProvider]]


@asynccontextmanager
async def over_grpc(which: str) -> AsyncIterator[SessionProvider]:
    async with listening(which) as host, GrpcSessionProvider(host.url) as provider:
        yield provider


def published() -> ProcessSessionProvider:
    if ORACLE is None:
        pytest.skip(NO_ORACLE)
    return ProcessSessionProvider([str(ORACLE)])


PROVIDERS: Final[dict[str, Open]] = {
    "local": LocalSessionProvider,
    "process": lambda: ProcessSessionProvider(OURS),
    "grpc": lambda: over_grpc("ours"),
}
PUBLISHED: Final[dict[str, Open]] = {
    "published": published,
    "published grpc": lambda: over_grpc("openai"),
}


@pytest.fixture(
    params=[*PROVIDERS, *(pytest.param(each, marks=pytest.mark.published) for each in PUBLISHED)]
)
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[SessionProvider]:
    """Each provider with a host behind it."""
    async with {**PROVIDERS, **PUBLISHED}[request.param]() as provider:
        yield provider


@pytest.fixture(params=PROVIDERS)
async def own_provider(request: pytest.FixtureRequest) -> AsyncIterator[SessionProvider]:
    """The same, with hosts of our own only."""
    async with PROVIDERS[request.param]() as provider:
        yield provider
