"""What a model's program can do: `make demo`.

A cell calls tools side by side, yields, is waited for, draws a chart; a second cell goes on with
what the first one stored; a third calls two MCP servers. Shown is what a model would read.
"""

import signal
import sys
import time

BEGAN = time.monotonic()
CTRL_C = signal.getsignal(signal.SIGINT)
if CTRL_C is signal.default_int_handler:
    # While the rest loads, Ctrl-C ends the process: a traceback would show code that is not the user's.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import repository_tools
from rich.console import Console, Group
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

from codemode import (
    CodeMode,
    ExecResult,
    ImageItem,
    McpServers,
    Next,
    StdioServer,
    TextItem,
    ToolCall,
)

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build"
TRACES = BUILD / "traces"
WIDEST = 100
"""Columns; on a narrower terminal what is shown is as narrow as that."""
TOOLS: list[Callable[..., object]] = [
    repository_tools.list_files,
    repository_tools.file_facts,
    repository_tools.commits,
    repository_tools.bar_chart,
]
SERVERS = {
    "git": StdioServer("mcp-server-git", cwd=HERE.parent),
    "time": StdioServer("mcp-server-time"),
}


class Demo:
    """Runs cells and shows them."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.console.width = min(self.console.width, WIDEST)
        self.calls: dict[str, int] = {}

    async def count(self, call: ToolCall, call_next: Next) -> Any:
        """A middleware: every nested call passes it."""
        self.calls[call.tool_name.name] = self.calls.get(call.tool_name.name, 0) + 1
        return await call_next(call)

    async def run(self, cm: CodeMode, name: str, source: str) -> None:
        code = Syntax(
            source.rstrip(),
            "javascript",
            theme="ansi_dark",
            background_color="default",
            word_wrap=True,  # nothing is cut off, however narrow the terminal
        )
        self.panel(f"exec · {name}", code, "cyan")
        result = await cm.exec(source)
        self.result(result)
        while result.running:
            assert result.cell_id is not None
            self.panel("wait", Text(f'{{"cell_id": "{result.cell_id}"}}'), "cyan")
            result = await cm.wait(result.cell_id)
            self.result(result)

    def result(self, result: ExecResult) -> None:
        """The items that a model gets, in order."""
        lines = [Text(item.text.rstrip()) for item in result.items if isinstance(item, TextItem)]
        lines += [self.saved(image) for image in result.images]
        colour = "red" if result.failed else "yellow" if result.running else "green"
        self.panel(f"result · {result.status}", Group(*lines), colour)

    def saved(self, image: ImageItem) -> Text:
        BUILD.mkdir(exist_ok=True)
        path = BUILD / "demo.png"
        data = base64.b64decode(image.image_url.partition(",")[2])
        path.write_bytes(data)
        return Text(f"[image, {len(data) / 1024:.0f} KiB: {_shown(path)}]", "bold")

    def panel(self, title: str, content: object, colour: str) -> None:
        shown = content if isinstance(content, (Syntax, Group, Text)) else Text(str(content))
        self.console.print(
            Panel(shown, title=title, title_align="left", border_style=colour, padding=(0, 1))
        )


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


async def main(programs: dict[str, str]) -> None:
    demo = Demo()
    servers = McpServers(SERVERS)
    options: dict[str, Any] = {"mcp": servers, "middleware": [demo.count], "trace": TRACES}
    async with servers, CodeMode(tools=TOOLS, **options) as cm:
        for name, source in programs.items():
            await demo.run(cm, name, source)
    calls = ", ".join(f"{name} ×{count}" for name, count in demo.calls.items())
    demo.console.print(f"[bold]nested calls[/]  {calls}")
    demo.console.print(f"[bold]all of it took[/]  {time.monotonic() - BEGAN:.1f} s")
    shown = _shown(TRACES)
    demo.console.print(f"[bold]look at it[/]  codemode trace show {shown}")
    demo.console.print(f"            codemode inspect {shown}")


if __name__ == "__main__":
    files = [HERE / "demo.js", HERE / "demo_again.js", HERE / "demo_mcp.js"]
    signal.signal(signal.SIGINT, CTRL_C)
    try:
        asyncio.run(main({file.name: file.read_text(encoding="utf-8") for file in files}))
    except KeyboardInterrupt:
        sys.exit(130)
