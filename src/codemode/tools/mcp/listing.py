"""A server's list of tools as definitions: bounded, and without what cannot be used.

Servers' lists are strangers' texts. One tool that is malformed must not cost the others, pages
that never end must end, and what is dropped is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import mcp_types
import msgspec
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp_types.methods import validate_server_result
from mcp_types.version import LATEST_HANDSHAKE_VERSION
from pydantic import ValidationError

from ...protocol.types import ToolDefinition, ToolName
from ..names import identifier
from .naming import namespace_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from mcp.shared.dispatcher import CallOptions

    from ...protocol.types import JsonValue
    from .redaction import Redaction

PAGES: Final = 1_000
TOOLS: Final = 10_000
NAME_CHARACTERS: Final = 256
TOOL_BYTES: Final = 1024 * 1024
LIST_BYTES: Final = 32 * 1024 * 1024
PROBLEMS: Final = 20
"""Problems that are told one by one."""

LIST: Final = "tools/list"


@dataclass(slots=True)
class Listing:
    """What was found."""

    definitions: dict[str, ToolDefinition] = field(default_factory=dict)
    """By the server's own names, in its order."""
    problems: list[str] = field(default_factory=list)
    more: int = 0
    """Problems that are only counted."""
    bytes: int = 0

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

    The session above it takes a page as a whole or not at all.
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
            raw["tools"] = [each if _is_tool(each) else _in_its_place(each) for each in tools]
        return raw


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
        if not _take(found, server, page["tools"], redact):
            return found
        cursor = page.get("nextCursor")
        if not cursor:
            return found
        if cursor in seen:
            found.problem("its list of tools goes in circles")
            return found
        seen.add(cursor)
    found.problem(f"its list of tools has more than {PAGES:,} pages; the rest is not used")
    return found


def _take(found: Listing, server: str, tools: Iterable[Any], redact: Redaction) -> bool:
    """Take a page; False if the list has become too long."""
    for said in tools:
        name = said["name"]
        shown = redact(name[:NAME_CHARACTERS])
        if len(found.definitions) >= TOOLS:
            found.problem(f"it has more than {TOOLS:,} tools; the rest is not used")
            return False
        if reason := _unfit(said, found):
            found.problem(f"its tool `{shown}` {reason}")
            continue
        size = _size(said)
        found.bytes += size
        if found.bytes > LIST_BYTES:
            found.problem(f"its list of tools is longer than {LIST_BYTES // 2**20} MiB")
            return False
        if size > TOOL_BYTES:
            found.problem(f"its tool `{shown}` is described in more than a MiB")
            continue
        found.definitions[name] = definition(server, said)
    return True


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
    )


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
