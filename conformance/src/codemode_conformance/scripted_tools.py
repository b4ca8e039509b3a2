"""The tools that every conformance program may call: plain data, and pure answers.

A program's outcome must not depend on the machine, so no tool here reads a clock, a file or a
random number. The names are awkward on purpose: they show how a host makes identifiers of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What crosses the boundary between a cell and its tools."""


class ToolError(Exception):
    """A tool's refusal; its text is what the cell's promise is rejected with."""


class NeverAnswers(Exception):  # noqa: N818 - it is a decision of the script, not an error
    """Raised instead of an answer: the call must stay open until the host cancels it."""


@dataclass(frozen=True, slots=True)
class ScriptedTool:
    """A tool definition as a host receives it, and what the tool answers."""

    name: str
    answer: Callable[[Json], Json]
    namespace: str | None = None
    description: str = ""
    kind: Literal["function", "freeform"] = "function"
    input_schema: Mapping[str, Json] | None = None
    output_schema: Mapping[str, Json] | None = None

    @property
    def flat_name(self) -> str:
        """The name a client announces: namespace and name joined by two underscores."""
        return self.name if self.namespace is None else f"{self.namespace}__{self.name}"


def _echo(value: Json) -> Json:
    return value


def _fail(_value: Json) -> Json:
    raise ToolError("boom")


def _fail_with(value: Json) -> Json:
    raise ToolError(value if isinstance(value, str) else "not a string")


def _add(value: Json) -> Json:
    match value:
        case {"a": int() | float() as a, "b": int() | float() as b}:
            return a + b
    raise ToolError("add expects numbers a and b")


def _big(_value: Json) -> Json:
    return "x" * 200_000


def _shout(value: Json) -> Json:
    if not isinstance(value, str):
        raise ToolError("shout expects a string")
    return value.upper()


def _never(_value: Json) -> Json:
    raise NeverAnswers


def _nested(value: Json) -> Json:
    """Return arrays nested as deep as asked for, with an empty one in the middle."""
    if not isinstance(value, int):
        raise ToolError("nested expects a depth")
    result: Json = []
    for _ in range(value - 1):
        result = [result]
    return result


_READINGS: Final[Mapping[str, Json]] = {
    "proto": {"__proto__": {"polluted": True}, "constructor": 1},
    "thenable": {"then": "a string", "value": 1},
    "numbers": [0, -1, 1.5, 1e300, 9007199254740993, -0.0],
    "text": "line one\nline two\ttab \u0000 nul \u2028 é 😀",
    "nothing": None,
    "flag": False,
    "order": {"b": 1, "a": 2, "10": 3, "9": 4},
    "result": {"content": [{"type": "text", "text": "from a server"}], "isError": False},
}


def _reading(value: Json) -> Json:
    if not isinstance(value, str) or value not in _READINGS:
        raise ToolError(f"no reading named {value!r}")
    return _READINGS[value]


_FILES: Final[Mapping[str, str]] = {
    "README.md": "# Demo\n\nTODO: write this.\n",
    "src/main.py": "import sys\n\n# TODO: arguments\nprint(sys.argv)\n",
    "src/util.py": "def one():\n    return 1\n",
}


def _list_files(_value: Json) -> Json:
    return [{"path": path, "size": len(text)} for path, text in _FILES.items()]


def _read_file(value: Json) -> Json:
    match value:
        case {"path": str() as path} if path in _FILES:
            return {"path": path, "text": _FILES[path]}
        case {"path": str() as path}:
            raise ToolError(f"no such file: {path}")
    raise ToolError("read_file expects a path")


_ADD_INPUT: Final[Mapping[str, Json]] = {
    "type": "object",
    "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
    "required": ["a", "b"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class ToolTable:
    """The tools of one session."""

    tools: tuple[ScriptedTool, ...]

    def answer(self, namespace: str | None, name: str, value: Json) -> Json:
        """Answer one call, made under the names that a host calls back with.

        :raises ToolError: the tool refuses, with the text for the cell.
        :raises NeverAnswers: the call is to stay open.
        """
        [tool] = [tool for tool in self.tools if (tool.namespace, tool.name) == (namespace, name)]
        return tool.answer(value)


ORDINARY: Final = (
    ScriptedTool("echo", _echo, description="Returns its input."),
    ScriptedTool("fail", _fail, description="Always fails."),
    ScriptedTool("fail_with", _fail_with, description="Fails with the given text."),
    ScriptedTool(
        "add",
        _add,
        description="Adds two numbers.",
        input_schema=_ADD_INPUT,
        output_schema={"type": "number"},
    ),
    ScriptedTool("big", _big, description="Returns 200 kB of text."),
    ScriptedTool("shout", _shout, description="Uppercases its input.", kind="freeform"),
    ScriptedTool("never", _never),
    ScriptedTool("nested", _nested, description="Returns nested arrays."),
    ScriptedTool("reading", _reading, description="Returns a value that is hard to carry."),
    ScriptedTool("list_files", _list_files, description="Lists files."),
    ScriptedTool("read_file", _read_file, description="Reads a file."),
    ScriptedTool("a-b", _echo, description="A name with a dash."),
    ScriptedTool("x", _echo, namespace="ns", description="A name in a namespace."),
    ScriptedTool("class", _echo, description="A reserved word."),
    ScriptedTool("9x", _echo, description="A leading digit."),
    ScriptedTool("constructor", _echo, description="A name on Object.prototype."),
    ScriptedTool("toString", _echo, description="A name that conversions look for."),
    ScriptedTool("déjà", _echo, description="Letters outside ASCII: déjà 😀."),
)
"""What every program may call."""

ON_REQUEST: Final = (
    ScriptedTool("then", _echo, description="Makes tools a thenable."),
    ScriptedTool("__proto__", _echo, description="The name of a setter."),
    ScriptedTool("a.b", lambda _value: "a.b", description="Meets a-b."),
    ScriptedTool("a_b", lambda _value: "a_b", description="Meets a-b, too."),
    ScriptedTool("-", _echo, description="No legal character at all."),
    ScriptedTool("$ok_1", _echo, description="Every legal kind of character."),
    ScriptedTool("toJSON", _echo, description="A name that JSON.stringify calls."),
    ScriptedTool("hasOwnProperty", _echo, description="Another inherited name."),
    ScriptedTool("text", _echo, description="The name of a helper."),
)
"""What a program gets when it asks for it by name."""


def table(extra: tuple[str, ...] = ()) -> ToolTable:
    """Return the ordinary tools, followed by the named ones of those on request."""
    by_name = {tool.name: tool for tool in ON_REQUEST}
    return ToolTable(ORDINARY + tuple(by_name[name] for name in extra))
