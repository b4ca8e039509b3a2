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
        "MCP server gone is not available: cannot run `no-such-�[31mprogram`:"
        " No such file or directory"
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
