"""``codemode estimate``: from a log to a verdict."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from codemode import CodeMode
from codemode.cli import app

from ..estimate.test_logs import WHOLE


def run(*arguments: str, stdin: str | None = None) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["estimate", *arguments], input=stdin)
    return done.exit_code, done.output


def test_a_log_gives_a_table_and_a_verdict(tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_text(WHOLE["Messages"])
    code, output = run(str(log))
    assert code == 0
    head, _, table = output.partition("\n\n")
    assert head == "2 calls in 1 conversations"
    assert table.splitlines()[1].split() == ["requests", "3", "3", "3", "2"]
    assert output.splitlines()[-1] == (
        "Perhaps: it pays where calls come in chains, and costs a little where they do not."
    )


def test_json_has_the_same_figures_and_standard_input_is_a_log() -> None:
    code, output = run("-", "--json", "--tools-tokens", "1000", stdin=WHOLE["Responses"])
    report = json.loads(output)
    assert code == 0
    assert (report["calls"], report["direct"]["requests"], report["verdict"]) == (2, 3, "perhaps")
    assert report["forms"] == {"Responses": 2}
    assert report["direct"]["cold_tokens"] > 1000


def test_a_file_without_calls_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_text("[]")
    code, output = run(str(log))
    assert code == 2
    assert output.startswith(
        "error: Invalid value for LOG: there is no direct call of a tool in this log\nhint: give"
    )


async def test_a_recorded_trace_is_a_log_of_what_its_calls_would_have_been(tmp_path: Path) -> None:
    def list_mails(sender: str) -> list[str]:
        return [f"mail-{number}" for number in range(300)]

    def read_mail(name: str) -> str:
        return f"{name} says: lunch at noon"

    traces = tmp_path / "traces"
    async with CodeMode(tools=[list_mails, read_mail], trace=traces) as cm:
        await cm.run(
            "const names = await tools.list_mails({ sender: 'Ann' });"
            "text(await Promise.all(names.slice(0, 2).map((name) => tools.read_mail({ name }))));"
        )
    code, output = run(str(traces), "--json")
    report = json.loads(output)
    assert code == 0
    assert (report["conversations"], report["calls"], report["direct"]["requests"]) == (1, 3, 3)
    assert report["chained_requests"] == 1
    assert report["verdict"] == "yes"


def test_a_folder_without_a_trace_is_refused(tmp_path: Path) -> None:
    code, output = run(str(tmp_path))
    assert code == 2
    assert output.startswith("error: Invalid value for LOG:")
