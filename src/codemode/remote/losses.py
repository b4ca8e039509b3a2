"""What was lost with a host, and how that is told: once, to whoever waits for it, or else to the next exec.

A session whose host is gone and that has lost nothing goes on at another one without a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..protocol.types import CellId

NAMED: Final = 10
"""Cells and values that are named; of more there is a number."""

_REPEAT: Final = "\nHint: look at what they have done before you repeat them, and continue with a fresh exec call."


@dataclass(frozen=True, slots=True)
class ValuesLost:
    """Stored values that are gone.

    Attributes:
        names: their keys, as far as they are known.
        are_certain: whether there were any; not every host tells.
    """

    names: tuple[str, ...] = ()
    are_certain: bool = False


def cell_lost(reason: str, cell_id: CellId) -> str:
    """For whoever waits for a cell that was lost with its host."""
    return (
        f"{_sentence(reason)} Exec cell {cell_id} is lost with it, and nothing was run again. Tool calls"
        f" made before may have completed.{_REPEAT}"
    )


def start_lost(reason: str) -> str:
    """For whoever starts a cell at a host that is gone, and may or may not have begun it."""
    return (
        f"{_sentence(reason)} The program may have begun, and was not run again. Tool calls made before"
        f" may have completed.{_REPEAT}"
    )


def replacement_notice(
    reason: str, cells: Sequence[CellId], values: ValuesLost | None
) -> str | None:
    """For the next exec, which is not run: what was lost and nobody has been told; None if nothing was.

    Args:
        reason: why the host is gone.
        cells: those that were lost while nobody waited for them.
        values: stored values that are gone; None: all are as they were.
    """
    if not cells and values is None:
        return None
    begin = f"exec runtime was replaced: {_sentence(reason)}"
    if not cells:
        return (
            f"{begin} {_values(values)}. Nothing was run, this call included."
            "\nHint: store again what you need, and repeat the call."
        )
    one = len(cells) == 1
    lost = f"{_listed(list(cells), 'exec cell', 'exec cells')} {'is' if one else 'are'} lost"
    return (
        f"{begin} {lost[0].upper()}{lost[1:]}, and nothing was run again, this call included. {_values(values)}."
        f" Tool calls made before may have completed.{_REPEAT}"
    )


def _values(values: ValuesLost | None) -> str:
    if values is None:
        return "Stored values are as they were"
    if values.names:
        quoted = [f"`{name}`" for name in values.names]
        return f"Stored values are gone: {_listed(quoted)}"
    return "Stored values are gone" + ("" if values.are_certain else ", if there were any")


def _listed(names: list[str] | list[CellId], one: str = "", several: str = "") -> str:
    kind = one if len(names) == 1 else several
    more = len(names) - NAMED
    shown = [*names[:NAMED], f"{more} more"] if more > 0 else list(names)
    text = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
    return f"{kind} {text}" if kind else text


def _sentence(reason: str) -> str:
    return f"{reason.rstrip('.')}."
