// @case top-level
throw new Error("boom");

// @case second-line
const a = 1;

  throw new TypeError("on line three");

// @case after-await
await 1; throw new Error("after await");

// @case after-tool-call
await tools.echo(1);
throw new RangeError("after a tool");

// @case in-function
function f() {
  throw new Error("in f");
}
f();

// @case nested-functions
function outer() { inner(); }
function inner() { deepest(); }
function deepest() { throw new Error("deep"); }
outer();

// @case arrow-functions
const f = () => { throw new Error("arrow"); };
f();

// @case anonymous-functions
(() => { throw new Error("anonymous arrow"); })();

// @case anonymous-function-expression
(function () { throw new Error("anonymous function"); })();

// @case async-function
async function f() { throw new Error("async"); }
await f();

// @case async-frames
async function a() { await b(); }
async function b() { await c(); }
async function c() { await 1; throw new Error("async deep"); }
await a();

// @case async-frames-from-tool
async function a() { return await b(); }
async function b() { await tools.echo(1); throw new Error("after tool"); }
await a();

// @case async-frames-from-timer
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
async function work() { await sleep(1); throw new Error("after sleep"); }
await work();

// @case async-arrow
const f = async () => { await null; throw new Error("async arrow"); };
await f();

// @case promise-all-frames
async function f(i) { await 1; if (i === 2) throw new Error("second"); }
await Promise.all([f(1), f(2), f(3)]);

// @case promise-any-frames
async function f(i) { await 1; throw new Error(`no ${i}`); }
await Promise.any([f(1), f(2)]);

// @case promise-all-settled-frames
async function f(i) { await 1; throw new Error(`no ${i}`); }
text((await Promise.allSettled([f(1)]))[0].reason.stack);

// @case then-callback
await Promise.resolve().then(() => { throw new Error("in then"); });

// @case then-callback-named
function handler() { throw new Error("in handler"); }
await Promise.resolve(1).then(handler);

// @case rejected-promise
await Promise.reject(new Error("rejected"));

// @case promise-executor
await new Promise(() => { throw new Error("executor"); });

// @case thenable-throws
await { then() { throw new Error("thenable"); } };

// @case class-members
class C {
  constructor() { this.m(); }
  m() { C.s(); }
  static s() { new C.D(); }
  static D = class { constructor() { throw new Error("in class"); } };
}
new C();

// @case derived-class
class A { constructor() { this.run(); } }
class B extends A { run() { throw new Error("derived"); } }
new B();

// @case class-field-initialiser
class A { x = fail(); }
function fail() { throw new Error("field"); }
new A();

// @case class-static-block
class A { static { throw new Error("static block"); } }

// @case getter-and-setter
const o = { get g() { return this.h; }, get h() { throw new Error("getter"); }, set s(v) { throw new Error("setter"); } };
try { o.s = 1; } catch (e) { text(e.stack); }
o.g;

