"""Recorded traces, kept beside what they reduce to: ``python -m tests.trace.recordings`` records them anew.

``programs`` has every way in which a cell, a call and a wait can end; the others are examples of the repository.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from codemode import CodeMode
from codemode.trace.bundle import Bundle
from codemode.trace.recorder import Recorder

FOLDER = Path(__file__).with_name("recorded")
ROOT = Path(__file__).parents[2]
REDUCED = "reduced.json"

EXAMPLES = {
    "weather": [
        *("-m", "codemode", "run", "--tools", "examples/weather_tools.py"),
        "examples/weather.js",
    ],
    "progress": ["-m", "codemode", "run", "examples/progress.js"],
    "approval": ["examples/approval.py"],
}


def recordings() -> dict[str, Path]:
    """The bundles that are kept, by name."""
    return {path.parent.name: path.parent for path in sorted(FOLDER.glob("*/manifest.json"))}


async def echo(value: str) -> str:
    """Give it back."""
    if value == "bad":
        raise ValueError(value)
    return value


async def forever() -> None:
    """Never end."""
    await asyncio.Event().wait()


SETTLED = """\
text("a");
yield_control();
const all = await Promise.allSettled(["x", "bad", "z"].map((value) => tools.echo({ value })));
text(all.length);
store("count", all.length);"""


async def run_programs(recorder: Recorder) -> None:
    """Cells, calls and waits that end in every way."""
    async with CodeMode(tools=[echo, forever], trace=recorder) as cm:
        await cm.exec('text(await tools.echo({ value: "hi" })); text("done")', call_id="call_1")
        settled = await cm.exec(SETTLED, call_id="call_2")
        await cm.wait(settled, call_id="call_3")
        await cm.exec('throw new Error("boom")', call_id="call_4")
        waiting = await cm.exec("yield_control(); await tools.forever()", call_id="call_5")
        await cm.wait(waiting, call_id="call_6", yield_time_ms=20)
        await cm.wait(waiting, call_id="call_7", terminate=True)
        await cm.exec("not javascript", call_id="call_8")
        await cm.exec("", call_id="call_9")
        await cm.wait("99", call_id="call_10")
        await cm.exec("yield_control(); await tools.forever()", call_id="call_11")
    recorder.close()


def _keep(bundle: Path, name: str) -> None:
    kept = FOLDER / name
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(bundle, kept)
    (kept / REDUCED).write_bytes(Bundle(kept).reduce().to_json() + b"\n")


def main() -> None:
    """Record everything again."""
    made = FOLDER / "made"
    recorder = Recorder(made / "programs", pack=False)
    asyncio.run(run_programs(recorder))
    _keep(recorder.path, "programs")
    for name, command in EXAMPLES.items():
        environment = {**os.environ, "CODEMODE_TRACE": str(made / name)}
        subprocess.run([sys.executable, *command], check=True, env=environment, cwd=ROOT)
        [bundle] = (made / name).iterdir()
        _keep(bundle, name)
    shutil.rmtree(made)


if __name__ == "__main__":
    main()
