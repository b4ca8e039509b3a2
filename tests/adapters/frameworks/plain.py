"""The desk's tools as plain functions, for frameworks whose own tools are not nested."""

from __future__ import annotations

from typing import Any

from codemode import Approval, CodeMode, Policy, ToolError, ask

from .cases import Desk


def code_mode(desk: Desk) -> CodeMode:
    """A session with the desk's tools, which asks the desk's person."""

    async def lookup(key: str) -> dict[str, str]:
        "Look up a key."
        return desk.lookup(key, desk.user)

    async def refund(cents: int) -> str:
        "Give money back."
        return desk.refund(cents)

    async def hang() -> str:
        "Never answers."
        return await desk.hang()

    async def decide(approval: Approval) -> None:
        desk.asked.append(approval.name)
        if not desk.approve:
            raise ToolError("the user said no")

    functions: Any = [lookup, refund, hang]
    return CodeMode(
        tools=functions, limits=desk.limits, policy=Policy([ask("refund")]), on_approval=decide
    )
