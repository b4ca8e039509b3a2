// @case number-formatting
text(0.1 + 0.2); text((1234.5678).toFixed(2)); text((255).toString(16)); text((0.5).toString(2)); text(1e21.toString()); text((25).toString(36)); text(Number.MAX_SAFE_INTEGER); text(Number.EPSILON > 0); text((1e-10).toFixed(5)); text((123.456).toPrecision(4)); text(123456789.0.toExponential(2));

// @case parsing-numbers
text([parseInt("08"), parseInt("0x1f"), parseFloat("1.5e3abc"), Number(""), Number(" 12 "), Number("1_000"), +"0b11", parseInt("abc")].map(String));

// @case bigint-arithmetic
text(2n ** 100n); text(-7n / 2n); text(BigInt("0xff")); text(BigInt.asUintN(8, 257n)); text(5n > 4); text(typeof 1n); text(0n ? "truthy" : "falsy"); text((123n).toLocaleString());

// @case bigint-errors
for (const f of [() => BigInt(1.5), () => BigInt("x"), () => +1n, () => Math.max(1n), () => JSON.stringify(1n), () => 2n ** -1n]) try { f(); } catch (e) { text(String(e)); }

// @case dates
const d = new Date(Date.UTC(2024, 1, 29, 12, 30, 15, 123)); text(d); text(String(d)); text(d.toUTCString()); text(d.toLocaleString()); text(d.toLocaleDateString()); text(d.toLocaleTimeString()); text(d.getTimezoneOffset()); text(d.getHours());

// @case date-parsing
for (const s of ["2024-01-01", "2024-01-01T00:00", "2024-01-01T00:00:00+02:00", "Jan 5, 2024", "2024/01/05", "5 January 2024 10:00 GMT", "not a date", "2024-13-01"]) text(`${s}: ${new Date(s).getTime()}`);

// @case date-arithmetic
text(new Date(2024, 0, 31 + 30).toISOString()); text(new Date(0) - new Date(1000)); text(new Date(8.64e15).toISOString()); text(new Date(8.64e15 + 1).getTime());

// @case intl-dates
text(new Intl.DateTimeFormat().format(0)); text(new Intl.DateTimeFormat("en-US", { dateStyle: "full", timeStyle: "long" }).format(0)); text(new Intl.DateTimeFormat("de-DE", { dateStyle: "long" }).format(0)); text(new Intl.DateTimeFormat("ja-JP", { timeZone: "Asia/Tokyo", dateStyle: "medium", timeStyle: "short" }).format(0)); text(new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", timeStyle: "short" }).format(0));

// @case intl-resolved
const o = Intl.DateTimeFormat().resolvedOptions(); text([o.locale, o.calendar, o.numberingSystem, o.timeZone]); text(new Intl.NumberFormat().resolvedOptions().locale); text(new Intl.Collator().resolvedOptions().locale);

// @case intl-numbers
text((1234567.891).toLocaleString()); text(new Intl.NumberFormat("de-DE", { style: "currency", currency: "EUR" }).format(1234.5)); text(new Intl.NumberFormat("en-IN").format(1234567)); text(new Intl.NumberFormat("en", { notation: "compact" }).format(12345)); text(new Intl.NumberFormat("ar-EG").format(123)); text(new Intl.NumberFormat("en", { style: "unit", unit: "kilobyte" }).format(5));

// @case intl-others
text(new Intl.PluralRules("en", { type: "ordinal" }).select(2)); text(new Intl.ListFormat("en").format(["a", "b", "c"])); text(new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-1, "day")); text(new Intl.DisplayNames("fr", { type: "region" }).of("DE")); text(new Intl.Locale("en-Latn-US").language); text(new Intl.DurationFormat("en").format({ hours: 1, minutes: 5 }));

// @case intl-supported
text(Intl.getCanonicalLocales("EN-us")); text(Intl.supportedValuesOf("currency").length > 100); try { new Intl.NumberFormat("xx-invalid-locale-name"); } catch (e) { text(String(e)); } try { new Intl.DateTimeFormat("en", { timeZone: "Mars/Olympus" }); } catch (e) { text(String(e)); }

// @case temporal
text(typeof Temporal); text(typeof Date.prototype.toTemporalInstant);

