// @case echo
text(await tools.echo({ a: 1 }));

// @case identifiers
text(Object.keys(tools)); text(ALL_TOOLS.map((t) => t.name));

// @case descriptions
text(ALL_TOOLS.find((t) => t.name === "add")); text(ALL_TOOLS.find((t) => t.name === "d_j_")); text(ALL_TOOLS.find((t) => t.name === "never"));

// @case namespaced
text(await tools.ns__x("in a namespace"));

// @case awkward-names
for (const name of ["a_b", "class", "_x", "constructor", "toString", "d_j_"]) text(await tools[name](name));

// @case requested-names tools=$ok_1,hasOwnProperty,text,toJSON
text(Object.keys(tools).slice(-4)); text(await tools.$ok_1(1)); text(await tools.hasOwnProperty("x")); text(await tools.text("a tool")); text(await tools.toJSON("j"));

// @case name-of-one-dash tools=-
text(Object.keys(tools).at(-1)); text(await tools._("dash"));

// @case tools-as-text-with-to-json tools=toJSON
text(typeof JSON.stringify(ALL_TOOLS));

// @case colliding-names tools=a.b,a_b
text(ALL_TOOLS.filter((t) => t.name === "a_b")); text(Object.keys(tools).filter((k) => k === "a_b").length); text(await tools.a_b("which"));

// @case proto-name tools=__proto__
text(Object.keys(tools).includes("__proto__")); text(typeof tools.__proto__); text(ALL_TOOLS.at(-1)); text(Object.getPrototypeOf(tools) === Object.prototype);

// @case then-name tools=then
text(typeof tools.then); text(await tools.then("called"));

// @case await-tools
const t = await tools;
text(t === tools);

// @case await-tools-with-then tools=then yield_time_ms=300
try { await tools; text("resolved"); } catch (e) { text(typeof e); text(e); }

// @case no-argument
text(String(await tools.echo()));

// @case absent-arguments
for (const v of [undefined, () => {}, Symbol("s"), class {}]) try { text(String(await tools.echo(v))); } catch (e) { text(typeof e); text(e); }

// @case to-json-undefined-argument
try { text(String(await tools.echo({ toJSON() {} }))); } catch (e) { text(typeof e); text(e); }

// @case extra-arguments
text(await tools.echo(1, 2, 3));

// @case primitive-arguments
for (const v of [null, true, 0, -0, 1.5, "s", "", NaN, Infinity]) text(String(await tools.echo(v)));

// @case arrays
text(await tools.echo([1, [2, [3]], {}, []])); text(await tools.echo([, 1, undefined, () => {}]));

// @case json-semantics
text(await tools.echo({ d: new Date(0), m: new Map([[1, 2]]), u: undefined, f() {}, n: NaN, t: new Uint8Array([1]), r: /x/, z: -0, s: Symbol("s") }));

// @case number-precision
text(await tools.echo([9007199254740993, 9007199254740992, 1e300, 0.1, 1e21, 1e-7, 123456789.123456789, 4294967296, 1.0]));

// @case key-order
text(await tools.echo({ b: 1, a: 2, 10: 3, 9: 4 }));

// @case bigint-argument
try { tools.echo({ a: 1n }); text("no throw"); } catch (e) { text(typeof e); text(e); }

// @case bigint-argument-uncaught
await tools.echo(1n);

// @case cyclic-argument
const a = { list: [] }; a.list.push(a);
try { tools.echo(a); text("no throw"); } catch (e) { text(typeof e); text(e); }

// @case getter-throws
try { tools.echo({ get a() { throw new Error("getter"); } }); } catch (e) { text(typeof e); text(e); }

// @case getter-throws-value
try { tools.echo({ get a() { throw { code: 5 }; } }); } catch (e) { text(typeof e); text(e); }

// @case to-json
text(await tools.echo({ toJSON(key) { return { made: key }; } })); text(await tools.echo({ a: { toJSON: (k) => k } }));

// @case to-json-throws-in-function
function call() {
  return tools.echo({ toJSON() { throw new TypeError("no json"); } });
}
call();

// @case proxy-argument
text(await tools.echo(new Proxy({ a: 1 }, {})));
try { await tools.echo(new Proxy(() => {}, {})); } catch (e) { text(typeof e); text(e); }

// @case lone-surrogate-argument
for (const v of ["\ud800", { s: "a\udc00" }, { "\ud800": 1 }, ["\ud83d\ude00"]]) try { text(await tools.echo(v)); } catch (e) { text(typeof e); text(e); }

// @case lone-surrogate-at-end
try { text(await tools.echo("abc\ud83d")); } catch (e) { text(e); }
try { text(await tools.echo("\ud83d\ud83d\ude00")); } catch (e) { text(e); }

