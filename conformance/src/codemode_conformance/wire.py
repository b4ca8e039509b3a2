"""A scenario played on a host: the frames that came, with times masked, and how the host ended."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from .process import HostLost, HostProcess, Message
from .scenario import CloseInput, End, Scenario, Send, Sleep, Step, Until

FRAME_SECONDS: Final = 60.0
"""How long a host may take for the frame that a scenario waits for."""

LONG_TEXT: Final = 4096
"""How long a text may be before only its digest is kept."""

_TIMES: Final = frozenset({"code_mode_host_duration_ns", "result_buffered_for_ns"})

_FRAME_LENGTH: Final = re.compile(r"(IPC frame length) \d+ ")
"""Of a response that was too long; the times in it make its length vary."""

_REASON: Final = re.compile(
    r"failed to decode code-mode IPC frame"
    r"|code-mode IPC frame length \d+ exceeds \d+ bytes"
    r"|received a second code-mode client hello"
    r"|duplicate code-mode request ID RequestId\(-?\d+\)"
    r"|early eof"
)
"""What a host says of a broken connection, as far as V1 fixes it."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that can be seen of a host in one scenario."""

    frames: tuple[Message, ...]
    status: int | None
    """The exit status; ``None`` if the host did not end, or sent nothing when it should."""
    last_words: str
    """Its reason for ending, if it gave one on standard error."""

    def to_json(self) -> dict[str, Any]:
        """Return the transcript as a JSON object."""
        return {
            "frames": list(self.frames),
            "status": self.status,
            "last_words": self.last_words,
        }


def play(scenario: Scenario, command: Sequence[str]) -> Transcript:
    """Play one scenario on a host of its own.

    :raises HostLost: the host cannot be started.
    """
    frames: list[Message] = []
    with HostProcess(command) as host:
        try:
            for step in scenario.steps:
                if not _take(step, host, frames):
                    break
            host.close_input()
            _read(End(), host, frames)
            end = host.finish()
        except HostLost as lost:
            return Transcript(_comparable(scenario, frames), None, str(lost))
    reason = _reason(end.stderr) if end.status else ""
    return Transcript(_comparable(scenario, frames), end.status, reason)


def _take(step: Step, host: HostProcess, frames: list[Message]) -> bool:
    """Take one step; whether the host is still there."""
    match step:
        case Send(data):
            try:
                host.send_bytes(data)
            except HostLost:  # what it still had to say, and its status, come at the end
                return False
        case Sleep(seconds):
            time.sleep(seconds)
        case CloseInput():
            host.close_input()
        case Until() | End():
            return _read(step, host, frames)
    return True


def _read(until: Until | End, host: HostProcess, frames: list[Message]) -> bool:
    """Read until the awaited frame has come; whether it has."""
    deadline = time.monotonic() + FRAME_SECONDS
    while (message := host.receive(deadline)) is not None:
        frames.append(message)
        if isinstance(until, Until) and until.matches(message):
            return True
    return False


def _comparable(scenario: Scenario, frames: Sequence[Message]) -> tuple[Message, ...]:
    """Return the frames as another run gives them: masked, without chance, in a fixed order."""
    kept = tuple(_masked(each) for each in frames if each.get("type") != scenario.without)
    return kept if scenario.ordered else tuple(sorted(kept, key=json.dumps))


def _masked(value: Any) -> Any:
    """Return the value without what differs from run to run, and with long texts made short."""
    match value:
        case dict():
            return {
                key: "some" if key in _TIMES and item else _masked(item)
                for key, item in value.items()
            }
        case list():
            return [_masked(item) for item in value]
        case str() if len(value) > LONG_TEXT:
            digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
            return f"{len(value)} characters, sha256 {digest}"
        case str():
            return _FRAME_LENGTH.sub(r"\1 N ", value)
        case _:
            return value


def _reason(stderr: str) -> str:
    """Return the reason for an end, without the diagnosis, the log and the stack around it."""
    found = _REASON.search(stderr)
    return found[0] if found else ""
