// @case json-stringify
JSON.stringify = () => "poisoned"; text({ a: 1 }); text(await tools.echo({ b: 2 })); store("k", { c: 3 }); text(load("k")); content({ type: "text", text: "d" });

// @case json-parse
JSON.parse = () => { throw new Error("poisoned"); }; text(await tools.echo({ a: 1 })); store("k", 1); text(load("k"));

// @case json-deleted
delete globalThis.JSON; text({ a: 1 }); text(await tools.echo([1]));

// @case string-global
globalThis.String = () => "poisoned"; text(1); text(null); store(5, 1); text(load("5"));

// @case number-global
globalThis.Number = () => NaN; await new Promise((r) => setTimeout(r, 5)); text("end");

// @case promise-then
Promise.prototype.then = () => { throw new Error("poisoned"); }; text(await tools.echo(1)); await null; text("end");

// @case promise-constructor-property
Promise.prototype.constructor = function () { throw new Error("poisoned"); }; text(await tools.echo(1));

// @case promise-constructor-getter
let reads = 0; Object.defineProperty(Promise.prototype, "constructor", { get() { reads++; return Object; } }); text(await tools.echo(1)); text(reads > 0);

// @case promise-species
Object.defineProperty(Promise, Symbol.species, { get() { throw new Error("species"); } }); text(await tools.echo(1));

// @case object-prototype-then
Object.prototype.then = function (r) { r("hijacked"); }; text(await tools.echo({ a: 1 }));

// @case array-prototype-then
Array.prototype.then = function (r) { r("hijacked"); }; text(await tools.list_files());

// @case number-prototype-then
Number.prototype.then = function (r) { r("hijacked"); }; text(await tools.echo(5)); text(await 6);

// @case object-prototype-to-json
Object.prototype.toJSON = () => "poisoned"; text({ a: 1 }); text(await tools.echo({ a: 1 })); store("k", {}); text(load("k")); text([1]);

// @case array-prototype-to-json
Array.prototype.toJSON = () => "array"; text([1]); text({ a: [1] });

// @case date-to-json
Date.prototype.toJSON = () => "date"; text(new Date(0));

// @case object-prototype-setters
for (const k of ["type", "text", "image_url", "detail", "name", "description", "index", "status", "value", "data", "mimeType"]) Object.defineProperty(Object.prototype, k, { __proto__: null, set() { throw new Error(`setter ${k}`); }, get() { return undefined; }, configurable: true });
text("plain"); image("data:image/png;base64,AA=="); text(await tools.echo({ type: 1, text: 2 })); store("k", { value: 1 }); text(load("k"));

// @case object-prototype-values
Object.prototype.image_url = "data:image/png;base64,INHERITED"; image({}); 

// @case object-prototype-detail
Object.prototype.detail = "low"; image({ image_url: "data:image/png;base64,AA==" }); image("data:image/png;base64,AA==");

// @case object-prototype-mime
Object.prototype.mimeType = "image/evil"; Object.prototype.type = "image"; image({ data: "AA" }); 

// @case object-prototype-numeric-setter
Object.defineProperty(Object.prototype, "0", { set() { throw new Error("zero"); }, configurable: true }); text(await tools.list_files()); text([1]);

// @case array-prototype-push
Array.prototype.push = () => { throw new Error("push"); }; text("a"); notify("b"); text(await tools.echo([1]));

// @case array-iterator
Array.prototype[Symbol.iterator] = function* () { yield "poisoned"; }; text([1]); text(await tools.echo([1]));

// @case function-prototype-call
Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { throw new Error("call"); }; text("a"); text(await tools.echo(1)); await new Promise((r) => setTimeout(r, 1)); text("b"); for await (const r of as_settled([1])) text(r);

// @case reflect
Reflect.apply = Reflect.get = Reflect.ownKeys = () => { throw new Error("reflect"); }; text({ a: 1 }); text(await tools.echo(1));

// @case object-statics
Object.keys = Object.entries = Object.defineProperty = Object.freeze = Object.create = Object.getOwnPropertyNames = () => { throw new Error("object"); }; text({ a: 1 }); text(await tools.echo({ a: 1 })); image("data:image/png;base64,AA==");

