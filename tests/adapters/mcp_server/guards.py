"""Middleware for the served tools."""

from codemode import JsonValue, Next, ToolCall, ToolError


async def shout(call: ToolCall, call_next: Next) -> JsonValue:
    return f"{await call_next(call)}!"


async def small(call: ToolCall, call_next: Next) -> JsonValue:
    if call.input["a"] > 100:
        raise ToolError("too much")
    return await call_next(call)


guards = [shout, small]
nothing = 7
