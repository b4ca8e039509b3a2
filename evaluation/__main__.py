"""``python -m evaluation``."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from codemode import LocalSessionProvider

if os.environ.get("PYTHONHASHSEED") != "0":  # AgentDojo iterates over sets
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, "-m", "evaluation", *sys.argv[1:]])

from . import attacks, bfcl, check, dojo, plots, records, report, servers, tasks, typed
from .drivers import ChatCompletions, Driver, Endpoint, Messages, Responses
from .ways import WAYS


@click.group()
def main() -> None:
    """Does code mode pay? See docs/evaluation.md."""


@main.command("tasks")
@click.option("--suite", "suites", multiple=True, help="Only this suite; nothing is written then.")
def run_tasks(suites: tuple[str, ...]) -> None:
    """Every task of AgentDojo, five ways."""
    found = asyncio.run(tasks.run_tasks(suites))
    for way in WAYS:
        mine = [row for row in found[0] if row["way"] == way]
        click.echo(f"{way}: {sum(row['passed'] for row in mine)} of {len(mine)} passed")
    click.echo(f"{len(found[1])} constants to look at")
    if not suites:
        tasks.save(*found)


@main.command("typed")
def run_typed() -> None:
    """What an output type is worth: travel with three typed tools."""
    rows = asyncio.run(typed.run_typed())
    click.echo(f"{sum(row['passed'] for row in rows)} of {len(rows)} passed")
    typed.save(rows)


@main.command("attacks")
def run_attacks() -> None:
    """Injected text, policies, redirected programs."""
    found = asyncio.run(attacks.run_attacks())
    click.echo(f"{len(found[0])} tasks, {len(found[1])} pairs")
    attacks.save(found)


@main.command("bfcl")
@click.option("--most", type=int, help="Only so many conversations; nothing is written then.")
def run_bfcl(most: int | None) -> None:
    """BFCL's conversations as programs."""
    rows = asyncio.run(bfcl.run_bfcl(most))
    same = sum(row["same_state"] for row in rows if row["way"] == "oracle")
    click.echo(f"{same} of {len(rows) // len(bfcl.WAYS)} conversations end in the same state")
    if most is None:
        bfcl.save(rows)


@main.command("servers")
def run_servers() -> None:
    """Catalogues of real MCP servers, and the search among deferred tools."""
    servers.save(servers.run_catalogues(), servers.run_search())


@main.command("report")
def run_report() -> None:
    """Renew docs/evaluation.md, its plots, and the page of programs."""
    report.write()
    plots.draw()


@main.command("all")
@click.pass_context
def run_all(context: click.Context) -> None:
    """Everything, and the page."""
    began = time.monotonic()
    for each in (run_tasks, run_typed, run_attacks, run_bfcl, run_servers, run_report):
        context.invoke(each)
        click.echo(f"{time.monotonic() - began:.0f} s", err=True)


@main.command("check")
def run_check() -> None:
    """The short part: exit code 1 if a figure has moved."""
    found = check.run()
    for each in found:
        click.echo(each)
    click.echo(f"{len(found)} figures have moved", err=True)
    sys.exit(bool(found))


@main.command("record")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--api", type=click.Choice(["script", "responses", "messages", "chat"]), default="script"
)
@click.option("--url", help="The endpoint, where it is not the provider's own.")
@click.option("--model", help="Which model.")
@click.option(
    "--key", envvar="EVALUATION_KEY", help="Its key; $EVALUATION_KEY is better. It is not recorded."
)
@click.option("--mode", type=click.Choice(["code", "direct"]), default="code", show_default=True)
@click.option("--suite", "suites", multiple=True, help="Only this suite.")
@click.option(
    "--trace", type=click.Path(path_type=Path), help="A folder for traces of the sessions, too."
)
@click.option("--trials", type=click.IntRange(min=1), default=3, show_default=True)
def run_record(file: Path, **options: Any) -> None:
    """Record runs into FILE: of the programs here, or of a model behind an endpoint."""
    if options["api"] == "script":
        click.echo(f"{asyncio.run(records.record_script(file))} runs")
        return
    if not options["model"]:
        raise click.UsageError("name a model: --model NAME")
    asyncio.run(_record(file, options))


async def _record(file: Path, options: Mapping[str, Any]) -> None:
    api, model, mode = options["api"], options["model"], options["mode"]
    async with LocalSessionProvider() as provider:
        with file.open("a", encoding="utf-8") as out:
            for suite_name, suite in dojo.suites().items():
                if options["suites"] and suite_name not in options["suites"]:
                    continue
                for name in suite.user_tasks:
                    for number in range(1, options["trials"] + 1):
                        driver = driver_of(api, model, options["key"] or "", options["url"])
                        trial = records.Trial(suite_name, name, mode, model, number)
                        run = await records.record_model(driver, trial, provider, options["trace"])
                        out.write(records.line(run))
                        out.flush()
                        verdict = "passed" if run["passed"] else "failed"
                        click.echo(f"{suite_name} {name} {number}: {verdict}", err=True)


def driver_of(api: str, model: str, key: str, url: str | None) -> Driver:
    """A conversation with a model behind one of the interfaces."""
    if api == "messages":
        headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
        return Messages(Endpoint(url or "https://api.anthropic.com/v1/messages", headers), model)
    headers = {"authorization": f"Bearer {key}"}
    if api == "responses":
        return Responses(Endpoint(url or "https://api.openai.com/v1/responses", headers), model)
    return ChatCompletions(
        Endpoint(url or "https://api.openai.com/v1/chat/completions", headers), model
    )


@main.command("replay")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
def run_replay(file: Path) -> None:
    """Make every call of FILE again, and compare results and verdicts; exit code 1 if one differs."""
    good, problems = asyncio.run(records.replay(file))
    for each in problems:
        click.echo(each)
    for row in records.rates(records.load(file)):
        says = "" if row["says_something"] else " (three trials or more would say something)"
        click.echo(
            f"{row['agent']}, {row['mode']}: {100 * row['rate']:.0f} % of {row['tasks']} tasks,"
            f" {100 * row['low']:.0f} to {100 * row['high']:.0f} %{says}"
        )
    click.echo(f"{good} runs hold, {len(problems)} differences", err=True)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main(prog_name="python -m evaluation")
