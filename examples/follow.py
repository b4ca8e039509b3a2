"""Follow a program while it runs: what it writes, says and calls, as it happens.

python examples/follow.py
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing

from codemode import (
    CallEnded,
    CellEnded,
    CellNotification,
    CellOutput,
    CodeMode,
    ToolError,
    tool,
)

PROGRAM = """
const pages = ["/", "/about", "/old", "/contact"];
let done = 0;
await Promise.all(pages.map(async (path) => {
  const size = await tools.fetch_page({ path }).catch((error) => error);
  text(`${path}: ${size}`);
  notify(`${++done} of ${pages.length}`);
}));
"""


@tool
async def fetch_page(path: str) -> int:
    "The size of a page, in bytes."
    await asyncio.sleep(random.random() / 2)
    if path == "/old":
        raise ToolError("404, not found")
    return len(path) * 1_000


async def main() -> None:
    async with CodeMode(tools=[fetch_page]) as cm, aclosing(cm.stream(PROGRAM)) as events:
        async for event in events:
            match event:
                case CellOutput(item=item):
                    print(f"  {item}")
                case CellNotification(text=text):
                    print(f"[{text}]")
                case CallEnded(call=call):
                    print(f"{call.tool} {call.status} after {call.milliseconds:.0f} ms")
                case CellEnded(result=result):
                    calls = len(result.calls)
                    print(f"{result.status}: {calls} calls, {len(result.output)} characters")


if __name__ == "__main__":
    asyncio.run(main())
