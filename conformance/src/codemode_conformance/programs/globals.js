// @case own-enumerable-names
text(Object.keys(globalThis).sort());

// @case own-names
text(Object.getOwnPropertyNames(globalThis).sort());

// @case own-symbols
text(Object.getOwnPropertySymbols(globalThis).map(String)); text(Object.prototype.toString.call(globalThis));

// @case prototype
text(Object.getPrototypeOf(globalThis) === Object.prototype); text(globalThis.constructor === Object); text(Object.isExtensible(globalThis)); text(globalThis instanceof Object); text(String(globalThis));

// @case helper-descriptors
for (const k of Object.keys(globalThis).sort()) { const d = Object.getOwnPropertyDescriptor(globalThis, k); text(`${k}: ${typeof d.value} ${d.writable} ${d.enumerable} ${d.configurable}`); }

// @case standard-descriptors
for (const k of ["Object", "JSON", "eval", "globalThis", "undefined", "NaN", "Infinity", "parseInt", "Math"]) { const d = Object.getOwnPropertyDescriptor(globalThis, k); text(`${k}: ${d.writable} ${d.enumerable} ${d.configurable}`); }

// @case helper-names
for (const k of ["text", "image", "audio", "content", "generatedImage", "store", "load", "notify", "exit", "yield_control", "setTimeout", "clearTimeout", "as_settled", "stream_settled"]) text(`${k}: ${JSON.stringify(globalThis[k].name)} ${globalThis[k].length}`);

// @case helper-kinds
for (const k of ["text", "image", "audio", "content", "generatedImage", "store", "load", "notify", "exit", "yield_control", "setTimeout", "clearTimeout", "as_settled", "stream_settled"]) text(`${k}: ${Object.getPrototypeOf(globalThis[k]).constructor.name} ${/\[native code\]/.test(String(globalThis[k]))}`);

// @case helper-own-properties
for (const k of ["text", "image", "audio", "content", "generatedImage", "store", "load", "notify", "exit", "yield_control", "setTimeout", "clearTimeout", "as_settled", "stream_settled"]) text(`${k}: ${Reflect.ownKeys(globalThis[k]).map(String)} ${Object.isExtensible(globalThis[k])}`);

// @case helper-source-text
text(String(text)); text(String(setTimeout)); text(Function.prototype.toString.call(store));

// @case helper-prototypes
text(Reflect.ownKeys(text.prototype).map(String)); text(text.prototype.constructor === text); text(Object.getPrototypeOf(text.prototype) === Object.prototype); text(JSON.stringify(Object.getOwnPropertyDescriptor(text, "prototype")));

// @case helper-property-descriptors
for (const k of ["length", "name", "prototype"]) { const d = Object.getOwnPropertyDescriptor(text, k); text(`${k}: ${d.writable} ${d.enumerable} ${d.configurable}`); }

// @case helpers-with-new
for (const k of ["load", "notify", "clearTimeout", "text"]) { const o = new globalThis[k]("x"); text(`${k}: ${typeof o} ${o.constructor === globalThis[k]} ${Reflect.ownKeys(o).length}`); }

// @case helper-subclass
class T extends text {}
try { text(typeof new T("sub")); } catch (e) { text(String(e)); }

// @case helper-caller-and-arguments
for (const k of ["caller", "arguments"]) try { text(String(text[k])); } catch (e) { text(String(e)); }

// @case absent
for (const k of ["console", "Atomics", "SharedArrayBuffer", "WebAssembly", "fetch", "URL", "URLSearchParams", "TextEncoder", "TextDecoder", "atob", "btoa", "structuredClone", "queueMicrotask", "setInterval", "clearInterval", "setImmediate", "process", "require", "module", "exports", "Buffer", "crypto", "performance", "global", "window", "self", "document", "navigator", "location", "alert", "print", "gc", "load_", "read", "d8", "Deno", "Bun", "AbortController", "Event", "EventTarget", "Blob", "FormData", "Headers", "Request", "Response", "WebSocket", "XMLHttpRequest", "Worker", "ShadowRealm", "Temporal", "ReadableStream", "MessageChannel", "reportError", "add_content", "codex", "exec", "wait", "__codexContentItems", "__dirname", "__filename"]) if (typeof globalThis[k] !== "undefined") text(`${k} is ${typeof globalThis[k]}`);
text("end");

// @case typeof-each
for (const k of Object.getOwnPropertyNames(globalThis).sort()) text(`${k} ${typeof globalThis[k]}`);