// @case maps-and-sets
const m = new Map([["a", 1], [NaN, 2], [0, 3]]); text(m.get(NaN)); text(m.get(-0)); text([...m.keys()].map(String)); text(m.size); text([...new Set([1, 1, "1", NaN, NaN])].map(String)); text(Object.fromEntries(m)); text(new Set([1, 2]).union(new Set([3])).size); text(Object.groupBy([1, 2, 3], (x) => (x % 2 ? "odd" : "even"))); text([...Map.groupBy([1, 2, 3], (x) => x % 2)]);

// @case weak-collections
const k = {}; const w = new WeakMap([[k, 1]]); text(w.get(k)); text(new WeakSet([k]).has(k)); try { w.set("x", 1); } catch (e) { text(String(e)); } text(new WeakRef(k).deref() === k);

// @case typed-arrays
const u = new Uint8Array([1, 2, 300]); text([...u]); text(new Float32Array([0.1])[0]); text(new Uint8ClampedArray([300, -5])); text(u.toReversed()); text(new Float16Array([1.1])[0]); const b = new ArrayBuffer(8, { maxByteLength: 16 }); b.resize(16); text(b.byteLength); text(new DataView(b).getBigInt64(0)); text(u.subarray(1).length);

// @case base64
text(typeof Uint8Array.fromBase64); text(typeof Uint8Array.prototype.toBase64);

// @case sparse-and-length
const a = [1, 2, 3]; a.length = 1; text(a); a[3] = 4; text(a); text(a.flat()); text(Object.keys(a)); text([..."abc"].entries().toArray());

// @case array-methods
const a = [3, 1, 2]; text(a.toSorted()); text(a.with(0, 9)); text(a.at(-1)); text(a.findLast((x) => x > 1)); text(a.toSpliced(1, 1)); text([[1, [2]], 3].flat(Infinity)); text([1, 2].flatMap((x) => [x, x * 2])); text(Array.from({ length: 3 }, (_, i) => i ** 2)); text([1, 2, 3].includes(NaN)); text([5, 25, 100].sort()); text(await Array.fromAsync([Promise.resolve(1), 2]));

// @case stable-sort
text([["b", 1], ["a", 1], ["c", 0]].sort((x, y) => x[1] - y[1]).map((x) => x[0]).join("")); text([undefined, 3, null, 1].sort()); text([true, false].sort());

// @case objects
text(Object.entries({ a: 1, b: 2 })); text(Object.assign({}, { a: 1 }, null, { b: 2 })); text({ ...{ a: 1 }, ...[5], ..."hi" }); text(structuredCloneLike({ a: [1] })); function structuredCloneLike(v) { return JSON.parse(JSON.stringify(v)); } text(Object.is(NaN, NaN)); const { a, ...rest } = { a: 1, b: 2, c: 3 }; text(rest);

// @case symbols
text(Symbol("s").description); text(Symbol.for("x") === Symbol.for("x")); text(Symbol.keyFor(Symbol.for("x"))); text(Symbol("s").toString()); text(typeof Symbol.iterator);

// @case proxies
const log = []; const p = new Proxy({}, { get: (t, k) => { log.push(`get ${String(k)}`); return 1; }, has: (t, k) => { log.push(`has ${String(k)}`); return true; } }); p.a; "b" in p; text(log); text(JSON.stringify(new Proxy([1, 2], {})));

// @case generators
function* g() { const x = yield 1; text(`got ${x}`); try { yield 2; } finally { text("cleanup"); } } const it = g(); text(it.next()); text(it.next("sent")); text(it.return(5)); text([...(function* () { yield* [1, 2]; return 3; })()]);

// @case iterator-helpers
text([1, 2, 3, 4].values().filter((x) => x % 2 === 0).map((x) => x * 10).toArray()); text(Iterator.from({ next: () => ({ done: false, value: 1 }) }).take(3).toArray()); text([..."abcdef"].values().drop(2).take(2).reduce((a, b) => a + b)); text([1, 2].values().flatMap((x) => [x, x]).toArray()); text(new Set([1, 2]).values().some((x) => x > 1));

// @case labelled-blocks
outer: for (const i of [1, 2, 3]) { for (const j of [1, 2, 3]) { if (j === 2) continue outer; if (i === 3) break outer; text(`${i}${j}`); } } block: { text("in"); break block; text("never"); } text("out");

