"""A code-mode host: serves sessions to another process over V1 frames.

Nothing is imported before the arguments are known to be right; then the quickest way first.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

USAGE: Final = """\
Usage: {program} [--listen URL]

Serves code-mode sessions to the process at the other end of standard input and output.

Options:
  --listen URL  stdio or stdio:// [default: stdio]
  -h, --help    print this
"""

_STDIO: Final = ("stdio", "stdio://")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a host; return its exit status: 0, 1 if the connection broke, 2 for wrong arguments."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["-h"], ["--help"]):
        sys.stdout.write(USAGE.format(program="codemode-host"))
        return 0
    problem = _problem_with(arguments)
    if problem is not None:
        sys.stderr.write(f"error: {problem}\n\n{USAGE.format(program='codemode-host')}")
        return 2
    from .stdio import serve_stdio  # noqa: PLC0415 - only once the arguments are right

    return serve_stdio()


def _problem_with(arguments: list[str]) -> str | None:
    values: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name != "--listen":
            return f"unexpected argument '{argument}' found"
        if not equals:
            following = next(rest, None)
            if following is None:
                return "a value is required for '--listen <URL>' but none was supplied"
            value = following
        values.append(value)
    if len(values) > 1:
        return "the argument '--listen <URL>' cannot be used multiple times"
    if values and values[0] not in _STDIO:
        return f"unsupported --listen URL `{values[0]}`; expected `stdio` or `stdio://`"
    return None
