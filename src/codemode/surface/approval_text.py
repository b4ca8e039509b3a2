"""What a model reads of calls that wait for a person: which, what each would do, and what to do meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from ..protocol.types import JsonValue
from .text import shortened, well_formed

LISTED: Final = 10
"""Calls that are listed one by one."""
ARGUMENT_CHARACTERS: Final = 400
"""Of the arguments of one call; and of its prompt."""


class WaitingCall(Struct, frozen=True, kw_only=True):
    """A nested call that waits for approval.

    Attributes:
        tool: its public name.
        input: what it would be called with.
        prompt: what the person is asked.
        seconds: for how long it has waited.
    """

    tool: str
    input: JsonValue
    prompt: str
    seconds: float


def approval_text(calls: Sequence[WaitingCall], cell_id: str) -> str:
    """The text behind the output of a cell some of whose calls wait for approval.

    >>> call = WaitingCall(tool="pay", input={"cents": 5}, prompt="Pay Bob?", seconds=0.2)
    >>> print(approval_text([call], "3"))
    1 call is waiting for approval, and a person decides:
    - pay({"cents":5}): Pay Bob?
    The program goes on when it is decided. Do not make the call again: do other work or tell the user what is \
waited for, then wait for cell 3.
    """
    one = len(calls) == 1
    head = "1 call is" if one else f"{len(calls)} calls are"
    lines = [f"{head} waiting for approval, and a person decides:"]
    lines += [_line(each) for each in calls[:LISTED]]
    if len(calls) > LISTED:
        lines.append(f"- and {len(calls) - LISTED} more")
    lines.append(
        f"The program goes on when {'it is' if one else 'each is'} decided. Do not make the"
        f" {'call' if one else 'calls'} again: do other work or tell the user what is waited for,"
        f" then wait for cell {cell_id}."
    )
    return well_formed("\n".join(lines))


def _line(call: WaitingCall) -> str:
    said = json.dumps(call.input, ensure_ascii=False, separators=(",", ":"), default=str)
    shown = shortened(said, ARGUMENT_CHARACTERS)
    prompt = shortened(" ".join(call.prompt.split()), ARGUMENT_CHARACTERS)
    waited = f" (for {call.seconds:.0f} s)" if call.seconds >= 1 else ""
    return f"- {call.tool}({shown}): {prompt}{waited}"
