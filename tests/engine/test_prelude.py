"""The helpers inside a cell: what they do when the script attacks them, and what they never show.

What they do for ordinary programs is compared with the published host in ``tests/conformance``.
"""

from collections.abc import AsyncIterator

import pytest

from codemode.engine import events as ev
from codemode.engine.catalogue import Catalogue
from codemode.engine.interfaces import EngineSession
from codemode.engine.workers import WorkersEngine
from codemode.limits import Limits
from codemode.protocol.types import ImageItem, TextItem

from .driving import ECHO, run, texts


@pytest.fixture
async def session() -> AsyncIterator[EngineSession]:
    engine = WorkersEngine()
    session = engine.session(Limits())
    yield session
    await session.aclose()
    await engine.aclose()


POISON = """
const poisoned = () => { throw new Error("poisoned"); };
const trap = { __proto__: null, get: poisoned, set: poisoned, configurable: true };
const mine = ["tools", "text", "image", "store", "load", "notify", "as_settled", "stream_settled", "setTimeout", "clearTimeout",
  "generatedImage", "audio", "content"];
const kept = {};
for (const name of mine) kept[name] = globalThis[name];
const { defineProperty, getPrototypeOf } = Object, { ownKeys } = Reflect;
const echo = tools.echo, promises = Promise.prototype, roots = [];
for (const name of ownKeys(globalThis)) {
  const value = globalThis[name];
  if (mine.includes(name) || name === "globalThis" || (typeof value !== "function" && typeof value !== "object")) continue;
  roots.push(value);
  if (value?.prototype) roots.push(value.prototype);
}
roots.push(getPrototypeOf(Uint8Array), getPrototypeOf(Uint8Array.prototype), getPrototypeOf(async () => {}));
roots.push(getPrototypeOf([][Symbol.iterator]()), getPrototypeOf(async function* () {}).prototype);
for (let i = 0; i < roots.length; i++) {
  if (roots[i] === null || roots[i] === undefined) continue;
  const keys = ownKeys(roots[i]);
  for (let k = 0; k < keys.length; k++) {
    // `await` itself reads the constructor of a promise.
    if (keys[k] === "stackTraceLimit" || keys[k] === "constructor" && roots[i] === promises) continue;
    try { defineProperty(roots[i], keys[k], trap); } catch {}
  }
}
const more = ["get", "set", "value", "mimeType", "0", "1"];
for (let k = 0; k < more.length; k++) defineProperty(getPrototypeOf({}), more[k], trap);
const { text, image, store, load, stream_settled } = kept;
const caught = (attempt) => { try { attempt(); } catch (error) { return error; } };
"""

FIRST_USES = {
    "kept.image({ type: 'image', data: 'AA' }, 'LOW')": [
        ImageItem("data:application/octet-stream;base64,AA", "low")
    ],
    "text(caught(() => image(1)) === undefined)": [TextItem("false")],
    "kept.audio('data:audio/wav;base64,UklGRiUAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQEAAAAA')": [
        TextItem("Audio output omitted because the clip is shorter than 25 ms; use a longer clip.")
    ],
    "kept.generatedImage({ image_url: 'data:,', output_hint: 'h' })": [
        ImageItem("data:,", "high"),
        TextItem("h"),
    ],
    "kept.content({ type: 'resource', resource: { uri: 'u', text: 't' } })": [
        TextItem('{"type":"resource","resource":{"uri":"u","text":"t"}}')
    ],
    r"store('k', '\ud800a'); text(load('k'))": [
        ev.ValueStored("k", '"\ufffda"'),
        TextItem("\ufffda"),
    ],
    "text(caught(() => store('a\\n', undefined)))": [
        TextItem('Unable to store "a\\n". Only plain serializable objects can be stored.')
    ],
    "text(caught(() => store({ toString() { throw 1; } }, 1)))": [
        TextItem("store key must be a string")
    ],
    "text(caught(() => text({ toJSON() { throw { stack: 'thrown' }; } })))": [TextItem("thrown")],
    "throw { stack: 'uncaught' }": [],
    "await new Settled((fire) => kept.setTimeout(fire, 0)); text('late')": [
        ev.TimerSet(1, 0),
        ev.Idle(),
        TextItem("late"),
    ],
    "const id = kept.setTimeout(text, 60000); kept.clearTimeout(id)": [
        ev.TimerSet(1, 60000),
        ev.TimerCleared(1),
    ],
    "await stream_settled({ [iterator]: () => ({ __proto__: null, next: (done) => ({ done: turn++ > 0, value: 5 }) }) },"
    " (result) => text(result))": [TextItem('{"index":0,"status":"fulfilled","value":5}')],
}


async def test_helpers_work_when_every_global_and_prototype_is_poisoned(
    session: EngineSession,
) -> None:
    ended = await run(
        session,
        POISON
        + """
text("plain"); text({ a: [1, "é"] }); store("k", { v: 1 }); text(load("k"));
kept.notify("told"); image("data:image/png;base64,AA"); kept.content({ type: "text", text: "block" });
text(await echo({ n: 1 }));
""",
    )

    assert (ended.error, ended.texts) == (
        None,
        ["plain", '{"a":[1,"é"]}', '{"v":1}', "block", '{"n":1}'],
    )
    assert [e for e in ended.events if isinstance(e, ev.Notified | ImageItem)] == [
        ev.Notified("told"),
        ImageItem("data:image/png;base64,AA", "high"),
    ]


