"""What the wheel of `codemode` holds: the product, and nothing that judges or measures it."""

from __future__ import annotations

from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_the_package_alone() -> None:
    builder = WheelBuilder(str(ROOT))

    wheel = {Path(each.distribution_path).parts for each in builder.recurse_included_files()}

    source = ROOT / "src"
    rooms = {path.name for path in (source / "codemode").iterdir()} - {"__pycache__"}
    assert {parts[0] for parts in wheel} == {"codemode"}
    assert {parts[1] for parts in wheel} <= rooms
    assert not [
        parts for parts in wheel if "conformance" in parts or parts[-1] == "improvements.toml"
    ]
    assert not [parts for parts in wheel if parts[-1].endswith((".cc", ".pyc"))]
    assert ("codemode", "engine", "prelude", "core.js") in wheel
