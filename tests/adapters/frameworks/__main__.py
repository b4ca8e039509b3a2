"""Runs the tests of the adapters with the real frameworks: ``make adapters``.

The frameworks are large and want packages of their own, so they live in ``.venv-adapters``, and those that conflict with
the others in ``.venv-adapters-google``. Prints a table of frameworks and cases, and writes it into ``docs/adapters.md``:
what works, by framework and release, as this run has seen it. ``make adapters ADAPTERS_ARGS="-k limit"`` runs some of the
tests and writes nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
import venv
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
HERE: Final = Path(__file__).parent
PAGE: Final = ROOT / "docs" / "adapters.md"
BEGIN: Final = "<!-- made by `make adapters` -->\n"
END: Final = "<!-- end of what is made -->\n"
# Frameworks warn of what they do themselves, and leave connections to the collector.
WARNINGS: Final = (
    *("-W", "default", "-W", "ignore::ResourceWarning"),
    *("-W", "ignore::pytest.PytestUnraisableExceptionWarning"),
)

ENVIRONMENTS: Final = {
    "adapters": (".[mcp,grpc]", (
        "openai_agents", "openai", "anthropic", "claude_agent", "pydantic_ai", "langchain", "fastmcp", "litellm",
    )),
    "adapters-google": (".", ("google_adk",)),
}  # fmt: skip
"""By dependency group: what is installed of codemode, and whose tests run there."""

PACKAGES: Final = {
    "openai_agents": ("OpenAI Agents SDK", "openai_agents"),
    "openai": ("OpenAI SDK", "openai"),
    "anthropic": ("Anthropic SDK", "anthropic"),
    "claude_agent": ("Claude Agent SDK", "claude_agent_sdk"),
    "pydantic_ai": ("pydantic-ai", "pydantic_ai_slim"),
    "langchain": ("LangChain", "langchain"),
    "fastmcp": ("FastMCP", "fastmcp"),
    "google_adk": ("Google ADK", "google_adk"),
    "litellm": ("LiteLLM", "litellm"),
}
"""By module of the tests: the framework, and the distribution whose release is told."""

CASES: Final = {
    "exec": "exec",
    "wait": "wait",
    "images": "images",
    "failure": "failure",
    "cancellation": "cancelled",
    "streaming": "streamed",
    "two_conversations_at_once": "two at once",
    "approval_given": "approved",
    "approval_refused": "refused",
    "limit": "limit",
}
"""The cases of every framework, in ``cases.py``, and how the table calls them."""


@dataclass
class Tried:
    """What one framework's tests have shown: by case, and the other tests of its module."""

    cases: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


def main() -> int:
    """Run the tests, and return 1 if one fails."""
    tried = defaultdict[str, Tried](Tried)
    releases: dict[str, str] = {}
    reasons: dict[str, int] = {}
    failed = False
    for group, (codemode, modules) in ENVIRONMENTS.items():
        place = _environment(group, codemode)
        files = [str(path) for name in modules if (path := HERE / f"test_{name}.py").exists()]
        report = place / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", *WARNINGS, f"--junitxml={report}"]
        python = place / "bin" / "python"
        command = [str(python), "-m", "pytest", *options, *files, *sys.argv[1:]]
        done = subprocess.run(command, cwd=ROOT, check=False)
        failed |= done.returncode not in (0, 5)  # 5: none was selected
        _read(report, tried, reasons)
        releases |= _releases(place)
    table = _table(tried, releases, reasons)
    sys.stdout.write(table)
    if len(sys.argv) == 1:
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{table}{END}{rest.partition(END)[2]}", encoding="utf-8")
    return int(failed)


def _environment(group: str, codemode: str) -> Path:
    """An environment, which is made or brought up to date first."""
    place = ROOT / f".venv-{group}"
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    wanted, stamp = groups[group], place / "installed.txt"
    listed = "\n".join(wanted)
    if not stamp.exists() or stamp.read_text() != listed:
        sys.stderr.write(f"installing the frameworks into {place.name}, two minutes at most …\n")
        python = str(place / "bin" / "python")
        if not Path(python).exists():
            venv.create(place, with_pip=True)
        install = [python, "-m", "pip", "install", "-qq", "-e", codemode, *wanted]
        subprocess.run(install, cwd=ROOT, check=True)
        stamp.write_text(listed)
    return place


def _releases(place: Path) -> dict[str, str]:
    packages = str(next((place / "lib").glob("python*")) / "site-packages")
    return {
        each.metadata["Name"].replace("-", "_").lower(): each.version
        for each in distributions(path=[packages])
    }


def _read(report: Path, tried: dict[str, Tried], reasons: dict[str, int]) -> None:
    """Sort the tests of a report; a reason why a framework cannot do a case gets a number."""
    for case in ET.parse(report).iter("testcase"):
        module = case.attrib["classname"].partition(".test_")[2].partition(".")[0]
        name = case.attrib["name"].removeprefix("test_")
        mark = "yes"
        if case.find("failure") is not None or case.find("error") is not None:
            mark = "**fails**"
        elif (skipped := case.find("skipped")) is not None:
            why = skipped.attrib["message"].removeprefix("Skipped: ")
            mark = f"no ({reasons.setdefault(why, len(reasons) + 1)})"
        if name in CASES and ".Test" in case.attrib["classname"]:
            tried[module].cases[name] = mark
        else:
            tried[module].others.append(f"{name.replace('_', ' ')}: {mark}")


def _table(tried: dict[str, Tried], releases: dict[str, str], reasons: dict[str, int]) -> str:
    lines = [f"| | {' | '.join(CASES.values())} |", f"| --- |{' --- |' * len(CASES)}"]
    also = ["| tried besides |", "| --- |"]
    for module, (framework, package) in PACKAGES.items():
        found = tried[module]
        title = f"**{framework} {releases.get(package, '?')}**"
        if found.cases:
            marks = [found.cases.get(name, "") for name in CASES]
            lines.append(f"| {title} | {' | '.join(marks)} |")
        if found.others:
            also += [f"| {title} |", *(f"| {each} |" for each in found.others)]
    notes = [f"{number}. {why}" for why, number in reasons.items()]
    return "\n".join([*lines, "", *notes, *([""] if notes else []), *also, ""])


if __name__ == "__main__":
    sys.exit(main())