// @case deep-argument
for (const depth of [100, 126, 127, 128, 129, 200]) {
  let v = [];
  for (let i = 1; i < depth; i++) v = [v];
  try { await tools.fail(v); } catch (e) { text(`${depth} ${typeof e} ${e}`); }
}

// @case deep-object-argument
for (const depth of [126, 127, 128]) {
  let v = {};
  for (let i = 1; i < depth; i++) v = { v };
  try { await tools.fail(v); } catch (e) { text(`${depth} ${e}`); }
}

// @case deep-result
for (const depth of [5, 60, 110]) {
  let v = await tools.nested(depth), n = 0;
  while (v) { v = v[0]; n++; }
  text(n);
}

// @case results-are-fresh
const a = await tools.list_files(), b = await tools.list_files();
a[0].path = "changed"; text(b[0].path); text(Object.getPrototypeOf(a) === Array.prototype); text(Object.isFrozen(a));

// @case proto-in-result
const r = await tools.reading("proto");
text(r); text(Object.hasOwn(r, "__proto__")); text(String({}.polluted));

// @case thenable-result
text(await tools.reading("thenable"));

// @case numbers-in-result
const r = await tools.reading("numbers");
text(r); text(Object.is(r[5], -0));

// @case text-in-result
text(await tools.reading("text")); text(JSON.stringify(await tools.reading("text")));

// @case null-and-false-results
text(await tools.reading("nothing")); text(await tools.reading("flag"));

// @case result-key-order
text(await tools.reading("order"));

// @case mcp-result
const r = await tools.reading("result");
text(r.isError); text(r.content[0].text);

// @case big-result
text((await tools.big()).length);

// @case result-poisoned-json
JSON.parse = () => "poisoned"; JSON.stringify = () => "poisoned";
const r = await tools.echo({ a: 1 });
text(r);

// @case error-is-a-string
try { await tools.fail(); } catch (e) { text(typeof e); text(e); text(String(e.stack)); }

// @case error-uncaught
await tools.fail();

// @case error-uncaught-in-function
async function f() { await tools.fail(); }
await f();

// @case error-texts
for (const s of ["", " ", "multi\nline", "é😀", "x".repeat(50)]) try { await tools.fail_with(s); } catch (e) { text(JSON.stringify(e)); }

// @case error-empty-uncaught
await tools.fail_with("");

// @case error-unawaited
tools.fail(); text("done");

// @case error-unawaited-then-wait
tools.fail(); await tools.echo(1); await new Promise((r) => setTimeout(r, 5)); text("done");

// @case error-with-catch-method
await tools.fail().catch((e) => text(`caught ${e}`)).finally(() => text("finally"));

// @case returns-a-promise
const p = tools.echo(1);
text(p instanceof Promise); text(Object.getOwnPropertyNames(p)); text(p.constructor === Promise); await p;

// @case parallel
text(await Promise.all([tools.echo(1), tools.echo(2), tools.add({ a: 1, b: 2 })]));

// @case parallel-with-failure
text(await Promise.allSettled([tools.echo(1), tools.fail(), tools.echo(3)]));

// @case all-fails-first
try { await Promise.all([tools.echo(1), tools.fail(), tools.never()]); } catch (e) { text(e); }

// @case race
text(await Promise.race([tools.never(), tools.echo("first")])); text(await Promise.any([tools.fail(), tools.echo("any")]));

// @case any-all-fail
try { await Promise.any([tools.fail(), tools.fail_with("second")]); } catch (e) { text(e.constructor.name); text(e.message); text(e.errors); }

// @case sequence
let n = 0;
for (let i = 1; i <= 20; i++) n = await tools.add({ a: n, b: i });
text(n);

// @case many-at-once
const r = await Promise.all(Array.from({ length: 50 }, (_, i) => tools.echo(i)));
text(r.reduce((a, b) => a + b));

// @case result-order
const order = [];
const ps = [1, 2, 3, 4].map((i) => tools.echo(i).then((v) => order.push(v)));
await Promise.all(ps);
text(order);

// @case then-order-with-jobs
const order = [];
const p = tools.echo("tool").then((v) => order.push(v));
Promise.resolve().then(() => order.push("job"));
order.push("sync");
await p;
text(order);

// @case freeform
text(await tools.shout("hello"));

// @case freeform-with-object
try { text(await tools.shout({ a: 1 })); } catch (e) { text(e); }

// @case freeform-absent
try { text(await tools.shout()); } catch (e) { text(e); }

// @case unknown-tool
tools.nope({});

// @case unknown-tool-awaited
await tools.nope({});

// @case unknown-tool-in-string
tools["no-such"]();

// @case original-name-with-dash
tools["a-b"]("x");

// @case inherited-method
text(typeof tools.valueOf); text(typeof tools.hasOwnProperty); text("toString" in tools); text(tools.hasOwnProperty("echo"));

