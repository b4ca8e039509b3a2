"""A server's list of tools as definitions: bounded, and without what cannot be used.

Servers' lists are strangers' texts. One tool that is malformed must not cost the others, pages
that never end must end, and what is dropped is said. What there is too much of is counted before
it is looked at.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import mcp_types
import msgspec
from mcp import MCPError
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp_types.methods import validate_server_result
from mcp_types.version import LATEST_HANDSHAKE_VERSION
from pydantic import ValidationError

from ...protocol.types import ToolDefinition, ToolName
from ..names import identifier
from .message import TOO_LARGE
from .naming import namespace_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from mcp.shared.dispatcher import CallOptions

    from ...protocol.types import JsonValue
    from ..redaction import Redaction

PAGES: Final = 1_000
TOOLS: Final = 10_000
NAME_CHARACTERS: Final = 256
TOOL_BYTES: Final = 1024 * 1024
LIST_BYTES: Final = 32 * 1024 * 1024
TOOL_MEMBERS: Final = 20_000
"""Members of all arrays and objects in a tool; the schema that says little in a MiB is kept out."""
LIST_MEMBERS: Final = 200_000
CURSOR_CHARACTERS: Final = 4_096
BLOCKS: Final = 10_000
"""Blocks of content in a result; each is checked by itself, and that takes its time."""
TOOLS_AT_ONCE: Final = 200
"""Tools that are checked before others have their turn."""
PROBLEMS: Final = 20
"""Problems that are told one by one."""

HINTS: Final = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")

LIST: Final = "tools/list"
CALL: Final = "tools/call"


@dataclass(slots=True)
class Listing:
    """What was found."""

    definitions: dict[str, ToolDefinition] = field(default_factory=dict)
    """By the server's own names, in its order."""
    problems: list[str] = field(default_factory=list)
    more: int = 0
    """Problems that are only counted."""
    tools: int = 0
    """How many were looked at, of whatever kind."""
    bytes: int = 0
    members: int = 0

    def problem(self, text: str) -> None:
        """Note what cannot be used."""
        if len(self.problems) < PROBLEMS:
            self.problems.append(text)
        else:
            self.more += 1

    def told(self) -> tuple[str, ...]:
        """The problems, and how many more there were."""
        return (*self.problems, *([f"and {self.more} more"] if self.more else []))


class Dispatcher(JSONRPCDispatcher[Any]):
    """The SDK's dispatcher, which lets a list of tools through without its malformed members.

    The session above it takes a page as a whole or not at all. And it checks what it gets without
    a pause, so that there must not be too much of it.
    """

    async def send_raw_request(
        self,
        method: str,
        params: Mapping[str, Any] | None,
        opts: CallOptions | None = None,
        **related: Any,
    ) -> dict[str, Any]:
        raw = await super().send_raw_request(method, params, opts, **related)
        if method == LIST and isinstance(tools := raw.get("tools"), list):
            raw["tools"] = await _checked(tools[: TOOLS + 1])
        blocks = raw.get("content")
        if method == CALL and isinstance(blocks, list) and len(blocks) > BLOCKS:
            raise MCPError(TOO_LARGE, f"its answer has more than {BLOCKS:,} blocks of content")
        return raw


async def _checked(tools: list[Any]) -> list[Any]:
    found = []
    for number, each in enumerate(tools, 1):
        found.append(each if _is_tool(each) else _in_its_place(each))
        if number % TOOLS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


def _is_tool(said: Any) -> bool:
    try:
        validate_server_result(LIST, LATEST_HANDSHAKE_VERSION, {"tools": [said]})
    except (ValidationError, RecursionError):
        return False
    return True


_MALFORMED: Final = "codemode/malformed"


def _in_its_place(said: Any) -> dict[str, Any]:
    """A valid tool that stands for an invalid one, to be told of in :func:`listed`."""
    name = said.get("name") if isinstance(said, dict) else None
    return {
        "name": name if isinstance(name, str) else "",
        "inputSchema": {"type": "object"},
        "_meta": {_MALFORMED: True},
    }