// @case private-method
class A { #p() { throw new Error("private"); } run() { this.#p(); } }
new A().run();

// @case symbol-method
const o = { [Symbol.iterator]() { throw new Error("iterator"); } };
for (const x of o) text(x);

// @case computed-and-quoted-methods
const o = { ["a b"]() { throw new Error("computed"); } };
o["a b"]();

// @case object-method-and-this
const o = { m() { throw new Error("method"); } };
o.m();

// @case aliased-method
const o = { m() { throw new Error("method"); } };
o.n = o.m; o.n();

// @case prototype-method
function P() {}
P.prototype.go = function () { throw new Error("prototype"); };
new P().go();

// @case constructor-function
function P() { throw new Error("constructor"); }
new P();

// @case array-callbacks
[1].map((x) => { throw new Error("in map"); });

// @case array-callback-named
[3, 1].sort(function compare() { throw new Error("in sort"); });

// @case replace-callback
"a".replace(/a/, () => { throw new Error("in replace"); });

// @case json-parse-reviver
JSON.parse("[1]", () => { throw new Error("reviver"); });

// @case json-stringify-to-json
JSON.stringify({ toJSON() { throw new Error("toJSON"); } });

// @case json-parse-error
JSON.parse("{bad");

// @case json-parse-empty
JSON.parse("");

// @case json-parse-truncated
JSON.parse('{"a": [1, 2');

// @case json-stringify-circular
const a = {}; a.a = a; JSON.stringify(a);

// @case generator
function* g() { yield 1; throw new Error("generator"); }
for (const x of g()) text(x);

// @case async-generator
async function* g() { yield 1; throw new Error("async generator"); }
for await (const x of g()) text(x);

// @case proxy-trap
new Proxy({}, { get(t, k) { throw new Error(`trap ${String(k)}`); } }).x;

// @case reflect-and-apply
function f() { throw new Error("applied"); }
Reflect.apply(f, null, []);

// @case bound-function
function f() { throw new Error("bound"); }
f.bind(1)();

// @case eval
eval("throw new Error('in eval')");

// @case indirect-eval
(0, eval)("(function inEval() { throw new Error('indirect') })()");

// @case new-function
new Function("a", "throw new Error('made' + a)")(1);

// @case eval-syntax-error
eval("let let");

// @case new-function-syntax-error
new Function("}");

// @case source-url-in-eval
eval("throw new Error('named')\n//# sourceURL=named.js");

// @case tagged-template
const tag = () => { throw new Error("tag"); };
tag`a${1}`;

// @case default-parameter
function f(a = (() => { throw new Error("default"); })()) {}
f();

// @case destructuring
const { a: { b } } = {};

// @case destructuring-null
const [x] = null;

// @case spread-non-iterable
Math.max(...5);

// @case for-of-non-iterable
for (const x of {}) text(x);

// @case undefined-member
const o = {}; o.a.b;

// @case null-member-call
null.f();

// @case not-a-function
const o = { a: 1 }; o.a();

// @case not-a-constructor
new (() => {})();

// @case undefined-variable
missing;

// @case undefined-call
console.log("x");

// @case require
const fs = require("fs");

// @case temporal-dead-zone
x; let x = 1;

// @case const-assignment
const x = 1; x = 2;

// @case implicit-global
x = 1;

// @case frozen-property
"use strict"; Object.freeze([1]).push(2);

// @case read-only-property
undefined.x = 1;

// @case undefined-is-read-only
undefined = 1;

// @case delete-fails
delete Object.freeze({ a: 1 }).a;

// @case invalid-array-length
new Array(-1);

// @case invalid-regexp
new RegExp("(");

// @case to-fixed-range
(1).toFixed(101);

// @case bigint-mix
1n + 1;

// @case bigint-division
1n / 0n;

// @case symbol-conversion
`${Symbol("s")}`;

// @case invalid-date
new Date(NaN).toISOString();

// @case uri-error
decodeURIComponent("%");

// @case stack-overflow-caught
function f() { f(); }
try { f(); } catch (e) { text(e instanceof RangeError); text(e.message); }

// @case string-too-long
try { "x".repeat(2 ** 30); } catch (e) { text(String(e)); }

// @case instanceof-non-callable
1 instanceof 1;

// @case in-non-object
"a" in 1;

// @case private-missing
class A { #x; static has(o) { return o.#x; } }
A.has({});

// @case super-not-called
class A extends Object { constructor() {} }
new A();

// @case class-without-new
class A {}
A();

// @case iterator-protocol
const it = { [Symbol.iterator]: () => ({ next: () => 1 }) };
for (const x of it);

// @case thrown-strings
throw "plain";

// @case thrown-string-multi-line
throw "a\nb\n";

// @case thrown-number
throw 42;

// @case thrown-nan
throw NaN;

// @case thrown-boolean
throw false;

// @case thrown-null
throw null;

// @case thrown-undefined
throw undefined;

// @case thrown-bigint
throw 1n;

// @case thrown-symbol
throw Symbol("s");

// @case thrown-object
throw { message: "m", code: 5 };

// @case thrown-array
throw [1, [2, 3]];

// @case thrown-function
throw function foo() { return 1; };

// @case thrown-empty-string
throw "";

// @case thrown-date
throw new Date(0);

// @case thrown-with-stack
throw { stack: "fake stack", message: "m" };

// @case thrown-with-other-stack
throw { stack: 5, message: "m", toString() { return "from toString"; } };

// @case thrown-with-inherited-stack
throw Object.create({ stack: "inherited stack" });

// @case thrown-regexp
throw /a/g;

// @case thrown-promise
throw Promise.resolve(1);

// @case thrown-null-prototype
throw Object.create(null);

// @case rejected-with-string
await Promise.reject("reason");

// @case rejected-with-undefined
await Promise.reject();

// @case error-without-stack
const e = new Error("m"); delete e.stack; throw e;

// @case error-stack-undefined
const e = new Error("m"); e.stack = undefined; throw e;

// @case error-stack-number
const e = new Error("m"); e.stack = 5; throw e;

// @case error-stack-replaced
const e = new Error("m"); e.stack = "my own stack"; throw e;

// @case error-stack-empty
const e = new Error("m"); e.stack = ""; throw e;

// @case error-stack-getter
const e = new Error("m"); Object.defineProperty(e, "stack", { get() { text("stack read"); return "from getter"; } }); throw e;

// @case error-stack-string-object
const e = new Error("m"); e.stack = new String("boxed"); throw e;

// @case error-named-without-stack
const e = new Error("m"); e.name = "Custom"; e.stack = null; throw e;

// @case error-without-message
throw new Error();

// @case error-without-message-and-stack
const e = new Error(); e.stack = null; throw e;

// @case error-message-changed
const e = new Error("before"); e.message = "after"; throw e;

// @case error-name-changed
const e = new Error("m"); e.name = "Renamed"; throw e;

// @case error-name-is-symbol
const e = new Error("m"); e.name = Symbol("n"); throw e;

// @case error-message-getter
const e = new Error("m"); Object.defineProperty(e, "message", { get() { throw new Error("getter"); } }); throw e;

// @case error-message-object
throw new Error({ a: 1 });

// @case error-message-multi-line
throw new Error("line one\nline two");

// @case error-to-string-overridden
const e = new Error("m"); e.toString = () => "custom"; throw e;

// @case error-to-string-overridden-without-stack
const e = new Error("m"); e.toString = () => "custom"; e.stack = null; throw e;

// @case custom-error-class
class MyError extends Error {}
throw new MyError("custom");

// @case custom-error-class-named
class MyError extends Error { constructor(m) { super(m); this.name = "MyError"; } }
throw new MyError("custom");

// @case custom-error-class-field-name
class HttpError extends Error { name = "HttpError"; constructor(status) { super(`HTTP ${status}`); this.status = status; } }
function request() { throw new HttpError(404); }
request();

// @case custom-error-prototype-name
class MyError extends Error { get name() { return "Named"; } }
throw new MyError("custom");

// @case builtin-error-types
for (const E of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) text(new E("m").stack);

// @case aggregate-error
throw new AggregateError([new Error("one"), "two"], "several");

// @case aggregate-error-without-message
throw new AggregateError([1]);

// @case suppressed-error
throw new SuppressedError(new Error("a"), new Error("b"), "both");

// @case cause
throw new Error("outer", { cause: new Error("inner") });

// @case cause-as-text
const e = new Error("outer", { cause: "why" }); text(e.cause); text(Object.keys(e)); text(e);

// @case rethrow
function f() { throw new Error("first"); }
try { f(); } catch (e) { throw e; }

// @case rethrow-later
let saved;
try { null.x; } catch (e) { saved = e; }
await 1;
throw saved;

// @case error-made-elsewhere
const make = () => new Error("made here");
const e = make();
function f() { throw e; }
f();

// @case finally-replaces
try { throw new Error("first"); } finally { throw new Error("second"); }

// @case catch-without-binding
try { throw 1; } catch { text("caught"); }

// @case stack-of-caught
try { null.f(); } catch (e) { text(e.stack); }

// @case stack-in-helpers-callbacks
text({ toJSON() { text(new Error("in toJSON").stack); return 1; } });
text({ get a() { text(new Error("in getter").stack); return 1; } });
tools.echo({ toJSON() { text(new Error("for a tool").stack); return 1; } });
store("k", { toJSON() { text(new Error("for store").stack); return 1; } });
store({ toString() { text(new Error("for a key").stack); return "k"; } }, 1);
image({ get image_url() { text(new Error("for image").stack); return "data:image/png;base64,AA=="; } });
clearTimeout({ valueOf() { text(new Error("for clearTimeout").stack); return 1; } });

// @case stack-in-then-callback
await Promise.resolve().then(function callback() { text(new Error("here").stack); });

// @case stack-in-async-then-callback
async function f() { await Promise.resolve().then(function callback() { text(new Error("here").stack); }); }
await f();

// @case stack-in-tool-then-callback
await tools.echo(1).then(() => text(new Error("here").stack));

// @case stack-in-array-callbacks
[1].forEach((x) => text(new Error("here").stack));

// @case stack-through-builtins
[2, 1].sort(() => { text(new Error("sort").stack); return 0; });
"a".replace("a", () => { text(new Error("replace").stack); return ""; });
Array.from([1], () => text(new Error("from").stack));
Reflect.apply(() => text(new Error("apply").stack), null, []);
new Map([[1, 2]]).forEach(() => text(new Error("map").stack));
JSON.stringify({ toJSON() { text(new Error("stringify").stack); } });
JSON.parse("1", () => text(new Error("parse").stack));

// @case stack-when-helper-is-a-callback
[{ get a() { throw new Error("in forEach"); } }].forEach(text);

// @case stack-trace-limit
text(Error.stackTraceLimit);
Error.stackTraceLimit = 2;
(function a() { (function b() { (function c() { throw new Error("limited"); })(); })(); })();

// @case stack-trace-limit-zero
Error.stackTraceLimit = 0; throw new Error("no frames");

// @case stack-trace-limit-deleted
delete Error.stackTraceLimit; throw new Error("no limit property");

// @case stack-trace-limit-infinite
Error.stackTraceLimit = Infinity;
(function f(n) { if (!n) throw new Error("deep"); f(n - 1); })(15);

// @case ten-frames
(function f(n) { if (!n) throw new Error("deep"); f(n - 1); })(30);

// @case capture-stack-trace
const o = {};
function f() { Error.captureStackTrace(o); }
f();
text(o.stack); text(Object.keys(o)); text(Object.getOwnPropertyDescriptor(o, "stack").value !== undefined);

// @case capture-stack-trace-hides
function hidden() { const e = new Error("m"); Error.captureStackTrace(e, hidden); throw e; }
function caller() { hidden(); }
caller();

// @case capture-stack-trace-thrown
const o = { message: "m" }; Error.captureStackTrace(o); throw o;

// @case prepare-stack-trace
text(Object.hasOwn(Error, "prepareStackTrace")); text(typeof Error.prepareStackTrace);
Error.prepareStackTrace = (e, frames) => `prepared ${e.message} ${frames.length}`;
text(new Error("one").stack); throw new Error("two");

// @case prepare-stack-trace-call-sites
Error.prepareStackTrace = (e, frames) => frames;
function f() { return new Error("m").stack; }
const [site, top] = f();
text([site.getFunctionName(), site.getFileName(), site.getLineNumber(), site.getColumnNumber(), site.getTypeName(), site.getMethodName(), site.isNative(), site.isToplevel(), site.isConstructor(), site.isEval(), site.isAsync(), String(site.getThis()), String(site.getFunction()), site.getScriptNameOrSourceURL(), site.getEvalOrigin() ?? null]);
text(String(site)); text(String(top)); text(top.getFunctionName());

// @case prepare-stack-trace-object
Error.prepareStackTrace = () => ({ a: 1 }); throw new Error("x");

// @case prepare-stack-trace-after
const e = new Error("before");
Error.prepareStackTrace = () => "prepared"; throw e;

// @case stack-property
const e = new Error("m");
text(Object.getOwnPropertyNames(e)); const d = Object.getOwnPropertyDescriptor(e, "stack"); text(Object.keys(d)); text(d.enumerable); text(d.configurable);

// @case error-own-properties
text(Object.getOwnPropertyNames(Error)); text(Error.isError(new Error())); text(Error.isError({}));

// @case long-function-name
const o = { ["x".repeat(100)]() { throw new Error("m"); } };
o["x".repeat(100)]();

// @case unicode-function-name
function déjà() { throw new Error("été 😀"); }
déjà();

// @case column-after-wide-characters
/* 😀é漢 */ throw new Error("column");

// @case column-after-tab
	throw new Error("column");

// @case crlf-lines
const a = 1;⟦U+000D⟧
throw new Error("line two");

// @case line-separator-lines
const a = "x";⟦U+2028⟧throw new Error("line two");

// @case cr-only-lines
const a = 1;⟦U+000D⟧throw new Error("line two");

// @case unhandled-rejection
Promise.reject(new Error("unseen")); text("end");

// @case unhandled-rejection-with-time
Promise.reject(new Error("unseen")); await new Promise((r) => setTimeout(r, 5)); text("end");

// @case late-handler
const p = Promise.reject(new Error("late")); await 1;
try { await p; } catch (e) { text(String(e)); }

// @case error-in-finally-callback
await Promise.resolve().finally(() => { throw new Error("finally"); });

// @case async-iterator-next-rejects
for await (const x of { [Symbol.asyncIterator]: () => ({ next: async () => { throw new Error("next"); } }) });

// @case error-text-of-helper-rejection
text({ toJSON() { throw "plain from toJSON"; } });

// @case error-source-url
throw new Error("m");
//# sourceURL=evil.py

// @case error-source-mapping-url
throw new Error("m");
//# sourceMappingURL=map.json

// @case to-string-on-error-prototype
Error.prototype.toString = () => "poisoned"; throw new Error("m");

// @case name-on-error-prototype
Error.prototype.name = "Poisoned"; throw new Error("m");

// @case output-before-error-is-kept
text("one"); image("data:image/png;base64,AA=="); throw new Error("after output");

// @case error-name-changed-after-reading-stack
const e = new Error("m"); e.stack; e.name = "Late"; throw e;

// @case message-frame-lookalike
throw new Error("x\n    at exec_main.mjs:1:300\n    at foo (<anonymous>:1:2)");

// @case error-stack-in-content-iterator
content({ *[Symbol.iterator]() { text(new Error("it").stack); } });

// @case aggregate-manual
throw new AggregateError([new Error("a"), "b"], "msg");

// @case prepare-stack-trace-presence
text("prepareStackTrace" in Error); text(typeof Error.prepareStackTrace); text("prepareStackTrace" in (() => {}));

// @case message-mentions-anonymous
throw new Error("see (<anonymous>:1:1) and codemode:prelude/boot.js");

// @case stack-of-null-property-call
const user = null; user.name.first;

// @case error-assert-pattern
function assert(c, m) { if (!c) throw new Error(m || "Assertion failed"); } assert(1 === 2, "math");

// @case throw-string-with-newlines
throw "line1\nline2\r\nline3";

// @case error-in-field
class K { x = nope; }
new K();

// @case stack-of-static-async
class Api { static async call() { await 1; throw new Error("static"); } } await Api.call();

// @case stack-of-rejection-in-await-chain
const p = (async function origin() { throw new Error("origin"); })();
async function consumer() { await p; }
await consumer();

// @case stack-of-tagged-template
function tag() { throw new Error("tag"); } tag`x${1}`;

// @case stack-of-new-expression
function Ctor() { throw new Error("ctor"); } new Ctor();

// @case object-with-stack-string
throw { stack: "I am a stack" };

// @case stack-of-undefined-index
const list = undefined; list[0];

// @case prepare-stack-trace-on-class
class E extends Error { static prepareStackTrace = () => "mine"; } text(E.prepareStackTrace()); text(new E("x").stack);

// @case stack-of-atomics
Atomics.load(new Int32Array(1), 0);

// @case stack-of-reviver
JSON.parse('{"a":1}', function rev(k, v) { throw new Error("rev " + k); });

// @case stack-of-computed-call
const fns = { ["do it"]: () => { throw new Error("computed"); } }; fns["do it"]();

// @case error-json-parse-html
JSON.parse("<!DOCTYPE html><html></html>");

// @case stack-of-symbol-has-instance
class A { static [Symbol.hasInstance]() { throw new Error("hi"); } } ({}) instanceof A;

// @case error-suppressed-dispose
class R { [Symbol.dispose]() { text("disposed"); } } { using r = new R(); text("use"); } 

// @case stack-of-string-match-all
"aa".replaceAll("a", () => { throw new Error("ra"); });

// @case error-first-line-function
function f() { throw new Error("fn"); } f(); // same line

// @case error-with-extra-properties
throw Object.assign(new Error("m"), { code: "ENOENT", errno: -2 });

// @case error-unicode-column
const s = "😀é"; throw new Error("col");

// @case helper-error-uncaught-in-function
function report() { notify("   "); } report();

// @case stack-of-promise-then-chain
await Promise.resolve(1).then(function one() { return 2; }).then(function two() { throw new Error("two"); });

// @case stack-of-webassembly
await WebAssembly.instantiate(new Uint8Array());

// @case throw-multiline-message
throw new Error("a\nb\n    at fake (file.js:1:1)");

// @case stack-of-class-async-method
class Api { async call() { await tools.echo(1); throw new Error("api"); } } const api = new Api(); await api.call();

// @case error-async-first-line
await (async () => { await 0; throw new Error("af"); })();

// @case object-to-string-returns-object
throw { toString() { return {}; }, valueOf() { return "vo"; } };

// @case error-not-a-function-await
const r = await tools.echo({ items: null }); r.items.map((x) => x);

// @case throw-bigint
throw 10n;