// @case to-string-tool-breaks-coercion yield_time_ms=300
try { text(`${tools}`); } catch (e) { text(String(e)); }

// @case destructured
const { echo, add } = tools;
text(await echo("free")); text(await add({ a: 2, b: 3 }));

// @case different-this
text(await tools.echo.call(null, 1)); text(await tools.echo.apply({}, [2])); text(await Reflect.apply(tools.echo, undefined, [3])); text(await tools.echo.bind(5)(4));

// @case with-new
try { const o = new tools.echo("n"); text(typeof o); text(o instanceof Promise); text(String(await o)); } catch (e) { text(String(e)); }

// @case as-map-callback
text(await Promise.all([1, 2, 3].map(tools.echo)));

// @case dynamic-name
const name = ["e", "c", "h", "o"].join("");
text(await tools[name]("dynamic"));

// @case optional-call
text(String(tools.nope?.(1))); text(await tools.echo?.(1));

// @case unawaited-call
tools.echo("unawaited"); text("end");

// @case unawaited-never
tools.never({ a: 1 }); text("end");

// @case never-awaited yield_time_ms=200
text("before"); await tools.never(); text("after");

// @case never-then-terminate yield_time_ms=200
text("before"); await tools.never();
// @terminate

// @case called-in-timer
const r = await new Promise((resolve) => setTimeout(() => resolve(tools.echo("timer")), 1));
text(r);

// @case called-in-getter
text(await tools.echo({ get a() { tools.echo("inner"); return 1; } }));

// @case called-during-exit
tools.echo("before exit"); exit();

// @case argument-mutated-after-call
const o = { a: 1 };
const p = tools.echo(o); o.a = 2;
text(await p);

// @case all-tools-entry
const e = ALL_TOOLS[0];
text(Object.getOwnPropertyDescriptors(e)); text(Object.getPrototypeOf(e) === Object.prototype); text(Object.isFrozen(e)); text(Object.isExtensible(e));

// @case all-tools-array
text(Array.isArray(ALL_TOOLS)); text(ALL_TOOLS.length); text(Object.isFrozen(ALL_TOOLS)); text(Object.getPrototypeOf(ALL_TOOLS) === Array.prototype); text(Object.getOwnPropertyDescriptor(ALL_TOOLS, 0)); text(Object.getOwnPropertyDescriptor(ALL_TOOLS, "length"));

// @case all-tools-is-writable
ALL_TOOLS.push({ name: "mine" }); ALL_TOOLS[0].name = "changed"; delete ALL_TOOLS[1];
text(ALL_TOOLS.length); text(ALL_TOOLS[0].name); text(typeof tools.changed);
// @cell
text(ALL_TOOLS[0].name); text(ALL_TOOLS.length);

// @case tools-object
text(Object.getPrototypeOf(tools) === Object.prototype); text(Object.isFrozen(tools)); text(Object.isSealed(tools)); text(Object.isExtensible(tools)); text(Object.prototype.toString.call(tools)); text(Reflect.ownKeys(tools).length);

// @case tool-descriptor
const d = Object.getOwnPropertyDescriptor(tools, "echo");
text({ ...d, value: typeof d.value });

// @case tool-function-shape
const f = tools.echo;
text(f.name); text(f.length); text(String(f)); text(Reflect.ownKeys(f)); text(Object.getPrototypeOf(f) === Function.prototype); text("prototype" in f); text(f.constructor === Function); text(Object.isExtensible(f));

// @case tool-function-names
text(tools.a_b.name); text(tools.ns__x.name); text(tools.class.name); text(tools._x.name); text(tools.d_j_.name); text(String(tools.class));

// @case tool-function-descriptors
for (const k of Reflect.ownKeys(tools.echo)) { const d = Object.getOwnPropertyDescriptor(tools.echo, k); text(`${String(k)} ${JSON.stringify({ ...d, value: typeof d.value })}`); }

// @case same-function-each-time
text(tools.echo === tools.echo); text(tools.echo === tools.add);

// @case tools-is-writable
tools.echo = () => "mine"; delete tools.add; tools.extra = 1;
text(tools.echo()); text(typeof tools.add); text(tools.extra);
// @cell
text(await tools.echo("back")); text(typeof tools.add);

// @case find-by-name
const { name } = ALL_TOOLS.find(({ name, description }) => /upper/i.test(description));
text(name); text(await tools[name]("found"));

// @case tools-in-text
text(tools); text(JSON.stringify(tools));

// @case iterate-tools
const names = [];
for (const k in tools) names.push(k);
text(names.length === ALL_TOOLS.length); text(Object.entries(tools).every(([, f]) => typeof f === "function"));

// @case poisoned-promise
Promise.prototype.then = function () { throw new Error("poisoned"); };
const r = await tools.echo(1);
text(r);

