"""Options that are not on the command line: ``CODEMODE_*`` variables, and ``[tool.codemode]`` in pyproject.toml.

What is given on the command line comes before a variable, a variable before the file. Options that restrict what
programs may do (``CUMULATIVE``) are put together instead, from the file up: a restriction that was written down is
not lifted because another one is added. Of two values for one limit the later one counts.

A variable is called after the option, ``CODEMODE_MAX_SECONDS``, or after the command and the option,
``CODEMODE_RUN_MAX_SECONDS``, which comes first. In the file the options stand under their own names, those of one
command in a table of its own, which comes first: ``[tool.codemode.run]``.
"""

from __future__ import annotations

import functools
import os
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FILE: Final = "pyproject.toml"
TABLE: Final = "tool.codemode"
VARIABLE: Final = "CODEMODE"

CUMULATIVE: Final = frozenset({"limits", "denied", "asked", "middleware"})
"""Parameters whose values from everywhere count together."""

NOT_SET_FROM_AFAR: Final = frozenset({"evaluate", "limit"})
"""Parameters that belong to one call of a command: the program of run, the number of results of a search."""

CONFIGURED: Final = frozenset({"run", "repl", "serve", "tools", "host", "doctor"})
"""The commands whose options may come from afar."""

_LIMITS: Final = "limits"
_PLACES: Final = frozenset({"PATH", "FILE", "DIR"})
"""The metavars of options that name a file or a folder."""
_MODULES: Final = frozenset({"MODULE[:NAME]", "MODULE:NAME"})


def configure(group: click.Group) -> None:
    """Let the options of the commands of the group be set by variables."""
    for name in CONFIGURED:
        for path, command in commands((name,), group.commands[name]):
            for option in options(command):
                own = f"{VARIABLE}_{'_'.join(path)}_{word(option)}"
                variables = [
                    each.upper().replace("-", "_") for each in (own, f"{VARIABLE}_{word(option)}")
                ]
                option.envvar = variables
                if option.name in CUMULATIVE:
                    option.callback = functools.partial(_put_together, option.callback)


def load(context: click.Context, file: Path | None) -> None:
    """Give the commands of the context's group the values of a file as defaults.

    Args:
        context: of the group.
        file: the file; None for the nearest one that has the table.

    Raises:
        click.UsageError: the file cannot be read, or has a key or value that no option takes.
    """
    path = nearest(FILE, lambda each: _table(each) is not None) if file is None else file
    if path is None:
        return
    table = _table(path)
    if table is None:
        if file is not None:
            raise click.UsageError(f"{file} has no [{TABLE}]")
        return
    group = context.command
    assert isinstance(group, click.Group)
    settings = _Settings(path, group)
    context.default_map = settings.default_map(table)
    context.meta[FILE] = path


def source_of(error: click.BadParameter) -> str:
    """Where the wrong value of an option came from, for its error: empty if from the command line."""
    context, option = error.ctx, error.param
    if context is None or not isinstance(option, click.Option) or option.name is None:
        return ""
    source = context.get_parameter_source(option.name)
    if source is ParameterSource.ENVIRONMENT:
        names = [option.envvar] if isinstance(option.envvar, str) else option.envvar or ()
        return f" (from the variable {next(name for name in names if os.environ.get(name))})"
    if source is ParameterSource.DEFAULT_MAP:
        return f" (from [{TABLE}] in {context.meta.get(FILE)})"
    return ""


