"""A reduced trace as a tree in the terminal, a bar for the time of each call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.markup import escape
from rich.text import Text
from rich.tree import Tree

from ..trace.graph import by_number
from .terminal import printable

if TYPE_CHECKING:
    from ..trace.bundle import Bundle
    from ..trace.events import Content
    from ..trace.graph import CallNode, CellNode, Node, Trace

BAR: Final = 20
"""Characters of a bar: the whole life of the cell."""

NAME: Final = 120
"""Characters of a name or a reason, of which a recording may have any."""

QUEUED_MS: Final = 1.0
"""A call that waited for room that long says so."""

_COLOURS: Final = {
    "completed": "green",
    "ok": "green",
    "yielded": "cyan",
    "running": "yellow",
    "failed": "red",
    "refused": "red",
    "cancelled": "magenta",
    "terminated": "magenta",
}


@dataclass(frozen=True, slots=True)
class TreeOptions:
    """What is shown beside calls; ``width`` is that of the terminal if it is None."""

    outputs: bool = False
    width: int | None = None


def print_tree(trace: Trace, bundle: Bundle, options: TreeOptions) -> None:
    """Print the sessions of ``trace`` with their cells and nested calls."""
    console = Console(width=options.width, highlight=False)
    recording = trace.recording
    console.print(
        f"{escape(_one_line(bundle.path.name))}: {recording.status}, {recording.events} events,"
        f" {len(trace.cells)} cells, {len(trace.calls)} nested calls"
    )
    for problem in recording.problems:
        console.print(f"[red]{escape(_one_line(problem, console.width))}[/]")
    for session in trace.sessions.values():
        provider = _one_line(session.provider)
        tree = Tree(f"session {escape(_one_line(session.id))} [dim]{escape(provider)}[/]")
        for name in session.cells:
            _add_cell(tree, trace, trace.cells[name], bundle, options, console.width)
        console.print(tree)


def _add_cell(
    tree: Tree, trace: Trace, cell: CellNode, bundle: Bundle, options: TreeOptions, width: int
) -> None:
    call = trace.model_calls.get(cell.model_call)
    asked = "run" if call is not None and call.requester == "application" else "exec"
    head = Text.assemble(
        f"{asked} ",
        (_one_line(cell.id.partition("/")[2]), "bold"),
        " ",
        _ended(cell),
        f"  {_ms(cell.window.ms)}",
    )
    if cell.limit:
        head.append(f"  limit {_one_line(cell.limit)}", "red")
    branch = tree.add(head)
    source = bundle.text(cell.source)
    if source:
        branch.add(Text(_one_line(source, width - 8), "dim"))
    for each in sorted((trace.calls[name] for name in cell.calls), key=by_number):
        branch.add(_call_line(each, cell, bundle, width - 8))
    for name in cell.waits:
        wait = trace.model_calls[name]
        branch.add(
            Text.assemble(
                "wait ",
                (_one_line(name.partition("/")[2]), "bold"),
                " ",
                _ended(wait),
                f"  {_ms(wait.window.ms)}",
            )
        )
    if options.outputs:
        for output in cell.outputs:
            text = bundle.text(output.item)
            if text is None:
                text = f"[{output.item.left_out or 'lost'}]"
            branch.add(Text(f"{output.kind}: {_one_line(text, width - 16)}"))
    error = bundle.text(cell.error)
    if error:
        branch.add(Text(_one_line(error, width - 8), "red"))


def _call_line(call: CallNode, cell: CellNode, bundle: Bundle, width: int) -> Text:
    where = f":{call.line}" if call.line else ""
    line = Text.assemble(
        (_bar(call, cell), "blue"),
        f" {_ms(call.window.ms):>8} ",
        (_one_line(call.tool), "bold"),
        f"{where} ",
        _ended(call),
        (f" queued {_ms(call.queued_ms)}" if call.queued_ms >= QUEUED_MS else "", "dim"),
        " ",
    )
    told: Content | None = call.error or call.arguments
    text = bundle.text(told)
    if text:
        line.append(_one_line(text, max(10, width - line.cell_len)), "dim")
    return line


def _bar(call: CallNode, cell: CellNode) -> str:
    begin, whole = cell.window.started_at_ms, cell.window.ms
    if whole <= 0:
        return "·" * BAR
    first = min(BAR - 1, _part(call.window.started_at_ms - begin, whole))
    length = min(BAR - first, max(1, _part(call.window.ms, whole)))
    queued = min(length - 1, _part(call.queued_ms, whole))
    return " " * first + "┄" * queued + "━" * (length - queued) + " " * (BAR - first - length)


def _part(milliseconds: float, whole: float) -> int:
    return round(max(0.0, min(1.0, milliseconds / whole)) * BAR)


def _ended(node: Node) -> tuple[str, str]:
    text = f"{node.status} ({node.reason})" if node.reason else node.status
    return _one_line(text), _COLOURS.get(node.status, "")


def _ms(milliseconds: float) -> str:
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds:.0f} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:.1f} s"


def _one_line(text: str, width: int = NAME) -> str:
    line = printable(" ".join(text[: 4 * max(width, 1)].split()))
    return line if len(line) <= width else f"{line[: max(1, width - 1)]}…"
