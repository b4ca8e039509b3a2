"""The generated parts of ``docs/cli.md``: ``python -m tests.cli.documentation`` renews them."""

import re
from dataclasses import fields
from pathlib import Path

import click
from click.testing import CliRunner

from codemode.cli import PROGRAM, app
from codemode.cli.settings import commands
from codemode.limits import Limits, amount

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
WIDTH = 100

_BLOCK = re.compile(r"(<!-- begin: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(page: str) -> str:
    """The page with every generated block as it should be."""
    return _BLOCK.sub(lambda block: f"{block[1]}{_generated(block[2])}\n{block[3]}", page)


def command_paths() -> dict[str, click.Command]:
    """Every command by its full name."""
    return {" ".join(words): command for words, command in commands((PROGRAM,), app)}


def blocks(page: str) -> list[str]:
    """The names of the generated blocks."""
    return [block[2] for block in _BLOCK.finditer(page)]


def _generated(name: str) -> str:
    return _limits() if name == "limits" else f"```text\n{help_of(name)}\n```"


def help_of(path: str) -> str:
    """What ``<path> --help`` prints on a terminal of a fixed width."""
    assert path in command_paths()
    result = CliRunner().invoke(
        app, [*path.split()[1:], "--help"], prog_name=PROGRAM, terminal_width=WIDTH
    )
    assert result.exit_code == 0, result.output
    return result.stdout.rstrip()


def _limits() -> str:
    rows = []
    for limit in fields(Limits):
        unit, value = limit.metadata["unit"], getattr(Limits(), limit.name)
        shown = "none" if value is None else amount(value, unit)
        text = limit.metadata["error"]
        cap = "the limit" if value is None else shown
        text = text.format(cap=cap, observed="…", what="a value")
        optional = "yes" if limit.metadata["optional"] else ""
        rows.append(f"| `{limit.name}` | {shown} | {optional} | {text} |")
    head = "| name | default | may be `none` | reached when |\n|---|---|---|---|"
    return "\n".join([head, *rows])


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
