"""Records the tool lists of real MCP servers: ``python -m tests.tool_lists.record [NAME…]``.

Each server of ``servers.toml`` is installed by npm or pip into a temporary folder, started, asked for
its tools and stopped; no tool is called, and nothing of a server is kept but its list. Names, schemas
and descriptions are the authors' data: descriptions are cut to what a model needs to choose a tool.
Servers whose licence does not allow that are refused.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

HERE: Final = Path(__file__).parent
LISTS: Final = HERE / "lists"
README: Final = HERE / "README.md"
LICENCES: Final = ("MIT", "Apache", "BSD", "ISC")
DESCRIPTION_CHARACTERS: Final = 300
PARAMETER_CHARACTERS: Final = 160
INSTALL_SECONDS: Final = 400
START_SECONDS: Final = 60

Json = dict[str, Any]


def main(names: list[str]) -> int:
    """Record the servers of these names, or all; the exit code is how many could not be."""
    servers = tomllib.loads((HERE / "servers.toml").read_text(encoding="utf-8"))
    failed = 0
    LISTS.mkdir(exist_ok=True)
    for name in names or servers:
        try:
            found = recorded(servers[name])
        except Exception as error:  # noqa: BLE001 - the others are recorded all the same
            failed += 1
            print(f"{name}: {type(error).__name__}: {str(error)[-300:]}", file=sys.stderr)
            continue
        (LISTS / f"{name}.json").write_text(as_text(found), encoding="utf-8")
        print(f"{name}: {len(found['tools'])} tools, {found['licence']}")
    README.write_text(page(README.read_text(encoding="utf-8")), encoding="utf-8")
    return failed


def page(text: str) -> str:
    """README.md with its table as the lists have it."""
    rows = [
        f"| {path.stem} | {found['package']} ({found['registry']}) | {found['version']} |"
        f" {found['licence']} | {len(found['tools'])} |"
        for path in sorted(LISTS.glob("*.json"))
        for found in [json.loads(path.read_text(encoding="utf-8"))]
    ]
    return "\n".join((text.partition("| --- ")[0] + "| --- | --- | --- | --- | --- |", *rows, ""))


def recorded(server: Json) -> Json:
    """What is kept of a server."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        install = _npm if server["registry"] == "npm" else _pip
        licence, command = install(server, place)
        if not licence.startswith(LICENCES):
            raise ValueError(f"the licence {licence!r} is not one of {', '.join(LICENCES)}")
        tools = asyncio.run(_tools(server, command, place))
    head = {key: server[key] for key in ("registry", "package", "version")}
    said = {"licence": licence, "sample": server["sample"], "asks": server.get("asks", [])}
    return {**head, **said, "tools": tools}


def as_text(found: Json) -> str:
    """A list as JSON, with a line for each tool."""
    tools = ",\n".join(json.dumps(tool, ensure_ascii=False) for tool in found["tools"])
    head = json.dumps({**found, "tools": []}, ensure_ascii=False)
    return f"{head[: -len(']}')]}\n{tools}\n]}}\n"


def _npm(server: Json, place: Path) -> tuple[str, list[str]]:
    package = server["package"]
    options = ["--prefix", str(place), "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    _run(["npm", "install", *options, f"{package}@{server['version']}"])
    manifest = json.loads((place / "node_modules" / package / "package.json").read_text())
    licence = server.get("licence") or manifest.get("license")
    binaries = manifest["bin"]
    path = (
        binaries
        if isinstance(binaries, str)
        else binaries[server.get("binary", next(iter(binaries)))]
    )
    return str(licence), ["node", str(place / "node_modules" / package / path)]


def _pip(server: Json, place: Path) -> tuple[str, list[str]]:
    venv.create(place / "env", with_pip=True)
    python = place / "env" / "bin" / "python"
    _run([str(python), "-m", "pip", "install", "-qq", f"{server['package']}=={server['version']}"])
    (site,) = (place / "env" / "lib").glob("python*/site-packages")
    (found,) = metadata.distributions(name=server["package"], path=[str(site)])
    told: Any = found.metadata
    classifiers = [
        each.rpartition(":: ")[2]
        for each in told.get_all("Classifier", [])
        if each.startswith("License :: OSI")
    ]
    licence = told.get("License-Expression") or "".join(classifiers[:1]) or told.get("License", "")
    return licence.partition("\n")[0], [str(python.parent / server["binary"])]


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {(done.stdout + done.stderr).strip()[-300:]}")


async def _tools(server: Json, command: list[str], place: Path) -> list[Json]:
    arguments = [each.replace("{folder}", str(place)) for each in server.get("args", [])]
    environment = {
        **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
        **server.get("env", {}),
    }
    target = StdioServerParameters(
        command=command[0], args=[*command[1:], *arguments], env=environment, cwd=place
    )
    async with asyncio.timeout(START_SECONDS):
        with open(os.devnull, "w") as nowhere:  # noqa: ASYNC230 - it is no file
            async with (
                stdio_client(target, errlog=nowhere) as streams,
                ClientSession(*streams) as session,
            ):
                await session.initialize()
                return [
                    _kept(tool.model_dump(by_alias=True, exclude_none=True))
                    for tool in (await session.list_tools()).tools
                ]


def _kept(tool: Json) -> Json:
    kept = {
        "name": tool["name"],
        "description": _cut(tool.get("description", ""), DESCRIPTION_CHARACTERS),
        "inputSchema": _shortened(tool["inputSchema"]),
    }
    if "outputSchema" in tool:
        kept["outputSchema"] = _shortened(tool["outputSchema"])
    return kept


def _shortened(schema: Any) -> Any:
    """A schema with its descriptions cut."""
    if isinstance(schema, list):
        return [_shortened(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _cut(value, PARAMETER_CHARACTERS)
        if key == "description" and isinstance(value, str)
        else _shortened(value)
        for key, value in schema.items()
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most].rstrip()}…"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
