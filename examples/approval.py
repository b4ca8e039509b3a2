"""Five transfers side by side; two of them wait for a person, who decides in another order.

python examples/approval.py
"""

import asyncio

from codemode import ApprovalRequested, CellEnded, CellOutput, CodeMode, Policy, ask, tool

PROGRAM = """
const cents = [500, 20_000, 700, 90_000, 900];
await Promise.all(cents.map(async (each, at) => {
    try { text(`${at + 1}: ${await tools.transfer({ to: "bob", cents: each })}`); }
    catch (error) { text(`${at + 1}: ${String(error).split("\\n")[0]}`); }
}));
"""


@tool(timeout=10, annotations={"destructiveHint": True})
async def transfer(to: str, cents: int) -> str:
    "Transfer money."
    return f"{cents / 100:.2f} went to {to}"


async def main() -> None:
    policy = Policy([ask("transfer", when=lambda call: call.arguments["cents"] > 10_000)])
    questions: list[str] = []
    async with CodeMode(tools=[transfer], policy=policy) as cm:
        async for event in cm.stream(PROGRAM):
            if isinstance(event, CellOutput):
                print(getattr(event.item, "text", ""))
            elif isinstance(event, ApprovalRequested):
                call = event.approval.call
                print(f"?: {event.approval.id} would transfer {call.arguments['cents'] / 100:.2f}")
                questions.append(event.approval.id)
                if len(questions) == 2:
                    await cm.refuse(questions[1], "not so much")
                    await cm.approve(questions[0], arguments={"cents": 15_000})
            elif isinstance(event, CellEnded):
                print(f"the program has {event.result.status}")


if __name__ == "__main__":
    asyncio.run(main())
