"""``codemode-conformance``: two hosts compared from the command line."""

from __future__ import annotations

import json

from click.testing import CliRunner

from codemode_conformance.command import conformance

from .package import Package

FEW = "handshake/versions"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(conformance, arguments)
    return result.exit_code, result.output


def test_it_counts_what_is_equal_part_by_part_and_the_total_last(package: Package) -> None:
    code, output = run("--oracle", str(package.host), "--filter", FEW)

    assert output.splitlines() == [
        "programs 0 equal 0 improved 0 different 0",
        "scenarios 3 equal 3 improved 0 different 0",
        "scenarios over gRPC 0 equal 0 improved 0 different 0",
        "total 3 equal 3 improved 0 different 0",
    ]
    assert code == 0


def test_json_holds_the_counts_and_whatever_is_not_equal(package: Package) -> None:
    host = str(package.host)
    code, output = run(
        "--oracle", host, "--host", host, "--filter", "errors/error-source-url", "--json"
    )
    document = json.loads(output)

    [one] = document["programs"].pop("not_equal")
    assert document == {
        "programs": {"equal": 0, "improved": 0, "different": 1},
        "scenarios": {"equal": 0, "improved": 0, "different": 0, "not_equal": []},
        "scenarios over gRPC": {"equal": 0, "improved": 0, "different": 0, "not_equal": []},
    }
    assert one["name"] == "errors/error-source-url"
    assert one["reason"] == "there is no difference any more: drop it from improvements.toml"
    assert code == 1


def test_a_command_that_is_no_host_is_refused_at_once(package: Package) -> None:
    code, output = run("--oracle", str(package.host), "--host", "false")

    assert code == 1
    assert output.startswith("Error: the host closed its ")
