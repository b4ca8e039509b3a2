"""A module's text as a function body: what is taken out, what is refused, what stays in place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.engine.module import Module, needs_parsing, read_import, read_module, string_value

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
    "a\ud800b": "a\ufffdb",
}

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


def test_an_arrow_is_used_where_a_function_would_have_too_much() -> None:
    assert read_module("typeof arguments").open == ARROW
    assert read_module("new . target").open == ARROW


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
    sources = ["text(1)", "importing", "f(); return", "import('x')", "export{}", "<!-- x", "-->"]
    assert [needs_parsing(source) for source in sources] == [False, False, *[True] * 5]


@pytest.mark.parametrize(
    "unit", ["[", "{", "import(", "return ", "return;", "import '", "export{a};"]
)
def test_a_hostile_source_is_read_to_an_end(unit: str) -> None:
    source = "import.meta;" + unit * (2**20 // len(unit))
    assert len(read_module(source).source) == len(source)


WORDS = st.sampled_from(
    "import export default from as return { } ( ) [ ] , ; * a b 'm' \"m\" function class async ="
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


@given(st.text())
def test_a_string_literal_has_some_value(content: str) -> None:
    string_value(f"'{content}'").encode()
