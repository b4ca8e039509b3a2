"""``codemode tools``: declarations and costs, for people and for programs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from codemode.cli import PROGRAM, app

WEATHER = str(Path(__file__).parents[2] / "examples" / "weather_tools.py")
CITIES = """\
    38  cities  - The cities whose weather is known.
        declare const tools: { cities(args: {}): Promise<Array<string>>; };
"""
LISTED = f"""\
    79  weather  - The weather in a city.
        declare const tools: {{ weather(args: {{
          // its English name.
          city: string;
          // of the temperature.
          unit?: "C" | "F";
        }}): Promise<{{
          city: string;
          // The probability of rain, from 0 to 1.
          rain: number;
          temperature: number;
        }}>; }};
{CITIES}"""


def tools(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["tools", *arguments], prog_name=PROGRAM)


def test_a_list_has_costs_and_declarations() -> None:
    result = tools("list", "--tools", WEATHER)
    assert (result.exit_code, result.stdout, result.stderr) == (0, LISTED, "2 tools, 117 tokens\n")


def test_a_brief_list_tells_what_is_deferred() -> None:
    result = tools("list", "--brief", "--tools", WEATHER, "--catalogue-tokens", "60")
    assert result.stdout == (
        "    79  weather, deferred  - The weather in a city.\n"
        "    38  cities  - The cities whose weather is known.\n"
    )
    assert re.fullmatch(
        r"2 tools, 117 tokens; 1 deferred: a model reads \d+ tokens of them\n", result.stderr
    )


def test_a_tool_is_shown_as_a_model_reads_it() -> None:
    result = tools("show", "cities", "--tools", WEATHER)
    assert result.stdout == (
        "### `cities`\nThe cities whose weather is known.\n\nexec tool declaration:\n```ts\n"
        "declare const tools: { cities(args: {}): Promise<Array<string>>; };\n```\n"
    )
    assert result.stderr == "cities: 38 tokens\n"


def test_a_search_prints_the_best_match_first() -> None:
    result = tools("search", "--tools", WEATHER, "--limit", "1", "known", "cities")
    assert (result.exit_code, result.stdout) == (0, CITIES)


def test_json_is_the_same_for_programs(tmp_path: Path) -> None:
    module = tmp_path / "alike.py"
    module.write_text(
        "from codemode import tool\n"
        "@tool(name='a-b')\ndef one() -> None: 'Dash.'\n"
        "@tool(name='a.b', namespace='n')\ndef two() -> None: 'Dot.'\n"
        "@tool(name='a_b')\ndef three() -> None: 'Line.'\n"
    )
    result = tools("list", "--json", "--tools", str(module), "--catalogue-tokens", "none")

    def report(name: str, own: str, description: str, tokens: int) -> dict[str, Any]:
        text = f"declare const tools: {{ {name}(args: {{}}): Promise<unknown>; }};"
        return {
            "name": name,
            "own_name": own,
            "description": description,
            "declaration": text,
            "tokens": tokens,
        }

    assert json.loads(result.stdout) == {
        "tools": [
            report("a_b_2", "a-b", "Dash.", 29),
            report("a_b", "a_b", "Line.", 28),
            {**report("n__a_b", "a.b", "Dot.", 29), "namespace": "n"},
        ],
        "clashes": [{"own_name": "a-b", "wanted": "a_b", "name": "a_b_2", "holder": "a_b"}],
        "tokens": 86,
    }


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["list"], 2, "there are no tools\nhint: name some, --tools my_tools.py or --mcp mcp.json"),
        (
            ["show", "wether", "-t", WEATHER],
            2,
            "there is no tool 'wether'\nhint: did you mean weather?",
        ),
        (
            ["show", "zebra", "-t", WEATHER, "--tools", WEATHER],
            2,
            "there is no tool 'zebra'\n"
            f"hint: list them: codemode tools list --tools {WEATHER} --tools {WEATHER}",
        ),
        (["search", "zebra", "-t", WEATHER], 1, "no tool matches"),
        (
            ["list", "-t", WEATHER, "--catalogue-tokens", "-1"],
            2,
            "Invalid value for '--catalogue-tokens': '-1' is no number of tokens\nhint: 20000, or"
            " none.",
        ),
    ],
)
def test_what_is_wrong_is_said_with_a_hint(arguments: list[str], code: int, error: str) -> None:
    result = tools(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"error: {error}\n")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_servers_that_all_failed_are_no_success(tmp_path: Path, form: list[str]) -> None:
    config = tmp_path / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {"gone": {"command": "no-such-program"}}}))

    result = tools("list", *form, "--mcp", str(config))

    assert (result.exit_code, result.stderr) == (
        1,
        "MCP server gone is not available: cannot run `no-such-program`: No such file or directory\n"
        "error: there are no tools: these sources offer none\n",
    )
    assert (json.loads(result.stdout)["tools"] if form else result.stdout) == ([] if form else "")


def test_what_a_server_logs_does_not_steer_the_terminal(tmp_path: Path) -> None:
    missing = {"command": "no-such-\x1b[31mprogram"}
    config = tmp_path / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {"gone": missing}}))

    result = tools("list", "--mcp", str(config))

    assert result.stderr.splitlines()[0] == (
        "MCP server gone is not available: cannot run `no-such-program`: No such file or directory"
    )


def test_a_description_does_not_steer_the_terminal(tmp_path: Path) -> None:
    module = tmp_path / "evil.py"
    module.write_text(
        "from codemode import tool\n@tool(description='red \\x1b[31m\\x9b2J\\u202e')\n"
        "def evil() -> None: ...\n"
    )
    for command in (["list"], ["show", "evil"]):
        result = tools(*command, "--tools", str(module))
        assert "red �[31m�2J�" in result.stdout


CALLED = """
import codemode

