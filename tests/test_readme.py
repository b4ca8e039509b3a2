"""What the README shows runs as it stands there."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from openai.types.responses import ResponseCustomToolCall

import codemode

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [(found[1], found[2]) for found in BLOCK.finditer(README)]
PROGRAMS = [text for language, text in BLOCKS if language == "python"]
COMMANDS = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
CHILD_SECONDS = 60


def environment(folder: Path) -> dict[str, str]:
    """One in which ``codemode`` is the command of this very source tree."""
    script = folder / "codemode"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m codemode "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    sources = str(Path(codemode.__file__).parents[1])
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": sources}


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        capture_output=True,
        check=False,
        cwd=ROOT,
        encoding="utf-8",
        env=environment(folder),
        timeout=CHILD_SECONDS,
    )


def test_it_starts_with_the_two_commands_and_stays_short() -> None:
    assert README.splitlines()[:5] == [
        "# codemode",
        "",
        "```sh",
        "make demo    # see it work: a program over this repository's own files and history",
        "make test    # run the tests",
    ]
    assert len(README.splitlines()) <= 120


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {language for language, _ in BLOCKS} == {"sh", "python"}


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_a_program_runs(program: str, tmp_path: Path) -> None:
    done = run(sys.executable, "-c", program, folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_quick_start_prints_what_the_program_found(tmp_path: Path) -> None:
    printed = run(sys.executable, "-c", PROGRAMS[0], folder=tmp_path).stdout

    header = r"Script completed\nWall time [\d.]+ seconds\nOutput:\n"
    assert re.sub(header, "", printed) == "[3.5,19]\nLima\n"


def test_the_loop_answers_the_calls_of_a_model_until_it_has_no_more() -> None:
    shown: dict[str, Any] = {}
    exec(PROGRAMS[1], shown)
    call = ResponseCustomToolCall(
        type="custom_tool_call", call_id="c1", name="exec", input="text(7)"
    )
    turns = [
        SimpleNamespace(id="1", output=[call]),
        SimpleNamespace(id="2", output=[], output_text="seven"),
    ]
    asked: list[dict[str, Any]] = []

    async def create(**request: Any) -> Any:
        asked.append(request)
        return turns.pop(0)

    async def converse() -> str:
        client = SimpleNamespace(responses=SimpleNamespace(create=create))
        async with codemode.CodeMode() as cm:
            said: str = await shown["converse"](client, cm, "hi")
            return said

    assert asyncio.run(converse()) == "seven"
    (answer,) = asked[1]["input"]
    assert (answer["type"], answer["call_id"]) == ("custom_tool_call_output", "c1")
    assert answer["output"][-1] == {"type": "input_text", "text": "7"}


@pytest.mark.parametrize("line", [each for each in COMMANDS if "codemode" in each])
def test_a_command_runs(line: str, tmp_path: Path) -> None:
    done = run("sh", "-c", line, folder=tmp_path)

    assert (done.returncode, done.stdout != "") == (0, True), done.stderr


def test_the_other_commands_are_what_the_makefile_and_pip_know() -> None:
    others = [each.partition("#")[0].strip() for each in COMMANDS if "codemode" not in each]
    targets = re.findall(r"^\.PHONY: (\w+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

    assert others == ["make demo", "make test", "pip install .", "pip install '.[mcp,grpc]'"]
    assert {"demo", "test"} <= set(targets)


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^):#]+)(?:#[\w-]+)?\)", README)

    assert [link for link in links if not (ROOT / link).is_file()] == []
