"""Fair shares of a bounded amount: small claims are met whole, large ones alike."""

from __future__ import annotations

from collections.abc import Sequence


def fair_shares(claims: Sequence[int], total: int) -> list[int]:
    """What each gets of ``total``: all that it claims, or as much as the others that claim more.

    >>> fair_shares([1, 100, 10, 50], 61)
    [1, 25, 10, 25]
    """
    given = [0] * len(claims)
    left = max(0, total)
    for done, at in enumerate(sorted(range(len(claims)), key=claims.__getitem__)):
        given[at] = min(claims[at], left // (len(claims) - done))
        left -= given[at]
    return given
