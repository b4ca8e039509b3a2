"""A second try for what is marked ``timing``, and for nothing else: each is counted, and printed at the end of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

import pytest

MORE_TRIES: Final = 4
"""How often a scenario may be tried again whose steps time alone keeps in order: a busy machine turns them round."""

TRIES: Final = "tries"
"""Property of a test's report: how often it tried."""


Tries: TypeAlias = Callable[[bool], Iterator[int]]


@pytest.fixture
def tries(request: pytest.FixtureRequest) -> Tries:
    """Return the tries of a test: once, or up to ``1 + MORE_TRIES`` times for what is marked ``timing``.

    The test leaves the loop as soon as a try succeeds.
    """

    def numbered(timing: bool) -> Iterator[int]:
        for number in range(1, 2 + (MORE_TRIES if timing else 0)):
            request.node.user_properties[:] = [(TRIES, number)]
            yield number

    return numbered


def told(reports: Iterable[pytest.TestReport]) -> str | None:
    """Return the line that counts what was tried again; None: no test of the run can try again."""
    counted = {
        report.nodeid: number
        for report in reports
        for name, number in report.user_properties
        if name == TRIES and isinstance(number, int)
    }
    again = {node: number - 1 for node, number in counted.items() if number > 1}
    if not counted:
        return None
    if not again:
        return f"timing: none of {len(counted)} scenarios and programs was tried again"
    names = ", ".join(f"{node.partition('[')[2].rstrip(']')} ({n})" for node, n in again.items())
    return f"timing: {sum(again.values())} more tries of {len(again)} of {len(counted)}: {names}"
