"""A client that has a cell at the host, says so and does nothing more: ``python -m … URL``."""

from __future__ import annotations

import asyncio
import sys

from codemode import GrpcSessionProvider
from tests.remote.sessions import run
from tests.runtime.doubles import Recorder


async def main(url: str) -> None:
    async with GrpcSessionProvider(url) as provider:
        session = await provider.create_session(Recorder())
        await run(session, "yield_control(); await new Promise(() => {})")
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
