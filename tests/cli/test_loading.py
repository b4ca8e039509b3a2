"""``--tools MODULE[:NAME]``: what is found, and what is said when it is not."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from codemode.cli.loading import load_servers, load_tools
from codemode.tools.toolset import Toolset

MODULE = """
from codemode import tool

@tool
def one() -> int: return 1

@tool
def two() -> int: return 2

def plain() -> int: return 3

several = [one, plain]
number = 7
mixed = [one, 7]
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Path]]:
    """Write a module into the current directory; nothing of it stays loaded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def write(name: str, source: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return path

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def names(*specs: str) -> list[str]:
    return [each.name for each in Toolset(load_tools(specs)).definitions]


def complaint(spec: str) -> str:
    with pytest.raises(click.BadParameter) as caught:
        load_tools([spec])
    return caught.value.message


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("given.py", ["one", "two"]),
        ("given", ["one", "two"]),
        ("./given.py", ["one", "two"]),
        ("given:two", ["two"]),
        ("given.py:plain", ["plain"]),
        ("given.py:several", ["one", "plain"]),
    ],
)
def test_a_module_or_a_file_gives_its_tools_or_the_named_ones(
    write: Callable[[str, str], Path], spec: str, expected: list[str]
) -> None:
    write("given.py", MODULE)

    assert names(spec) == expected


def test_a_list_called_tools_comes_before_decorated_functions(
    write: Callable[[str, str], Path],
) -> None:
    write("given.py", f"{MODULE}\ntools = [plain]")

    assert names("given") == ["plain"]


def test_options_add_up_and_each_tool_comes_once(write: Callable[[str, str], Path]) -> None:
    write("given.py", MODULE)

    assert names("given:two", "given.py", "given:plain") == ["two", "one", "plain"]


def test_a_file_finds_its_neighbours_and_may_be_anywhere(
    write: Callable[[str, str], Path],
) -> None:
    write("far/away/helper.py", "def help() -> str: return 'x'")
    path = write("far/away/needing.py", "from helper import help\ntools = [help]")

    assert names(str(path)) == ["help"]


def test_a_module_in_a_package_is_named_with_dots(write: Callable[[str, str], Path]) -> None:
    write("package/inner.py", MODULE)

    assert names("package.inner:one") == ["one"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "given:tow",
            "given has nothing called 'tow'\nhint: it has two.",
        ),
        (
            "given:number",
            "'number' is of type int\nhint: name a function, a tool, or a list of them.",
        ),
        ("given:mixed", "'mixed' holds 7\nhint: it may hold functions and tools."),
        ("absent.py", "there is no file absent.py\nhint: give a module's name or a .py file."),
        (
            "absent",
            "there is no module 'absent'\nhint: modules are looked for in the current directory"
            " and where Python has packages; a file is named by its path, tools.py.",
        ),
        (
            "bare",
            "bare has no tools\nhint: name one: --tools bare:useful; or decorate functions with"
            " @codemode.tool, or list them in `tools`.",
        ),
    ],
)
def test_what_cannot_be_found_is_said_with_a_hint(
    write: Callable[[str, str], Path], spec: str, expected: str
) -> None:
    write("given.py", MODULE)
    write("bare.py", "def useful() -> int: return 1\ndef _hidden() -> int: return 2")

    assert complaint(spec) == expected


@pytest.mark.parametrize("spec", ["broken", "broken.py"])
def test_a_module_that_raises_is_shown_where(write: Callable[[str, str], Path], spec: str) -> None:
    path = write("broken.py", "def start():\n    raise ValueError('no key')\nstart()")

    assert complaint(spec) == (
        f"loading {spec} failed\n"
        f'  File "{path}", line 3\n    start()\n'
        f"  File \"{path}\", line 2\n    raise ValueError('no key')\n"
        "ValueError: no key\n"
        "hint: repair the module."
    )


def test_a_module_that_exits_does_not_end_the_command(
    write: Callable[[str, str], Path],
) -> None:
    write("leaving.py", "raise SystemExit(0)")

    assert complaint("leaving").splitlines()[0] == "loading leaving failed"


def test_a_missing_import_inside_a_module_is_not_mistaken_for_the_module(
    write: Callable[[str, str], Path],
) -> None:
    write("needing.py", "import not_there_at_all")

    assert complaint("needing").splitlines()[-2:] == [
        "ModuleNotFoundError: No module named 'not_there_at_all'",
        "hint: repair the module.",
    ]


def servers_file(folder: Path, name: str, servers: object) -> str:
    path = folder / name
    path.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
    return str(path)


def test_servers_of_several_files_are_taken_together(tmp_path: Path) -> None:
    one = servers_file(tmp_path, "one.json", {"a": {"command": "x"}})
    two = servers_file(tmp_path, "two.json", {"b": {"url": "http://127.0.0.1:1/mcp"}})

    found = load_servers([one, two])

    assert found is not None and found.names == ("a", "b")
    assert load_servers([]) is None


def test_a_file_of_servers_that_is_wrong_is_named(tmp_path: Path) -> None:
    one = servers_file(tmp_path, "one.json", {"a": {"command": "x"}})
    bad = servers_file(tmp_path, "bad.json", [])

    with pytest.raises(click.BadParameter) as twice:
        load_servers([one, one])
    with pytest.raises(click.BadParameter) as wrong:
        load_servers([bad])

    assert twice.value.message == (
        "another file has servers of the same name: a\nhint: rename them in one."
    )
    assert (wrong.value.param_hint, wrong.value.message) == (
        f"--mcp {bad}",
        f"{bad} has no object `mcpServers`"
        '\nHint: it looks like {"mcpServers": {"time": {"command": "mcp-server-time"}}}.',
    )


def test_an_entry_that_is_wrong_makes_its_server_unavailable(tmp_path: Path) -> None:
    file = servers_file(tmp_path, "mcp.json", {"bad": {}, "good": {"command": "x"}})

    found = load_servers([file])

    assert found is not None and found.names == ("bad", "good")
    assert found.unavailable == {
        "bad": f"{file}: server `bad` has neither `command` nor `url`"
        "\nHint: a command is started, a url is reached over streamable HTTP."
    }
