"""A session may go on in another event loop, as in a program that calls ``asyncio.run`` again."""

import asyncio
import gc
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from codemode.protocol.types import CellId, TextItem, WaitRequest
from codemode.runtime.local import LocalSessionProvider
from codemode.runtime.session import SessionRuntime
from tests.engine.driving import alive, processes

from .doubles import Recorder, bounded, request

pytestmark = [
    # asyncio has no way to close a transport whose loop is closed.
    pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What a closed loop has left is collected here, where its warnings are expected."""
    yield
    gc.collect()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """In a loop of its own, which is closed behind it."""
    return asyncio.run(bounded(work))


async def response(session: SessionRuntime, source: str) -> Any:
    started = await session.execute(request(source))
    return await started.initial_response()


def test_stored_values_outlive_a_loop_and_live_cells_do_not() -> None:
    delegate = Recorder()
    provider = LocalSessionProvider()
    session = run(provider.create_session(delegate))
    before = set(processes())
    run(response(session, "store('k', 1)"))
    run(response(session, "yield_control(); await new Promise(() => {})"))
    value = run(response(session, "text(load('k'))"))
    waited = run(session.wait(WaitRequest(cell_id=CellId("2"))))
    run(response(session, "yield_control(); for (;;);"))
    run(provider.aclose())
    gc.collect()

    assert value.items == (TextItem("1"),)
    assert waited.response.error_text == "exec cell 2 not found"
    assert delegate.closed == ["1", "2", "3", "4"]
    assert alive(set(processes()) - before) == set()
