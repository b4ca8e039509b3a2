"""Hints: what a failed program's author should do, and silence otherwise. Error texts are V8's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.surface.hints import (
    ERROR_CHARACTERS,
    KEY_CHARACTERS,
    NAME_CHARACTERS,
    hint_for,
)

AT = "\n    at exec_main.mjs:1:3"
FENCE = "send the JavaScript alone, without a Markdown fence (```) around it."
TYPESCRIPT = (
    "this is JavaScript, not TypeScript: leave out type annotations, `as`, interfaces and enums."
)
OUTSIDE = "files, network and processes are reached through `tools` only."
TOOLS = ["weather", "mcp__mail__send-mail", "mcp__mail__list"]


@pytest.mark.parametrize(
    ("source", "error", "hint"),
    [
        ("```js\ntext(1)\n```", f'TypeError: "" is not a function{AT}', FENCE),
        ("\n```\nconst\n```", "SyntaxError: Unexpected token '`'", FENCE),
        ("text(`a`)\n```", "SyntaxError: Unexpected end of input", FENCE),
        (
            "interface A { x: number }",
            "SyntaxError: Unexpected strict mode reserved word",
            TYPESCRIPT,
        ),
        ("type A = string;", "SyntaxError: Unexpected identifier 'A'", TYPESCRIPT),
        (
            "const x: number = 1;",
            "SyntaxError: Missing initializer in const declaration",
            TYPESCRIPT,
        ),
        ("function f(a: string) {}", "SyntaxError: Unexpected token ':'", TYPESCRIPT),
        ("const f = (a): void => {}", "SyntaxError: Unexpected token ':'", TYPESCRIPT),
        ("let x: Foo = 1", "SyntaxError: Unexpected token ':'", TYPESCRIPT),
        ("const y = (1 as number);", "SyntaxError: Unexpected identifier 'as'", TYPESCRIPT),
        ("enum X {A}", "SyntaxError: Unexpected reserved word", TYPESCRIPT),
        ("declare const x: 1", "SyntaxError: Unexpected token 'const'", TYPESCRIPT),
        ("load<string>('k')", f"ReferenceError: string is not defined{AT}", TYPESCRIPT),
        (
            "return 1",
            "SyntaxError: Illegal return statement",
            "return works in functions only; print with text(value) and end early with exit().",
        ),
        (
            "console.log(1)",
            f"ReferenceError: console is not defined{AT}",
            "there is no `console` here; write output with text(value).",
        ),
        (
            "require('fs')",
            f"ReferenceError: require is not defined{AT}",
            f"there is no `require` here; there are no modules; {OUTSIDE}",
        ),
        (
            "globalThis.fetch('x')",
            f"TypeError: globalThis.fetch is not a function{AT}",
            f"there is no `fetch` here; {OUTSIDE}",
        ),
        (
            "import f from 'fs'",
            "Unsupported import in exec: fs",
            f"modules cannot be loaded; {OUTSIDE}",
        ),
        (
            "await import('fs')",
            "unsupported import in exec",
            f"modules cannot be loaded; {OUTSIDE}",
        ),
        (
            "weather({})",
            f"ReferenceError: weather is not defined{AT}",
            "tools are on `tools`: await tools.weather(args).",
        ),
        (
            "tools.wether({})",
            f"TypeError: tools.wether is not a function{AT}",
            "there is no tool `wether`; nearest: weather.",
        ),
        (
            "tools['mcp__mail__send-mail']({})",
            f"TypeError: tools.mcp__mail__send-mail is not a function{AT}",
            "there is no tool `mcp__mail__send_mail`; nearest: mcp__mail__send_mail, mcp__mail__list.",
        ),
        (
            "tools.zzz()",
            f"TypeError: tools.zzz is not a function{AT}",
            "there is no tool `zzz`; the names are in ALL_TOOLS.",
        ),
        (
            "const r = tools.weather({}); r.map(f)",
            f"TypeError: r.map is not a function{AT}",
            "a tool call gives a promise: write r = await tools.name(args).",
        ),
        (
            "let r = tools['weather']({}); for (const x of r) {}",
            f"TypeError: r is not iterable{AT}",
            "a tool call gives a promise: write r = await tools.name(args).",
        ),
    ],
)
def test_a_known_mistake_gets_its_hint(source: str, error: str, hint: str) -> None:
    assert hint_for(source, error, TOOLS) == hint


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("text(1)", ""),
        ("throw new Error('console is not defined')", f"Error: console is not defined{AT}"),
        ("let x = 5; y = x2 = 1", f"ReferenceError: x2x is not defined{AT}"),
        ("const x = 5; { x = 6 }", f"ReferenceError: x is not defined{AT}"),
        ("f(1)", f"ReferenceError: f is not defined{AT}"),
        ("text(len)", f"ReferenceError: len is not defined{AT}"),
        ("helper.weather2()", f"ReferenceError: helper is not defined{AT}"),
        (
            "throw new SyntaxError('\"[object Object]\" is not valid JSON')",
            f'SyntaxError: "[object Object]" is not valid JSON{AT}',
        ),
        ("await tools.run()", f"ReferenceError: console is not defined{AT}"),
        ("eval('wea' + 'ther')", f"ReferenceError: weather is not defined{AT}"),
        ("JSON.parse('```')", f"SyntaxError: Unexpected token '`'{AT}"),
        ("text('```')", f"TypeError: a is not a function{AT}"),
        ("f({a: 1}}", "SyntaxError: Unexpected token '}'"),
        ("f(a: 1)", "SyntaxError: Unexpected token ':'"),
        ("const x;", "SyntaxError: Missing initializer in const declaration"),
        ("const r = await tools.weather({}); r.map(f)", f"TypeError: r.map is not a function{AT}"),
        ("tools.weather = 1; tools.weather()", f"TypeError: tools.weather is not a function{AT}"),
        ("tools.weather.get()", f"TypeError: tools.weather.get is not a function{AT}"),
        ("throw 'unsupported import'", "unsupported import"),
    ],
)
def test_another_failure_gets_no_hint(source: str, error: str) -> None:
    assert hint_for(source, error, TOOLS) is None


PYTHON = "exec runs JavaScript, not Python: write const, functions and {} blocks, and text(value) to print."
LINES = "a string of several lines stands between backticks (`)."
COMMENT = "a comment begins with //, not with #."
OPEN = "a string in quotes ends on its line: write \\n in it, or put it between backticks (`)."
QUOTE = (
    "a quote inside of a string of the same quotes ends it: put the string between backticks (`), or"
    " \\ before it."
)
PARSED = "JSON.parse takes JSON text; this was an object already: use it as it is."
NOT_PARSED = 'SyntaxError: "[object Object]" is not valid JSON\n    at JSON.parse (<anonymous>)'
NOT_PARSED_LIST = "SyntaxError: Unexpected token 'o', \"[object Obj\"... is not valid JSON\n    at JSON.parse (<anonymous>)"
AWAIT_IN_ASYNC = (
    "await works at the top level and in async functions: write async before the function around it, and"
    " await what it returns."
)
NAMED = "arguments have no names here: give one object, await tools.name({ key: value })."
BRACKETS = "what follows if, while, for and switch stands in brackets: if (a) { … }, for (const a of b) { … }."
COLON = "the members of an object are written with a colon, { name: value }, not with =."
ARGUMENT = "missing ) after argument list"
TOKEN = "Invalid or unexpected token"


def named(name: str) -> str:
    return f"Unexpected identifier '{name}'"


@pytest.mark.parametrize(
    ("source", "error", "advice"),
    [
        ("text((await tools.a({})¦) as any)", ARGUMENT, TYPESCRIPT),
        ("const r = await tools.a({}) ¦as Result[]", named("as"), TYPESCRIPT),
        ("class A { private ¦readonly x = 1 }", named("readonly"), TYPESCRIPT),
        ("class A { private ¦x: number = 1 }", named("x"), TYPESCRIPT),
        ("abstract ¦class A {}", "Unexpected token 'class'", TYPESCRIPT),
        ("function f¦<T>(x) { return x }", "Unexpected token '<'", TYPESCRIPT),
        ("const x = ¦<any>y", "Unexpected token '<'", TYPESCRIPT),
        ("let x¦!: string", "Unexpected token '!'", TYPESCRIPT),
        ("import type ¦{ A } from 'b'", "Unexpected token '{'", TYPESCRIPT),
        (
            "const m = new Map<string, ¦Array<number>>()",
            "Missing initializer in const declaration",
            TYPESCRIPT,
        ),
        ("const f = (a?¦: string) => a", "Unexpected token ':'", TYPESCRIPT),
        ("text(¦x!.y)", ARGUMENT, TYPESCRIPT),
        ("const f = (a)¦: Promise<void> => a", "Unexpected token ':'", TYPESCRIPT),
        ("const f = async ¦(a: { b: string }) => a", ARGUMENT, TYPESCRIPT),
        (
            "const ¦{a}: {a: string} = b",
            "Missing initializer in destructuring declaration",
            TYPESCRIPT,
        ),
        ("const o = { a: 1 } ¦satisfies Options", named("satisfies"), TYPESCRIPT),
        ("text(¦'a' if x else 'b')", ARGUMENT, PYTHON),
        ("x = [i * 2 ¦for i in items]", "Unexpected token 'for'", PYTHON),
        ("ready = not ¦done", named("done"), PYTHON),
        ("if ¦not done: pass", named("not"), PYTHON),
        ("raise ¦Exception('x')", named("Exception"), PYTHON),
        ("const a = b ¦and c", named("and"), PYTHON),
        ('text(¦"""a""")', ARGUMENT, LINES),
        ("x = ¦'''a\nb'''", TOKEN, LINES),
        ("¦# first\ntext(1)", TOKEN, COMMENT),
        ("text(¦'it's here')", ARGUMENT, QUOTE),
        ('x = "say "¦yes" to it"', named("yes"), QUOTE),
        ("let s = ¦'abc\ndef'", TOKEN, OPEN),
        ("text('😀'); let s = ¦'abc\ndef'", TOKEN, OPEN),
        ("function f() { const x = ¦await g() }", "Unexpected reserved word", AWAIT_IN_ASYNC),
        ("[1].map((x) => ¦await tools.a(x))", "Unexpected reserved word", AWAIT_IN_ASYNC),
        ('await tools.weather(¦city: "x")', ARGUMENT, NAMED),
        ("if ¦x == 1 { f() }", named("x"), BRACKETS),
        ("for ¦i in range(3) { f() }", named("i"), BRACKETS),
        ("while ¦true { f() }", "Unexpected token 'true'", BRACKETS),
        ("f({¦a = 1})", "Invalid shorthand property initializer", COLON),
        # What has another cause, or is not in the line of the error, is no habit.
        ("a ? b : c ¦d", named("d"), None),
        ("for (const x of y) ¦)", "Unexpected token ')'", None),
        ("let ¦await = 1", "Unexpected reserved word", None),
        ("class A { #x = 1; }¦}", "Unexpected token '}'", None),
        ("f(x => !x.y, a ¦as_b)", ARGUMENT, None),
        ("text('x as any, a?: b, # c, None') ¦)", "Unexpected token ')'", None),
        ("if (a) b(); else if (c) d( ¦else e()", "Unexpected token 'else'", None),
        ("for (const x in ys) { ¦] }", "Unexpected token ']'", None),
        ("I ¦will do it now! Then I go on as Before.", named("will"), None),
        ("a ? ¦b ?: c", "Unexpected token ':'", None),
        ("let a = 1 ¦b\nraise = not (a)", named("b"), None),
        ("const None = 0; f(¦(", "Unexpected end of input", None),
    ],
)
def test_a_foreign_habit_is_seen_at_the_error_and_what_only_looks_like_one_is_not(
    source: str, error: str, advice: str | None
) -> None:
    before = source.partition("¦")[0]
    line, column = (
        before.count("\n") + 1,
        len(before.rpartition("\n")[2].encode("utf-16-le")) // 2 + 1,
    )
    hint = hint_for(source.replace("¦", ""), f"SyntaxError: {error}", TOOLS, (line, column))

    assert hint is not None
    assert hint.rpartition("`; ")[2] == advice or (advice is None and hint.endswith("`"))


@pytest.mark.parametrize(
    ("source", "error", "hint"),
    [
        (
            "total = 1",
            f"ReferenceError: total is not defined{AT}",
            "declare it first: const total = …, or let total = … where it changes.",
        ),
        (
            "await tools.weather(day=1, city='Rome')",
            f"ReferenceError: city is not defined{AT}",
            "arguments have no names here: give one object, await tools.name({ city: … }).",
        ),
        (
            "await functions.weather({})",
            f"ReferenceError: functions is not defined{AT}",
            "tools are on `tools`: await tools.weather(args).",
        ),
        (
            "await mail.list({})",
            f"ReferenceError: mail is not defined{AT}",
            "tools are on `tools`: await tools.mcp__mail__list(args).",
        ),
        (
            "println(1)",
            f"ReferenceError: println is not defined{AT}",
            "there is no `println` here; write output with text(value).",
        ),
        ("text(len(x))", f"ReferenceError: len is not defined{AT}", PYTHON),
        ("text(None)", f"ReferenceError: None is not defined{AT}", PYTHON),
        ("JSON.parse(await tools.a({}))", NOT_PARSED, PARSED),
        ("JSON.parse(await tools.a({}))", NOT_PARSED_LIST, PARSED),
    ],
)
def test_a_name_that_is_not_there_and_a_text_that_is_none_get_their_hints(
    source: str, error: str, hint: str
) -> None:
    assert hint_for(source, error, TOOLS) == hint


def test_a_tool_with_the_name_of_a_function_of_python_is_shown_as_the_tool() -> None:
    assert hint_for("range(1)", f"ReferenceError: range is not defined{AT}", ["range"]) == (
        "tools are on `tools`: await tools.range(args)."
    )


AWAIT = "a tool call gives a promise: write {} = await tools.name(args)."
LONG = "n" * NAME_CHARACTERS
KEY = "k" * (KEY_CHARACTERS - 2)


@pytest.mark.parametrize(
    ("source", "error", "hint"),
    [
        (f"{LONG} = tools.a()", f"TypeError: {LONG} is not iterable", AWAIT.format(LONG)),
        (f"{LONG}n = tools.a()", f"TypeError: {LONG}n is not iterable", None),
        (f"{LONG}n()", f"ReferenceError: {LONG}n is not defined", None),
        (f"r = tools['{KEY}']()", "TypeError: r is not iterable", AWAIT.format("r")),
        (f"r = tools['{KEY}k']()", "TypeError: r is not iterable", None),
        ("r = tools.a()", "TypeError: r is not iterable" + "\n    at f" * 1_000, AWAIT.format("r")),
        ("$ = tools.a()", f"TypeError: {'$' * 20_000_000} is not iterable", None),
        ("```\n1", "SyntaxError: " + "x" * (ERROR_CHARACTERS - 13), FENCE),
        ("```\n1", "SyntaxError: " + "x" * (ERROR_CHARACTERS - 12), None),
        ("a=tools[" * 8_000, "TypeError: a is not iterable", None),
    ],
)
def test_evidence_is_looked_for_within_bounds(source: str, error: str, hint: str | None) -> None:
    assert hint_for(source, error, TOOLS) == hint


def test_a_session_without_tools_says_so() -> None:
    assert hint_for("tools.a()", f"TypeError: tools.a is not a function{AT}", []) == (
        "there is no tool `a`; this cell has no tools."
    )


@pytest.mark.parametrize(
    ("names", "more"),
    [
        ([], ""),
        (["weather"], ""),
        (["mcp__time2__now"], "; nearest: mcp__time2__now"),
    ],
)
def test_a_tool_of_a_server_that_has_none_says_why(names: list[str], more: str) -> None:
    error = f"TypeError: tools.mcp__time__now is not a function{AT}"
    assert hint_for("tools.mcp__time__now()", error, names) == (
        "there is no tool `mcp__time__now`; none begins with mcp__time__: that MCP server is not"
        f" configured, or has not started{more}."
    )


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_a_hint_is_one_line_or_nothing(source: str, error: str, names: list[str]) -> None:
    hint = hint_for(source, error, names)
    assert hint is None or len(hint.splitlines()) == 1


@pytest.mark.parametrize(
    ("source", "error", "place", "hint"),
    [
        ("let = ;", "Unexpected token", (1, 5), "line 1, column 5: `let = ;`"),
        ("a;\r\n  b c\nd", "Unexpected identifier 'c'", (2, 5), "line 2, column 5: `b c`"),
        ("a\u2028b c", "Unexpected identifier 'c'", (2, 3), "line 2, column 3: `b c`"),
        (
            "x".rjust(200) + " y z".ljust(200, "w"),
            "Unexpected identifier 'y'",
            (1, 202),
            f"line 1, column 202: `…{'x y z'.rjust(63)[3:].strip()}{'w' * 57}…`",
        ),
        (
            "text(\u201chi\u201d)",
            "Invalid or unexpected token",
            (1, 6),
            "line 1, column 6: `text(\u201chi\u201d)`; this has curly quotes: write \" or ' or ` around"
            " strings.",
        ),
        (
            "if (a &amp;&amp; b) x()",
            "Unexpected token ';'",
            (1, 11),
            "line 1, column 11: `if (a &amp;&amp; b) x()`; this has HTML entities: write < > & and quotes"
            " themselves, not &lt; &gt; &amp; or &quot;.",
        ),
        (
            "def f(x):\n    return x",
            "Unexpected identifier 'f'",
            (1, 5),
            "line 1, column 5: `def f(x):`; exec runs JavaScript, not Python: write const, functions and"
            " {} blocks, and text(value) to print.",
        ),
        (
            '{"code": "text(1)"}',
            "Unexpected token ':'",
            (1, 8),
            'line 1, column 8: `{"code": "text(1)"}`; send the JavaScript itself, not JSON with it as a'
            " member.",
        ),
        # Words of other languages in strings, comments and regular expressions are no habits.
        (
            "s.replace(/&amp;/g, '&lt;') // def f():\n; let = '\u201c'",
            "Unexpected token '='",
            (2, 7),
            "line 2, column 7: `; let = '\u201c'`",
        ),
    ],
)
def test_an_error_of_the_compiler_is_shown_with_its_line(
    source: str, error: str, place: tuple[int, int], hint: str
) -> None:
    assert hint_for(source, f"SyntaxError: {error}", [], place) == hint


@pytest.mark.parametrize(
    ("source", "error", "hint"),
    [
        ("i &lt; 3", "ReferenceError: lt is not defined", "this has HTML entities: write < > & and quotes"
            " themselves, not &lt; &gt; &amp; or &quot;."),
        ("const lt2 = i + lt", "ReferenceError: lt is not defined", None),
        ("await tools.fs.read({})", "TypeError: Cannot read properties of undefined (reading 'read')",
            "tools are not grouped: write await tools.mcp__fs__read(args)."),
        ("await tools.fs.write({})", "TypeError: Cannot read properties of undefined (reading 'write')",
            "there is no tool `fs`; the names are in ALL_TOOLS."),
        ("const x = {}; x.fs.read()", "TypeError: Cannot read properties of undefined (reading 'read')", None),
    ],
)  # fmt: skip
def test_a_habit_is_seen_in_the_error_and_in_the_code(
    source: str, error: str, hint: str | None
) -> None:
    assert hint_for(source, error, ["mcp__fs__read", "other"]) == hint
