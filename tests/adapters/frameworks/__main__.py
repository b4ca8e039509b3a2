"""Runs the tests of the adapters with the real frameworks: ``make adapters``.

The frameworks are large and want packages of their own, so they live in ``.venv-adapters``. Prints a line for each case,
and writes the table of ``docs/adapters.md``: what works, by framework and release, as this run has seen it.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
import venv
import xml.etree.ElementTree as ET
from collections import defaultdict
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
PLACE: Final = ROOT / ".venv-adapters"
PAGE: Final = ROOT / "docs" / "adapters.md"
BEGIN: Final = "<!-- made by `make adapters` -->\n"
END: Final = "<!-- end of what is made -->\n"

PACKAGES: Final = {
    "openai_agents": ("OpenAI Agents SDK", "openai_agents"),
    "pydantic_ai": ("pydantic-ai", "pydantic_ai_slim"),
    "langchain": ("LangChain and LangGraph", "langchain"),
    "fastmcp": ("FastMCP", "fastmcp"),
    "anthropic": ("Anthropic SDK, Claude Agent SDK", "anthropic"),
}
"""By module of the tests: the framework, and the distribution whose release is told."""


def main() -> int:
    """Run the tests, and return 1 if one fails."""
    python = _environment()
    report = PLACE / "report.xml"
    here = str(Path(__file__).parent.relative_to(ROOT))
    options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    done = subprocess.run([python, "-m", "pytest", *options, here], cwd=ROOT, check=False)
    if report.exists():
        table = _table(report)
        sys.stdout.write(table)
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{table}{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 1 if done.returncode else 0


def _environment() -> str:
    """The interpreter of the environment, which is made or brought up to date first."""
    python = PLACE / "bin" / "python"
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"][
        "adapters"
    ]
    stamp = PLACE / "installed.txt"
    listed = "\n".join(wanted)
    if not stamp.exists() or stamp.read_text() != listed:
        sys.stderr.write(f"installing the frameworks into {PLACE.name}, two minutes at most …\n")
        venv.create(PLACE, with_pip=True)
        install = [str(python), "-m", "pip", "install", "-qq", "-e", ".[mcp,grpc]", *wanted]
        subprocess.run(install, cwd=ROOT, check=True)
        stamp.write_text(listed)
    return str(python)


def _table(report: Path) -> str:
    releases = {
        each.metadata["Name"].replace("-", "_").lower(): each.version
        for each in distributions(
            path=[str(next((PLACE / "lib").glob("python*")) / "site-packages")]
        )
    }
    cases = defaultdict[str, list[str]](list)
    for case in ET.parse(report).iter("testcase"):
        module = case.attrib["classname"].rpartition("test_")[2]
        failed = case.find("failure") is not None or case.find("error") is not None
        mark = "fails" if failed else "skipped" if case.find("skipped") is not None else "works"
        name = case.attrib["name"].removeprefix("test_").replace("_", " ")
        cases[module].append(f"| {name} | {mark} |")
    lines = []
    for module, (framework, package) in PACKAGES.items():
        lines += [f"| **{framework} {releases.get(package, '?')}** | |", *cases[module]]
    return "\n".join(["| case | |", "| --- | --- |", *lines, ""])


if __name__ == "__main__":
    sys.exit(main())
