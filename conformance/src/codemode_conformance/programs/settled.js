// @case as-settled
for await (const r of as_settled([tools.echo(1), tools.fail(), 3])) text(r);

// @case order-of-settling
const late = new Promise((r) => setTimeout(() => r("late"), 30)), early = new Promise((r) => setTimeout(() => r("early"), 1));
for await (const r of as_settled([late, early, Promise.resolve("now")])) text(r);

// @case empty
for await (const r of as_settled([])) text(r);
text("end");

// @case map
for await (const r of as_settled(new Map([["a", tools.echo(1)], ["b", tools.fail()], [{ k: 1 }, 5]]))) text(r);

// @case iterables
for await (const r of as_settled("ab")) text(r);
for await (const r of as_settled(new Set([1, Promise.resolve(2)]))) text(r);
for await (const r of as_settled((function* () { yield 1; yield Promise.reject("x"); })())) text(r);
for await (const r of as_settled({ [Symbol.iterator]: () => [7].values() })) text(r);

// @case non-iterables
for (const v of [undefined, null, 5, {}, true, Symbol("s"), () => {}, Promise.resolve([])]) {
  try { const it = as_settled(v); text(`made ${Object.prototype.toString.call(it)}`); await it.next(); text("no error"); } catch (e) { text(typeof e); text(String(e)); }
}

// @case async-iterable
try { for await (const r of as_settled((async function* () { yield 1; })())) text(r); } catch (e) { text(String(e)); }

// @case rejected-reasons
const e = new Error("kept");
for await (const r of as_settled([Promise.reject(e), Promise.reject(undefined), Promise.reject("s")])) { text(r); text(r.reason === e); text(Object.keys(r)); }

// @case result-shape
for await (const r of as_settled([1, Promise.reject(2)])) { text(Object.getOwnPropertyDescriptors(r)); text(Object.getPrototypeOf(r) === Object.prototype); text(Object.isFrozen(r)); }

// @case thenables
for await (const r of as_settled([{ then(ok) { ok("thenable"); } }, { then(_, no) { no("refused"); } }, { then() { throw new Error("threw"); } }])) text(r.status === "rejected" ? String(r.reason) : r);

// @case iterator-throws
try { for await (const r of as_settled((function* () { yield 1; throw new Error("iterator"); })())) text(r); } catch (e) { text(String(e)); }

// @case early-break
const it = as_settled([1, 2, 3]);
for await (const r of it) { text(r); break; }
text(await it.next());

// @case early-break-rejections
for await (const r of as_settled([1, tools.fail(), Promise.reject(new Error("unseen"))])) { text(r); break; }
await new Promise((r) => setTimeout(r, 5));
text("end");

// @case manual-next
const it = as_settled([tools.echo("a"), tools.echo("b")]);
text(await it.next()); text(await it.next()); text(await it.next()); text(await it.next());

// @case parallel-next
const it = as_settled([1, 2]);
text(await Promise.all([it.next(), it.next(), it.next()]));

// @case return-and-throw
const it = as_settled([1, 2]);
text(await it.next()); text(await it.return("r")); text(await it.next());
const other = as_settled([1]);
try { await other.throw(new Error("t")); } catch (e) { text(String(e)); }

// @case lazy
const seen = [];
const it = as_settled({ [Symbol.iterator]() { seen.push("iterated"); return [1].values(); } });
text(seen); await it.next(); text(seen);

// @case generator-object
const it = as_settled([]);
text(Object.prototype.toString.call(it)); text(it[Symbol.asyncIterator]() === it); text(typeof it.next); text(Object.getPrototypeOf(it) === as_settled.prototype);

// @case function-shape
for (const f of [as_settled, stream_settled]) { text(f.name); text(f.length); text(/native code/.test(String(f))); text(Object.prototype.toString.call(f)); text(Object.getPrototypeOf(f).constructor.name); text(Reflect.ownKeys(f)); }

// @case same-value-twice
const p = Promise.resolve(1);
for await (const r of as_settled([p, p])) text(r);

// @case many
let n = 0;
for await (const { value } of as_settled(Array.from({ length: 60 }, (_, i) => tools.echo(i)))) n += value;
text(n);

// @case never-settles yield_time_ms=200
for await (const r of as_settled([1, new Promise(() => {})])) text(r);

// @case stream-settled
const r = await stream_settled([tools.echo(1), tools.fail(), 3], (x) => text(x));
text(String(r));

// @case stream-awaits-callback
await stream_settled([1, 2], async ({ value }) => { text(`start ${value}`); await tools.echo(value); text(`end ${value}`); });

// @case stream-callback-arguments
await stream_settled(["a"], function (...args) { text(args); text(typeof this); });

// @case stream-callback-throws
try { await stream_settled([1, 2], () => { throw new Error("callback"); }); } catch (e) { text(e.stack.split("\n").slice(0, 2)); text(e.stack.split("\n").at(-1)); }

// @case stream-callback-rejects
try { await stream_settled([1, 2], async ({ value }) => { text(value); throw "rejected"; }); } catch (e) { text(e); }

// @case stream-no-callback
for (const f of [undefined, null, 5, {}, "f"]) try { await stream_settled([1], f); } catch (e) { text(typeof e); text(e instanceof TypeError); text(String(e)); }

// @case stream-no-callback-is-asynchronous
let p;
try { p = stream_settled([1]); text("returned"); } catch (e) { text("thrown"); }
try { await p; } catch (e) { text(String(e)); }

// @case stream-non-iterable
try { await stream_settled(5, () => {}); } catch (e) { text(String(e)); text(e.stack.split("\n").at(-1)); }

// @case stream-map
await stream_settled(new Map([["x", 1], ["y", Promise.reject("r")]]), (r) => text(r));

// @case stream-empty
await stream_settled([], () => text("never")); text("end");

// @case stream-return-value
text(String(await stream_settled([1], () => "ignored"))); text(stream_settled([], () => {}) instanceof Promise);

// @case as-settled-overwritten
as_settled = null;
try { await stream_settled([1], (r) => text(r)); } catch (e) { text(String(e)); }

// @case poisoned-map-methods
Map.prototype.set = Map.prototype.delete = Map.prototype.entries = () => { throw new Error("poisoned"); };
for await (const r of as_settled([1, 2])) text(r);

// @case error-inside-loop
for await (const r of as_settled([1])) {
  throw new Error("loop");
}

// @case with-new
try { new as_settled([]); } catch (e) { text(String(e)); }
try { new stream_settled([], () => {}); } catch (e) { text(String(e)); }

// @case exit-inside-stream
await stream_settled([1, 2], () => { text("once"); exit(); }); text("unreached");
