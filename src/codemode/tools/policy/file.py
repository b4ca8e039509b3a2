"""A policy as data: the rules of a ``codemode.toml``.

    [[policy]]
    refuse = "fs__delete_*"
    reason = "nothing is deleted here"

    [[policy]]
    ask = "transfer"
    when.cents.above = 10_000

    [[policy]]
    budget = "web__*"
    calls = 100

Each table is one rule: one member names the rule and holds the pattern, the others are its options, named as
the parameters of the Python function. What a function would look at is a condition here: see :func:`condition`.
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ...errors import UsageError
from ..copies import same
from .destinations import only_destinations
from .guards import budget, once, rate, read_only
from .policy import Policy
from .rules import When, allow, ask, refuse, run_as

if TYPE_CHECKING:
    from pathlib import Path

    from ...protocol.types import ToolCall
    from .rules import Rule

KEY: Final = "policy"
FILE_BYTES: Final = 1024 * 1024

_MAKERS: Final[Mapping[str, Callable[..., Rule]]] = {
    "allow": allow,
    "ask": ask,
    "refuse": refuse,
    "run_as": run_as,
    "read_only": read_only,
    "only_destinations": only_destinations,
    "budget": budget,
    "rate": rate,
    "once": once,
}
_TESTS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "equals": same,
    "above": lambda value, bound: bool(_number(value) > bound),
    "below": lambda value, bound: bool(_number(value) < bound),
    "in": lambda value, choices: any(same(value, each) for each in choices),
    "like": lambda value, glob: fnmatch.fnmatchcase(_text(value), glob),
    "not_like": lambda value, glob: not fnmatch.fnmatchcase(_text(value), glob),
}


_BOUNDS: Final[Mapping[str, tuple[type, ...]]] = {
    "above": (int, float),
    "below": (int, float),
    "in": (list,),
    "like": (str,),
    "not_like": (str,),
}


def read_policy(path: Path) -> Policy:
    """The policy of a file.

    Raises:
        UsageError: it cannot be read, or a rule is invalid; the text names the place and what to write.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES + 1)
        if len(content) > FILE_BYTES:
            raise UsageError(f"{path} is larger than {FILE_BYTES // 1024} KiB")
        said = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is no TOML: {error}") from error
    if unknown := sorted(said.keys() - {KEY}):
        raise UsageError(
            f"{path}: there is no {unknown[0]!r}\nHint: rules stand in tables [[{KEY}]]."
        )
    tables = said.get(KEY, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise UsageError(
            f"{path}: {KEY} is a list of tables\nHint: write [[{KEY}]] before each rule."
        )
    return Policy(
        rule(table, f"{path}: rule {number}") for number, table in enumerate(tables, start=1)
    )


def rule(table: Mapping[str, Any], where: str = "the rule") -> Rule:
    """The rule of a table.

    Raises:
        UsageError: it holds none; ``where`` is for the text.
    """
    kinds = [key for key in table if key in _MAKERS]
    if len(kinds) != 1:
        found = f"is {' and '.join(kinds)} at once" if kinds else "does not say what it is"
        raise UsageError(f"{where} {found}\nHint: one of {', '.join(_MAKERS)} has its pattern.")
    kind = kinds[0]
    options = {key: value for key, value in table.items() if key != kind}
    if "when" in options:
        options["when"] = _when(options["when"], where)
    try:
        return _MAKERS[kind](table[kind], **options)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    except TypeError as error:
        text = str(error).partition("() ")[2] or str(error)
        raise UsageError(f"{where}: {kind} {text}") from error


def _when(said: object, where: str) -> When:
    if not isinstance(said, Mapping) or not said:
        raise UsageError(f"{where}: when has conditions by the names of arguments, got {said!r}")
    tests = [(name, condition(each, f"{where}: when.{name}")) for name, each in said.items()]

    def holds(call: ToolCall) -> bool:
        return all(name in call.arguments and test(call.arguments[name]) for name, test in tests)

    return holds


def condition(said: object, where: str = "the condition") -> Callable[[Any], bool]:
    """What is asked of one argument: a value that it equals, or a table of tests that it passes.

    ``equals``, ``above``, ``below``, ``in`` (a list), ``like`` and ``not_like`` (a glob). An argument that is not
    there passes none. One of another type cannot be judged, and its call is refused.

    Raises:
        UsageError: it is no condition; ``where`` is for the text.

    Example:
        >>> condition({"above": 5, "below": 9})(7), condition("bob")("eve")
        (True, False)
    """
    tests = dict(said) if isinstance(said, Mapping) else {"equals": said}
    for name, bound in tests.items():
        if name not in _TESTS:
            raise UsageError(f"{where}: there is no {name!r}\nHint: there are {', '.join(_TESTS)}.")
        kind = _BOUNDS.get(name)
        if kind is not None and (not isinstance(bound, kind) or isinstance(bound, bool)):
            raise UsageError(f"{where}.{name} cannot be {bound!r}")
    return lambda value: all(_TESTS[name](value, bound) for name, bound in tests.items())


def _number(value: object) -> Any:
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"{value!r} is no number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