// @case array-is-array
Array.isArray = () => true; text({ a: 1 }); try { content({ type: "text", text: "x" }); } catch (e) { text(e); } Array.isArray = () => false; content([{ type: "text", text: "y" }]);

// @case string-prototype
String.prototype.startsWith = String.prototype.toLowerCase = String.prototype.trim = String.prototype.slice = String.prototype.indexOf = () => { throw new Error("string"); }; image("data:image/png;base64,AA==", "LOW"); notify(" x "); audio("data:audio/mpeg;base64,AA==");

// @case symbol-iterator-on-string
String.prototype[Symbol.iterator] = function* () { yield "poisoned"; }; text("abc"); 

// @case regexp-exec
RegExp.prototype.exec = () => { throw new Error("exec"); }; image("data:image/png;base64,AA=="); text("ok");

// @case symbol-to-primitive
const v = { [Symbol.toPrimitive](hint) { text(`hint ${hint}`); return "prim"; } }; text(v); store(v, 1); text(load("prim"));

// @case date-now
Date.now = () => 0; Date = class { constructor() { throw new Error("date"); } }; await new Promise((r) => setTimeout(r, 5)); text("slept");

// @case math
Math.floor = Math.trunc = Math.min = Math.max = () => NaN; await new Promise((r) => setTimeout(r, 5)); text("slept");

// @case map-and-set
globalThis.Map = globalThis.Set = globalThis.WeakMap = null; text(await tools.echo(1)); await new Promise((r) => setTimeout(r, 5)); store("k", 1); text(load("k"));

// @case error-constructor
globalThis.Error = function () { return "poisoned"; }; globalThis.TypeError = null; null.x;

// @case error-prototype
Error.prototype.toString = () => "to string"; Error.prototype.stack = "from prototype"; throw new TypeError("m");

// @case error-stack-on-object-prototype
Object.prototype.stack = "polluted"; throw { a: 1 };

// @case string-prototype-stack
String.prototype.stack = "polluted"; throw "a string";

// @case to-string-on-object-prototype
Object.prototype.toString = () => "changed"; throw { a: 1 };

// @case global-promise-replaced
globalThis.Promise = null; text(await tools.echo(1));

// @case frozen-intrinsics
for (const o of [Object, Array, Promise, String, Error, JSON, Object.prototype, Array.prototype, Promise.prototype, Error.prototype]) Object.freeze(o);
text({ a: 1 }); text(await tools.echo([1])); await new Promise((r) => setTimeout(r, 1)); throw new Error("still");

// @case tools-prototype
Object.setPrototypeOf(tools, { extra: () => "inherited" }); text(tools.extra()); text(await tools.echo(1));

// @case tools-replaced
globalThis.tools = { echo: () => "fake" }; text(tools.echo());

// @case tool-function-properties
tools.echo.extra = 1; text(tools.echo.extra); Object.defineProperty(tools.echo, "name", { value: "renamed" }); text(tools.echo.name); text(await tools.echo(1));

// @case tools-proxy
const p = new Proxy(tools, { get: (t, k) => (...a) => { text(`calling ${String(k)}`); return t[k](...a); } }); text(await p.echo("through"));

// @case sentinel-string
try { throw "__codex_code_mode_exit__"; } catch (e) { text(e); } text("end");

// @case generator-prototype
Object.getPrototypeOf(async function* () {}).prototype.next = () => { throw new Error("next"); }; for await (const r of as_settled([1])) text(r);

// @case async-iterator-symbol
Object.defineProperty(Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype)), Symbol.asyncIterator, { value: () => { throw new Error("iterator"); } }); 
try { for await (const r of as_settled([1])) text(r); } catch (e) { text(String(e)); }

// @case getter-calls-everything
text({ get a() { text("inner"); notify("n"); store("k", 1); tools.echo("x"); setTimeout(() => {}, 0); return load("k"); } });

// @case proxy-as-global-prototype
Object.setPrototypeOf(globalThis, new Proxy({}, { get: (_, k) => (typeof k === "string" ? `missing ${k}` : undefined), has: () => true })); text(anything);

// @case deleting-prototype-methods
delete Object.prototype.toString; delete Promise.prototype.then; delete Array.prototype.toJSON; text({}); text(await tools.echo({})); throw { a: 1 };
