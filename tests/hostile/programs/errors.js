// Class J: errors that do harm while they are rendered
// @case stack-getter-that-loops
// ends: runs
const e = new Error("x"); Object.defineProperty(e, "stack", { get() { for (;;); } }); throw e;
// @case cause-getter-that-loops
// ends: runs
const e = new Error("x"); Object.defineProperty(e, "cause", { get() { for (;;); } }); throw e;
// @case to-string-that-loops
// ends: runs
throw { toString() { for (;;); } };
// @case to-primitive-that-loops
// ends: runs
throw { [Symbol.toPrimitive]() { for (;;); } };
// @case proxy-that-loops
// ends: runs
throw new Proxy({}, { get() { for (;;); } });
// @case proxy-that-throws
// ends: failed
throw new Proxy({}, { get() { throw 1; } });
// @case proxy-that-throws-itself
// ends: failed
const p = new Proxy({}, { get() { throw p; }, getPrototypeOf() { throw p; } }); throw p;
// @case revoked-proxy
// ends: failed
const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy;
// @case symbol
// ends: failed
// error: Symbol(s)
throw Symbol("s");
// @case null
// ends: failed
// error: null
throw null;
// @case undefined
// ends: failed
// error: undefined
throw undefined;
// @case bigint
// ends: failed
// error: 12
throw 12n;
// @case function
// ends: failed
throw function evil() { return 1; };
// @case tag-that-loops
// ends: runs or failed
throw { toString: undefined, valueOf: undefined, get [Symbol.toStringTag]() { for (;;); } };
// @case errors-without-end
// ends: failed
const e = new AggregateError([]); e.errors = new Proxy([], { get(target, key) { if (key === "length") return 1e15; const inner = new Error("i"); inner.errors = e.errors; return inner; } }); throw e;
// @case causes-without-end
// ends: failed
const e = new Error("x"); Object.defineProperty(e, "cause", { get() { const y = new Error("y"); Object.defineProperty(y, "cause", { get: () => e }); return y; } }); throw e;
// @case cause-of-itself
// ends: failed
const e = new Error("x"); e.cause = e; throw e;
// @case deep-causes
// ends: failed
let e = new Error("0"); for (let i = 0; i < 1e5; i++) e = new Error("x", { cause: e }); throw e;
// @case name-without-a-text
// ends: failed
const e = new Error("x"); e.name = Symbol("n"); delete e.stack; throw e;
// @case message-without-a-text
// ends: failed
const e = new Error("x"); Object.defineProperty(e, "message", { get() { throw new Error("y"); } }); delete e.stack; throw e;
// @case stack-of-another-kind
// ends: failed
const e = new Error("x"); e.stack = { toString() { for (;;); } }; throw e;
// @case formatter-that-loops
// ends: runs
Error.prepareStackTrace = () => { for (;;); }; throw new Error("x");
// @case formatter-that-throws
// ends: failed
Error.prepareStackTrace = () => { throw new Error("again"); }; throw new Error("x");
// @case formatter-that-nests
// ends: failed or runs
Error.prepareStackTrace = (error) => { const e = new Error("y"); return e.stack + error.message; }; throw new Error("x");
// @case formatter-that-gives-a-gigabyte
// ends: failed or limit heap_bytes or limit worker_memory_bytes
Error.prepareStackTrace = () => "x".repeat(2 ** 28); throw new Error("x");
// @case formatter-that-exits
// prints: []
Error.prepareStackTrace = () => exit(); throw new Error("x");
// @case formatter-that-prints
// ends: failed
// prints: ["late"]
Error.prepareStackTrace = () => { text("late"); return "s"; }; throw new Error("x");
// @case formatter-that-floods
// ends: limit output_bytes
Error.prepareStackTrace = () => { for (;;) text("x".repeat(1000)); }; throw new Error("x");
// @case formatter-that-calls-tools
// ends: failed or limit tool_calls
Error.prepareStackTrace = () => { for (let i = 0; i < 1000; i++) tools.echo({ v: i }).catch(() => {}); return "s"; }; throw new Error("x");
// @case error-of-many-megabytes
// ends: failed or limit heap_bytes or limit worker_memory_bytes
throw new Error("x".repeat(5e7));
// @case errors-of-many-megabytes
// ends: failed or limit heap_bytes or limit worker_memory_bytes
throw new AggregateError(Array.from({ length: 8 }, () => new Error("x".repeat(2 ** 24))));
// @case text-of-many-megabytes
// ends: failed or limit heap_bytes or limit worker_memory_bytes
throw { toString() { return "x".repeat(1e8); } };
// @case error-with-lone-surrogates
// ends: failed
// error: ⟦U+FFFD⟧x
throw "\ud800x";
// @case error-with-control-characters
// ends: failed
throw new Error("\u001b[2J\u0007\0");
// @case imitated-limit
// ends: failed
throw new Error("Limit reached (heap_bytes): not really");
// @case unhandled-rejection
// prints: ["end"]
Promise.reject(new Error("nobody cares")); text("end");
// @case rejection-with-a-loop
// ends: runs
await Promise.reject({ get stack() { for (;;); } });
// @case error-in-a-timer
// ends: failed
setTimeout(() => { throw new Proxy({}, { get() { throw 1; } }); }, 0); await new Promise(() => {});
// @case error-in-a-timer-that-loops
// ends: runs
setTimeout(() => { throw { get stack() { for (;;); } }; }, 0); await new Promise(() => {});
// @case helper-that-gets-such-an-error
// ends: runs
try { await tools.echo({ toJSON() { throw { get stack() { for (;;); } }; } }); } catch {}
// @case quoted-key-of-megabytes
// ends: failed
store("\u0001".repeat(3e5), undefined);
// @case unwritable-error
// ends: failed
throw Object.freeze(Object.assign(new Error("x"), { cause: Object.freeze(new Error("y")) }));
// @case subclass-that-loops
// ends: runs
class Evil extends Error { get name() { for (;;); } get message() { for (;;); } } const e = new Evil(); delete e.stack; throw e;
// @case imitated-error-with-a-name-of-megabytes
// ends: failed
throw "TypeError: " + "$".repeat(3e6) + " is not iterable";
// @case imitated-error-with-a-global-of-megabytes
// ends: failed
throw "ReferenceError: " + "$".repeat(3e6) + " is not defined";
// @case imitated-error-with-brackets-without-end
// ends: failed
// error: TypeError: a is not iterable
throw "TypeError: a is not iterable"; // ⟦8000 × a=tools[⟧