// @case switch
const f = (x) => { switch (x) { case 1: return "one"; case "1": return "string"; case NaN: return "nan"; default: return "default"; case null: return "null"; } }; text([f(1), f("1"), f(NaN), f(null), f(undefined)]);

// @case destructuring
const { a = 5, b: { c = 6, ...d } = {}, ["e" + 1]: e1 = 7 } = { b: { x: 1 } }; const [x, , y = 3, ...z] = [1, 2, undefined, 4, 5]; text([a, c, d, e1, x, y, z]); let m = 1, n = 2; [m, n] = [n, m]; text([m, n]);

// @case optional-and-nullish
const o = { a: null, f: () => 1 }; text(String(o?.a?.b)); text(o.g?.() ?? "none"); text(o.f?.()); let v = null; v ??= 5; v ||= 6; v &&= 7; text(v); text(0 ?? 1); text("" || "x");

// @case template-literals
const tag = (s, ...v) => s.raw.join("|") + v.join(","); text(tag`a\n${1}b${2}`); text(`multi
line`); text(`${[1, 2]} ${{}} ${null}`);

// @case classes
class A { static #count = 0; #x = 1; static make() { A.#count++; return new A(); } get x() { return this.#x; } set x(v) { this.#x = v; } static get count() { return A.#count; } static { this.ready = true; } has(o) { return #x in o; } }
const a = A.make(); a.x = 5; text([a.x, A.count, A.ready, a.has(a), a.has({})]); class B extends A { get x() { return super.x * 2; } toString() { return "B!"; } } text(new B().x); text(`${new B()}`); text(B.name); text(new B());

// @case closures
const fs = []; for (let i = 0; i < 3; i++) fs.push(() => i); text(fs.map((f) => f())); var gs = []; for (var j = 0; j < 3; j++) gs.push(() => j); text(gs.map((f) => f()));

// @case coercions
text([[] + [], [] + {}, 1 + "2", "3" * "4", true + 1, [2] * [3], null + 1, undefined + 1, "b" + "a" + +"a" + "a"].map(String)); text([null == 0, null >= 0, undefined == null, NaN != NaN, "1" == 1, [1] == 1]);

// @case regexps
text("2024-05-06".replace(/(?<y>\d+)-(?<m>\d+)-(?<d>\d+)/, "$<d>.$<m>.$<y>")); text([..."a1b22".matchAll(/\d+/g)].map((m) => [m[0], m.index])); text(/(?<=\$)\d+/.exec("cost $42")[0]); text("aBc".replace(/b/i, (m) => m.toUpperCase() + m.length)); text(/a.c/s.test("a\nc")); text("x".match(/y/)); text(/(?:a|b)+?/y.sticky); text(/[\p{L}--[a-z]]/v.test("a")); text(RegExp.escape("a.b*c")); text(/(?i:A)b/.test("ab")); text("aaa".lastIndexOf("a")); text(/(?<a>x)|(?<a>y)/.exec("y").groups.a); const m = /b(c)?/d.exec("abc"); text(m.indices);

// @case catastrophic-regexp-small
text(/^(a+)+$/.test("a".repeat(20) + "b"));

// @case strings
text("abc".padStart(5, "-")); text("a-b-c".replaceAll("-", "+")); text("abc".at(-1)); text(" x ".trim()); text("a,b,,c".split(",")); text("abc".split("")); text("x".repeat(3)); text("abc".substring(2, 0)); text("abc".substr(-2, 1)); text("%".codePointAt()); text("a\tb"); text("a".localeCompare("b")); text("tEST".charAt(0).toUpperCase());

// @case json
text(JSON.stringify({ a: [1, { b: 2 }], c: "d" }, null, 2)); text(JSON.stringify({ a: 1, b: 2 }, ["a"])); text(JSON.stringify([1], null, "--")); text(JSON.parse('{"a":1e3,"b":[null,true]}')); text(JSON.parse("[1,2,3]", (k, v) => (typeof v === "number" ? v * 2 : v))); text(JSON.stringify("\u2028\ud800")); text(JSON.stringify({ a: undefined, b: () => {} })); text(JSON.parse('{"a":1,"a":2}')); text(JSON.parse("123456789012345678901")); text(JSON.parse('{"x":1.50}', (k, v, c) => c?.source ?? v));

// @case json-errors
for (const s of ["", "{", "[1,]", "{'a':1}", "nul", "01", '"\n"', "1 2", "undefined", "{\"a\":}", "[1 2]", "\"abc", "NaN", "{\"a\" 1}", "a long text which is certainly not JSON at all, but prose"]) try { JSON.parse(s); text("parsed"); } catch (e) { text(String(e)); }

// @case promises
const { promise, resolve } = Promise.withResolvers(); resolve(5); text(await promise); text(await Promise.try(() => 6)); text(await Promise.try(() => { throw 7; }).catch((e) => e)); text(await Promise.allSettled([1, Promise.reject(2)])); text(await Promise.race([new Promise(() => {}), 3])); text(String(await Promise.all([])));

// @case async-iteration
async function* count(n) { for (let i = 0; i < n; i++) yield i; } const out = []; for await (const x of count(3)) out.push(x); text(out); const stream = { async *[Symbol.asyncIterator]() { yield* [1, 2]; } }; for await (const x of stream) text(x);

// @case disposable-stack
{ using s = new DisposableStack(); s.defer(() => text("deferred")); s.use({ [Symbol.dispose]() { text("used"); } }); s.adopt("v", (v) => text(`adopted ${v}`)); } { await using s = new AsyncDisposableStack(); s.defer(async () => text("async deferred")); }

// @case getters-setters-define
const o = {}; Object.defineProperty(o, "x", { get: () => 1, enumerable: true }); text(o); try { o.x = 2; } catch (e) { text(String(e)); } text(Object.getOwnPropertyDescriptor(o, "x").set === undefined);

// @case frozen
const o = Object.freeze({ a: { b: 1 } }); o.a.b = 2; text(o); for (const f of [() => { o.a = 1; }, () => { o.c = 1; }, () => { delete o.a; }]) try { f(); } catch (e) { text(String(e)); }

// @case tail-of-language
text(((a, b = a, ...c) => [a, b, c])(1)); text(typeof null); text(void 0 === undefined); text((() => { try { return "try"; } finally { text("finally"); } })()); var hoisted; text(String(hoisted)); text([1, 2, 3].map(parseInt).map(String)); text([10, 9, 1].sort()); text((function f() { return typeof f; })()); text(new (class { static x = 1; })().constructor.x); text(1 < 2 < 3); text(3 > 2 > 1);

// @case comma-and-void
text((1, 2)); text(String(void "x")); text(!!"" + !!"a"); text(~5); text(5 >>> 1); text(-5 >> 1); text(2 ** 3 ** 2); text(7 % -3); text(-7 % 3);

// @case deep-nesting-in-json
let s = "["; text(JSON.stringify(JSON.parse("[".repeat(5000) + "]".repeat(5000))).length);

// @case array-buffer-transfer
const b = new ArrayBuffer(4); const c = b.transfer(8); text([b.detached, c.byteLength]);

// @case math
text([Math.hypot(3, 4), Math.cbrt(27), Math.sign(-3), Math.trunc(-1.5), Math.round(-0.5), Math.round(2.5), Math.fround(5.5), Math.clz32(1), Math.imul(3, 4), Math.log2(8), Math.max(), Math.min()].map((x) => (Object.is(x, -0) ? "-0" : String(x)))); text(Math.PI); text(Math.sin(1)); text(Math.exp(1)); text(Math.pow(2, 0.5)); text(Math.atan2(1, 2));

// @case overflow-in-tool-call
let made = 0; function f() { try { f(); } catch (e) { if (!made) { try { tools.echo({}); made = 1; } catch (x) { text; } } throw e; } } try { f(); } catch (e) { text(e.name); } text(made);

// @case hint-in-own-error
throw "own error\nHint: do it";

// @case bigint-huge
try { 2n ** (2n ** 40n); } catch (e) { text(String(e)); } text((2n ** 256n).toString());

// @case string-max-length
try { text("x".repeat(2 ** 29 - 24).length); } catch (e) { text(String(e)); } try { "x".repeat(2 ** 29); } catch (e) { text(String(e)); }

// @case set-prototype-of-global
try { Object.setPrototypeOf(globalThis, { inherited: 5 }); text(inherited); } catch (e) { text(String(e)); }

// @case resizable-array-buffer
const b = new ArrayBuffer(4, { maxByteLength: 16 }); b.resize(8); text(b.byteLength); text(b.resizable); text(new Uint8Array(b).length); text(b.transferToFixedLength().resizable); text(b.detached);