async def listed(
    server: str, fetch: Callable[[Any], Awaitable[dict[str, Any]]], redact: Redaction
) -> Listing:
    """All tools of a server, page by page.

    Args:
        server: its name.
        fetch: sends one request.
        redact: for texts about it.

    Raises:
        MCPError, ValidationError: it does not answer with a list.
    """
    found = Listing()
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(PAGES):
        params = mcp_types.PaginatedRequestParams(cursor=cursor)
        page = await fetch(mcp_types.ListToolsRequest(params=params))
        if not await _take(found, server, page["tools"], redact):
            return found
        cursor = page.get("nextCursor")
        if not cursor:
            return found
        if len(cursor) > CURSOR_CHARACTERS:
            found.problem(
                f"its list of tools goes on at a cursor of more than {CURSOR_CHARACTERS:,}"
                " characters; the rest is not used"
            )
            return found
        if cursor in seen:
            found.problem("its list of tools goes in circles")
            return found
        seen.add(cursor)
    found.problem(f"its list of tools has more than {PAGES:,} pages; the rest is not used")
    return found


async def _take(found: Listing, server: str, tools: Iterable[Any], redact: Redaction) -> bool:
    """Take a page; False if the list has become too long."""
    for said in tools:
        if found.tools >= TOOLS:
            found.problem(f"it has more than {TOOLS:,} tools; the rest is not used")
            return False
        found.tools += 1
        if found.tools % TOOLS_AT_ONCE == 0:
            await asyncio.sleep(0)
        reason = _unfit(said, found)
        if not reason:
            members, size = _members(said), _size(said)
            found.members += members
            found.bytes += size
            if too_long := _too_long(found):
                found.problem(f"its list of tools {too_long}")
                return False
            reason = _too_large(members, size)
        if reason:
            found.problem(f"its tool `{redact(said['name'][:NAME_CHARACTERS])}` {reason}")
        else:
            found.definitions[said["name"]] = definition(server, said)
    return True


def _too_long(found: Listing) -> str:
    if found.bytes > LIST_BYTES:
        return f"is longer than {LIST_BYTES // 2**20} MiB"
    if found.members > LIST_MEMBERS:
        return f"has more than {LIST_MEMBERS:,} members; the rest is not used"
    return ""


def _too_large(members: int, size: int) -> str:
    if size > TOOL_BYTES:
        return "is described in more than a MiB"
    if members > TOOL_MEMBERS:
        return f"is described by more than {TOOL_MEMBERS:,} members"
    return ""


def _unfit(said: Mapping[str, Any], found: Listing) -> str:
    name = said["name"]
    if (said.get("_meta") or {}).get(_MALFORMED) is True:
        return "has a malformed definition"
    if not name:
        return "has an empty name"
    if len(name) > NAME_CHARACTERS:
        return f"has a name of more than {NAME_CHARACTERS} characters"
    if name in found.definitions:
        return "is listed twice"
    return ""


def _members(said: Mapping[str, Any]) -> int:
    """Those of everything inside it included."""
    found, left = 0, [said]
    while left:
        each: Any = left.pop()
        if isinstance(each, dict | list):
            found += len(each)
            left.extend(each.values() if isinstance(each, dict) else each)
    return found


def _size(said: Mapping[str, Any]) -> int:
    try:
        return len(msgspec.json.encode(said))
    except (ValueError, OverflowError, RecursionError):  # no text, no number, too deep
        return TOOL_BYTES + 1


def definition(server: str, said: Mapping[str, Any]) -> ToolDefinition:
    """The definition of a tool as its server describes it."""
    tool_name = ToolName(said["name"], namespace_of(server))
    return ToolDefinition(
        name=identifier(tool_name),
        tool_name=tool_name,
        description=said.get("description") or said.get("title") or "",
        input_schema=said["inputSchema"],
        output_schema=result_schema(said.get("outputSchema")),
        annotations=_annotations(said.get("annotations")),
        source=f"mcp server {server}",
    )


def _annotations(said: JsonValue) -> dict[str, bool]:
    """The hints of MCP that are what MCP says; a server's title is no hint."""
    hints = said if isinstance(said, dict) else {}
    return {key: hints[key] for key in HINTS if isinstance(hints.get(key), bool)}


def result_schema(structured: JsonValue = None) -> dict[str, Any]:
    """The schema of a tool's whole result, around that of its structured content.

    Definitions move to the root, where their references look for them.
    """
    properties: dict[str, Any] = {
        "content": {"type": "array", "items": {"type": "object"}},
        "isError": {"type": "boolean"},
        "_meta": {"type": "object"},
    }
    found: dict[str, Any] = {"type": "object", "properties": properties, "required": ["content"]}
    if isinstance(structured, dict):
        properties["structuredContent"] = structured
        found |= {key: structured[key] for key in ("$defs", "definitions") if key in structured}
    return found
