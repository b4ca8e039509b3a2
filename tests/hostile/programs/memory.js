// Class F: taking memory
// @case objects
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (;;) kept.push({ x: kept.length, y: [1, 2, 3] });
// @case arrays-of-doubles
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (;;) kept.push(new Array(1e5).fill(1.5));
// @case one-huge-array
// ends: limit heap_bytes or limit worker_memory_bytes or failed or limit compute_ms
// also: under the default limits
text(Array(3e8).fill(0).length);
// @case doubling-strings
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
let s = "x"; const kept = []; for (;;) { s += s; kept.push(s); }
// @case flat-strings
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (let i = 0; ; i++) { const s = "é".repeat(1e6) + i; s.charCodeAt(5); kept.push(s); }
// @case slices-of-big-strings
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (let i = 0; ; i++) kept.push(`ab${i}`.repeat(1e5).slice(1, 50));
// @case split-strings
// ends: limit heap_bytes or limit worker_memory_bytes or failed or limit compute_ms
// also: under the default limits
const kept = []; for (;;) kept.push("x".repeat(2 ** 24).split(""));
// @case buffers
// ends: failed or limit worker_memory_bytes or limit heap_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (;;) kept.push(new Uint8Array(1e7).fill(1));
// @case buffer-of-4-gigabytes
// ends: failed or limit worker_memory_bytes
new Uint8Array(2 ** 32).fill(1); text("filled");
// @case buffers-never-touched
// ends: failed or limit worker_memory_bytes or limit heap_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (;;) kept.push(new ArrayBuffer(1e8));
// @case buffers-that-grow
// ends: failed or limit worker_memory_bytes or limit heap_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (;;) { const b = new ArrayBuffer(1, { maxByteLength: 1e8 }); b.resize(1e8); new Uint8Array(b).fill(7); kept.push(b); }
// @case buffers-that-might-grow
// ends: failed or limit worker_memory_bytes or limit heap_bytes or limit compute_ms
const kept = []; for (;;) kept.push(new ArrayBuffer(1, { maxByteLength: 2 ** 33 }));
// @case buffers-that-are-handed-on
// ends: failed or limit worker_memory_bytes or limit heap_bytes or limit compute_ms
const kept = []; let b = new ArrayBuffer(1e6); for (;;) { b = b.transfer(b.byteLength * 2); new Uint8Array(b).fill(1); kept.push(b.slice(0)); }
// @case buffers-with-a-catch
// ends: limit compute_ms or limit worker_memory_bytes or limit heap_bytes or runs
// also: under the default limits
const kept = []; for (;;) try { kept.push(new Uint8Array(1e7).fill(1)); } catch {}
// @case wasm-memory
// ends: failed
// error: ReferenceError: WebAssembly is not defined
const kept = []; for (;;) kept.push(new WebAssembly.Memory({ initial: 1000 }));
// @case shared-memory
// ends: failed
// error: ReferenceError: SharedArrayBuffer is not defined
const kept = []; for (;;) kept.push(new SharedArrayBuffer(1e8));
// @case base64-and-back
// ends: failed or limit worker_memory_bytes or limit heap_bytes or limit compute_ms
const kept = []; const b = new Uint8Array(3e6); for (;;) kept.push(Uint8Array.fromBase64(b.toBase64()), b.toHex());
// @case map
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
const map = new Map(); for (let i = 0; ; i++) map.set(i, { i });
// @case set
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const set = new Set(); for (let i = 0; ; i++) set.add(`k${i}`);
// @case weak-map
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const map = new WeakMap(), kept = []; for (;;) { const key = {}; kept.push(key); map.set(key, kept); }
// @case weak-references
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (;;) { const o = { a: new Array(10) }; kept.push(o, new WeakRef(o)); }
// @case finalization-registry
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const registry = new FinalizationRegistry(() => {}), kept = []; for (let i = 0; ; i++) { const o = {}; kept.push(o); registry.register(o, { i }); }
// @case closures
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (let i = 0; ; i++) kept.push(() => i);
// @case pending-promises
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (;;) kept.push(new Promise(() => {}).then(() => 1));
// @case promise-all
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
globalThis.kept = []; for (;;) kept.push(Promise.all(Array.from({ length: 1e4 }, () => new Promise(() => {}))));
// @case open-generators
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; async function* g() { try { yield 1; } finally { for (;;); } } for (;;) { const it = g(); it.next(); kept.push(it); }
// @case functions-from-text
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (let i = 0; ; i++) { const f = new Function(`return ${i}+${"1+".repeat(500)}1`); f(); kept.push(f); }
// @case hot-functions-from-text
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (let i = 0; ; i++) { const f = new Function("x", `let s = 0; for (let j = 0; j < 3e4; j++) s += x * j + ${i}; return s`); f(1); f(2); kept.push(f); }
// @case evals
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (let i = 0; ; i++) kept.push(eval(`(() => { class C${i} { m() { return ${i}; } } return C${i}; })()`));
// @case huge-function-from-text
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms or failed
const kept = []; for (let i = 0; ; i++) kept.push(new Function(`return [${`${i},`.repeat(1e6)}]`)());
// @case regexes
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (let i = 0; ; i++) { const r = new RegExp(`(a${i}|b){1,50}`.repeat(5)); r.test("aaab"); kept.push(r); }
// @case regex-of-counted-groups
// ends: failed or completed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
new RegExp("(?:(?:(?:(?:a{1,999}){1,999}){1,999}){1,999}){1,999}").test("a".repeat(1e4));
// @case hidden-classes
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const o = {}, kept = []; for (let i = 0; ; i++) { const k = `p${i}_${Math.random()}`; o[k] = i; kept.push({ [k]: i }); }
// @case symbols
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (let i = 0; ; i++) kept.push(Symbol.for(`s${i}`));
// @case bigints
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (let i = 1n; ; i++) kept.push(1n << (1_000_000n + i));
// @case one-bigint
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
let b = 3n; for (;;) b = b ** 3n;
// @case formatters
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (;;) kept.push(new Intl.DateTimeFormat("de", { timeZone: "Europe/Berlin" }));
// @case collators-and-segmenters
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (;;) kept.push(new Intl.Collator("zh-u-co-pinyin"), new Intl.Segmenter("th", { granularity: "word" }), new Intl.PluralRules("ar"));
// @case parsed-json
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
text(JSON.parse(`[${"[],".repeat(2e7)}0]`).length);
// @case joined-text
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
text(Array(2 ** 28).join("ab").length);
// @case padded-text
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (let i = 0; ; i++) { const s = "".padEnd(2 ** 24 + i, "é"); s.codePointAt(7); kept.push([...s.slice(0, 1e5)], s); }
// @case stacks-of-errors
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
Error.stackTraceLimit = 1e9; const kept = []; function f(n) { if (n) return f(n - 1); kept.push(new Error("x").stack); } for (;;) try { f(3000); } catch {}
// @case in-a-catch
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; try { for (;;) kept.push(new Array(1000).fill({})); } catch { text("caught"); for (;;) kept.push([1]); }
// @case in-a-finally
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (;;) try { for (;;) kept.push("a".repeat(2 ** 20) + kept.length + new Array(100)); } finally { continue; }
// @case in-microtasks
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; const on = () => { kept.push(new Array(1000).fill(0)); return Promise.resolve().then(on); }; await on();
// @case in-timers
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
const kept = []; for (;;) { kept.push(new Array(1e5).fill(0)); await new Promise((resolve) => setTimeout(resolve, 0)); }
// @case in-a-getter-of-an-error
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = [], error = new Error("x"); Object.defineProperty(error, "stack", { get() { for (;;) kept.push(new Array(1e4).fill(1)); } }); throw error;
// @case in-a-disposer
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
using thing = { [Symbol.dispose]() { const kept = []; for (;;) kept.push(new Array(1e4).fill(1)); } };
// @case results-of-tools
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (let i = 0; ; i++) kept.push(await tools.echo({ v: `${i}`.repeat(1e5) }));
// @case loaded-values
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
store("big", Array.from({ length: 1e5 }, (_, i) => i)); const kept = []; for (;;) kept.push(load("big"));
// @case spread-arguments
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const f = (...rest) => f(...rest, ...rest, 1); f(1);
// @case array-concat
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
let a = [1]; for (;;) a = a.concat(a);
// @case array-of-lengths
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (;;) kept.push(new Array(2 ** 25 - 1).fill());
// @case copies-of-objects
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const o = {}; for (let i = 0; i < 1e5; i++) o[`k${i}`] = i; const kept = []; for (;;) kept.push({ ...o });
// @case views-of-one-buffer
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
// also: under the default limits
const b = new ArrayBuffer(8), kept = []; for (;;) kept.push(new DataView(b), new Uint8Array(b));
// @case proxies
// ends: failed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const kept = []; for (;;) kept.push(new Proxy({}, {}));