@pytest.mark.parametrize("use", FIRST_USES)
async def test_a_file_of_the_prelude_can_be_loaded_when_everything_is_poisoned(
    session: EngineSession, use: str
) -> None:
    before = "const Settled = Promise, iterator = Symbol.iterator; let turn = 0;\n"
    ended = await run(session, before + POISON + use)
    assert ended.error == ("uncaught" if "uncaught" in use else None)
    assert ended.events[:-1] == FIRST_USES[use]


async def test_the_files_of_the_prelude_read_no_global(
    session: EngineSession,
) -> None:
    source = """
const read = [], { ownKeys } = Reflect, { defineProperty } = Object, kept = { text, image, content, setTimeout, store };
for (const name of ownKeys(globalThis)) {
  if (["Infinity", "NaN", "undefined"].includes(name)) continue;
  const value = globalThis[name];
  defineProperty(globalThis, name, { get() { read[read.length] = name; return value; }, set() {} });
}
read.length = 0;
try { kept.image(1); } catch {}
kept.image("data:,"); kept.content([]); kept.setTimeout(() => {}, 0);
try { kept.store("k", undefined); } catch {}
try { kept.text({ toJSON() { throw {}; } }); } catch {}
kept.text(read);
"""
    assert await texts(session, source) == ["[]"]


async def test_nothing_that_a_script_can_reach_is_of_the_prelude(
    session: EngineSession,
) -> None:
    source = """
const seen = new Set(), queue = [globalThis, import.meta, (function () {}), (async () => {}), as_settled([])];
Error.prepareStackTrace = (_, sites) => sites;
for (const helper of [text, content, store]) {
  try { helper({ toJSON() { queue.push(new Error("here").stack); throw 1; } }, 1); } catch {}
}
delete Error.prepareStackTrace;
const buffers = [], unknown = [];
while (queue.length > 0) {
  const value = queue.pop();
  if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value)) continue;
  seen.add(value);
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) buffers.push(String(value));
  queue.push(Object.getPrototypeOf(value));
  for (const key of Reflect.ownKeys(value)) {
    const { get, set, value: member } = Object.getOwnPropertyDescriptor(value, key);
    queue.push(get, set, member);
    if (get) try { queue.push(get.call(value)); } catch {}
  }
  for (const name of ["getThis", "getFunction"]) if (typeof value[name] === "function") {
    try { queue.push(value[name]()); } catch {}
  }
}
const builtin = new Set();
for (const value of seen) if (typeof value === "function") {
  const source = Function.prototype.toString.call(value);
  if (!source.includes("[native code]") && !/^(async )?function\\*? ?(as_settled|stream_settled|content|)\\b/.test(source)) unknown.push(source);
}
text(buffers); text(unknown.filter((source) => source !== "async () => {}")); text(seen.size > 500);
"""
    assert await texts(session, source) == ["[]", "[]", "true"]


async def test_no_frame_of_the_prelude_shows_in_any_stack(session: EngineSession) -> None:
    source = """
const stacks = [];
const note = () => { stacks.push(new Error("s").stack); };
text({ toJSON: note }); [1].map(text); store({ toString() { note(); return "k"; } }, 1);
for await (const _ of as_settled([{ then(f) { note(); f(); } }])) note();
await stream_settled([1], note);
Error.prepareStackTrace = (_, sites) => sites.map(String).join("|");
text({ toJSON: note });
text(stacks.filter((stack) => /prelude/.test(stack)));
"""
    assert (await texts(session, source))[-1] == "[]"


async def test_the_position_of_an_error_on_the_first_line_is_that_of_the_source(
    session: EngineSession,
) -> None:
    assert (await run(session, "throw new Error('x')")).error == (
        "Error: x\n    at exec_main.mjs:1:7"
    )


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("throw Symbol('s')", "Symbol(s)"),
        ("throw Object.create(null)", "[object Object]"),
        ("throw new Proxy({}, { get() { throw 1 } })", "unknown code mode exception"),
        ("const e = 'o'; throw Object.assign(Error(e), { stack: e, cause: 'c' })", "o\n[cause]: c"),
        (
            "const e = new AggregateError([1, 'two'], 'm'); e.stack = 'a'; throw e",
            "a\n[errors][0]: 1\n[errors][1]: two",
        ),
        ("const e = Error(); e.stack = 'e'; e.cause = e; throw e", "e" + "\n[cause]: e" * 8),
        ("}", "SyntaxError: Unexpected token '}'"),
        ("if (1) {", "SyntaxError: Unexpected end of input"),
        ("}); text('out'); (async () => {", "SyntaxError: Unexpected token '}'"),
        ("}}}); text('out'); (async function () {x:{{", "SyntaxError: Unexpected token '}'"),
        ("}}}); text('out'); (0, async function () {x:{{", "SyntaxError: Unexpected token '}'"),
        ("label:", "SyntaxError: Unexpected end of input"),
        ("function f() { await 1 }", "SyntaxError: Unexpected reserved word"),
        (
            "function f() {} function f() {}",
            "SyntaxError: Identifier 'f' has already been declared",
        ),
        (
            "tools.echo(() => {})",
            'Unable to call "echo". Only plain serializable values can be passed to a tool.',
        ),
        (
            "store('a\\n\\u200b', undefined)",
            'Unable to store "a\\n\\u{200b}". Only plain serializable objects can be stored.',
        ),
    ],
)
async def test_a_failure_has_a_text_that_says_what_happened(
    session: EngineSession, source: str, error: str
) -> None:
    ended = await run(session, source)
    assert (ended.error, ended.texts) == (error, [])


