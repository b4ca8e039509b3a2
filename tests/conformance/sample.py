"""A tenth of the corpus, chosen by a seed: what runs over a wire besides the whole in process.

``make test PYTEST_ARGS=--sample-seed=7`` runs another tenth; ``make conformance`` runs all.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from codemode_conformance.corpus import load

if TYPE_CHECKING:
    from codemode_conformance.corpus import Program

ONE_OF: Final = 10


def sample(wire: str, seed: int) -> list[Program]:
    """Return the programs that run over ``wire``, in the order of the corpus."""
    programs = list(load().values())
    chosen = random.Random(f"{wire} {seed}").sample(range(len(programs)), len(programs) // ONE_OF)
    return [programs[index] for index in sorted(chosen)]
