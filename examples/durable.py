"""Five transfers side by side; one waits for a person, its process is killed, and another one goes on.

python examples/durable.py
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from codemode import CodeMode, Policy, ask

PROGRAM = """
const cents = [500, 700, 90_000, 800, 900];
const transfers = cents.map((each, at) => tools.transfer({ to: `account ${at + 1}`, cents: each }));
text((await Promise.all(transfers)).join("\\n"));
"""


async def transfer(to: str, cents: int) -> str:
    "Transfer money."
    print(f"process {'one' if len(sys.argv) > 1 else 'two'} transfers {cents / 100:.2f} to {to}")
    return f"{cents / 100:.2f} went to {to}"


def code_mode(store: Path) -> CodeMode:
    policy = Policy([ask("transfer", when=lambda call: call.arguments["cents"] > 10_000)])
    return CodeMode(tools=[transfer], policy=policy, store=store, session="user-7")


async def until_it_asks(store: Path) -> None:
    """Process one: run the program until only the call that asks is left, and die."""
    cm = code_mode(store)
    result = await cm.exec(PROGRAM)
    while len(result.waiting_for) > 1:
        result = await cm.wait(result, yield_time_ms=10)
    await cm.wait(
        result, yield_time_ms=10
    )  # what has ended by now is in the store when this returns
    sys.stdout.flush()
    os.kill(os.getpid(), 9)


async def go_on(store: Path) -> None:
    """Process two: approve what waits, and get the end."""
    async with code_mode(store) as cm:
        await cm.resume()
        for approval in cm.pending_approvals():
            print(f"{approval.id} is approved")
            await cm.approve(approval.id)
        print((await cm.wait("1")).output)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(until_it_asks(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder, "cells.db")
            subprocess.run([sys.executable, __file__, str(store)], check=False)
            asyncio.run(go_on(store))
