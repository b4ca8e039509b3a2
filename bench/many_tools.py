"""An MCP server with many tools, over standard streams: ``python -m bench.many_tools COUNT [changing]``.

With ``changing`` one tool has another description each time that the tools are listed, and the client is
told at once that they have changed, for ever.
"""

from __future__ import annotations

import json
import sys
from itertools import count
from typing import Any

_LISTED = count(1)
PAGE = 500


def tool(number: int, description: str) -> dict[str, Any]:
    """A tool as servers of this size have them: half a dozen parameters, one of them nested."""
    filters = {
        "type": "object",
        "properties": {
            "state": {"type": "string", "enum": ["open", "closed", "all"]},
            "labels": {"type": "array", "items": {"type": "string"}},
            "since": {"type": "string", "format": "date-time", "description": "Not before."},
        },
    }
    properties = {
        "owner": {"type": "string", "description": "Whose repository this is."},
        "repository": {"type": "string", "description": "Its name, without the owner."},
        "page": {"type": "integer", "minimum": 1},
        "filters": filters,
    }
    schema = {"type": "object", "properties": properties, "required": ["owner", "repository"]}
    return {"name": f"list_things_{number}", "description": description, "inputSchema": schema}


def answer(message: dict[str, Any], many: int, *, changing: bool) -> dict[str, Any]:
    """The result of a request."""
    match message["method"]:
        case "initialize":
            return {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "many", "version": "1"},
            }
        case "tools/list":
            text = "Lists the things of a repository, newest first, a page at a time. " * 3
            first = int((message.get("params") or {}).get("cursor") or 0)
            listed = next(_LISTED) if changing else 1
            numbers = range(first, min(first + PAGE, many))
            page = [tool(n, f"{text}{listed if n == 0 else ''}") for n in numbers]
            following = {"nextCursor": str(first + PAGE)} if first + PAGE < many else {}
            return {"tools": page, **following}
        case _:
            return {"content": [{"type": "text", "text": "done"}]}


def main(many: int, *, changing: bool) -> None:
    """Serve until standard input ends."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        said = {
            "jsonrpc": "2.0",
            "id": message["id"],
            "result": answer(message, many, changing=changing),
        }
        sys.stdout.write(json.dumps(said) + "\n")
        if changing and message["method"] == "tools/list":
            changed = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
            sys.stdout.write(json.dumps(changed) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), changing="changing" in sys.argv)