// @case poisoned-promise-constructor
globalThis.Promise = class { constructor() { throw new Error("no"); } };
text(await tools.echo(1));

// @case thenable-argument
text(await tools.echo({ then(r) { r("awaited?"); }, a: 1 })); text(await tools.echo(Promise.resolve(5)));

// @case control-characters
text(await tools.echo("\u0000\u0001\u001f\u007f\u2028\ufeff\ufffe"));

// @case empty-and-odd-keys
text(await tools.echo({ "": 1, " ": 2, "a\nb": 3, "é": 4, "😀": 5, __proto__: null, ["__proto__"]: 6 }));

// @case raw-json-beyond-double
text(await tools.echo({ n: JSON.rawJSON("123456789012345678901234567890"), i: JSON.rawJSON("9007199254740993") }));

// @case proxy-content-array
const log = []; const p = new Proxy([{ type: "text", text: "x" }], { get(t, k) { log.push("get " + String(k)); return t[k]; } }); content(p); text(log);

// @case names-normalised
for (const n of ["a-b", "a_b", "ns__x", "ns.x", "x", "class", "9x", "_9x", "constructor", "toString", "déjà", "d_j_", "hasOwnProperty", "valueOf", "then"]) text(n + " " + typeof tools[n] + " " + Object.hasOwn(tools, n));

// @case numbers-through-tools
for (const n of [0.1 + 0.2, 1e-7, 123456789012345680000, 2 ** 53, 2 ** 53 + 2, -(2 ** 63), 1.7976931348623157e308, 5e-324, 4.35, 100.0, 1e16, 1e15 + 0.5, 1e300]) text(Object.is(await tools.echo(n), n));

// @case class-tool-call
text(await tools.class({ a: 1 })); const { class: cls } = tools; text(await cls("d"));

// @case promise-subclass
class P extends Promise {} const p = P.resolve(5); text(p instanceof P); text(await p); text(await P.all([1, tools.echo(2)]));

// @case tools-spread-and-assign
const mine = { ...tools, extra: () => 1 }; text(Object.keys(mine).length); text(await mine.echo("s")); Object.assign(tools, { echo: async () => "over" }); text(await tools.echo(1));

// @case fail-uncaught-in-nested
async function step() { return await tools.fail_with("nested failure"); } async function main() { await step(); } await main();

// @case map-async-pattern
const files = await tools.list_files({}); const texts = await Promise.all(files.filter(f => f.path.endsWith(".py")).map(async f => ({ ...f, ...(await tools.read_file({ path: f.path })) }))); text(texts);

// @case proxy-all-traps-image
const log = []; const p = new Proxy({ image_url: "data:x", detail: "low" }, { get(t, k) { log.push("get " + String(k)); return t[k]; }, has(t, k) { log.push("has " + String(k)); return k in t; }, ownKeys(t) { log.push("keys"); return Reflect.ownKeys(t); }, getOwnPropertyDescriptor(t, k) { log.push("gopd " + String(k)); return Reflect.getOwnPropertyDescriptor(t, k); } }); image(p); text(log);

// @case async-iterator-over-tools
async function* pages() { for (const f of await tools.list_files({})) yield tools.read_file({ path: f.path }); } for await (const p of pages()) text(p.path);

// @case fail-with-shapes
for (const s of ["", " ", "multi\nline", "😀", "Error: x", "{\"code\":1}", "x".repeat(5000), "\u2028", "Hint: y", "a\nHint: b"]) try { await tools.fail_with(s); } catch (e) { text([typeof e, e.length, e.slice(0, 60)]); }

// @case class-features
class A { #p = 1; static #s = 2; static { this.t = A.#s + 1; } accessor = 5; get p() { return this.#p; } static async *[Symbol.asyncIterator]() { yield 1; } } text(new A().p); text(A.t); for await (const x of A) text(x); text(new A());

// @case atomics-and-sab-through-eval
text(typeof (0, eval)("typeof SharedArrayBuffer")); try { (0, eval)("new SharedArrayBuffer(8)"); } catch (e) { text(String(e)); } text(typeof Atomics);

// @case sequential-reduce
text(await [1, 2, 3].reduce(async (acc, x) => (await acc) + (await tools.add({ a: x, b: 0 })), Promise.resolve(0)));

// @case top-level-await-in-various-places
const { a = await tools.echo(1) } = {}; const b = [await tools.echo(2), ...(await tools.echo([3]))]; const c = `${await tools.echo(4)}`; text([a, b, c]); if (await tools.echo(true)) text("yes"); switch (await tools.echo("x")) { case await tools.echo("x"): text("match"); } for (let i = await tools.echo(0); i < await tools.echo(2); i += await tools.echo(1)) text(i);

// @case key-object-conversion-count
let n = 0; const k = { toString() { n++; return "k" + n; } }; store(k, 1); text(n); text(String(load("k1"))); load(k); text(n);
