"""A server's list of tools: bounded, and without what cannot be used.

Servers' lists are strangers' texts. One tool that is malformed must not cost the others, pages
that never end must end, and what is dropped is reported. What there is too much of is counted before
it is looked at.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import mcp_types
import msgspec
from mcp_types import METHOD_NOT_FOUND

from ...fair_executor import FAIR_EXECUTOR, no_pause
from ...surface.text import on_one_line
from .definition import (
    AT_ONCE_TOOLS,
    NAME_CHARACTERS,
    UnfitError,
    described,
    without_control_texts,
)
from .faults import PeerError
from .shared_parts import SharedParts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ...fair_executor import Pause
    from ..redaction import Redaction
    from .definition import Described

PAGES: Final = 1_000
TOOLS: Final = 10_000
TOOL_BYTES: Final = 1024 * 1024
LIST_BYTES: Final = 32 * 1024 * 1024
TOOL_MEMBERS: Final = 20_000
"""Members of all arrays and objects in a tool; a schema of a MiB with little content is refused."""
LIST_MEMBERS: Final = 200_000
CURSOR_CHARACTERS: Final = 4_096
PROBLEMS: Final = 20
"""Problems that are reported one by one."""


@dataclass(slots=True)
class Listing:
    """What was found."""

    tools: dict[str, Described] = field(default_factory=dict)
    """By the server's own names, in its order."""
    problems: list[str] = field(default_factory=list)
    """For people: what is not used, each in a sentence."""
    more: int = 0
    """Problems that are only counted."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many tools are not used, by the reason."""
    cut: str = ""
    """Why the list was not read to its end; empty if it was."""
    seen: int = 0
    """How many tools were looked at, of whatever kind."""
    bytes: int = 0
    members: int = 0
    parts: SharedParts = field(default_factory=SharedParts)
    """What the descriptions of its tools have in common."""

    def problem(self, text: str) -> None:
        """Note what is not used."""
        if len(self.problems) < PROBLEMS:
            self.problems.append(text)
        else:
            self.more += 1

    def told(self) -> tuple[str, ...]:
        """The problems, and how many more there were."""
        return (*self.problems, *([f"and {self.more} more"] if self.more else []))

    def summary(self) -> str:
        """How many tools are not used and why, in a sentence for a model; empty if all are."""
        number = self.left_out.total()
        parts = []
        if number:
            counts = self.left_out.most_common()
            reasons = ", ".join(f"{reason} ({count})" for reason, count in counts)
            whose = "1 of its tools is" if number == 1 else f"{number} of its tools are"
            parts.append(f"{whose} left out: {reasons}.")
        if self.cut:
            parts.append(f"Not all of its tools are here: {self.cut}.")
        return " ".join(parts)


async def listed(fetch: Callable[[Any], Awaitable[dict[str, Any]]], redact: Redaction) -> Listing:
    """All tools of a server, page by page.

    Args:
        fetch: sends one request.
        redact: for texts about it.

    Raises:
        MCPError: it does not answer with a list.
    """
    found = Listing()
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(PAGES):
        params = mcp_types.PaginatedRequestParams(cursor=cursor)
        try:
            page = await fetch(mcp_types.ListToolsRequest(params=params))
        except PeerError as error:
            if error.code == METHOD_NOT_FOUND and not seen:
                found.problem("it has no tools")
                return found
            raise
        if not await _take(found, page.get("tools"), redact):
            break
        cursor = page.get("nextCursor")
        if cursor is None or cursor == "":
            break
        found.cut = _no_cursor(cursor, seen)
        if found.cut:
            break
        seen.add(cursor)
    else:
        found.cut = f"its list of tools has more than {PAGES:,} pages; the rest is not used"
    if found.cut:
        found.problem(found.cut)
    return found


def _no_cursor(cursor: object, seen: set[str]) -> str:
    """Why the list does not go on at ``cursor``; empty if it does."""
    if not isinstance(cursor, str):
        return "its list of tools goes on at a cursor that is no text; the rest is not used"
    if len(cursor) > CURSOR_CHARACTERS:
        return (
            f"its list of tools goes on at a cursor of more than {CURSOR_CHARACTERS:,}"
            " characters; the rest is not used"
        )
    return "its list of tools goes in circles" if cursor in seen else ""


async def _take(found: Listing, tools: Any, redact: Redaction) -> bool:
    """Take a page; False if the list has become too long."""
    if not isinstance(tools, list):
        found.cut = "a page of its list of tools is no list"
        return False
    if len(tools) <= AT_ONCE_TOOLS:
        return _taken(found, tools, redact, no_pause)
    return await FAIR_EXECUTOR.run(found, lambda pause: _taken(found, tools, redact, pause))


def _taken(found: Listing, tools: list[Any], redact: Redaction, pause: Pause) -> bool:
    for said in tools:
        pause()
        if found.seen >= TOOLS:
            found.cut = f"it has more than {TOOLS:,} tools; the rest is not used"
            return False
        found.seen += 1
        encoded = _encoded(said)
        found.members += _members(said)
        found.bytes += len(encoded)
        found.cut = _too_long(found)
        if found.cut:
            return False
        _take_one(found, said, encoded, redact)
    return True


def _take_one(found: Listing, said: Any, encoded: bytes, redact: Redaction) -> None:
    name = said.get("name") if isinstance(said, dict) else None
    label = f"`{on_one_line(redact(name[:NAME_CHARACTERS] if isinstance(name, str) else ''))}`"
    try:
        _check_size(said, encoded)
        tool = described(found.parts.shared(without_control_texts(said, encoded)))
        if tool.name in found.tools:
            raise UnfitError("is listed twice")  # noqa: TRY301 - told like the others
    except UnfitError as error:
        found.left_out[str(error)] += 1
        found.problem(f"its tool {label} {error}")
        return
    found.tools[tool.name] = tool
    if tool.odd:
        found.problem(f"of its tool {label} {_members_named(tool.odd)} not used: malformed")


def _members_named(names: list[str]) -> str:
    quoted = " and ".join(f"`{name}`" for name in names)
    return f"{quoted} {'is' if len(names) == 1 else 'are'}"


def _too_long(found: Listing) -> str:
    if found.bytes > LIST_BYTES:
        return f"its list of tools is longer than {LIST_BYTES // 2**20} MiB; the rest is not used"
    if found.members > LIST_MEMBERS:
        return f"its list of tools has more than {LIST_MEMBERS:,} members; the rest is not used"
    return ""


def _check_size(said: Any, encoded: bytes) -> None:
    if not encoded or len(encoded) > TOOL_BYTES:
        raise UnfitError("is described in more than a MiB")
    if _members(said) > TOOL_MEMBERS:
        raise UnfitError(f"is described by more than {TOOL_MEMBERS:,} members")


def _members(said: Any) -> int:
    """Those of everything inside it included."""
    found, left = 0, [said]
    while left:
        each: Any = left.pop()
        if isinstance(each, dict | list):
            found += len(each)
            left.extend(each.values() if isinstance(each, dict) else each)
    return found


def _encoded(said: Mapping[str, Any]) -> bytes:
    """As JSON; empty if it is too deep, or no JSON."""
    try:
        return msgspec.json.encode(said)
    except (ValueError, OverflowError, RecursionError):
        return b""
