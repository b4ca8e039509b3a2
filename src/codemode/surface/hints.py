"""What a failed program's author should do next, told from the source and the error text.

Tables of evidence: a hint is given only when the error shows that the program failed for that
reason, and the source shows it. Guessing is worse than silence.

Source and error text are the program's, and this runs in the event loop: the error is read from a
bounded beginning, no pattern is made of a name of any length, and what a pattern repeats is bounded
or ends where the next attempt begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ..lazy_pattern import lazy_pattern
from .code_text import code_of
from .foreign import (
    FENCE,
    FENCE_LINE,
    TYPESCRIPT,
    Spot,
    habit_that_does_not_compile,
    habit_that_fails,
)
from .identifiers import normalize

NAMES_SHOWN: Final = 3
NAME_CHARACTERS: Final = 64
"""Longer names of tools are compared and shown by their beginning; longer ones of variables not at all."""

NAMES_COMPARED: Final = 1_000
EVIDENCE_CHARACTERS: Final = 65_536
"""Evidence is looked for in so much of the source from its start."""

ERROR_CHARACTERS: Final = 4_096
"""So much of an error text is read from its start."""

KEY_CHARACTERS: Final = 200
"""How far from its bracket a computed key may end: from each bracket the search goes that far."""

_OUTPUT: Final = "write output with text(value)"
_OUTSIDE: Final = "files, network and processes are reached through `tools` only"
_BYTES: Final = "only standard ECMAScript is there: use String, Uint8Array and encodeURIComponent"
_LATER: Final = "to wait, use await new Promise(r => setTimeout(r, ms))"
_KEEP: Final = "keep values between cells with store(key, value) and load(key)"

_GLOBALS: Final = {
    name: advice
    for names, advice in (
        ("console print println printf alert", _OUTPUT),
        ("require module exports __dirname __filename", f"there are no modules; {_OUTSIDE}"),
        ("process fetch XMLHttpRequest WebSocket Deno Bun fs child_process axios", _OUTSIDE),
        ("window document navigator", f"this is not a browser; {_OUTSIDE}"),
        ("Buffer TextEncoder TextDecoder atob btoa Blob", _BYTES),
        ("URL URLSearchParams", "split with a RegExp and build with encodeURIComponent"),
        ("setInterval setImmediate sleep", _LATER),
        ("queueMicrotask", "use Promise.resolve().then(callback)"),
        ("structuredClone", "copy plain data with JSON.parse(JSON.stringify(value))"),
        ("localStorage sessionStorage", _KEEP),
        ("performance", "use Date.now()"),
        ("crypto", "use Math.random() where no secret depends on it, or a tool"),
        ("WebAssembly Atomics SharedArrayBuffer", "do that work in a tool"),
        ("tool", "tools are on `tools`: await tools.name(args)"),
    )
    for name in names.split()
}

_TYPES: Final = r"(?:string|number|boolean|any|unknown|void|never|object|[\w$]+\[\]|[A-Z][\w$]*<)"
_ANNOTATION: Final = (
    rf"(?:[(,]\s*[\w$]+\??|\)|\b(?:const|let|var)\s+[\w$]+)\s*:\s*{_TYPES}"
    r"|\b(?:const|let|var)\s+[\w$]+\s*:"
)
_TYPESCRIPT: Final = tuple(
    (lazy_pattern(error), lazy_pattern(source, re.MULTILINE))
    for error, source in (
        (r"SyntaxError: Missing initializer in const declaration", r"\bconst\s+[\w$]+\s*:"),
        (r"SyntaxError: Unexpected token ':'", _ANNOTATION),
        (r"SyntaxError: Unexpected identifier 'as'", r"[\w$)\]}\"'`]\s+as\s+[\w$({\[]"),
        (
            r"SyntaxError: Unexpected identifier '[\w$]+'",
            r"^[ \t]*(?:export[ \t]+)?(?:type|namespace|abstract)[ \t]+[\w$]+[ \t<]*[=\w{]",
        ),
        (
            r"SyntaxError: Unexpected strict mode reserved word",
            r"^[ \t]*(?:export[ \t]+)?(?:interface|private|protected|public)[ \t]+[\w$]+",
        ),
        (
            r"SyntaxError: Unexpected reserved word",
            r"^[ \t]*(?:export[ \t]+)?enum[ \t]+[\w$]+[ \t]*\{",
        ),
        (
            r"SyntaxError: Unexpected token '(?:const|let|var|function|class)'",
            r"^[ \t]*declare[ \t]+(?:const|let|var|function|class)\b",
        ),
        (r"ReferenceError: (?:string|number|boolean|any|unknown) is not defined", rf"<{_TYPES}"),
    )
)

_COMPILE_ERROR = lazy_pattern(r"SyntaxError: [^\n]*")
_FENCE_CALL = lazy_pattern(r'TypeError: "" is not a function\n    at exec_main\.mjs:[0-9]+:3')
_IMPORT = lazy_pattern(r"[Uu]nsupported import in exec(?:: |$)")
_MISSING_GLOBAL = lazy_pattern(
    r"ReferenceError: ([\w$]+) is not defined"
    r"|TypeError: globalThis\.([\w$]+) is not a (?:function|constructor)"
)
_MISSING_TOOL = lazy_pattern(r"TypeError: tools\.([^\s.()]+) is not a function")
_SERVER = lazy_pattern(r"mcp__.+?__")
"""How the names of an MCP server's tools begin."""

