"""``--tools MODULE[:NAME]``, ``--middleware MODULE:NAME`` and ``--mcp FILE``: from a name to what it names."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, nullcontext
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ToolDefinitionError, UsageError
from ..interrupts import AsExceptions
from ..tools.options import checked_middleware
from ..tools.tool import ToolInterface
from ..tools.toolset import Toolset

if TYPE_CHECKING:
    from types import ModuleType

    from ..tools.chain import Middleware
    from ..tools.mcp.config import ServerConfig
    from ..tools.mcp.handlers import McpHandlers
    from ..tools.mcp.servers import McpServers

LIST_NAME = "tools"
"""What a module calls the list of its tools, if it has one."""


def load_tools(specs: Iterable[str]) -> list[Any]:
    """The tools that the options name, in order, each once.

    Raises:
        click.BadParameter: a module cannot be loaded or has no such tools; the text tells what to do.
    """
    found = (each for spec in specs for each in _load(spec))
    return list({id(each): each for each in found}.values())


def load_servers(files: Iterable[str], *, handlers: McpHandlers | None = None) -> McpServers | None:
    """The MCP servers of the files that the options name, not started; None if there are none.

    Raises:
        click.BadParameter: a file cannot be read or is wrong, two have a server of one name, or
            the MCP SDK is not installed; the text tells what to do.
    """
    files = list(files)
    if not files:
        return None
    from ..tools.mcp.config_file import read_config  # noqa: PLC0415 - most programs have no servers
    from ..tools.mcp.servers import McpServers  # noqa: PLC0415 - the same

    configs: dict[str, ServerConfig] = {}
    for file in files:
        try:
            found = read_config(file)
        except UsageError as error:
            raise click.BadParameter(str(error), param_hint=f"--mcp {file}") from error
        if twice := configs.keys() & found.keys():
            names = ", ".join(sorted(twice))
            raise click.BadParameter(
                f"another file has servers of the same name: {names}\nhint: rename them in one.",
                param_hint=f"--mcp {file}",
            )
        configs |= found
    try:
        return McpServers(configs, handlers=handlers) if configs else None
    except UsageError as error:
        raise click.BadParameter(str(error), param_hint="--mcp") from error


@asynccontextmanager
async def open_toolset(
    tools: Iterable[Any], servers: McpServers | None, **options: Any
) -> AsyncIterator[Toolset]:
    """A toolset of tools and of the tools of servers, which run for as long as the block does.

    Args:
        tools: as ``load_tools`` gives them.
        servers: as ``load_servers`` gives them.
        options: of :class:`~codemode.tools.toolset.Toolset`.

    Raises:
        ToolDefinitionError: something cannot be a tool.
    """
    own = None if servers is None else servers.for_session()
    async with Toolset(tools, **options) as toolset:
        async with servers or nullcontext(), own or nullcontext():
            if own is not None:
                own.attach(toolset)
            yield toolset


def load_middleware(specs: Iterable[str]) -> list[Middleware]:
    """The middleware that ``--middleware MODULE:NAME`` names, in order.

    Raises:
        click.BadParameter: a module cannot be loaded, or what is named is no middleware.
    """
    found: list[Middleware] = []
    for spec in specs:
        where = f"--middleware {spec}"
        place, name = _place_and_name(spec)
        if not name:
            hint = "write MODULE:NAME, as in guards.py:approve."
            raise _wrong(where, "this names no function", hint)
        value = _member(_module(place, where), place, name, where)
        several = isinstance(value, list | tuple)
        try:
            found += checked_middleware(value if several else [value])
        except UsageError as error:
            raise click.BadParameter(str(error), param_hint=where) from error
    return found


def _load(spec: str) -> list[Any]:
    where = f"--tools {spec}"
    place, name = _place_and_name(spec)
    module = _module(place, where)
    if not name:
        return _all_of(module, where)
    return _as_tools(_member(module, place, name, where), name, where)


def _place_and_name(spec: str) -> tuple[str, str]:
    place, colon, name = spec.rpartition(":")
    return (place, name) if colon and name.isidentifier() else (spec, "")


def _member(module: ModuleType, place: str, name: str, where: str) -> Any:
    if not hasattr(module, name):
        near = get_close_matches(name, _offered(module), n=3) or _offered(module)
        hint = f"it has {', '.join(near)}." if near else "it has no functions."
        raise _wrong(where, f"{place} has nothing called {name!r}", hint)
    return getattr(module, name)


def _module(place: str, where: str) -> ModuleType:
    """The module of a name or file; ``where`` is the option and its value, for errors."""
    if not place:
        raise _wrong(where, "this names no module", "give a module's name or a .py file.")
    is_file = place.endswith(".py") or os.sep in place
    if is_file and not Path(place).is_file():
        raise _wrong(where, f"there is no file {place}", "give a module's name or a .py file.")
    try:
        with AsExceptions():  # the module may have begun something that it wants to end
            return _import_file(Path(place)) if is_file else _import_name(place)
    except ModuleNotFoundError as error:
        if is_file or error.name is None or not f"{place}.".startswith(f"{error.name}."):
            raise _failed(where, place, error) from error
        beside = Path(*place.split(".")).with_suffix(".py")
        hint = (
            f"a file is named by its path: {where.partition(' ')[0]} {beside}"
            if beside.is_file()
            else "modules are looked for in the current directory and where Python has packages;"
            " a file is named by its path, tools.py."
        )
        raise _wrong(where, f"there is no module {error.name!r}", hint) from error
    except (Exception, SystemExit) as error:
        raise _failed(where, place, error) from error


def _import_name(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ModuleNotFoundError(name=name)
    _look_in(Path.cwd())
    return importlib.import_module(name)


def _import_file(path: Path) -> ModuleType:
    """The file as a module that finds its neighbours, as a script would."""
    path = path.resolve()
    _look_in(path.parent)
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    name = path.stem if known is None else f"_codemode_tools_{path.stem}"
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module  # type hints are looked up there
    try:
        found.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _look_in(folder: Path) -> None:
    """Look for modules in this folder, too, and last: what lies there replaces nothing installed."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _all_of(module: ModuleType, where: str) -> list[Any]:
    if LIST_NAME in vars(module):
        return _as_tools(vars(module)[LIST_NAME], LIST_NAME, where)
    tools = list(_tools_in(module))
    if not tools:
        names = _offered(module)
        one = f"name one: {where}:{names[0]}; or decorate" if names else "decorate"
        raise _wrong(
            where,
            f"{module.__name__} has no tools",
            f"{one} functions with @codemode.tool, or list them in `{LIST_NAME}`.",
        )
    return tools


