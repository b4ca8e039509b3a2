"""Conversations that were recorded with the published host, held with ours."""

import json
from pathlib import Path
from typing import Any

import pytest

from .wire import HostProcess

TRANSCRIPTS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "protocol" / "transcripts.jsonl")
    .read_text("utf-8")
    .splitlines()
]

SILENCE_SECONDS = 0.25
"""The recorded client let the host work before some of its messages; so does this one."""


def masked(message: Any) -> Any:
    """The message without what no two runs have in common."""
    if isinstance(message, dict):
        return {key: 0 if key.endswith("_ns") else masked(value) for key, value in message.items()}
    if isinstance(message, list):
        return [masked(value) for value in message]
    return message


def comes_after_a_while(message: dict[str, Any]) -> bool:
    """Whether the recorded client waited before it said this."""
    asked = message.get("request", {})
    buffered: bool = (
        asked.get("method") == "session/wait" and asked["request"]["yield_time_ms"] == 10
    )
    return buffered or message["type"] == "operation/yield"


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=[each["scenario"] for each in TRANSCRIPTS])
def test_a_recorded_conversation_is_held_in_the_same_words(transcript: Any) -> None:
    expected = [message for side, message in transcript["frames"] if side == "host"]
    heard: list[Any] = []
    with HostProcess() as host:
        due = 0
        for side, message in transcript["frames"]:
            if side == "host":
                due += 1
                continue
            while len(heard) < due:
                heard.append(host.hear())
            if comes_after_a_while(message):
                if message["type"] == "operation/yield" and len(heard) == due == 2:
                    heard.append(host.hear())  # the cell has started, if it is not a wait
                heard += host.rest(SILENCE_SECONDS)
            host.say(message)
        while len(heard) < due:
            heard.append(host.hear())
        status, words = host.end()
        heard += host.rest()

    assert masked(heard) == masked(expected)
    assert (status, words) == (0, "")
