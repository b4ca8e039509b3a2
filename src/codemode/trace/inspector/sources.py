"""What the page can look at: recordings in a folder, and processes that answer at a socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from ...errors import UsageError
from ..bundle import Bundle
from ..events import Event
from ..recorder import MANIFEST
from .view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..events import Content

Given = TypeVar("Given")

POLL_SECONDS: Final = 0.25
"""How often a recording is looked at while the page waits for more of it."""

ANSWER_BYTES: Final = 64 * 1024 * 1024
"""An answer of a process that is longer is not read."""

MOST_SOURCES: Final = 500


class InspectedSource(Protocol):
    """Something to look at."""

    @property
    def id(self) -> str:
        """Its name among all sources."""

    @property
    def can_act(self) -> bool:
        """Whether cells can be ended and approvals answered."""

    async def read(self, give: Callable[[View], Given]) -> Given:
        """What ``give`` makes of the events that were taken, in a thread, while none is taken."""

    async def about(self) -> dict[str, Any]:
        """What a list of sources shows of it."""

    async def refresh(self, after: int, wait_seconds: float) -> None:
        """Take what is new; wait for something beyond event ``after``, at most so long."""

    async def state(self) -> dict[str, Any]:
        """What its sessions hold now."""

    async def act(self, question: dict[str, str]) -> Any:
        """End a cell or answer an approval.

        Raises:
            UsageError: that cannot be done.
        """


class RecordedSource:
    """A bundle on disk, which may still grow."""

    can_act: Final = False

    def __init__(self, bundle: Bundle) -> None:
        self.id = bundle.path.name
        self._bundle = bundle
        self._lock = asyncio.Lock()
        self._view = View(bundle.text)

    async def read(self, give: Callable[[View], Given]) -> Given:
        async with self._lock:
            return await asyncio.to_thread(give, self._view)

    async def about(self) -> dict[str, Any]:
        manifest = msgspec.json.decode((self._bundle.path / MANIFEST).read_bytes(), type=dict)
        return {
            "id": self.id,
            "kind": "recording",
            "started": manifest.get("started_at_ms", 0),
            "process": manifest.get("process", 0),
        }

    async def refresh(self, after: int, wait_seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + wait_seconds
        while True:
            events = await self.read(self._feed)
            if events > after or asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(POLL_SECONDS)

    def _feed(self, view: View) -> int:
        for event in self._bundle.events(view.reducer):
            view.feed(event)
        return view.version

    async def state(self) -> dict[str, Any]:
        return {}

    async def act(self, question: dict[str, str]) -> Any:
        del question
        raise UsageError("this is a recording: nothing of it runs any more")


class Process:
    """A process that answers at its socket.

    Args:
        socket: its path.
        token: what lets us act; empty: we only look.
    """

    def __init__(self, socket: Path, token: str) -> None:
        self.id = f"process-{socket.stem}"
        self._socket = socket
        self._token = token
        self._lock = asyncio.Lock()
        self._taken = 0
        self._view = View(_text)

    @property
    def can_act(self) -> bool:
        return bool(self._token)

    async def about(self) -> dict[str, Any]:
        told = (await self._ask({"ask": "about"}))["ok"]
        return {"id": self.id, "kind": "process", "can_act": self.can_act, **told}

    async def read(self, give: Callable[[View], Given]) -> Given:
        async with self._lock:
            return await asyncio.to_thread(give, self._view)

    async def refresh(self, after: int, wait_seconds: float) -> None:
        asked = self._taken
        wait_ms = 0 if self._view.version > after else round(wait_seconds * 1000)
        answer = await self._ask({"ask": "events", "after": asked, "wait_ms": wait_ms})
        events = msgspec.convert(answer["events"], list[Event])
        async with self._lock:
            if self._taken != asked:
                return  # another page has asked beside this one, and has fed the same
            self._taken = answer["next"]
            if answer["forgotten"]:
                missing = f"the process has forgotten {answer['forgotten']} events before"
                self._view.reducer.problem(missing)
            for event in events:
                self._view.feed(event)

    async def state(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self._ask({"ask": "state"}))["ok"]
        return found

    async def act(self, question: dict[str, str]) -> Any:
        if not self._token:
            raise UsageError("this page only looks: it was started with --read-only")
        return (await self._ask({**question, "token": self._token}))["ok"]

    async def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket, limit=ANSWER_BYTES)
        except OSError as error:
            raise UsageError(f"the process at {self._socket} is gone: {error}") from error
        try:
            writer.write(msgspec.json.encode(question) + b"\n")
            line = await reader.readline()
        except (OSError, ValueError) as error:
            raise UsageError(f"the process at {self._socket} does not answer: {error}") from error
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        if not line.endswith(b"\n"):
            raise UsageError(f"the process at {self._socket} has ended")
        answer: dict[str, Any] = msgspec.json.decode(line, type=dict)
        if "error" in answer:
            raise UsageError(str(answer["error"]))
        return answer


def _text(told: Content | None) -> str | None:
    return None if told is None else told.text


class Sources:
    """The recordings below a folder, and the processes whose sockets are in another.

    Args:
        recordings: a bundle, or a folder of bundles; None: no recordings.
        sockets: of processes, or a folder of them; None: no processes.
        reads_tokens: whether to act, with the tokens that lie beside the sockets.
    """

    def __init__(
        self, recordings: Path | None, sockets: Path | None, *, reads_tokens: bool = True
    ) -> None:
        self._recordings = recordings
        self._sockets = sockets
        self._reads_tokens = reads_tokens
        self._known: dict[Path, InspectedSource] = {}

    async def all(self) -> list[dict[str, Any]]:
        """What is known of each source, the newest first."""
        found = []
        for path in self._paths():
            try:
                found.append(await self._at(path).about())
            except (UsageError, OSError, msgspec.MsgspecError) as error:
                self._known.pop(path, None)
                if path.suffix == ".sock":
                    _remove_if_dead(path)
                else:
                    found.append({"id": path.name, "kind": "broken", "error": str(error)})
        return sorted(found, key=lambda each: each.get("started", 0), reverse=True)

    async def read_newest(self) -> None:
        """Read the newest recording, which a page opens first, while the page itself is loaded."""
        newest = [path for path in self._paths() if path.suffix != ".sock"][:1]
        for path in newest:
            # What cannot be read is told to the page, when it asks.
            with contextlib.suppress(UsageError, OSError, msgspec.MsgspecError):
                await self._at(path).refresh(0, 0)

    def find(self, name: str) -> InspectedSource:
        """A source by its id.

        Raises:
            UsageError: there is none.
        """
        for path in self._paths():
            if name in (path.name, f"process-{path.stem}"):
                return self._at(path)
        raise UsageError(f"there is no recording or process {name!r} any more")

    def _at(self, path: Path) -> InspectedSource:
        found = self._known.get(path)
        if found is None:
            if path.suffix == ".sock":
                found = Process(path, _token(path) if self._reads_tokens else "")
            else:
                found = RecordedSource(Bundle(path))
            self._known[path] = found
        return found

    def _paths(self) -> list[Path]:
        paths: list[Path] = []
        if self._recordings is not None:
            alone = (self._recordings / MANIFEST).is_file()
            bundles = [self._recordings] if alone else self._recordings.glob("trace-*/")
            paths += sorted(bundles, reverse=True)[:MOST_SOURCES]
        if self._sockets is not None:
            is_socket = self._sockets.is_socket()
            paths += [self._sockets] if is_socket else sorted(self._sockets.glob("*.sock"))
        return paths


def _token(socket: Path) -> str:
    try:
        return socket.with_suffix(".token").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _remove_if_dead(socket: Path) -> None:
    """Remove what a process has left that did not end by itself."""
    try:
        os.kill(int(socket.stem), 0)
    except (ProcessLookupError, ValueError):
        if socket.stem.isdecimal():
            socket.unlink(missing_ok=True)
            socket.with_suffix(".token").unlink(missing_ok=True)
    except OSError:
        pass
