"""What an import costs and what it drags in, looked at in a fresh interpreter.

The import contracts in ``pyproject.toml`` read the source; these tests read ``sys.modules``, and
so see what a lazy import, a package's ``__init__`` or a dependency really loads.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import codemode

ROOT = Path(__file__).parents[1]
FACADE = ROOT / "src" / "codemode" / "__init__.py"
TESTS = ROOT / "tests"

CHILD_SECONDS = 60
"""The bound on a child that only imports; it is never used up."""

HEAVY = {
    "asyncio",
    "click",
    "concurrent.futures",
    "griffe",
    "logging",
    "mcp",
    "multiprocessing",
    "pydantic",
    "rich",
}
HEAVY_WHEN_NEEDED = {"ctypes", "importlib.metadata", "msgspec"}


def loaded_by(statement: str) -> set[str]:
    """Run a statement in a fresh, isolated interpreter; the modules that it added."""
    program = (
        "import sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "print(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    child = subprocess.run(
        [sys.executable, "-I", "-c", program],
        capture_output=True,
        check=False,
        text=True,
        timeout=CHILD_SECONDS,
    )
    assert child.returncode == 0, child.stderr
    return set(child.stdout.split())


def ours(modules: set[str]) -> set[str]:
    """Our own modules among these, without the name of the package before them."""
    return {name.removeprefix("codemode.") for name in modules if name.startswith("codemode.")}


def within(modules: set[str], floors: tuple[str, ...]) -> set[str]:
    """Those of the modules that are one of these, or inside one of these."""
    return {name for name in modules if name.split(".")[0] in floors}


def test_importing_the_package_loads_no_other_module_of_ours_and_nothing_heavy() -> None:
    modules = loaded_by("import codemode")

    assert ours(modules) == set()
    assert modules & (HEAVY | HEAVY_WHEN_NEEDED) == set()


def test_the_engine_loads_no_v8_into_this_process() -> None:
    modules = loaded_by("import codemode.engine.workers")

    assert modules & {"ctypes", "py_mini_racer", "pydantic", "mcp"} == set()


def test_pydantic_and_griffe_wait_for_the_first_tool() -> None:
    modules = loaded_by("from codemode import CodeMode, tool")

    assert modules & {"pydantic", "griffe"} == set()


def test_the_mcp_sdk_waits_for_the_first_server_that_starts() -> None:
    modules = loaded_by(
        "from codemode import CodeMode, McpServers, StdioServer\n"
        "CodeMode(mcp=McpServers({'time': StdioServer('mcp-server-time')}))"
    )

    assert modules & {"mcp", "mcp_types", "anyio", "httpx2", "pydantic"} == set()


@pytest.mark.parametrize(
    "statement",
    [
        "import codemode.host.stdio",
        "from codemode.cli import app",
        "import codemode.grpc",
        "from codemode import GrpcSessionProvider; GrpcSessionProvider('grpc://127.0.0.1:5')",
    ],
)
def test_grpc_waits_for_somebody_who_listens_with_it(statement: str) -> None:
    modules = loaded_by(statement)

    assert modules & {"grpc", "google.protobuf"} == set()


def test_every_public_name_is_there_and_is_listed() -> None:
    assert [name for name in codemode.__all__ if not hasattr(codemode, name)] == []
    assert set(codemode.__all__) <= set(dir(codemode))


def test_a_type_checker_sees_the_public_names_that_a_program_sees() -> None:
    seen = {
        alias.asname or alias.name
        for block in ast.parse(FACADE.read_text(encoding="utf-8")).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }

    assert seen == set(codemode.__all__) - {"__version__"}


def test_a_type_checker_does_not_see_names_that_are_not_there() -> None:
    doors = [
        block
        for block in ast.parse(FACADE.read_text(encoding="utf-8")).body
        if any(isinstance(n, ast.FunctionDef) and n.name == "__getattr__" for n in ast.walk(block))
    ]

    # A module with a __getattr__ has every name, as far as a type checker knows.
    assert [ast.unparse(getattr(door, "test", door)) for door in doors] == ["not TYPE_CHECKING"]


@pytest.mark.parametrize("room", ["protocol", "surface"])
def test_a_pure_room_is_tested_without_waiting(room: str) -> None:
    waits = re.compile(r"\b(sleep|wait_for|timeout)\(|\basync def\b")
    files = (TESTS / room).rglob("*.py")

    assert [path.name for path in files if waits.search(path.read_text("utf-8"))] == []