async def test_exit_cannot_be_caught_wherever_it_is_called(session: EngineSession) -> None:
    for place in (
        "try { exit() } catch { text('caught') } finally { text('finally') }",
        "text({ toJSON() { exit() } })",
        "throw { get stack() { exit() } }",
        "setTimeout(exit); await new Promise(() => {})",
    ):
        ended = await run(session, f"text('before'); {place}\ntext('after')")
        assert (ended.error, ended.texts) == (None, ["before"])


async def test_lone_surrogates_leave_as_the_replacement_character(session: EngineSession) -> None:
    source = r'text("\ud800"); text(await tools.echo({ "\udc00": "a\\ud800\ud83d", b: "\ud83d\ude00" }));'
    ended = await run(session, source)
    assert ended.texts == ["\ufffd", '{"\ufffd":"a\\\\ud800\ufffd","b":"😀"}']


async def test_tools_of_any_name_are_own_members_that_can_be_called(session: EngineSession) -> None:
    catalogue = Catalogue.of([("__proto__", ""), ("then", ""), ("constructor", "")])
    source = "text(Object.keys(tools)); text(await tools.__proto__(1)); try { await tools } catch (e) { text(e) }"
    assert (await run(session, source, catalogue)).texts == [
        '["__proto__","then","constructor"]',
        "1",
        'tools cannot be awaited: it has a tool named "then".\nHint: await a call of one of its members.',
    ]


async def test_a_clip_under_25_ms_becomes_a_text(session: EngineSession) -> None:
    source = "audio('data:audio/wav;base64,UklGRiUAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQEAAAAA')"
    assert [e for e in (await run(session, source, ECHO)).events if isinstance(e, TextItem)] == [
        TextItem("Audio output omitted because the clip is shorter than 25 ms; use a longer clip.")
    ]


AT_THE_END_OF_THE_STACK = """
let done = false;
const attempt = () => {
  try { attempt(); } catch (error) {
    if (!done) { try { HELPER; done = true; } catch {} }
    throw error;
  }
};
try { attempt(); } catch {}
text(done);
"""


@pytest.mark.parametrize(
    ("helper", "event"),
    [
        ("text('x')", TextItem("x")),
        ("notify('x')", ev.Notified("x")),
        ("store('k', 1)", ev.ValueStored("k", "1")),
        ("image('data:,')", ImageItem("data:,", "high")),
        ("text('x'.repeat(200000))", TextItem("x" * 200_000)),
        ("setTimeout(() => {}, 0)", None),
        ("tools.echo({})", None),
    ],
)
async def test_a_helper_that_throws_near_the_end_of_the_stack_has_done_nothing(
    session: EngineSession, helper: str, event: ev.Event | None
) -> None:
    ended = await run(session, AT_THE_END_OF_THE_STACK.replace("HELPER", helper))

    assert ended.error is None
    done = [e for e in ended.events if not isinstance(e, ev.Idle | ev.Finished)]
    assert done[-1:] == [TextItem("true")]
    assert len(done) == 2
    assert event is None or done[0] == event


async def test_exit_is_refused_near_the_end_of_the_stack_or_ends_the_program(
    session: EngineSession,
) -> None:
    source = AT_THE_END_OF_THE_STACK.replace("HELPER", "exit()")
    ended = await run(session, source)

    assert (ended.error, ended.texts) == (None, [])


@pytest.mark.parametrize("helper", ["text", "setTimeout", "generatedImage", "exit"])
async def test_no_error_shows_the_source_of_a_helper(session: EngineSession, helper: str) -> None:
    ended = await run(
        session,
        f"""
for (const use of [(f) => {{ f.name = 1; }}, (f) => {{ delete f.prototype; }}, (f) => null[f], (f) => f in 5])
  try {{ use({helper}); }} catch (error) {{ text(/first|second|media|waiting/.test(error.message)); }}
""",
    )
    assert set(ended.texts) == {"false"}


async def test_a_message_that_looks_like_a_frame_stays_as_it_is(session: EngineSession) -> None:
    message = "x\\n    at exec_main.mjs:1:300\\n    at text (codemode:prelude/boot.js:1:2)"
    ended = await run(session, f'throw new Error("{message}")')

    assert ended.error == (
        "Error: x\n    at exec_main.mjs:1:300\n    at text (codemode:prelude/boot.js:1:2)"
        "\n    at exec_main.mjs:1:7"
    )
