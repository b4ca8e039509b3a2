"""What is installed: every program, scenario and reason is a file of the package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hatchling.builders.wheel import WheelBuilder

from codemode_conformance import corpus, rpc_scenario, scenario
from codemode_conformance.command import conformance

HERE = Path(__file__).parents[1]


def test_the_wheel_holds_the_package_and_its_data_and_no_tests() -> None:
    builder = WheelBuilder(str(HERE))

    wheel = {Path(each.distribution_path) for each in builder.recurse_included_files()}

    source = HERE / "src"
    assert wheel == {
        path.relative_to(source)
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {path.suffix for path in wheel} == {".py", ".js", ".txt", ".toml"}


def test_programs_and_scenarios_have_names_of_their_own() -> None:
    parts = [list(each) for each in (corpus.load(), scenario.load(), rpc_scenario.load())]
    names = [name for part in parts for name in part]

    assert all(parts)
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("// @wait\n", "x.js: @wait stands before the first @case"),
        ("// @case a\n1\n// @wait\n2\n", "@wait takes no source: '2'"),
        ("// @case a speed=9\n1\n", "x/a: unknown options ['speed']"),
    ],
)
def test_a_program_that_is_not_understood_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        list(corpus.parse("x", text))


def test_help_names_the_host_to_compare_with() -> None:
    result = CliRunner().invoke(conformance, ["--help"], prog_name="codemode-conformance")

    assert result.exit_code == 0
    assert result.output.startswith("Usage: codemode-conformance [OPTIONS]\n")
    assert "--oracle PATH" in result.output
