// @case sleep
await new Promise((r) => setTimeout(r, 5)); text("slept");

// @case order-by-delay
const order = [];
setTimeout(() => order.push(60), 60); setTimeout(() => order.push(5), 5); setTimeout(() => order.push(30), 30);
await new Promise((r) => setTimeout(r, 100)); text(order);

// @case same-delay
const order = [];
for (let i = 0; i < 10; i++) setTimeout(() => order.push(i), 10);
await new Promise((r) => setTimeout(r, 60)); text(order);

// @case zero-delays
const order = [];
for (let i = 0; i < 10; i++) setTimeout(() => order.push(i), 0);
await new Promise((r) => setTimeout(r, 40)); text(order);

// @case jobs-before-timers
const order = [];
setTimeout(() => order.push("timer"), 0);
Promise.resolve().then(() => order.push("job"));
order.push("sync");
await new Promise((r) => setTimeout(r, 20)); text(order);

// @case jobs-between-timers
const order = [];
setTimeout(() => { order.push("t1"); Promise.resolve().then(() => order.push("job")); }, 5);
setTimeout(() => order.push("t2"), 5);
await new Promise((r) => setTimeout(r, 40)); text(order);

// @case ids
text(setTimeout(() => {}, 0)); text(setTimeout(() => {}, 0)); text(typeof setTimeout(() => {}));

// @case ids-start-again
setTimeout(() => {}, 0);
// @cell
text(setTimeout(() => {}, 0));

// @case refused-calls-and-ids
try { setTimeout("x"); } catch {}
try { setTimeout(() => {}, Symbol()); } catch {}
text(setTimeout(() => {}, 0));

// @case callback-arguments
await new Promise((r) => setTimeout(function (...args) { text(args); text(String(this)); r(); }, 1, "a", "b"));

// @case sloppy-callback-this
await new Promise((r) => setTimeout(new Function("done", "globalThis.seen = this === globalThis; "), 0) && setTimeout(r, 20));
text(String(globalThis.seen));

// @case not-a-function
for (const f of ["code", null, undefined, 5, {}, Symbol("s")]) try { setTimeout(f, 0); } catch (e) { text(typeof e); text(e); }

// @case no-arguments
setTimeout();

// @case callable-proxy
await new Promise((r) => setTimeout(new Proxy(r, {}), 0)); text("proxied");

// @case class-callback
setTimeout(class A {}, 0); await new Promise((r) => setTimeout(r, 30)); text("unreached?");

// @case delays-that-fire-soon
let n = 0;
for (const d of [undefined, null, NaN, -5, -Infinity, "", "abc", false, [], {}, -0, 0.9, "2", [3], true]) { setTimeout(() => n++, d); }
await new Promise((r) => setTimeout(r, 60)); text(n);

// @case delay-infinity
let n = 0;
setTimeout(() => n++, Infinity); setTimeout(() => n++);
await new Promise((r) => setTimeout(r, 40)); text(n);

// @case delays-that-do-not-fire-soon
let n = 0;
for (const d of [2 ** 31, 2 ** 32, 2 ** 53, 1e21, Number.MAX_VALUE]) try { setTimeout(() => n++, d); } catch (e) { text(String(e)); }
await new Promise((r) => setTimeout(r, 30)); text(n);

// @case delay-bigint-and-symbol
for (const d of [5n, Symbol("s")]) try { setTimeout(() => {}, d); text("accepted"); } catch (e) { text(typeof e); text(String(e)); }

// @case delay-value-of
let n = 0;
setTimeout(() => n++, { valueOf() { text("valueOf"); return 1; } }); setTimeout(() => n++, { [Symbol.toPrimitive](h) { text(h); return 1; } });
await new Promise((r) => setTimeout(r, 30)); text(n);

// @case delay-value-of-throws
try { setTimeout(() => {}, { valueOf() { throw new Error("delay"); } }); text("accepted"); } catch (e) { text(typeof e); text(String(e)); text(String(e.stack)); }

// @case clear
const id = setTimeout(() => text("fired"), 5);
clearTimeout(id); await new Promise((r) => setTimeout(r, 30)); text("end");

// @case clear-no-ops
for (const v of [undefined, null, 0, -1, 999, NaN, Infinity, -Infinity, "", "abc", {}, [], 1.5, true, () => {}]) text(String(clearTimeout(v)));
text(String(clearTimeout()));

