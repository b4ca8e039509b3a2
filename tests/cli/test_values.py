"""``--limit NAME=VALUE``."""

import click
import pytest

from codemode.cli.values import LIMIT, make_limits
from codemode.limits import Limits, parse_amount


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("0", "bytes", 0),
        ("1000", "bytes", 1000),
        ("1_000", "bytes", 1000),
        ("1_", "bytes", None),
        ("1__0", "bytes", None),
        ("9" * 5_000, "bytes", None),
        ("64MiB", "bytes", 64 << 20),
        ("64 mib", "bytes", 64 << 20),
        ("1.5KiB", "bytes", 1536),
        ("1GiB", "bytes", 1 << 30),
        ("250", "ms", 250),
        ("250ms", "ms", 250),
        ("1.5s", "ms", 1500),
        ("5min", "ms", 300_000),
        ("1h", "ms", 3_600_000),
        ("7", "cells", 7),
        ("7s", "bytes", None),
        ("7MB", "bytes", None),
        ("7KiB", "cells", None),
        ("-1", "ms", None),
        ("1.5", "cells", None),
        ("", "ms", None),
        ("s", "ms", None),
    ],
)
def test_amounts_are_numbers_with_the_suffixes_of_their_unit(
    text: str, unit: str, expected: int | None
) -> None:
    assert parse_amount(text, unit) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("heap_bytes=64MiB", ("heap_bytes", 64 << 20)),
        ("heap-bytes=1", ("heap_bytes", 1)),
        ("compute_ms=none", ("compute_ms", None)),
        ("compute_ms = 2s", ("compute_ms", 2000)),
    ],
)
def test_a_limit_is_a_name_and_an_amount(text: str, expected: tuple[str, int | None]) -> None:
    assert LIMIT.convert(text, None, None) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "heap_byte=1",
            "there is no limit 'heap_byte'\nhint: did you mean heap_bytes? There are: ",
        ),
        ("heap_bytes", "'heap_bytes' has no value\nhint: write heap_bytes=VALUE."),
        ("live_cells=2s", "'2s' is no amount of cells for live_cells\nhint: live_cells=100."),
    ],
)
def test_a_wrong_limit_is_explained(text: str, expected: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        LIMIT.convert(text, None, None)

    assert caught.value.message[: len(expected)] == expected


def test_the_last_of_two_values_counts_and_the_rest_stays_as_it_is() -> None:
    given = [("heap_bytes", 1), ("compute_ms", None), ("heap_bytes", 2)]

    assert make_limits(given) == Limits(heap_bytes=2, compute_ms=None)


def test_a_session_without_a_cell_is_refused() -> None:
    with pytest.raises(click.BadParameter) as caught:
        make_limits([("live_cells", 0)])

    assert caught.value.message == (
        "with live_cells=0 no program could run\nhint: give 1 or more, or none."
    )


def test_every_limit_can_be_completed() -> None:
    context = click.Context(click.Command("run"))
    found = LIMIT.shell_complete(context, click.Option(["--limit"]), "heap")

    assert [item.value for item in found] == ["heap_bytes="]
