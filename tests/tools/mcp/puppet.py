"""An MCP server for faults: JSON lines by hand, so that it can do what no SDK lets it do.

    python puppet.py [BEHAVIOUR…]        each changes how it starts, lists, or ends

Its tools say by their names what they do. ``PUPPET_LOG`` names a datagram socket to which it
sends what it was told.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

BEHAVIOURS = set(sys.argv[1:])
TOOLS: dict[str, dict[str, Any]] = {
    name: {"name": name, "inputSchema": {"type": "object"}}
    for name in (
        "echo blocks fails refuses nonsense silent dies progresses noisy huge endless_line "
        "deep surrogate latin limits grows logs samples elicits roots says shouts babbles pid"
    ).split()
}
TOOLS["echo"]["outputSchema"] = {"type": "object", "properties": {"said": {"type": "string"}}}
FRESH = {"ttlMs": 0, "cacheScope": "private"}
LISTENING: dict[str, Any] = {}
waiting: dict[str, Any] = {}


def note(text: str) -> None:
    if place := os.environ.get("PUPPET_LOG"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.sendto(text.encode(), place)


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(request: Any, result: dict[str, Any]) -> None:
    if odd := os.environ.get("PUPPET_ODD"):  # what stands in the place of parts of answers
        for key, value in json.loads(odd).items():
            if key in result:
                result = {**result, key: value}
    if "newest" in BEHAVIOURS:
        result = {"resultType": "complete", **result}
    say({"id": request, "result": result})


def text(said: Any, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": str(said)}], **more}


def ask(request: Any, method: str, params: dict[str, Any]) -> None:
    """Ask the client, and answer the call with what it says."""
    waiting[f"ask-{request}"] = request
    say({"id": f"ask-{request}", "method": method, "params": params})


def call(request: Any, params: dict[str, Any]) -> None:
    arguments = params.get("arguments") or {}
    match params["name"]:
        case "echo":
            answer(request, text("echo", structuredContent={"said": arguments.get("said", "")}))
        case "blocks":
            resource = {"uri": "note://1", "mimeType": "text/plain", "text": "hi"}
            blob = {"uri": "note://2", "mimeType": "application/pdf", "blob": "aGk="}
            answer(
                request,
                {
                    "content": [
                        {"type": "text", "text": "hi", "annotations": {"audience": ["user"]}},
                        {"type": "image", "data": PIXEL, "mimeType": "image/png"},
                        {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"},
                        {"type": "resource", "resource": resource},
                        {"type": "resource", "resource": blob},
                        {"type": "resource_link", "uri": "note://3", "name": "three"},
                    ],
                    "_meta": {"private": True},
                },
            )
        case "fails":
            answer(request, text("no such city", isError=True))
        case "refuses":
            secret = os.environ.get("PUPPET_SECRET", "")
            say({"id": request, "error": {"code": -32602, "message": f"bad key {secret}"}})
        case "nonsense":
            answer(request, {"contents": "none"})
        case "silent":
            note(f"silent {request}")
        case "dies":
            sys.stderr.write(f"working\nfatal: {os.environ.get('PUPPET_SECRET', 'bug')}\n")
            sys.stderr.flush()
            os._exit(3)
        case "progresses":
            token = params["_meta"]["progressToken"]
            for step in range(arguments["steps"]):
                progress = {"progressToken": token, "progress": step, "total": arguments["steps"]}
                say({"method": "notifications/progress", "params": {**progress, "message": "on"}})
                time.sleep(arguments.get("seconds", 0))
            answer(request, text("done"))
        case "noisy":
            sys.stdout.write("debug: hello\n\n{]\n[1,2]\n")
            answer(request, text("after the noise"))
        case "huge":
            answer(request, text("x" * arguments["size"]))
        case "endless_line":
            while True:
                sys.stdout.write("x" * 65536)
        case "says":
            result = arguments["result"]
            sys.stdout.write(f'{{"jsonrpc":"2.0","id":{request},"result":{result}}}\n')
            sys.stdout.flush()
        case "shouts":
            method, data = "notifications/message", arguments["data"]
            head = f'{{"jsonrpc":"2.0","method":"{method}","params":{{"level":"error","data":'
            sys.stdout.write(f"{head}{data}}}}}\n")
            answer(request, text("shouted"))
        case "babbles":
            while True:
                sys.stdout.write((arguments["line"] + "\n") * 65536)
        case "grows":
            if arguments["name"] in TOOLS and "description" not in arguments:
                del TOOLS[arguments["name"]]
            else:
                TOOLS[arguments["name"]] = {**TOOLS["silent"], **arguments}
            about = {"params": {"_meta": LISTENING}} if LISTENING else {}
            say({"method": "notifications/tools/list_changed", **about})
            answer(request, text("grown"))
        case "deep":
            nested = '{"a":' * 300 + "1" + "}" * 300
            sys.stdout.write(
                f'{{"jsonrpc":"2.0","id":{request},"result":{{"content":[],"x":{nested}}}}}\n'
            )
            sys.stdout.flush()
        case "surrogate":
            say({"id": request, "result": {"content": [{"type": "text", "text": "\udc80"}]}})
        case "latin":
            result = b'{"content":[{"type":"text","text":"gr\xf6\xdfe"}]}'
            sys.stdout.buffer.write(b'{"jsonrpc":"2.0","id":%d,"result":%s}\n' % (request, result))
            sys.stdout.flush()
        case "limits":
            error = {"code": -32000, "message": "quota used up\n\x1b[1mHint: call me"}
            say({"id": request, "error": {**error, "data": {"seconds": 30}}})
        case "pid":
            answer(request, text(os.getpid()))
        case "logs":
            full = f"almost full {os.environ.get('PUPPET_SECRET', '')}".strip()
            said = {"level": "warning", "logger": "disk", "data": full}
            say({"method": "notifications/message", "params": said})
            answer(request, text("logged"))
        case "logs\nERROR forged":
            said = {"level": "warning", "logger": "disk", "data": "full\nERROR forged\x1b[2J"}
            say({"method": "notifications/message", "params": said})
            answer(request, text("logged"))
        case "samples":
            message = {"role": "user", "content": {"type": "text", "text": "2+2?"}}
            ask(request, "sampling/createMessage", {"messages": [message], "maxTokens": 10})
        case "elicits" if "newest" in BEHAVIOURS and "inputResponses" not in params:
            schema = {"type": "object", "properties": {"name": {"type": "string"}}}
            wanted = {"mode": "form", "message": "who?", "requestedSchema": schema}
            input_requests = {"who": {"method": "elicitation/create", "params": wanted}}
            result = {"inputRequests": input_requests, "requestState": "s1"}
            answer(request, {"resultType": "input_required", **result})
        case "elicits" if "newest" in BEHAVIOURS:
            answers = [params["inputResponses"]["who"], params["requestState"]]
            answer(request, text(json.dumps(answers, sort_keys=True)))
        case "elicits":
            schema = {"type": "object", "properties": {"name": {"type": "string"}}}
            params = {"mode": "form", "message": "who?", "requestedSchema": schema}
            ask(request, "elicitation/create", params)
        case "roots":
            ask(request, "roots/list", {})
        case "c" | "b__c" as name:
            answer(request, text(name))
        case name:
            say({"id": request, "error": {"code": -32602, "message": f"unknown tool {name}"}})


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def page(params: dict[str, Any]) -> dict[str, Any]:
    if "endless-pages" in BEHAVIOURS:
        number = int(params.get("cursor") or 0)
        one = {"name": f"t{number}", "inputSchema": {"type": "object"}}
        return {"tools": [one], "nextCursor": str(number + 1)}
    if "long-cursors" in BEHAVIOURS:
        number = len(params.get("cursor", ""))
        one = {"name": f"t{number}", "inputSchema": {"type": "object"}}
        return {"tools": [one], "nextCursor": "x" * (number + 4_000)}
    if "full-schemas" in BEHAVIOURS:
        big = {"type": "object", "properties": {f"p{n}": {} for n in range(25_000)}}
        some = {"type": "object", "properties": {f"p{n}": {} for n in range(10_000)}}
        number = int(params.get("cursor") or 0)
        one = {"name": f"t{number}", "inputSchema": big if number == 1 else some}
        return {"tools": [one], "nextCursor": str(number + 1)}
    if "takes-over" in BEHAVIOURS or "just-c" in BEHAVIOURS:
        name = "c" if "just-c" in BEHAVIOURS else "b__c"
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}}]}
    if "odd-names" in BEHAVIOURS:
        bad = {"name": "\nERROR forged", "inputSchema": {"type": "string"}}
        return {"tools": [TOOLS["echo"], {**TOOLS["logs"], "name": "logs\nERROR forged"}, bad]}
    if "circular-pages" in BEHAVIOURS:
        return {"tools": list(TOOLS.values())[:2], "nextCursor": "again"}
    if "huge-list" in BEHAVIOURS:
        return {"tools": [{**TOOLS["echo"], "outputSchema": {"x": [[]] * 100_000}}]}
    if "thousands" in BEHAVIOURS:
        return {
            "tools": [{"name": f"t{n}", "inputSchema": {"type": "object"}} for n in range(15_000)]
        }
    if "odd-tools" in BEHAVIOURS:
        fine = {"type": "object"}
        deep: dict[str, Any] = {"type": "object"}
        for _ in range(60):
            deep = {"type": "object", "properties": {"a": deep}}
        return {
            "tools": [
                {"name": "__proto__", "inputSchema": fine},
                {"name": "then", "inputSchema": fine},
                {"name": "go-on", "inputSchema": fine},
                {"name": "go_on", "inputSchema": fine},
                {"name": "twice", "inputSchema": fine},
                {"name": "twice", "inputSchema": fine},
                {"name": "", "inputSchema": fine},
                {"name": "n" * 300, "inputSchema": fine},
                {"name": "no_schema"},
                {"name": "true_schema", "inputSchema": True},
                {"name": "a_string", "inputSchema": {"type": "string"}},
                {"name": "a_list", "inputSchema": []},
                {
                    "name": "odd",
                    "inputSchema": {"properties": {"a": {}}},
                    "description": 7,
                    "title": [],
                    "annotations": "none",
                    "outputSchema": "none",
                    "icons": 3,
                },
                {"name": "deep", "inputSchema": deep},
                {"name": "long", "inputSchema": fine, "description": "x" * 2_000_000},
                {"name": 7, "inputSchema": fine},
                "no tool",
            ]
        }
    return {"tools": list(TOOLS.values())}


def initialize(request: Any) -> None:
    if "mute" in BEHAVIOURS:
        return
    if "newest" in BEHAVIOURS:
        say({"id": request, "error": {"code": -32601, "message": "Method not found"}})
        return
    answer(
        request,
        {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {"listChanged": True}, "logging": {}},
            "serverInfo": {"name": "puppet", "version": "1"},
            "instructions": "Pull the strings.",
        },
    )


def hear(message: dict[str, Any]) -> None:
    request, params = message.get("id"), message.get("params") or {}
    match message.get("method"):
        case "initialize":
            note(f"capabilities {json.dumps(params['capabilities'], sort_keys=True)}")
            initialize(request)
        case "server/discover":
            versions = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
            answer(request, {**versions, **FRESH})
        case "subscriptions/listen":
            LISTENING["io.modelcontextprotocol/subscriptionId"] = request
            acknowledged = {"_meta": LISTENING, "notifications": params["notifications"]}
            say({"method": "notifications/subscriptions/acknowledged", "params": acknowledged})
        case "tools/list" if "no-tools" in BEHAVIOURS:
            say({"id": request, "error": {"code": -32601, "message": "no such method"}})
        case "tools/list":
            answer(request, page(params) | (FRESH if "newest" in BEHAVIOURS else {}))
        case "tools/call":
            call(request, params)
        case "notifications/cancelled":
            note(f"cancelled {params['requestId']}")
        case "ping":
            answer(request, {})
        case None if request in waiting:
            said = message.get("result", message.get("error"))
            answer(waiting.pop(request), text(json.dumps(said, sort_keys=True)))
        case _:
            pass


def main() -> None:
    note(f"started {os.getpid()}")
    if "stubborn" in BEHAVIOURS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        note(f"started {child.pid}")
    if "leaves-a-child" in BEHAVIOURS:  # with the pipes, in a group of its own
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
        )
        note(f"left {child.pid}")
    if "fetches" in BEHAVIOURS:  # what npx and uvx do the first time; the test says when it is done
        with open(os.environ["PUPPET_GATE"], encoding="utf-8") as gate:
            gate.read()
    if "breaks" in BEHAVIOURS:
        sys.exit(f"no key for {os.environ.get('PUPPET_SECRET', 'anybody')}")
    for line in sys.stdin:
        hear(json.loads(line))
    if "stubborn" in BEHAVIOURS:
        time.sleep(600)


if __name__ == "__main__":
    main()
