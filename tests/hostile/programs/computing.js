// Class E: computing without end
// @case loop
// ends: runs
for (;;);
// @case loop-that-reaches-its-limit
// ends: limit compute_ms
for (;;);
// @case loop-over-a-short-one-that-is-unrolled
// ends: runs
let n = 0; for (;;) new Array(100).fill(n++);
// @case loop-over-a-short-one-that-reaches-its-limit
// ends: limit compute_ms
let n = 0; for (;;) new Array(100).fill(n++);
// @case microtasks
// ends: runs or limit heap_bytes
const again = () => Promise.resolve().then(again); await again();
// @case awaiting-nothing
// ends: runs or limit heap_bytes
for (;;) await null;
// @case microtasks-that-reach-their-limit
// ends: limit compute_ms or limit heap_bytes
for (;;) await undefined;
// @case thenable-that-loops
// ends: runs
await { then() { for (;;); } };
// @case thenable-of-itself
// ends: runs
const self = { then(resolve) { resolve(self); } }; await self;
// @case async-generator
// ends: runs
async function* numbers() { for (let i = 0; ; i++) yield i; } for await (const n of numbers());
// @case finally-that-loops
// ends: runs
try { throw 1; } finally { for (;;); }
// @case catch-that-loops
// ends: runs
for (;;) try { throw 1; } catch { continue; }
// @case loop-behind-the-end
// ends: runs
Promise.resolve().then(() => { for (;;); });
// @case microtasks-behind-the-end
// ends: runs or completed or limit heap_bytes
const on = () => Promise.resolve().then(on); on();
// @case loop-in-a-timer
// ends: runs
setTimeout(() => { for (;;); }, 1); await new Promise(() => {});
// @case chain-of-timers
// ends: runs
const tick = () => setTimeout(tick, 0); tick(); await new Promise(() => {});
// @case awaiting-timers
// ends: runs
for (;;) await new Promise((resolve) => setTimeout(resolve, 0));
// @case after-exit
// prints: []
Promise.resolve().then(() => { for (;;); }); setTimeout(() => { for (;;); }, 0);
try { exit(); } catch { for (;;); } finally { for (;;); }
// @case exit-in-a-promise
// prints: ["before"]
text("before"); await new Promise(() => exit());
// @case exit-in-a-getter-of-an-error
// prints: []
const quiet = new Error("x"); Object.defineProperty(quiet, "stack", { get() { exit(); } }); throw quiet;
// @case dispose
// ends: runs
{ using thing = { [Symbol.dispose]() { for (;;); } }; }
// @case async-dispose
// ends: runs
{ await using thing = { async [Symbol.asyncDispose]() { for (;;); } }; }
// @case dispose-at-the-end
// ends: runs
using thing = { [Symbol.dispose]() { for (;;); } };
// @case stack-of-disposers
// ends: runs
const stack = new DisposableStack(); for (let i = 0; i < 1e4; i++) stack.defer(() => { for (;;); }); stack.dispose();
// @case suppressed-errors-without-end
// ends: failed or limit heap_bytes or limit compute_ms
const bin = new DisposableStack(); for (let i = 0; i < 1e5; i++) bin.defer(() => { throw new Error(`e${i}`); }); bin.dispose();
// @case finalizers
// ends: completed or runs or limit heap_bytes or limit compute_ms
const registry = new FinalizationRegistry(() => { for (;;); });
for (let i = 0; i < 1e4; i++) registry.register({ a: new Array(100) }, i);
for (let i = 0; i < 300; i++) { new Array(1e5).fill(0); await new Promise((resolve) => setTimeout(resolve, 1)); }
// @case finalizers-behind-the-end
// prints: ["end"]
const late = new FinalizationRegistry(() => { for (;;); });
for (let i = 0; i < 1e4; i++) late.register({ a: i }, i);
text("end");
// @case weak-references
// prints: ["end"]
const references = []; for (let i = 0; i < 1e5; i++) references.push(new WeakRef({ i }));
for (const reference of references) reference.deref();
text("end");
// @case sort-that-loops
// ends: runs
[3, 2, 1].sort(() => { for (;;); });
// @case sort-that-lies
// ends: completed
Array.from({ length: 1e5 }, (_, i) => i).sort(() => Math.random() - 0.5);
// @case sort-that-changes-its-array
// ends: completed or failed
const changing = Array.from({ length: 1e4 }, (_, i) => i); changing.sort((a, b) => { changing.length = 0; changing.push(a); return b - a; });
// @case replace-that-loops
// ends: runs
"aaa".replace(/a/g, () => { for (;;); });
// @case proxy-traps-that-loop
// ends: runs
Object.keys(new Proxy({}, { ownKeys() { for (;;); } }));
// @case to-primitive-that-loops
// ends: runs
`${{ [Symbol.toPrimitive]() { for (;;); } }}`;
// @case timer-delay-that-loops
// ends: runs
setTimeout(() => {}, { valueOf() { for (;;); } });
// @case iterator-without-end
// ends: runs
Array.from({ [Symbol.iterator]() { return { next: () => ({ done: false }) }; } }, () => {});
// @case regex-of-nested-quantifiers
// ends: runs
/(a+)+$/.test("a".repeat(40) + "b");
// @case regex-of-lookaheads
// ends: runs
/(?=(x+x+)+y)(x+x+)+y/.test("x".repeat(60));
// @case regex-of-back-references
// ends: runs
/^(.*?,){30}P/.test("1,".repeat(60));
// @case regex-of-alternatives
// ends: runs
/^(a|a)*$/.test("a".repeat(60) + "b");
// @case regex-with-unicode-sets
// ends: runs or failed
/^(?:\p{L}+\s?)+$/v.test("é".repeat(60) + "!");
// @case split-by-a-slow-regex
// ends: runs
("a".repeat(35) + "b").repeat(50).split(/(a+)+c/);
// @case fill-of-billions
// ends: runs or limit heap_bytes or limit worker_memory_bytes or failed
for (;;) Array(3e7).fill(0);
// @case array-from-a-length
// ends: runs or limit heap_bytes or limit worker_memory_bytes or failed
Array.from({ length: 2 ** 32 - 2 });
// @case sparse-sort
// ends: runs or limit heap_bytes or limit worker_memory_bytes or failed
const sparse = [1, 2, 3]; sparse.length = 2 ** 32 - 1; sparse.sort();
// @case sparse-index-of
// ends: runs or completed
const thin = [1]; thin.length = 2 ** 32 - 1; for (;;) thin.indexOf(7);
// @case sparse-reverse
// ends: runs or limit heap_bytes or limit worker_memory_bytes or failed
const wide = [1]; wide.length = 2 ** 32 - 1; wide.reverse();
// @case array-like-of-2-to-the-53
// ends: runs
Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);
// @case typed-array-sort
// ends: runs
const numbers = new Float64Array(5e6); for (;;) { for (let i = 0; i < numbers.length; i++) numbers[i] = Math.random(); numbers.sort(); }
// @case bigint-powers
// ends: runs or failed or limit heap_bytes
let big = 3n; for (;;) big = big * big;
// @case bigint-products
// ends: runs or failed
const factor = (1n << (1n << 24n)) - 1n; for (;;) (factor * factor) % (factor - 1n);
// @case bigint-as-text
// ends: runs or failed
const digits = 3n ** 3_000_000n; for (;;) digits.toString();
// @case bigint-from-text
// ends: runs or failed
const long = "9".repeat(5e6); for (;;) BigInt(long);
// @case index-of-in-long-strings
// ends: runs
const hay = "a".repeat(2 ** 24), needle = "a".repeat(2 ** 20) + "b"; for (;;) hay.indexOf(needle);
// @case normalize
// ends: runs or limit heap_bytes or limit worker_memory_bytes
const accents = "\u1e9b\u0323".repeat(2 ** 22); for (;;) accents.normalize("NFKD");
// @case locale-upper-case
// ends: runs or limit heap_bytes or limit worker_memory_bytes
const letters = "ß".repeat(2 ** 22); for (;;) letters.toLocaleUpperCase("de");
// @case locale-compare
// ends: runs
const left = "é".repeat(1e6), right = "e\u0301".repeat(1e6); for (;;) left.localeCompare(right);
// @case segmenter
// ends: runs or limit heap_bytes
const segmenter = new Intl.Segmenter("th", { granularity: "word" }); for (;;) [...segmenter.segment("ภาษาไทย".repeat(1e4))];
// @case date-formats
// ends: runs
for (let i = 0; ; i++) new Intl.DateTimeFormat("de", { timeZone: "Europe/Berlin" }).format(i * 1e9);
// @case replace-all
// ends: runs or failed or limit heap_bytes or limit worker_memory_bytes
const grow = "a".repeat(2 ** 22); for (;;) grow.replaceAll("a", "bc");
// @case json-round-trips
// ends: runs or limit heap_bytes
const rows = Array.from({ length: 1e5 }, (_, i) => ({ i })); for (;;) JSON.parse(JSON.stringify(rows));
// @case json-raw-text
// ends: runs or failed
for (;;) JSON.stringify(JSON.rawJSON("1".repeat(1e6)));
// @case json-reviver-that-loops
// ends: runs
JSON.parse("[1]", () => { for (;;); });
// @case recursion
// ends: failed
// error: RangeError: Maximum call stack size exceeded
function down() { down(); } down();
// @case recursion-through-getters
// ends: failed
// error: RangeError: Maximum call stack size exceeded
const getter = { get a() { return this.a; } }; getter.a;
// @case recursion-through-proxies
// ends: failed
const proxy = new Proxy({}, { get(target, key, receiver) { return receiver[key]; } }); proxy.x;
// @case chain-of-proxies
// ends: failed
let chain = {}; for (let i = 0; i < 1e5; i++) chain = new Proxy(chain, {}); chain.x;
// @case chain-of-prototypes
// ends: completed or failed
let heir = {}; for (let i = 0; i < 1e5; i++) heir = Object.create(heir); text(String(heir.nothing)); 
// @case chain-of-bound-functions
// ends: failed or completed
let bound = () => 1; for (let i = 0; i < 1e5; i++) bound = bound.bind(null); text(bound());
// @case recursion-in-sort
// ends: failed
function sorted() { return [2, 1].sort(() => sorted()); } sorted();
// @case recursion-in-json
// ends: failed
const nest = { toJSON() { return JSON.stringify(nest); } }; JSON.stringify(nest);
// @case recursion-in-a-regex-replace
// ends: failed
function swap() { return "a".replace(/a/, swap); } swap();
// @case deep-array-to-text
// ends: failed
let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; String(deep);
// @case deep-flat
// ends: failed or completed
let nested = []; for (let i = 0; i < 1e5; i++) nested = [nested]; nested.flat(Infinity);
// @case deep-json-stringify
// ends: completed or failed
let tree = []; for (let i = 0; i < 1e5; i++) tree = [tree]; JSON.stringify(tree);
// @case deep-regex
// ends: failed or completed
new RegExp("(?:a".repeat(1e4) + ")".repeat(1e4)).test("a".repeat(1e4));
// @case spread-of-a-million
// ends: failed
// error: RangeError: Maximum call stack size exceeded
Math.max(...new Array(1e6).fill(0));
// @case catching-the-end-of-the-stack
// ends: runs or failed
function climb() { try { climb(); } catch { climb(); } } climb();
// @case helpers-at-the-end-of-the-stack
// ends: runs or completed
function fall(n) {
  try { fall(n + 1); } catch {}
  try { text("d"); } catch {}
  try { store("k", 1); } catch {}
  try { tools.echo({ v: 1 }).catch(() => {}); } catch {}
  try { load("z"); } catch {}
  try { setTimeout(() => {}, 1); } catch {}
  try { image("x"); } catch {}
  try { new Error("q").stack; } catch {}
}
fall(0);
// @case notify-at-the-end-of-the-stack
// prints: ["alive"]
function sink(n) { try { return sink(n + 1); } catch { return notify(`hi ${n}`); } } sink(0); text("alive");
// @case waiting-for-memory-that-is-shared
// ends: failed
// error: ReferenceError: Atomics is not defined
Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0);
// @case clock-and-chance
// prints: ["true"]
let last = 0; for (let i = 0; i < 1e5; i++) last = Date.now() + Math.random(); text(last > 0);
