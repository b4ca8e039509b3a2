"""Records events into a bundle: a folder that anybody can read, while it grows and after a crash.

    DIR/trace-20261130-210412-4711-1/
      manifest.json     schema, when, by which process and version
      events.jsonl      an event a line, in the order in which they were taken
      payloads/         long texts, by their digest

The event loop only appends to a list. A thread takes what has gathered, writes payloads first and then the lines that
name them, so that a line never names what is not there. The list is bounded: beyond the bound events are dropped and
their number is recorded in their place. A disk that is full or gone ends the recording, not the session.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from ..surface.canonical_json import canonical_hash
from .events import SCHEMA, CallRequestedEvent, Content, EventsDroppedEvent, utf8_size
from .payloads import PACKED, Payloads, pack_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedWriter

    from .events import TraceEvent

    Redact: TypeAlias = Callable[[str, str], str | None]

_log = logging.getLogger(__name__)

MANIFEST: Final = "manifest.json"
EVENTS: Final = "events.jsonl"
PACKED_EVENTS: Final = EVENTS + PACKED

PACK_LOG_BYTES: Final = 1024 * 1024
"""Events of at least so many bytes are packed when their recording is closed."""

INLINE_BYTES: Final = 160
"""A text of at most so many bytes stands in its event."""

PAYLOAD_BYTES: Final = 1024 * 1024
"""A longer text is left out, unless the recorder is told otherwise."""

WAITING_EVENTS: Final = 100_000
WAITING_BYTES: Final = 64 * 1024 * 1024
"""What may wait for the thread: more is dropped."""

FLUSH_SECONDS: Final = 0.05
"""How long an event may wait before it is on its way to the disk."""

CLOSE_SECONDS: Final = 10.0
"""How long the end of a process may wait for what is still to be written."""

_numbers = count(1)


class Recorder:
    """A sink that writes a bundle.

    Args:
        folder: where the bundle's folder is made; made itself if it is not there.
        payload_bytes: texts longer than this are left out.
        redact: called with ``"call_requested.arguments"`` and the like, and a text; returns the text to record, or
            None to leave it out. It runs in the recorder's thread.
        pack: pack payloads with zstd, where the extra ``trace`` is installed.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        payload_bytes: int = PAYLOAD_BYTES,
        redact: Redact | None = None,
        pack: bool = True,
    ) -> None:
        self.path = _new_folder(Path(folder))
        self._payload_bytes = payload_bytes
        self._redact = redact
        self._payloads = Payloads(self.path, pack=pack)
        self._lines = self._begin()
        self._encoder = msgspec.json.Encoder()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._waiting: list[TraceEvent] = []
        self._waiting_bytes = 0
        self._dropped = 0
        self._is_closing = False
        self._thread = threading.Thread(target=self._write_all, name="codemode trace", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def __repr__(self) -> str:
        return f"<recorder of {self.path}>"

    def __call__(self, event: TraceEvent) -> None:
        """Take an event."""
        size = _text_size(event)
        with self._lock:
            too_much = self._waiting_bytes + size > WAITING_BYTES
            if self._is_closing or too_much or len(self._waiting) >= WAITING_EVENTS:
                self._dropped += 1
                return
            if self._dropped:
                self._waiting.append(_dropped(event, self._dropped))
                self._dropped = 0
            self._waiting.append(event)
            self._waiting_bytes += size
        if not self._news.is_set():
            self._news.set()

    def close(self) -> None:
        """Write what waits, and end the recording. Idempotent, bounded."""
        with self._lock:
            self._is_closing = True
        self._news.set()
        self._thread.join(CLOSE_SECONDS)
        atexit.unregister(self.close)

    # ── the thread ───────────────────────────────────────────────────────────────────────────

    def _begin(self) -> BufferedWriter:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and only for what is traced

        manifest = {
            "schema": SCHEMA,
            "started_at_ms": round(time.time() * 1000),
            "process": os.getpid(),
            "codemode": version("codemode"),
        }
        text = json.dumps(manifest, indent=1) + "\n"
        (self.path / MANIFEST).write_text(text, encoding="utf-8")
        return (self.path / EVENTS).open("wb")

    def _write_all(self) -> None:
        with self._lines:
            while True:
                self._news.wait()
                closing = self._is_closing
                if not closing:
                    time.sleep(FLUSH_SECONDS)  # what comes meanwhile is written in one go
                self._news.clear()
                with self._lock:
                    events, self._waiting = self._waiting, []
                    self._waiting_bytes = 0
                    closing = self._is_closing
                try:
                    self._write(events)
                except Exception:  # noqa: BLE001 - a full disk, or a redaction that fails: the sessions go on
                    _log.exception("recording ends here: %s", self.path)
                    with self._lock:
                        self._is_closing = True
                        self._waiting.clear()
                    return
                if closing:
                    break
        self._pack_log()

    def _pack_log(self) -> None:
        """A recording that is over is packed, if it is long: its lines repeat each other."""
        log = self.path / EVENTS
        if not self._payloads.packs or log.stat().st_size < PACK_LOG_BYTES:
            return
        try:
            pack_file(log, log.with_name(PACKED_EVENTS))
            log.unlink()  # a reader finds the one or the other
        except OSError:
            _log.exception("the recording stays as it is: %s", self.path)

    def _write(self, events: list[TraceEvent]) -> None:
        # One call for all of them: this thread holds up the event loop for as long as it runs Python.
        self._lines.write(self._encoder.encode_lines([self._on_disk(event) for event in events]))
        self._lines.flush()

    def _on_disk(self, event: TraceEvent) -> TraceEvent:
        """The event with each of its texts in its place, redacted, or left out."""
        changes: dict[str, Any] = {}
        for name in _CONTENTS[type(event)]:
            told = getattr(event, name)
            if told is None or (self._redact is None and _stays(told)):
                continue
            changes[name] = self._placed(event, name, told)
        if not changes:
            return event
        if isinstance(event, CallRequestedEvent) and event.arguments is not None:
            # Of arguments that stand in the event as they were, a reader makes the hash itself.
            changes["arguments_hash"] = canonical_hash(event.arguments.text or "")
        return msgspec.structs.replace(event, **changes)

    def _placed(self, event: TraceEvent, name: str, told: Content) -> Content:
        text = told.text
        if text is None:
            return told
        if self._redact is not None:
            text = self._redact(f"{event.__struct_config__.tag}.{name}", text)
            if text is None:
                return Content(size=told.size, left_out="redacted")
        size = utf8_size(text)
        if size > self._payload_bytes:
            return Content(size=size, left_out="size")
        if size <= INLINE_BYTES:
            return Content(size=size, text=text.encode("utf-8", "replace").decode())
        return Content(size=size, digest=self._payloads.write(text))


def _stays(told: Content) -> bool:
    """Whether a content stands in its event as it is: most are short, and ASCII."""
    return told.size <= INLINE_BYTES and told.text is not None and len(told.text) == told.size


def _new_folder(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        path = parent / f"trace-{stamp}-{os.getpid()}-{next(_numbers)}"
        try:
            path.mkdir()
        except FileExistsError:
            continue  # containers share folders, and have processes of the same number
        return path


class _Contents(dict[type, tuple[str, ...]]):
    """The fields of each type of event that are contents, found when the first one comes."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        fields = msgspec.structs.fields(kind)
        found = tuple(each.name for each in fields if "Content" in str(each.type))
        self[kind] = found
        return found


_CONTENTS: Final = _Contents()


def _text_size(event: TraceEvent) -> int:
    size = 0
    for name in _CONTENTS[type(event)]:
        told = getattr(event, name)
        if told is not None:
            size += told.size
    return size


def _dropped(event: TraceEvent, number: int) -> EventsDroppedEvent:
    """The word that stands where events were dropped. It takes the number before its successor's."""
    return EventsDroppedEvent(
        seq=event.seq - 1,
        at_ms=event.at_ms,
        session=event.session,
        count=number,
        reason="more came than could be written",
    )


_borrowed: Final[dict[Path, tuple[Recorder, int]]] = {}
_borrowing: Final = threading.Lock()


def borrow(folder: str | os.PathLike[str]) -> Recorder:
    """The recorder of this process for ``folder``, made for the first who asks; to be given back.

    Raises:
        OSError: the folder cannot be made.
    """
    place = Path(folder).absolute()
    with _borrowing:
        recorder, users = _borrowed.get(place) or (Recorder(place), 0)
        _borrowed[place] = recorder, users + 1
        return recorder


def give_back(recorder: Recorder) -> None:
    """``borrow``'s counterpart: the last one closes the recorder, and waits until all is on disk."""
    place = recorder.path.parent
    with _borrowing:
        _, users = _borrowed[place]
        if users > 1:
            _borrowed[place] = recorder, users - 1
            return
        del _borrowed[place]
    recorder.close()
