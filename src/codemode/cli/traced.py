"""Nested calls of a recorded trace, as they would have been made directly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..estimate.dependence import DirectCall
from ..estimate.logs import Conversation, Log, LoggedRequest
from ..trace.bundle import Bundle
from ..trace.events import CallEndedEvent, CallRequestedEvent, CellStartedEvent

if TYPE_CHECKING:
    import os


def read_trace(path: str | os.PathLike[str]) -> Log:
    """The calls of each session of a bundle; calls that ran side by side are one request.

    Constants of a program stand for the user's words: its constants were known before it ran.

    Raises:
        UsageError: there is no bundle, or no call in it.
    """
    bundle = Bundle(path)
    sessions: dict[str, Conversation] = {}
    running: dict[str, set[str]] = {}
    places: dict[tuple[str, str, str], tuple[list[DirectCall], int]] = {}
    for event in bundle.events():
        found = sessions.setdefault(event.session, Conversation())
        under_way = running.setdefault(event.session, set())
        if isinstance(event, CellStartedEvent):
            found.prompt += (bundle.text(event.source) or "") + "\n"
        elif isinstance(event, CallRequestedEvent):
            if not under_way:
                found.requests.append(LoggedRequest())
            calls = found.requests[-1].calls
            key = (event.session, event.cell_id, event.call)
            places[key] = (calls, len(calls))
            under_way.add(f"{event.cell_id} {event.call}")
            calls.append(DirectCall(event.tool, _json(bundle.text(event.arguments)), ""))
        elif isinstance(event, CallEndedEvent):
            under_way.discard(f"{event.cell_id} {event.call}")
            place = places.pop((event.session, event.cell_id, event.call), None)
            if place is not None:
                calls, at = place
                said = bundle.text(event.result) or bundle.text(event.error) or ""
                calls[at] = DirectCall(calls[at].name, calls[at].arguments, _plain(said))
    conversations = [each for each in sessions.values() if each.calls]
    return Log(conversations, {"trace": len(conversations)}, 0, len(places))


def _json(text: str | None) -> object:
    try:
        return json.loads(text or "null")
    except ValueError:
        return text


def _plain(text: str) -> str:
    """A result as a model would read it: the text of a JSON string, and other JSON as it is."""
    value = _json(text)
    return value if isinstance(value, str) else text
