"""A module's text as a function body: what is taken out, what is refused, what stays in place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.engine.clauses import read_export, read_import, string_value
from codemode.engine.module import Module, needs_parsing, read_module

FUNCTION = "(async function(){"
ARROW = "(async()=>{"
WITH_IMPORT = "(async function($meta,$impo){"

REWRITTEN = {
    "text(1)": "text(1)",
    "#!/bin/js\ntext(1)": "///bin/js\ntext(1)",
    "export const a = 1, b = 2;": "       const a = 1, b = 2;",
    "export default 5": "0,             5",
    "export default {a: 1}": "0,             {a: 1}",
    "export default async () => 1": "0,             async () => 1",
    "export default function f() {}": "               function f() {}",
    "export default function () {} text(1)": "function $              () {} text(1)",
    "export default async function* () {}": "async function* $              () {}",
    "export default class extends A {}": "class $              extends A {}",
    "let a;\nexport { a };\n(1)": "let a;\n;            \n(1)",
    "let é; export { é as default }": "let é; ;                      ",
    "let 𝒳; export { 𝒳 }": "let 𝒳; ;            ",
    "f('import x'); /* export */ // return": "f('import x'); /* export */ // return",
    "x.import = y.return": "x.import = y.return",
    "function f() { return 1 }": "function f() { return 1 }",
    "new import('m')": "new import('m')",
    "import()": "import()",
    "{ export { a } }": "{ export { a } }",
    "export\nconst a = 1;": "      \nconst a = 1;",
    "  export // names\n  function f() {}": "                 \n  function f() {}",
    "export\ndefault 1": "0,    \n        1",
    "let a; export { a as if, a as import }": "let a; ;                              ",
    "a\ud800b": "a\ufffdb",
}

AWAITS = {
    "await (1); for await (x of y); async () => await (1)": None,
    "async function f() { await [1] } class A { async m() { await (2) } [await (3)]() {} }": None,
    "x.await; y = { await: 1, async await() { await (2) } }": None,
    "f(async () => { await (1) }, (a = await (2)) => a)": None,
    "const f = (x) => await (x)": "const f = (x) => enum  (x)",
    "function f() { await\nx }": "function f() { enum \nx }",
    "function f(a = await (1)) { var await = 2 }": "function f(a = enum  (1)) { var enum  = 2 }",
    "(function await() {}); async () => function () { await: 1 }": (
        "(function enum () {}); async () => function () { enum : 1 }"
    ),
    "class A { x = await (1); static { await (2) } m() { await (3) } }": (
        "class A { x = enum  (1); static { enum  (2) } m() { enum  (3) } }"
    ),
    "() => { try {} catch (await) {} for await (x of (await, y)); ({ await }) }": (
        "() => { try {} catch (enum ) {} for enum  (x of (enum , y)); ({ enum  }) }"
    ),
}
"""What becomes of an ``await`` that V8 would take for a name; None where nothing does."""

REFUSED = {
    'import "m"': "Unsupported import in exec: m",
    "import a, { b as c } from 'm' with { type: 'json' }": "Unsupported import in exec: m",
    "import * as a from 'a'; import 'b'": "Unsupported import in exec: a",
    "export * from 'm'": "Unsupported import in exec: m",
    "export { a } from 'm'": "Unsupported import in exec: m",
    r"import 'a\'\u00e9\x41\u{1F600}\n'": "Unsupported import in exec: a'éA😀\n",
    "import defer * as a from 'm'": "SyntaxError: Unexpected token '*'",
    "import a b from 'm'": "SyntaxError: Unexpected identifier 'b'",
    "import from 'm'": "SyntaxError: Unexpected string",
    "{ import a from 'm' }": "SyntaxError: Unexpected identifier 'a'",
    "import 'm'; return": "SyntaxError: Illegal return statement",
    "if (1) { return 2 }": "SyntaxError: Illegal return statement",
    "export { a }": "SyntaxError: Export 'a' is not defined in module",
    "export const a = 1; export { a }": "SyntaxError: Duplicate export of 'a'",
    "export default 1; export default 2": "SyntaxError: Identifier '.default' has already been declared",
    "let a; export { a as default }; export default 2": "SyntaxError: Duplicate export of 'default'",
    "export default const a = 1": "SyntaxError: Unexpected token 'const'",
    "export { if }": "SyntaxError: Unexpected reserved word",
    'export { "a b" }': (
        "SyntaxError: String literal module export names must be followed by a 'from' clause"
    ),
    "let a; export { a b }": "SyntaxError: Unexpected identifier 'b'",
    "let a; export { a } text(1)": "SyntaxError: Unexpected identifier 'text'",
    "export { a": "SyntaxError: Unexpected end of input",
    "export * from 'm' with { type: 'json' }": "Unsupported import in exec: m",
    "import { default } from 'm'": "SyntaxError: Unexpected reserved word",
    "import { 'a' } from 'm'": "SyntaxError: Unexpected reserved word",
    "import 'm' text(1)": "SyntaxError: Unexpected identifier 'text'",
    "import 'm' // text(1)": "Unsupported import in exec: m",
    "import fs = require('fs')": "SyntaxError: Unexpected token '='",
    "import `m`": "SyntaxError: Unexpected template string",
    "import(...['m'])": "SyntaxError: Unexpected token '...'",
    "import('m', {}, 3)": "SyntaxError: Unexpected number",
    "import('m') = 1": "SyntaxError: Invalid left-hand side in assignment",
    "import.meta = 1": "SyntaxError: Invalid left-hand side in assignment",
    "import.defer('m')": "SyntaxError: Unexpected identifier 'defer'",
}


@pytest.mark.parametrize("source", REWRITTEN)
def test_what_a_function_may_not_hold_is_taken_out_in_place(source: str) -> None:
    assert read_module(source) == Module(REWRITTEN[source], FUNCTION, None)


@pytest.mark.parametrize("source", REFUSED)
def test_what_a_module_host_refuses_is_refused_with_its_words(source: str) -> None:
    assert read_module(source).refusal == REFUSED[source]


def test_dynamic_import_and_import_meta_become_parameters_of_unused_names() -> None:
    assert read_module("import('m'); import.meta.x") == Module(
        "$impo ('m'); $meta      .x", WITH_IMPORT, None
    )
    assert read_module("import('m', $impo)") == Module(
        "$0    ('m', $impo)", "(async function($meta,$0){", None
    )


@pytest.mark.parametrize("source", AWAITS)
def test_await_is_a_reserved_word_where_v8_takes_it_for_a_name(source: str) -> None:
    assert read_module(source).source == (AWAITS[source] or source)


def test_await_that_v8_trips_over_is_looked_at_only_when_v8_has_refused_the_source() -> None:
    source = "xs.map(x => await tools.echo(x))"
    assert not needs_parsing(source)
    assert read_module(source, refused=True).source == "xs.map(x => enum  tools.echo(x))"


def test_in_a_source_that_the_parser_does_not_understand_await_is_left_to_v8() -> None:
    source = "() => { await (1) } = ;"
    assert read_module(source).source == source
    assert read_module(source, refused=True).source == "() => { enum  (1) } = ;"


@pytest.mark.parametrize(
    "source",
    [
        "typeof arguments",
        "new . target",
        "() => arguments",
        "eval('arguments')",
        "f(a => new.target)",
    ],
)
def test_an_arrow_is_used_where_a_function_would_have_too_much(source: str) -> None:
    assert read_module(source).open == ARROW


@pytest.mark.parametrize(
    "source",
    ["// arguments", "'new.target'", "function f() { return () => arguments }", "x.arguments",
     "class A { constructor() { new.target } }"],
)  # fmt: skip
def test_a_word_that_a_function_owns_needs_no_arrow(source: str) -> None:
    assert read_module(source) == Module(source, FUNCTION, None)


def test_however_many_words_stand_before_it_an_export_is_taken_out() -> None:
    words = "f('return', 'import');" * 10_000
    assert read_module(f"{words}export const a = 1;").source == f"{words}       const a = 1;"


def test_the_wrapper_knows_how_far_it_shifts_the_first_line() -> None:
    wrapped = Module("SOURCE", FUNCTION, None).wrapped()
    assert wrapped.script().index("SOURCE") == wrapped.shift


def test_the_wrapper_has_a_label_that_no_program_can_know() -> None:
    first, second = (Module("", FUNCTION, None).wrapped() for _ in range(2))
    label = first.close.rpartition(" ")[2].removesuffix("}})")
    assert first.open == f"{FUNCTION}{label}:{{"
    assert first.close == f"\nlet {label};break {label}}}}})"
    assert first.open != second.open


def test_only_sources_with_such_a_word_are_parsed() -> None:
    others = ["text(1)", "importing", "await x.y", "await Promise.all(a)", "for await (x of y);"]
    sources = ["f(); return", "import('x')", "export{}", "<!-- x", "-->", "f(arguments)"]
    names = ["await (x)", "await\nx", "var await = 1", "await in x", "await;"]
    assert [source for source in others if needs_parsing(source)] == []
    assert [source for source in sources + names if not needs_parsing(source)] == []


HOSTILE = (
    "[", "{", "import(", "return ", "return;", "import '", "export{a};", "export{", "export{a,",
    "import a;", "\nexport /*", "()=>await(", "import(/**/", "export{a}from'm';", "(await=await)=>",
)  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_source_is_read_to_an_end(unit: str) -> None:
    source = "import.meta;" + unit * (2**20 // len(unit))
    assert len(read_module(source).source) == len(source)


WORDS = st.sampled_from(
    "import export default from as return await arguments { } ( ) [ ] , ; * a b 'm' \"m\" function class async ="
    " => . meta const new <!-- --> ` ${ / // /* */ \n \r\n \u2028 é 😀 \ud800 \udc00 #!".split(" ")
)
SOURCES = st.one_of(
    st.text(st.characters(codec=None)), st.lists(WORDS).map(" ".join), st.lists(WORDS).map("".join)
)


def lengths(source: str) -> list[int]:
    """UTF-16 units of each line, as JavaScript counts lines."""
    lines = re.split("\r\n|[\r\n\u2028\u2029]", source)
    return [len(line.encode("utf-16-le", "surrogatepass")) // 2 for line in lines]


@given(SOURCES)
def test_no_line_becomes_longer_or_shorter(source: str) -> None:
    assert lengths(read_module(source).source) == lengths(source)


@given(SOURCES)
def test_any_text_can_be_sent_to_the_prelude(source: str) -> None:
    read_module(source).wrapped().script().encode()


@given(SOURCES)
def test_any_text_behind_import_has_a_name_or_an_error(clause: str) -> None:
    specifier, error = read_import(clause)
    assert error.startswith("SyntaxError: Unexpected ") or (error == "" and specifier is not None)


@given(SOURCES)
def test_any_text_behind_export_is_read_to_some_end(clause: str) -> None:
    assert 0 <= read_export(clause).end <= len(clause)


@given(st.text())
def test_a_string_literal_has_some_value(content: str) -> None:
    string_value(f"'{content}'").encode()


@pytest.mark.parametrize(("bound", "value"), [("rewrite.WORDS", 1), ("places.MOVES", 3)])
def test_what_lies_behind_a_bound_is_left_to_v8(
    bound: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"codemode.engine.{bound}", value)
    source = read_module("export const a = 1;\n{}{}{}\nexport const b = 2;").source

    assert source == "       const a = 1;\n{}{}{}\nexport const b = 2;"