class _Settings:
    """The table of one file, read for the commands of a group."""

    def __init__(self, path: Path, group: click.Group) -> None:
        self._path = path
        self._commands = {name: group.commands[name] for name in sorted(CONFIGURED)}
        self._known = {
            word(option): option
            for name, command in self._commands.items()
            for _, each in commands((name,), command)
            for option in options(each)
        }

    def default_map(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """What click takes for the defaults of each command."""
        own = {
            name: value
            for name, value in table.items()  # `host` is a command, and an option of another
            if name in self._commands and isinstance(value, dict)
        }
        common = {name: value for name, value in table.items() if name not in own}
        for name in common:
            self._check(name, self._known, TABLE)
        made: dict[str, Any] = {}
        for name, command in self._commands.items():
            mine = own.get(name, {})
            known = {
                word(option): option
                for _, each in commands((name,), command)
                for option in options(each)
            }
            for key in mine:
                self._check(key, known, f"{TABLE}.{name}")
            made[name] = self._values(
                command, {**_normal(common), **_normal(mine)}, f"{TABLE}.{name}"
            )
        return made

    def _check(self, name: str, known: Mapping[str, click.Option], where: str) -> None:
        word = _normal_name(name)
        if word in known:
            return
        near = get_close_matches(word, known, n=1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}."
        raise click.UsageError(
            f"{self._path}: [{where}] has {name!r}, which is no option\nhint: {meant}"
        )

    def _values(
        self, command: click.Command, given: Mapping[str, Any], where: str
    ) -> dict[str, Any]:
        if isinstance(command, click.Group):
            return {
                name: self._values(each, given, where) for name, each in command.commands.items()
            }
        return {
            str(option.name): self._value(option, given[word(option)], where)
            for option in options(command)
            if word(option) in given
        }

    def _value(self, option: click.Option, value: Any, where: str) -> Any:
        """As click takes it: the text of it, as on the command line, or a list of texts."""
        if option.name == _LIMITS and isinstance(value, dict):
            value = [f"{name}={amount}" for name, amount in value.items()]
        if option.is_flag:
            if isinstance(value, bool):
                return value
            raise self._wrong(option, value, "true or false", where)
        if option.multiple:
            members = value if isinstance(value, list) else [value]
            return [self._text(option, each, where) for each in members]
        return self._text(option, value, where)

    def _text(self, option: click.Option, value: Any, where: str) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._wrong(option, value, "a string or a number", where)
        text = str(value)
        if option.metavar in _PLACES or isinstance(option.type, click.Path):
            return str(self._path.parent / text)
        if option.metavar in _MODULES:
            return self._module(text)
        return text

    def _module(self, text: str) -> str:
        """A file beside this one is named by its path; a module is looked for there, too."""
        place, _, _ = text.partition(":")
        if place.endswith(".py") or os.sep in place:
            return str(self._path.parent / text)
        folder = str(self._path.parent)
        if folder not in sys.path:
            sys.path.append(folder)
        return text

    def _wrong(self, option: click.Option, value: Any, form: str, where: str) -> click.UsageError:
        return click.UsageError(
            f"{self._path}: [{where}] has {word(option)} = {value!r}\nhint: it takes {form}."
        )


def _put_together(
    previous: Any, context: click.Context, option: click.Option, value: tuple[Any, ...]
) -> Any:
    """The values of the file, then those of the variable, then those of the command line."""
    assert option.name is not None
    source = context.get_parameter_source(option.name)
    lower: list[Any] = []
    if source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT):
        lower += context.lookup_default(option.name) or ()
    if source is ParameterSource.COMMANDLINE:
        lower += option.value_from_envvar(context) or ()
    value = (*option.type_cast_value(context, lower), *value)
    return value if previous is None else previous(context, option, value)


def nearest(name: str, counts: Callable[[Path], bool]) -> Path | None:
    """The file of this name in the current folder or above that counts. Above, only those of the folder's owner.

    Args:
        name: of the file.
        counts: whether it is one that is looked for; its errors are the caller's.
    """
    folder = Path.cwd()
    owners = {folder.stat().st_uid, os.geteuid(), 0}
    for each in (folder, *folder.parents):
        path = each / name
        try:
            if path.stat().st_uid in owners and counts(path):
                return path
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
    return None


def _table(path: Path) -> dict[str, Any] | None:
    """The table of a file, if it has one.

    Raises:
        click.UsageError: it cannot be read, or is no TOML.
    """
    try:
        content = path.read_bytes()
        if b"codemode" not in content:  # as in most; parsing takes the time
            return None
        import tomllib  # noqa: PLC0415 - not where no file has the table

        table = tomllib.loads(content.decode("utf-8")).get("tool", {}).get("codemode")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise click.UsageError(
            f"{path} is no TOML: {error}\nhint: codemode --no-config does without it."
        ) from error
    except AttributeError:
        table = None
    if table is not None and not isinstance(table, dict):
        raise click.UsageError(f"{path}: {TABLE} is no table\nhint: write [{TABLE}].")
    return table


def commands(
    path: tuple[str, ...], command: click.Command
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield ``command`` and all below it, each with its words."""
    yield path, command
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from commands((*path, name), each)


def options(command: click.Command) -> Iterator[click.Option]:
    """Yield the options of ``command`` that a file may set."""
    for each in command.params:
        if isinstance(each, click.Option) and each.name not in NOT_SET_FROM_AFAR:
            yield each


def word(option: click.Option) -> str:
    """``max-seconds`` of ``--max-seconds``."""
    return max(option.opts, key=len).lstrip("-")


def _normal_name(name: str) -> str:
    word = name.replace("_", "-")
    return "limit" if word == _LIMITS else word


def _normal(table: Mapping[str, Any]) -> dict[str, Any]:
    return {_normal_name(name): value for name, value in table.items()}