def _as_tools(value: Any, name: str, where: str) -> list[Any]:
    if _is_tool(value) or callable(value):
        return [value]
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        members = list(value)
        wrong = [each for each in members if not (_is_tool(each) or callable(each))]
        if not wrong:
            return members
        raise _wrong(where, f"{name!r} holds {wrong[0]!r}", "it may hold functions and tools.")
    kind = type(value).__name__
    raise _wrong(
        where, f"{name!r} is of type {kind}", "name a function, a tool, or a list of them."
    )


def _tools_in(module: ModuleType) -> Iterator[Any]:
    return (each for each in vars(module).values() if _is_tool(each))


def _is_tool(value: object) -> bool:
    try:
        return isinstance(value, ToolInterface) and not isinstance(value, type)
    except ToolDefinitionError:  # looking for `definition` reads it
        return True


def _offered(module: ModuleType) -> list[str]:
    """What a person may have meant: the module's own public functions and tools."""
    return [
        name
        for name, each in vars(module).items()
        if not name.startswith("_")
        and (_is_tool(each) or (callable(each) and not isinstance(each, type)))
        and getattr(each, "__module__", None) == module.__name__
    ]


def _failed(where: str, place: str, error: BaseException) -> click.BadParameter:
    """The module was found and raised; shows where, without our own frames."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if "importlib" not in f.filename and f.filename != __file__]
    lines = [f'  File "{f.filename}", line {f.lineno}\n    {f.line}' for f in theirs[-3:]]
    lines += [line.rstrip() for line in traceback.format_exception_only(error)]
    return _wrong(where, f"loading {place} failed", "repair the module.", "\n".join(lines))


def _wrong(where: str, what: str, hint: str, details: str = "") -> click.BadParameter:
    more = f"\n{details}" if details else ""
    return click.BadParameter(f"{what}{more}\nhint: {hint}", param_hint=where)