// @case clear-conversions
const a = setTimeout(() => text("a"), 5), b = setTimeout(() => text("b"), 5), c = setTimeout(() => text("c"), 5), d = setTimeout(() => text("d"), 5);
clearTimeout(String(a)); clearTimeout(b + 0.7); clearTimeout({ valueOf: () => c }); clearTimeout([d]);
await new Promise((r) => setTimeout(r, 30)); text("end");

// @case clear-errors
for (const v of [Symbol("s"), 5n, { valueOf() { throw new Error("x"); } }]) try { clearTimeout(v); text("accepted"); } catch (e) { text(typeof e); text(String(e)); }

// @case clear-twice-and-from-callback
const id = setTimeout(() => { clearTimeout(id); text("fired"); }, 1);
const other = setTimeout(() => text("other"), 20);
setTimeout(() => clearTimeout(other), 5);
await new Promise((r) => setTimeout(r, 50)); clearTimeout(id); clearTimeout(other); text("end");

// @case clear-same-turn
let second;
setTimeout(() => { text("first"); clearTimeout(second); }, 5);
second = setTimeout(() => text("second"), 25);
await new Promise((r) => setTimeout(r, 60)); text("end");

// @case pending-at-end
setTimeout(() => text("late"), 0); text("end");

// @case callback-throws
setTimeout(() => { throw new Error("in timer"); }, 1);
await new Promise(() => {});

// @case callback-throws-string
text("kept"); setTimeout(() => { throw "plain"; }, 1);
await new Promise(() => {});

// @case callback-throws-in-named-function
function tick() {
  inner();
}
function inner() {
  throw new TypeError("deep");
}
setTimeout(tick, 1);
await new Promise(() => {});

// @case callback-throws-while-main-sleeps
try {
  setTimeout(() => { throw new Error("in timer"); }, 1);
  await new Promise((r) => setTimeout(r, 50)); text("unreached");
} catch (e) { text("caught"); } finally { text("finally"); }

// @case async-callback-rejects
setTimeout(async () => { throw new Error("rejected"); }, 1);
await new Promise((r) => setTimeout(r, 30)); text("end");

// @case callback-returns-thenable
setTimeout(() => ({ then() { text("then called"); } }), 1);
await new Promise((r) => setTimeout(r, 30)); text("end");

// @case job-in-timer-throws
setTimeout(() => { Promise.resolve().then(() => { throw new Error("job"); }); }, 1);
await new Promise((r) => setTimeout(r, 30)); text("end");

// @case stack-in-callback
await new Promise((r) => setTimeout(function named() { text(new Error("here").stack); r(); }, 1));

// @case stack-in-anonymous-callback
await new Promise((r) => setTimeout(() => { text(new Error("here").stack); r(); }, 1));

// @case nested-timers
const order = [];
await new Promise((done) => {
  const next = (n) => setTimeout(() => { order.push(n); n < 5 ? next(n + 1) : done(); }, 1);
  next(1);
});
text(order);

// @case timer-and-tool-result
const order = [];
const timer = new Promise((r) => setTimeout(() => { order.push("timer"); r(); }, 60));
const tool = tools.echo(1).then(() => order.push("tool"));
await Promise.all([timer, tool]); text(order);

// @case timeout-wins-race
text(await Promise.race([tools.never(), new Promise((r) => setTimeout(() => r("timeout"), 10))]));

// @case function-shape
for (const f of [setTimeout, clearTimeout]) { text(f.name); text(f.length); text(String(f)); text(Reflect.ownKeys(f)); }

// @case detached
const s = setTimeout, c = clearTimeout;
const id = s.call(null, () => text("no"), 5); c.apply({}, [id]);
await new Promise((r) => s(r, 20)); text("end");

// @case with-new
try { const t = new setTimeout(() => {}, 0); text(typeof t); text(String(t)); } catch (e) { text(String(e)); }

// @case no-intervals
text(typeof setInterval); text(typeof setImmediate); text(typeof queueMicrotask); text(typeof requestAnimationFrame);

// @case many
let n = 0;
for (let i = 0; i < 2000; i++) setTimeout(() => n++, i % 7);
await new Promise((r) => setTimeout(r, 200)); text(n);

// @case timer-then-store-and-tool
setTimeout(async () => { text(await tools.echo("from timer")); done(); }, 1);
let done; await new Promise((r) => { done = r; });

// @case refused-callback-uses-no-id
try { setTimeout("x"); } catch {}
text(setTimeout(() => {}));

// @case refused-delay-uses-an-id
try { setTimeout(() => {}, Symbol()); } catch {}
text(setTimeout(() => {}));
