"""The contract of a session, held by sessions in a host process: ours, and OpenAI's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from codemode import ProcessSessionProvider
from codemode.protocol.session import SessionProvider
from tests.runtime.test_session import *  # noqa: F403 - the tests themselves
from tests.runtime.test_session import make_session, client  # noqa: F401

from .hosts import NO_ORACLE, ORACLE, OURS

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["ours", "oracle"])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[SessionProvider]:
    if request.param == "oracle" and ORACLE is None:
        pytest.skip(NO_ORACLE)
    command = OURS if request.param == "ours" else (str(ORACLE),)
    async with ProcessSessionProvider(command) as provider:
        yield provider
