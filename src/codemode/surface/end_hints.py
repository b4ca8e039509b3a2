"""Hints for programs that succeed and still go wrong: a promise was printed, or a call was left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..protocol.types import TextItem
from .printed_promise import prints_promise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..protocol.types import Item
    from .nested_call import NestedCall

PROMISE: Final = "[object Promise]"
CALLS_NAMED: Final = 4


def end_hints(source: str, items: Sequence[Item], cancelled: Sequence[NestedCall]) -> Iterator[str]:
    """The hints about a program that has ended without an error.

    Args:
        source: the program, if it is known.
        items: what it wrote since the last result.
        cancelled: its calls that were under way when it ended.

    >>> list(end_hints("", [TextItem("temperature: [object Promise]")], []))
    ['Hint: a promise was printed, and not its value: `await` it first.']
    """
    if cancelled:
        names = ", ".join(dict.fromkeys(f"`{call.tool}`" for call in cancelled[:CALLS_NAMED]))
        more = " and others" if len(cancelled) > CALLS_NAMED else ""
        were = "call was" if len(cancelled) == 1 else "calls were"
        yield (
            f"Hint: {len(cancelled):,} tool {were} under way when the program ended, and cancelled: {names}{more}."
            " `await` each call whose result or effect is wanted."
        )
    texts = [item.text for item in items if isinstance(item, TextItem)]
    if any(PROMISE in text for text in texts) or prints_promise(source, texts):
        yield "Hint: a promise was printed, and not its value: `await` it first."
