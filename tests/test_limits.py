"""Limits: their defaults, their texts, and what may be switched off."""

import ast
import inspect
from dataclasses import asdict, fields, replace
from itertools import pairwise
from typing import Any

import pytest

from codemode.errors import UsageError
from codemode.limits import GIB, KIB, MIB, Limits, amount
from codemode.process_limits import ProcessLimits

DEFAULTS = {
    "source_bytes": MIB,
    "heap_bytes": 256 * MIB,
    "worker_memory_bytes": GIB,
    "compute_ms": 60_000,
    "output_bytes": 16 * MIB,
    "output_tokens": 10_000,
    "value_bytes": 16 * MIB,
    "stored_bytes": 64 * MIB,
    "live_cells": 128,
    "value_members": 200_000,
    "held_bytes": 64 * MIB,
    "timers": 10_000,
    "tool_calls": 10_000,
    "concurrent_tool_calls": 256,
    "queued_notifications": 1_024,
    "callback_grace_ms": 100,
    "termination_ms": 250,
    "unobserved_ms": 3_600_000,
    "result_kept_ms": 300_000,
    "min_yield_time_ms": 0,
    "max_yield_time_ms": None,
}


def test_every_limit_is_on_by_default() -> None:
    assert asdict(Limits()) == DEFAULTS


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_the_text_of_a_limit_names_it_and_its_value(name: str) -> None:
    text = Limits(max_yield_time_ms=5_000).message(name, 1)
    value = getattr(Limits(max_yield_time_ms=5_000), name)
    unit = next(field for field in fields(Limits) if field.name == name).metadata["unit"]

    assert text.startswith(f"Limit reached ({name}): ")
    assert amount(value, unit) in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "bytes", "0 bytes"),
        (KIB, "bytes", "1 KiB"),
        (1536, "bytes", "1.5 KiB"),
        (16 * MIB, "bytes", "16 MiB"),
        (GIB, "bytes", "1 GiB"),
        (250, "ms", "250 ms"),
        (1_500, "ms", "1.5 s"),
        (60_000, "ms", "60 s"),
        (3_600_000, "ms", "60 min"),
        (10_000, "timers", "10,000 timers"),
    ],
)
def test_amounts_read_as_people_say_them(value: int, unit: str, text: str) -> None:
    assert amount(value, unit) == text


@pytest.mark.parametrize("value", [-1, 1.5, "10", True, None])
def test_a_value_that_is_no_count_is_refused_with_the_limits_name(value: object) -> None:
    with pytest.raises(UsageError, match=r"limit timers must be a non-negative integer \(timers\)"):
        Limits(timers=value)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [("heap_bytes", 0, 1), ("worker_memory_bytes", 0, 1), ("timers", 2**53, 0)],
)
def test_a_value_that_the_system_would_misread_is_refused(
    name: str, value: int, least: int
) -> None:
    given: dict[str, Any] = {name: value}

    with pytest.raises(UsageError, match=rf"limit {name} must be from {least} to 2\*\*53 - 1"):
        Limits(**given)


@pytest.mark.parametrize(
    "name", [field.name for field in fields(Limits) if field.metadata["optional"]]
)
def test_an_optional_limit_can_be_switched_off(name: str) -> None:
    off: dict[str, Any] = {name: None}

    assert getattr(replace(Limits(), **off), name) is None


@pytest.mark.parametrize("table", [Limits, ProcessLimits])
def test_every_limit_is_described_in_the_source(table: type[Limits | ProcessLimits]) -> None:
    """A docstring beneath each field: editors show it, and so does the reference."""
    [definition] = ast.parse(inspect.getsource(table)).body
    assert isinstance(definition, ast.ClassDef)
    described = {
        field.target.id
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }

    assert described == {each.name for each in fields(table)}