@codemode.tool
def twice(x: int) -> int:
    return 2 * x

@codemode.tool
def say(words: list[str] = []) -> str:
    return " ".join(words) or "nothing\\ud800"

@codemode.tool
def fail() -> None:
    raise codemode.ToolError("no\\nHint: do not.")
"""


@pytest.fixture
def called(tmp_path: Path) -> str:
    path = tmp_path / "called.py"
    path.write_text(CALLED, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "code", "stdout", "stderr"),
    [
        (["twice", '{"x": 21}'], 0, "42\n", ""),
        (["say", '{"words": ["ü", "b"]}'], 0, "ü b\n", ""),
        (["say", '{"words": ["ü", "b"]}', "--json"], 0, '"ü b"\n', ""),
        (["say"], 0, "nothing�\n", ""),
        (["fail", "{}"], 1, "", "error: no\nhint: do not.\n"),
        (
            ["twice", "{}"],
            1,
            "",
            "error: tool `twice` cannot take these arguments:\n- `x`: is missing\n"
            "hint: expected tools.twice({ x: integer })\n",
        ),
        (
            ["twise", "{}"],
            2,
            "",
            "error: there is no tool 'twise'\nhint: did you mean twice?\n",
        ),
        (
            ["twice", "{x: NaN}"],
            2,
            "",
            "error: Invalid value for ARGUMENTS: this is no JSON: Expecting property name enclosed in"
            " double quotes: line 1 column 2 (char 1)\nhint: write an object, as in"
            ' \'{"city": "Oslo"}\'; your shell needs the single quotes.\n',
        ),
    ],
)
def test_a_tool_is_called_as_a_program_calls_it(
    arguments: list[str], code: int, stdout: str, stderr: str, called: str
) -> None:
    result = tools("call", "--tools", called, *arguments)

    assert (result.exit_code, result.stdout, result.stderr) == (code, stdout, stderr)


def test_arguments_of_a_call_come_from_standard_input(called: str) -> None:
    result = CliRunner().invoke(
        app, ["tools", "call", "--tools", called, "twice", "-"], input='{"x": 4}'
    )

    assert (result.exit_code, result.stdout) == (0, "8\n")


def test_the_result_of_a_tool_of_a_server_is_whole_and_its_failure_is_one(tmp_path: Path) -> None:
    config = tmp_path / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {"time": {"command": "mcp-server-time"}}}))
    name = "mcp__time__get_current_time"
    good = tools("call", "--mcp", str(config), name, '{"timezone": "Etc/UTC"}')
    bad = tools("call", "--mcp", str(config), name, '{"timezone": "Nowhere"}')

    assert (good.exit_code, json.loads(good.stdout)["content"][0]["type"]) == (0, "text")
    assert (bad.exit_code, json.loads(bad.stdout)["isError"]) == (1, True)
    assert bad.stderr.splitlines()[-1] == f"error: {name} says that it failed (isError)"
