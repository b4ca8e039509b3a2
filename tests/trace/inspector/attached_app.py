"""A program whose session an inspector looks at: a call that waits for approval, and a cell that waits for a tool."""

import asyncio

from codemode import CodeMode, Policy, ask


async def pay(amount: int) -> str:
    """Pay so much."""
    return f"paid {amount}"


async def forever() -> None:
    """Never end."""
    await asyncio.Event().wait()


PAYS = """\
store("order", { item: "umbrella" });
text(await tools.pay({ amount: 1 }).catch(String));
"""


async def main() -> None:
    policy = Policy([ask("pay", prompt="May this be paid?")])
    async with CodeMode(tools=[pay, forever], policy=policy, session="user-7") as cm:
        await cm.exec('store("kept", [1, 2, 3])', call_id="call_0")
        paying = [await cm.exec(PAYS, call_id=f"call_{n}", yield_time_ms=1) for n in (1, 2)]
        waiting = await cm.exec("await tools.forever()", call_id="call_3", yield_time_ms=1)
        print("ready", flush=True)
        for cell in (*paying, waiting):
            result = cell
            while result.running:
                result = await cm.wait(result, yield_time_ms=60_000)
            print(result.status, result.output.partition("\n")[0], flush=True)


asyncio.run(main())
