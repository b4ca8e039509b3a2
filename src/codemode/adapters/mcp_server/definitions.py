"""``exec`` and ``wait`` as tools of an MCP server.

Some clients cut a tool's description at one or two kilobytes, in the middle of a declaration if it
comes to that. The short form stays below: it describes how to write a program and how to look tools up
from inside one, and names as many tools as there is room for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import mcp_types as types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...surface.tool_catalogue import ToolCatalogue
    from ...surface.toolspec import ToolSpec

DescriptionForm: TypeAlias = Literal["full", "short"]

SHORT_BYTES: Final = 1_000
SESSION_PARAMETER: Final = "session"

_SHORT: Final = """\
Run a JavaScript program that calls tools: pass it as `code`, raw, without a Markdown fence.
- An async ES module in a fresh V8 isolate: top-level `await`; no Node, imports, network or `console`.
- `await tools.NAME({{ … }})` calls a tool; run independent calls at once with `Promise.all`. A failed call rejects with a string.
- Look a tool up before you call it: `text({lookup})` prints declarations.
- `text(value)`, `image(url)` print; only what is printed comes back. `store(key, value)`, `load(key)` keep JSON for later programs.
- A program that runs long goes on in the background; call `wait` with its cell ID."""
_SEARCH: Final = 'await tools.{name}({{ query: "…" }})'
_FILTER: Final = "ALL_TOOLS.filter(t => /word/i.test(t.name + t.description))"

_SESSION: Final = (
    "ID of a session from an earlier answer, to go on with its stored values. Without it, a new"
    " session is made."
)
_WAIT_SESSION: Final = "ID of the session of the cell, from the answer that named the cell."


def exec_definition(
    spec: ToolSpec, catalogue: ToolCatalogue, form: DescriptionForm, *, by_name: bool
) -> types.Tool:
    """The tool ``exec``.

    Args:
        spec: its definition with the full text.
        catalogue: what programs may call.
        form: the whole text of the catalogue, or one for clients that cut descriptions.
        by_name: whether the client names its session in each call.
    """
    description = spec.description if form == "full" else _short(catalogue)
    annotations = types.ToolAnnotations(
        title="Run JavaScript",
        read_only_hint=False,
        destructive_hint=True,  # it may call every tool, and we know of none what it does
        idempotent_hint=False,
        open_world_hint=True,
    )
    return _tool(spec, description, annotations, _SESSION if by_name else None)


def wait_definition(spec: ToolSpec, *, by_name: bool) -> types.Tool:
    """The tool ``wait``; see :func:`exec_definition`."""
    annotations = types.ToolAnnotations(
        title="Wait for a running program",
        read_only_hint=False,
        destructive_hint=False,
        idempotent_hint=False,
        open_world_hint=False,
    )
    return _tool(spec, spec.description, annotations, _WAIT_SESSION if by_name else None)


def short_description(names: Sequence[str], search: str | None = None) -> str:
    """How to write a program in at most ``SHORT_BYTES`` of UTF-8, with the names that fit.

    Args:
        names: what programs may call.
        search: the tool that finds tools, if there is one.

    >>> short_description(["one", "two"]).splitlines()[-1]
    'Tools: one, two.'
    """
    text = _SHORT.format(lookup=_FILTER if search is None else _SEARCH.format(name=search))
    left = SHORT_BYTES - len(text.encode()) - len(f"\nTools: , and {len(names)} more.")
    fit = 0
    for name in names:
        left -= len(f"{name}, ".encode())
        if left < 0:
            break
        fit += 1
    if not names:
        return text
    rest = len(names) - fit
    shown = ", ".join((*names[:fit], *([f"and {rest} more"] if rest else [])))
    return f"{text}\nTools: {shown}."


def _short(catalogue: ToolCatalogue) -> str:
    search = None if catalogue.search is None else catalogue.search.tool.name
    return short_description([entry.tool.name for entry in catalogue.entries], search)


def _tool(
    spec: ToolSpec, description: str, annotations: types.ToolAnnotations, session: str | None
) -> types.Tool:
    schema = spec.parameters
    if session is not None:
        named = {SESSION_PARAMETER: {"type": "string", "description": session}}
        schema = {**schema, "properties": {**schema["properties"], **named}}
    return types.Tool(
        name=spec.name, description=description, input_schema=schema, annotations=annotations
    )
