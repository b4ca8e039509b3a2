"""An empty object in the output, and code that shows a promise: only both together are a printed promise."""

from __future__ import annotations

import pytest

from codemode.surface.printed_promise import prints_promise

OUTPUT = ["{}", "[{},{}]", '{"a":{}}']


@pytest.mark.parametrize(
    "program",
    [
        "text(tools.read({}))",
        "text(tools['read-it']({}))",
        "text((async () => { return 1; })())",
        "text(Promise.all([tools.read({})]))",
        "text([Promise.resolve(1)])",
        "text({ a: tools.read({}) })",
        "text(names.map(async (name) => tools.read({ name })))",
        "async function f() { return 1; }\ntext({ a: f() })",
        "const f = async () => 1;\ntext(f())",
        "const p = tools.read({});\ntext(p)",
        "const p = tools.read({}).then((r) => r.a);\ntext({ p })",
        "const all = names.map(async (name) => 1);\ntext(all);",
        "const p = new Promise((r) => r(1)); notify(p)",
        "let a = 1, q = tools.read({})\ntext(tools.read({}))",
    ],
)
def test_a_promise_that_is_printed_is_found(program: str) -> None:
    assert prints_promise(program, OUTPUT)
    assert not prints_promise(program, ["1", '{"a":1}', "a {} b"])


@pytest.mark.parametrize(
    "program",
    [
        "text({})",
        "const o = {}; text(o)",
        "text(await tools.read({}))",
        "text({ a: await tools.read({}) })",
        "text({ a: await (tools.read({})) })",
        "text(await Promise.all(names.map(async (name) => name)))",
        "text({ all: await Promise.all(names.map(async (name) => name)) })",
        "const p = tools.read({}); text(await p)",
        "const p = tools.read({}); const r = await p; text(r)",
        "const all = await Promise.all(names.map(async (name) => name)); text(all)",
        "// text(tools.read({}))\ntext({})",
        "text('text(tools.read({}))'); text({})",
        "text(Object.keys(tools).length ? {} : 1)",
    ],
)
def test_an_empty_object_that_is_none_is_left_alone(program: str) -> None:
    assert not prints_promise(program, OUTPUT)


def test_a_program_beyond_the_bound_is_not_read() -> None:
    assert not prints_promise("text(tools.read({}));" + " " * 50_000, OUTPUT)
