"""What clients may ask for, and what they get."""

import pytest

from codemode import Limits, UsageError
from codemode.host.ceiling import CELLS_OF_A_SESSION, Ceiling
from codemode.limits import GIB, MIB
from codemode.protocol.messages import CellLimits

USUAL = Limits(live_cells=CELLS_OF_A_SESSION)


@pytest.mark.parametrize(
    ("options", "asked", "granted"),
    [
        ([], None, {}),
        ([], CellLimits(None, None), {}),
        ([], CellLimits(None, 0), {}),
        ([], CellLimits(7, 64 * MIB), {"max_yield_time_ms": 7, "heap_bytes": 64 * MIB}),
        ([], CellLimits(None, 1), {"heap_bytes": 8 * MIB}),
        (
            [],
            CellLimits(2**64, 8 * GIB),
            {
                "max_yield_time_ms": 2**53 - 1,
                "heap_bytes": 4 * GIB,
                "worker_memory_bytes": 4 * GIB + 256 * MIB,
            },
        ),
        (["heap_bytes=64MiB"], CellLimits(None, 128 * MIB), {"heap_bytes": 64 * MIB}),
        (["heap_bytes=64MiB"], CellLimits(None, 32 * MIB), {"heap_bytes": 32 * MIB}),
        (["heap_bytes=4MiB"], CellLimits(None, 32 * MIB), {"heap_bytes": 4 * MIB}),
        (
            ["worker_memory_bytes=512MiB"],
            CellLimits(None, GIB),
            {"heap_bytes": GIB, "worker_memory_bytes": 512 * MIB},
        ),
        (["max_yield_time_ms=5s"], CellLimits(9_000, None), {"max_yield_time_ms": 5_000}),
        (["max_yield_time_ms=5s"], CellLimits(1_000, None), {"max_yield_time_ms": 1_000}),
        (["live_cells=2", "compute-ms=1s"], None, {"live_cells": 2, "compute_ms": 1_000}),
    ],
)
def test_a_client_gets_what_it_asks_for_up_to_the_ceiling(
    options: list[str], asked: CellLimits | None, granted: dict[str, int]
) -> None:
    fixed = {name for each in options for name in [each.partition("=")[0].replace("-", "_")]}
    found = Ceiling.of(options).granted(asked)
    expected = {**{name: getattr(USUAL, name) for name in Limits.__dataclass_fields__}, **granted}
    for name in fixed - granted.keys():
        expected[name] = getattr(Ceiling.of(options).limits, name)
    assert found == Limits(**expected)


@pytest.mark.parametrize("option", ["heap=1", "heap_bytes", "heap_bytes=much", "heap_bytes=none"])
def test_what_is_no_limit_is_refused(option: str) -> None:
    with pytest.raises(UsageError):
        Ceiling.of([option])