// @case method-names-of-recent-builtins
const has = (o, ...names) => names.filter((n) => n in o);
text(has(Array, "fromAsync", "isArray", "of")); text(has(Array.prototype, "at", "findLast", "flat", "group", "groupBy", "toReversed", "toSorted", "toSpliced", "with")); text(has(Object, "groupBy", "hasOwn", "fromEntries")); text(has(Map, "groupBy")); text(has(Map.prototype, "getOrInsert", "getOrInsertComputed", "emplace")); text(has(Set.prototype, "union", "intersection", "difference", "symmetricDifference", "isSubsetOf", "isSupersetOf", "isDisjointFrom"));
text(has(Promise, "withResolvers", "try", "any", "allSettled", "allKeyed")); text(has(String.prototype, "at", "isWellFormed", "toWellFormed", "replaceAll", "matchAll")); text(has(RegExp, "escape")); text(has(Math, "sumPrecise", "f16round", "clamp")); text(has(Error, "isError", "captureStackTrace")); text(has(JSON, "rawJSON", "isRawJSON")); text(has(Uint8Array, "fromBase64", "fromHex")); text(has(Uint8Array.prototype, "toBase64", "toHex", "setFromBase64")); text(has(ArrayBuffer.prototype, "transfer", "resize", "detached", "immutable", "transferToImmutable")); text(has(Iterator, "from", "concat", "zip", "zipKeyed", "range")); text(has(Iterator.prototype, "map", "filter", "take", "drop", "flatMap", "reduce", "toArray", "forEach", "some", "every", "find")); text(has(Intl, "DurationFormat", "Segmenter", "ListFormat", "supportedValuesOf", "Locale")); text(has(Symbol, "dispose", "asyncDispose", "metadata", "matchAll")); text(has(Date.prototype, "toTemporalInstant", "getYear")); text(has(BigInt, "asIntN", "asUintN")); text(has(Function.prototype, Symbol.metadata, "caller", "bind"));

// @case helpers-can-be-overwritten
const real = text;
globalThis.text = (v) => real(`mine ${v}`); text("x");
// @cell
text("back");

// @case helpers-can-be-deleted
const keep = text;
text(delete globalThis.text); 
// @cell
text(typeof text);

// @case helper-deleted-then-used
delete globalThis.store; store("k", 1);

// @case assign-to-helper
text = null; text("x");

// @case define-over-helper
Object.defineProperty(globalThis, "notify", { get() { return () => "mine"; }, configurable: true }); text(notify("x"));

// @case freeze-global
Object.freeze(globalThis); text(Object.isFrozen(globalThis)); try { globalThis.a = 1; } catch (e) { text(e.name); }

// @case global-this-identity
text(globalThis === (0, eval)("this")); text(globalThis.globalThis === globalThis);

// @case constructor-escape
text(text.constructor === Function); text(text.constructor.constructor("return this")() === globalThis); text(typeof text.constructor("return process")); try { text.constructor("return process")(); } catch (e) { text(String(e)); }

// @case realm-is-one
text(await tools.list_files() instanceof Array); store("k", {}); text(load("k") instanceof Object); text(tools instanceof Object); text(text instanceof Function); text(ALL_TOOLS instanceof Array); text(tools.echo(1) instanceof Promise);

// @case async-function-constructors
const AsyncFunction = (async () => {}).constructor; text(await new AsyncFunction("return await 5")()); const GeneratorFunction = (function* () {}).constructor; text([...new GeneratorFunction("yield 1; yield 2")()]); const AsyncGeneratorFunction = (async function* () {}).constructor; for await (const x of new AsyncGeneratorFunction("yield 3")()) text(x);

// @case eval-is-allowed
text(eval("1 + 1")); text(new Function("a", "b", "return a * b")(3, 4)); text((0, eval)("typeof tools"));

// @case error-constructor-shape
text(Error.name); text(Error.length); text(typeof Error.captureStackTrace); text(Error.stackTraceLimit);

// @case math-and-date-present
text(typeof Math.random()); text(typeof Date.now()); text(Math.random() !== Math.random()); text(Date.now() > 1.7e12);

// @case helper-set-property
text.foo = 1; text(text.foo); text.name = "x"; 

// @case helper-freeze
Object.freeze(text); try { text.x = 1; } catch (e) { text(String(e)); }

// @case eval-indirect-let
(0, eval)("let zy = 5; const zx = 6"); text(zy + zx); text("zy" in globalThis);

// @case wasm-used
const m = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));

// @case helper-reflect-construct
class X {} const r = Reflect.construct(notify, ["n"], X); text(r instanceof X);

// @case string-normalise-and-locale
text("é".normalize("NFD").length); text("a".localeCompare("B")); text(["ä", "z", "a"].sort(new Intl.Collator("de").compare)); text("İ".toLowerCase().length); text("ß".toUpperCase()); text("i".toLocaleUpperCase("tr"));