_UNDEFINED = lazy_pattern(
    r"TypeError: Cannot read properties of undefined \(reading '([\w$]{1,64})'\)"
)
_NESTED_TOOL = lazy_pattern(r"(?<![\w$.])tools\s?\.\s?([\w$]{1,64})\s?\??\.\s?([\w$]{1,64})")
_ARGUMENTS: Final = r"(?<![\w$.])tools\s?\.\s?[\w$]{1,64}\s?\((?:[^()]{0,200},)?\s{0,20}"
"""Behind the bracket of a tool's call, before one of its arguments."""

_PARSED = lazy_pattern(
    r"SyntaxError: (?:[^\n\"]{0,60})\"\[object (?:Object\]\"|Obj\"\.\.\.) is not valid JSON"
)
_LINE_END = lazy_pattern(r"\r\n|[\n\r\u2028\u2029]")

LINE_CHARACTERS: Final = 120
"""How much of the source line a hint shows."""

NEAR: Final = 16
FAR: Final = 80
"""How far behind the place of an error its cause is looked for; far where V8 names an argument's beginning."""

_CALLED: Final = rf"\s*=\s*tools\s*(?:\.\s*[\w$]+|\[[^\]\n]{{0,{KEY_CHARACTERS}}}\])\s*\("
_MISUSED = lazy_pattern(r"TypeError: ([\w$]+)(?:\.[\w$]+ is not a function| is not iterable)")


def hint_for(
    source: str,
    error_text: str,
    tool_names: Sequence[str],
    place: tuple[int, int] | None = None,
) -> str | None:
    """One line of advice (without ``Hint: ``) for a program that failed, or None.

    Args:
        source: the program as it ran, without its pragma.
        error_text: the text of the error that ended it.
        tool_names: the names on ``tools``, normalised or not.
        place: line and column of the error, from 1, in a source that does not compile.

    >>> hint_for("tools.wether()", "TypeError: tools.wether is not a function", ["weather"])
    'there is no tool `wether`; nearest: weather.'
    >>> hint_for("text(1)", "Error: boom", ["weather"]) is None
    True
    """
    error_text = _beginning(error_text)
    if not error_text.strip():
        return None
    evidence = source[:EVIDENCE_CHARACTERS]
    names = [normalize(name[:NAME_CHARACTERS]) for name in tool_names[:NAMES_COMPARED]]
    advice = (
        _fence_hint(source, error_text)
        or _syntax_hint(evidence, error_text)
        or _global_hint(source, error_text, names)
        or _foreign_hint(evidence, error_text, place)
        or _import_hint(evidence, error_text)
        or _undeclared_hint(evidence, error_text, names)
        or _tool_hint(source, error_text, names)
        or _namespace_hint(evidence, error_text, names)
        or _await_hint(evidence, error_text)
        or _parsed_hint(evidence, error_text)
    )
    if place is None or not _COMPILE_ERROR.fullmatch(error_text):
        return advice
    where = _place_in(source, *place)
    return where if advice is None else f"{where}; {advice}"


