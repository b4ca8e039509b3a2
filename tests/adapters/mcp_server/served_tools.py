"""The tools that the served programs call. Files tell the tests what has happened."""

import asyncio
import sys
from pathlib import Path

sys.stdout.write("a module of tools may print\n")


def add(a: float, b: float) -> float:
    "Add two numbers."
    sys.stdout.write("and so may a tool\n")
    return a + b


async def hold(folder: str) -> None:
    "Write the file `begun`, and `ended` when the call is over, which it never is by itself."
    _touch(folder, "begun")
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        _touch(folder, "ended")


def _touch(folder: str, name: str) -> None:
    Path(folder, name).touch()


tools = [add, hold]
