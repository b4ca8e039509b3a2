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
