"""A few of the random programs; ``make durable`` runs a thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from .random_programs import Pieces


@pytest.mark.parametrize("seed", [0, 3, 6, 12])
async def test_a_program_that_is_cut_anywhere_loses_nothing_and_does_nothing_twice(
    seed: int, tmp_path: Path
) -> None:
    outcome = await Pieces(seed, tmp_path).run()

    assert outcome.wrong == ()
    assert outcome.pieces > 1
