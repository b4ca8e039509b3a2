"""Which program a host command means: ours are found without an activated environment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from codemode import CodeMode, ProcessSessionProvider
from codemode.child_process import find_program

from .stage import bounded

BESIDE = Path(sys.executable).parent


def executable(path: Path) -> str:
    path.write_text("#!/bin/sh\nexit 3\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("name", ["codemode", "codemode-host"])
@pytest.mark.parametrize("on_path", [True, False])
def test_our_own_commands_are_those_beside_this_python(
    name: str, on_path: bool, tmp_path: Path
) -> None:
    if on_path:
        executable(tmp_path / name)

    assert find_program(name, {"PATH": str(tmp_path)}) == str(BESIDE / name)


def test_other_commands_are_looked_for_on_the_path_and_then_beside_this_python(
    tmp_path: Path,
) -> None:
    wanted = executable(tmp_path / "host")
    environment = {"PATH": str(tmp_path)}

    assert find_program("host", environment) == wanted
    assert find_program("python", environment) == str(BESIDE / "python")
    assert find_program("no-such-host", environment) == "no-such-host"
    assert find_program("./host", environment) == "./host"


@pytest.mark.parametrize("command", ["codemode host", "codemode-host"])
async def test_a_host_runs_where_no_environment_is_activated(
    command: str, leaves_nothing: None
) -> None:
    async with (
        ProcessSessionProvider(command, env={"PATH": "/nowhere"}) as provider,
        CodeMode(provider=provider) as cm,
    ):
        result = await bounded(cm.run("text(6 * 7)"))

    assert result.output == "42"