def _place_in(source: str, line: int, column: int) -> str:
    """Line, column and the source line, cut around the column where it is long."""
    text = _line(source, line)
    at = _index(text, column)
    start = max(0, at - LINE_CHARACTERS // 2)
    cut = text[start : start + LINE_CHARACTERS]
    shown = "".join(each if each.isprintable() else " " for each in cut).strip()
    before = "…" if start else ""
    after = "…" if start + LINE_CHARACTERS < len(text) else ""
    return f"line {line}, column {column}: `{before}{shown}{after}`"


def _index(line: str, column: int) -> int:
    """The index in a line of a column, which V8 counts in UTF-16 units from 1."""
    units = line.encode("utf-16-le", "surrogatepass")
    return len(units[: 2 * (column - 1)].decode("utf-16-le", "replace"))


def _line(source: str, number: int) -> str:
    """A line as V8 counts them."""
    start = 0
    for _ in range(number - 1):
        found = _LINE_END.search(source, start)
        if found is None:
            return ""
        start = found.end()
    found = _LINE_END.search(source, start)
    return source[start : found.start() if found else len(source)]


def _foreign_hint(source: str, error_text: str, place: tuple[int, int] | None) -> str | None:
    if _COMPILE_ERROR.fullmatch(error_text):
        code = code_of(source).code
        return habit_that_does_not_compile(
            source, code, place and _spot(source, code, error_text, *place)
        )
    if error_text.startswith("ReferenceError: "):
        return habit_that_fails(error_text, code_of(source).code)
    return None


def _spot(source: str, code: str, error_text: str, line: int, column: int) -> Spot:
    reach = FAR if error_text.startswith("SyntaxError: missing ) ") else NEAR
    is_reserved = error_text == "SyntaxError: Unexpected reserved word"
    return Spot(_line(code, line), _index(_line(source, line), column), reach, is_reserved)


def _namespace_hint(source: str, error_text: str, names: Sequence[str]) -> str | None:
    """``tools.ns.name`` where the tool is ``tools.ns__name`` or ``tools.mcp__ns__name``."""
    undefined = _UNDEFINED.match(error_text)
    if undefined is None:
        return None
    member = undefined[1]
    for found in _NESTED_TOOL.finditer(code_of(source).code):
        if found[2] != member or found[1] in names:
            continue
        wanted = (f"{found[1]}__{member}", f"mcp__{found[1]}__{member}")
        there = [name for name in names if name in wanted]
        if there:
            return f"tools are not grouped: write await tools.{there[0]}(args)."
        return f"there is no tool `{found[1]}`; {_near_tools(f'{found[1]}__{member}', names)}."
    return None


def _beginning(error_text: str) -> str:
    """What is read of the error: cut, it has another line, for its last one is not whole."""
    if len(error_text) <= ERROR_CHARACTERS:
        return error_text
    return error_text[:ERROR_CHARACTERS] + "\n…"


def _fence_hint(source: str, error_text: str) -> str | None:
    stripped = source.strip()
    compile_error = _COMPILE_ERROR.fullmatch(error_text)
    opened = (stripped.startswith("```") and compile_error) or (
        FENCE_LINE.search(source) and _FENCE_CALL.match(error_text)
    )
    closed = stripped.endswith("\n```") and compile_error
    if opened or closed:
        return FENCE
    return None


def _syntax_hint(source: str, error_text: str) -> str | None:
    if error_text == "SyntaxError: Illegal return statement":
        return "return works in functions only; print with text(value) and end early with exit()."
    if error_text == "SyntaxError: Invalid shorthand property initializer":
        return "the members of an object are written with a colon, { name: value }, not with =."
    first_line = error_text.partition("\n")[0]
    for error, evidence in _TYPESCRIPT:
        if error.fullmatch(first_line) and evidence.search(source):
            return TYPESCRIPT
    return None


def _import_hint(source: str, error_text: str) -> str | None:
    if _IMPORT.match(error_text) and re.search(r"\bimport\b|\bexport\b", source):
        return f"modules cannot be loaded; {_OUTSIDE}."
    return None


def _global_hint(source: str, error_text: str, names: Iterable[str]) -> str | None:
    missing = _MISSING_GLOBAL.match(error_text)
    if missing is None:
        return None
    name = missing[1] or missing[2]
    if len(name) > NAME_CHARACTERS or name not in source:
        return None
    if name in names:
        return f"tools are on `tools`: await tools.{name}(args)."
    return f"there is no `{name}` here; {_GLOBALS[name]}." if name in _GLOBALS else None


def _undeclared_hint(source: str, error_text: str, names: Iterable[str]) -> str | None:
    """A variable that was assigned and not declared; ``functions.name()`` where there is a tool of that name."""
    missing = _MISSING_GLOBAL.match(error_text)
    name = missing[1] if missing else None
    if name is None or len(name) > NAME_CHARACTERS:
        return None
    code = code_of(source).code
    whole = rf"(?<![\w$.]){re.escape(name)}"
    member = re.search(rf"{whole}\s?\??\.\s?([\w$]{{1,64}})\s?\(", code)
    if member is not None:
        wanted = (member[1], f"{name}__{member[1]}", f"mcp__{name}__{member[1]}")
        there = [each for each in names if each in wanted]
        return f"tools are on `tools`: await tools.{there[0]}(args)." if there else None
    if re.search(rf"{_ARGUMENTS}{re.escape(name)}\s?=(?![=>])", code):
        return f"arguments have no names here: give one object, await tools.name({{ {name}: … }})."
    if re.search(rf"{whole}\s?=(?![=>])", code) and not re.search(
        rf"\b(?:const|let|var)\s+{re.escape(name)}(?![\w$])", code
    ):
        return f"declare it first: const {name} = …, or let {name} = … where it changes."
    return None


def _parsed_hint(source: str, error_text: str) -> str | None:
    if _PARSED.match(error_text) and "JSON.parse" in code_of(source).code:
        return "JSON.parse takes JSON text; this was an object already: use it as it is."
    return None


def _tool_hint(source: str, error_text: str, names: Sequence[str]) -> str | None:
    missing = _MISSING_TOOL.match(error_text)
    if missing is None or "tools" not in source:
        return None
    wanted = missing[1][:NAME_CHARACTERS]
    if wanted in names:
        return None
    wanted = normalize(wanted)
    return f"there is no tool `{wanted}`; {_near_tools(wanted, names)}."


def _near_tools(wanted: str, names: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for an error

    near = get_close_matches(wanted, names, NAMES_SHOWN)
    nearest = f"nearest: {', '.join(near)}" if near else ""
    server = _SERVER.match(wanted)
    if server and not any(name.startswith(server[0]) for name in names):
        why = f"none begins with {server[0]}: that MCP server is not configured, or has not started"
        return f"{why}; {nearest}" if nearest else why
    if not names:
        return "this cell has no tools"
    return nearest or "the names are in ALL_TOOLS"


def _await_hint(source: str, error_text: str) -> str | None:
    misused = _MISUSED.match(error_text)
    if misused is None:
        return None
    name = misused[1]
    if len(name) > NAME_CHARACTERS:
        return None
    if re.search(rf"(?<![\w$]){re.escape(name)}{_CALLED}", source):
        return f"a tool call gives a promise: write {name} = await tools.name(args)."
    return None
