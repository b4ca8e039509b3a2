"""The contract of a session, held by sessions over gRPC, at our host and at OpenAI's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from codemode import GrpcSessionProvider
from codemode.protocol.session import SessionProvider
from tests.remote.hosts import WHICH
from tests.remote.test_contract import NOT_IN_V1
from tests.runtime.test_session import *  # noqa: F403 - the tests themselves
from tests.runtime.test_session import client, make_session  # noqa: F401 - what they need

from .hosts import listening

NOT_IN_GRPC: Final = {
    **NOT_IN_V1,
    "test_a_notification_that_never_ends_does_not_hinder_a_termination": "a cell at a gRPC host does not wait for its notifications",
}
OTHERWISE_AT_OPENAI: Final = {
    "test_what_is_no_plain_value_is_not_stored": "it words the error otherwise",
}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(  # type: ignore[no-redef]
    loop_scope="module", scope="module", params=WHICH
)
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[SessionProvider]:
    async with listening(request.param) as host, GrpcSessionProvider(host.url) as provider:
        yield provider


@pytest.fixture(autouse=True)
def applies(request: pytest.FixtureRequest) -> None:
    name = request.node.originalname
    if name in NOT_IN_GRPC:
        pytest.skip(NOT_IN_GRPC[name])
    if "openai" in request.node.callspec.id and name in OTHERWISE_AT_OPENAI:
        pytest.skip(OTHERWISE_AT_OPENAI[name])
