// @case jobs-after-end
Promise.resolve().then(() => text("job")); text("sync");

// @case chained-jobs-after-end
let p = Promise.resolve();
for (let i = 0; i < 50; i++) p = p.then(() => text(i));
text("sync");

// @case async-function-after-end
(async () => { for (let i = 0; i < 5; i++) { await null; text(i); } })(); text("sync");

// @case jobs-after-await-at-end
(async () => { for (let i = 0; i < 8; i++) { await null; text(i); } })(); await null; text("main ends");

// @case job-then-error
Promise.resolve().then(() => text("job")); throw new Error("sync");

// @case job-after-async-error
(async () => { for (let i = 0; i < 4; i++) { await null; text(i); } })(); await null; throw new Error("main");

// @case job-throws-after-end
Promise.resolve().then(() => { throw new Error("job"); }); text("end");

// @case job-after-exit
Promise.resolve().then(() => text("before exit?")); await null; text("main"); Promise.resolve().then(() => text("after exit?")); exit();

// @case job-calls-tool-after-end
Promise.resolve().then(() => {}).then(() => tools.echo("late")); text("end");

// @case job-notifies-after-end
Promise.resolve().then(() => {}).then(() => notify("late")); text("end");

// @case job-yields-after-end
Promise.resolve().then(() => {}).then(() => { yield_control(); text("after"); }); text("end");
// @wait

// @case job-stores-after-end
(async () => { await null; await null; store("k", "late"); })();
// @cell
text(String(load("k")));

// @case timer-after-end
setTimeout(() => text("timer"), 0); await null; text("end");

// @case tool-result-after-end
tools.echo(1).then(() => text("result")); text("end");

// @case tool-result-after-jobs
tools.echo(1).then(() => text("result")); for (let i = 0; i < 20; i++) await null; text("end");

// @case microtask-order
const log = [];
(async () => { log.push("a1"); await null; log.push("a2"); await null; log.push("a3"); })();
(async () => { log.push("b1"); await null; log.push("b2"); await null; log.push("b3"); })();
Promise.resolve().then(() => log.push("t1")).then(() => log.push("t2"));
log.push("sync"); await null; await null; await null; await null; text(log);

// @case await-takes-one-tick
const log = [];
Promise.resolve().then(() => log.push("then 1")).then(() => log.push("then 2")).then(() => log.push("then 3"));
await null; log.push("await 1"); await Promise.resolve(); log.push("await 2"); await (async () => {})(); log.push("await 3"); text(log);

// @case thenable-takes-more-ticks
const log = [];
let p = Promise.resolve(); for (let i = 1; i <= 5; i++) p = p.then(() => log.push(i));
await { then(r) { r(); } }; log.push("thenable"); await p; text(log);

// @case return-await-ticks
const log = [];
const a = async () => Promise.resolve("a"), b = async () => await Promise.resolve("b"), c = async () => "c";
a().then((v) => log.push(v)); b().then((v) => log.push(v)); c().then((v) => log.push(v));
for (let i = 0; i < 6; i++) await null; text(log);

// @case first-statement-is-synchronous
text("one"); await null; text("two");

// @case tool-results-one-turn-each
const log = [];
const after = (n) => () => { log.push(`result ${n}`); Promise.resolve().then(() => log.push(`job ${n}`)); };
await Promise.all([tools.echo(1).then(after(1)), tools.echo(2).then(after(2))]); await null; text(log);

// @case timers-one-turn-each timing
const log = [];
for (const n of [1, 2]) setTimeout(() => { log.push(`timer ${n}`); Promise.resolve().then(() => log.push(`job ${n}`)); }, 5);
await new Promise((r) => setTimeout(r, 40)); text(log);

// @case sequential-awaits
for (const i of [1, 2, 3]) text(await tools.echo(i));

// @case parallel-completion-order
const log = [];
await Promise.all([3, 1, 2].map(async (i) => { log.push(`start ${i}`); await tools.echo(i); log.push(`end ${i}`); })); text(log);

// @case async-generator-order
const log = [];
async function* g() { log.push("g1"); yield 1; log.push("g2"); yield 2; log.push("g3"); }
for await (const x of g()) log.push(`got ${x}`);
text(log);

// @case finally-order
const log = [];
await Promise.reject("r").catch((e) => log.push(e)).finally(() => log.push("f")).then(() => log.push("t")); text(log);

// @case promise-all-order
const log = [];
const d = (v, n) => (async () => { for (let i = 0; i < n; i++) await null; log.push(v); return v; })();
text(await Promise.all([d("slow", 5), d("fast", 1)])); text(log);

// @case unsettled-main-with-nothing-to-do timing yield_time_ms=150
text("a"); await new Promise(() => {}); text("b");

// @case rejection-handled-later timing
const p = Promise.reject(new Error("x")); setTimeout(() => p.catch(() => text("handled")), 5); await new Promise((r) => setTimeout(r, 30));

// @case error-in-tool-continuation
tools.echo(1).then(() => { throw new Error("continuation"); }); await tools.echo(2); text("end");

// @case error-in-main-while-tool-open
tools.never(); await tools.echo(1); throw new Error("main");

// @case output-after-error-in-job
Promise.resolve().then(() => text("job output")); await Promise.reject("main");

// @case finalization-registry
const r = new FinalizationRegistry(() => text("finalized")); r.register({}, 1); text(typeof new WeakRef({}).deref());

// @case interleaved-output
const a = (async () => { for (const i of [1, 2, 3]) { text(`a${i}`); await null; } })(), b = (async () => { for (const i of [1, 2, 3]) { text(`b${i}`); await null; } })(); await a; await b;

// @case timer-during-long-job timing
const log = [];
setTimeout(() => log.push("timer"), 0); const t = Date.now(); while (Date.now() - t < 20); await null; log.push("job"); await new Promise((r) => setTimeout(r, 10)); text(log);

// @case overdue-timers timing
const log = [];
setTimeout(() => log.push("10"), 10); setTimeout(() => log.push("5"), 5); setTimeout(() => log.push("0"), 0); const t = Date.now(); while (Date.now() - t < 40); await new Promise((r) => setTimeout(r, 60)); text(log);
