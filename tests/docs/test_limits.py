"""``docs/limits.md`` says what the code does."""

import re
from dataclasses import fields

import pytest

import codemode
from codemode.limits import Limits
from codemode.process_limits import ProcessLimits

from .code import ROOT, source_of
from .limits import PAGE, PLACES, PROCESS_PLACES, renewed

NAMES = [limit.name for limit in fields(Limits)]


def test_the_generated_parts_are_up_to_date() -> None:
    # Renew them with: python -m tests.docs.limits
    page = PAGE.read_text(encoding="utf-8")

    assert renewed(page) == page


def test_the_example_is_one() -> None:
    page = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"`((?:CodeMode|ProcessLimits)\(.+?\))`", page)

    assert len(examples) == 2
    for example in examples:
        eval(example, {name: getattr(codemode, name) for name in codemode.__all__})


def test_every_limit_has_its_place() -> None:
    assert sorted(PLACES) == sorted(NAMES)
    assert sorted(PROCESS_PLACES) == sorted(each.name for each in fields(ProcessLimits))


@pytest.mark.parametrize("name", [*NAMES, *PROCESS_PLACES])
def test_a_limit_stands_in_the_files_and_fires_in_the_test_that_are_named(name: str) -> None:
    place = (PLACES | PROCESS_PLACES)[name]
    files = [(ROOT / "src" / "codemode" / file).read_text(encoding="utf-8") for file in place.files]

    assert all(name in file for file in files)
    assert name in (source_of(place.test) or "")
