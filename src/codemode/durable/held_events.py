"""What a cell says while it is replayed, held back until the replay is through; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..engine.events import ErrorPlaced, Finished, ToolCalled, ValueStored
from ..protocol.types import AudioItem, ImageItem, TextItem

if TYPE_CHECKING:
    from ..engine.events import Event
    from .replay import Replay

_ITEMS: Final = (TextItem, ImageItem, AudioItem)


class HeldEvents:
    """The outputs of a replay, with how many there were by then."""

    def __init__(self) -> None:
        self._held: list[tuple[int, Event]] = []

    def __repr__(self) -> str:
        return f"<{len(self._held)} held events>"

    def hold(self, number: int, event: Event) -> None:
        """Keep output ``number``."""
        self._held.append((number, event))

    def after(self, heard: int) -> list[Event]:
        """For an owner that has heard so many outputs: the others."""
        return [event for number, event in self._held if number > heard]

    def for_new_owner(
        self, replay: Replay, *, delivered: int, is_committed: bool
    ) -> tuple[list[Event], list[ToolCalled]]:
        """For an owner that has heard nothing: what it has to hear, and the calls that are not made again.

        Args:
            replay: is through.
            delivered: how many items were handed over before.
            is_committed: whether what the cell stored is among the values of its session: it stands, and later
                cells may have replaced it.
        """
        passed: list[Event] = []
        settled: list[ToolCalled] = []
        for _, event in self._held:
            if isinstance(event, _ITEMS):
                if delivered:
                    delivered -= 1
                else:
                    passed.append(event)
            elif isinstance(event, ErrorPlaced | Finished) or (
                isinstance(event, ValueStored) and not is_committed
            ):
                passed.append(event)
            elif isinstance(event, ToolCalled) and (
                replay.finished is not None or event.number not in replay.calls
            ):
                settled.append(event)
        if replay.finished is None:
            passed += [*replay.timers.values(), *replay.calls.values()]
        return passed, settled
