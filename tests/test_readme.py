"""What the README shows runs as it stands there."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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
    assert len(README.splitlines()) <= 200


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


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/tmp/../etc/passwd", "only files in /tmp may be deleted"),
        ("/tmp/a", "deleted /tmp/a"),
    ],
)
def test_the_guard_refuses_what_is_outside(tmp_path: Path, path: str, answer: str) -> None:
    program = PROGRAMS[1].replace("'/tmp/../etc/passwd'", repr(path))
    printed = run(sys.executable, "-c", program, folder=tmp_path).stdout

    assert printed.splitlines()[-1] == answer


def test_calls_of_every_interface_are_answered() -> None:
    shown: dict[str, Any] = {}
    exec(PROGRAMS[2], shown)

    async def answers() -> list[Any]:
        async with shown["cm"]:
            openai = {"type": "custom_tool_call", "name": "exec", "call_id": "c1", "input": "1"}
            wait = {"type": "function_call", "name": "wait", "call_id": "c2"}
            block = {"name": "exec", "id": "c3", "input": {"code": "nothing"}}
            return [
                await shown["answer_openai"](openai),
                await shown["answer_openai"]({**wait, "arguments": '{"cell_id": "9"}'}),
                await shown["answer_function"]("exec", '{"code": "text(7)"}'),
                await shown["answer_anthropic"](block),
            ]

    first, second, third, fourth = asyncio.run(answers())
    assert (first["type"], first["call_id"]) == ("custom_tool_call_output", "c1")
    assert first["output"][0]["text"].splitlines()[0] == "Script completed"
    assert (second["type"], second["call_id"]) == ("function_call_output", "c2")
    assert second["output"][-1]["text"].splitlines()[-1] == (
        "Hint: there never was a cell 9 in this session. Start a new exec."
    )
    assert third.splitlines()[-1] == "7"
    assert (fourth["tool_use_id"], fourth["is_error"]) == ("c3", True)


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