// @case set-methods-and-groupby
text([...new Set([1, 2, 3]).union(new Set([4]))]); text([...new Set([1, 2]).intersection(new Set([2]))]); text(Object.groupBy([1, 2, 3], x => x % 2 ? "odd" : "even")); text(Map.groupBy([1, 2], x => x).size); text(Array.fromAsync ? await Array.fromAsync([Promise.resolve(1)]) : "no"); text([1, 2, 3].toSorted((a, b) => b - a)); text([1, 2].with(0, 9)); text([3, 4].findLast(x => x)); text(Object.hasOwn({ a: 1 }, "a")); text("ab".at(-1)); text("aXbX".replaceAll("X", "-")); text(Promise.withResolvers ? "wr" : ""); text(typeof Promise.try); text(typeof Uint8Array.fromHex); text(typeof Math.f16round); text(typeof Error.isError); text(typeof Map.prototype.getOrInsert); text(typeof Array.prototype.group);

// @case url-used
text(new URL("https://a.b/c").host);

// @case regexp-flags
text("a\nb".match(/a.b/s) !== null); text([..."aBc".matchAll(/[\p{Lu}--[A]]/gv)].map(m => m[0])); text(/(?<y>\d{4})/d.exec("in 2024").indices.groups.y); text(/(?i:a)b/.test("Ab")); text(RegExp.escape("a.b*c")); text(/(?<a>x)|(?<a>y)/.exec("y").groups.a);

// @case define-on-global-and-use-bare
globalThis.helper = (x) => x * 2; text(helper(4)); helper = null; text(String(helper));

// @case indirect-eval-error-stack
try { (0, eval)("function q(){ throw new Error('x') }\nq()"); } catch (e) { text(e.stack); }

// @case helper-in-proxy
const p = new Proxy(text, { apply(t, th, args) { return t("proxied " + args[0]); } }); p("a");

// @case crypto-used
text(crypto.randomUUID());

// @case eval-indirect-var-is-global
(0, eval)("var zz = 5"); text(zz); text(Object.getOwnPropertyDescriptor(globalThis, "zz").configurable);

// @case text-encoder-used
text(new TextEncoder().encode("x"));

// @case helper-as-getter
Object.defineProperty(globalThis, "g", { get: yield_control }); g; text("after");

// @case buffer-used
text(Buffer.from("x").toString("base64"));

// @case eval-direct-strict
eval("var inner = 1"); text(typeof inner);

// @case function-constructor-forms
text(new Function("a", "b", "return a+b")(1, 2)); text(String(new Function("a", "return a"))); const AF = (async () => {}).constructor; text(await new AF("return await 5")()); const GF = (function* () {}).constructor; text([...new GF("yield 1; yield 2")()]);

// @case eval-result-values
text(eval("1;2;{3}")); text(eval("({a:1})")); text(String(eval(""))); text(eval("if(true){5}else{6}"));

// @case console-typeof-guard
if (typeof console !== "undefined") console.log("x"); text(typeof console);

// @case helper-extends
class T extends text { constructor() { super("from super"); this.a = 1; } } const t = new T(); text(t); text(t instanceof T); text(t instanceof text);

// @case big-json-numbers
text(JSON.parse("[1e400, -0, 12345678901234567890]")); text(JSON.stringify({ a: JSON.rawJSON("1.00") })); text(JSON.parse("1.0", (k, v, c) => c.source));

// @case builtin-typed-array-names
const TA = Object.getPrototypeOf(Uint8Array); text(Reflect.ownKeys(TA).map(String)); text(Reflect.ownKeys(TA.prototype).map(String)); text(Reflect.ownKeys(Uint8Array).map(String)); text(Reflect.ownKeys(Uint8Array.prototype).map(String));

// @case iterator-helpers-more
text(Iterator.from([1, 2, 3]).map(x => x * 2).filter(x => x > 2).take(5).drop(1).toArray()); text([...Iterator.prototype.flatMap.call([1, 2].values(), x => [x, x])]); text(Iterator.from({ next() { return { done: true }; } }).toArray()); try { Iterator.from(5); } catch (e) { text(String(e)); } text([1,2,3].values().reduce((a, b) => a + b)); text(typeof Iterator.zip); text(typeof Iterator.range); 

// @case helper-looks-js
for (const f of [content, as_settled, stream_settled]) text([typeof f, f.name, f.length, Object.prototype.toString.call(f), Reflect.ownKeys(f).map(String).join(), Object.getPrototypeOf(f) === Function.prototype, f instanceof Function].map(String));

// @case all-tools-delete
delete globalThis.ALL_TOOLS; text(typeof ALL_TOOLS);

// @case all-tools-looks
const d = Object.getOwnPropertyDescriptor(globalThis, "ALL_TOOLS"); text([d.writable, d.enumerable, d.configurable, typeof d.get]); text(Array.isArray(ALL_TOOLS)); text(ALL_TOOLS.length); text(Object.keys(ALL_TOOLS[0])); text(Object.isFrozen(ALL_TOOLS)); text(ALL_TOOLS);

// @case tools-add
tools.mine = async (x) => x + 1; text(await tools.mine(1));
