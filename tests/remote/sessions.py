"""What tests do with a session in a host, whatever leads there."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from codemode import ExecuteRequest, GrpcSessionProvider, ProcessSessionProvider, WaitRequest
from codemode.remote.session import RemoteSession
from tests.runtime.doubles import Recorder, definitions, settle

from .stage import bounded

NEVER: Final = "await new Promise(() => {})"

MOMENTS: Final = (0, 1, 2, 3, 5, 8, 13, 40)
"""How many rounds of the loop to let pass before a caller is cancelled."""


def asked(source: str, *, yield_time_ms: int | None = None) -> ExecuteRequest:
    return ExecuteRequest(
        tool_call_id="call",
        enabled_tools=definitions("echo", "never"),
        source=source,
        yield_time_ms=yield_time_ms,
    )


async def run(session: RemoteSession, source: str, **options: Any) -> Any:
    started = await bounded(session.execute(asked(source, **options)))
    return await bounded(started.initial_response())


async def text(session: RemoteSession, source: str) -> str:
    response = await run(session, source)
    assert response.error_text is None
    return "\n".join(item.text for item in response.items)


async def cancel_callers(
    rounds: int, provider: ProcessSessionProvider | GrpcSessionProvider
) -> None:
    """Cancel whoever opens, executes and waits after so many rounds: nothing is left of them."""
    delegate = Recorder()
    creating = asyncio.create_task(provider.create_session(delegate))
    await settle(rounds)
    creating.cancel()
    await bounded(asyncio.wait([creating]))
    session = await bounded(provider.create_session(delegate))
    running = asyncio.create_task(run(session, NEVER))
    await settle(rounds)
    running.cancel()
    await bounded(asyncio.wait([running]))
    await run(session, f"yield_control(); {NEVER}")
    (alive,) = session.live_cells[-1:]
    waiting = asyncio.create_task(session.wait(WaitRequest(cell_id=alive)))
    await settle(rounds)
    waiting.cancel()
    await bounded(asyncio.wait([waiting]))
    outcome = await bounded(session.wait(WaitRequest(cell_id=alive, yield_time_ms=1)))
    assert type(outcome.response).__name__ == "Yielded"
    await bounded(session.terminate(alive))
    await bounded(session.shutdown())

    assert session.live_cells == ()
    assert len(delegate.closed) == len(set(delegate.closed))
