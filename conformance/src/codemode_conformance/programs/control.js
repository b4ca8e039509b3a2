// @case exit
text("before"); exit(); text("after");

// @case exit-try-catch
try { exit(); } catch (e) { text("caught"); text(String(e)); } finally { text("finally"); }
text("after");

// @case exit-in-function
function f() { exit(); }
f(); text("after");

// @case exit-in-async-function
async function f() { await 1; exit(); }
await f(); text("after");

// @case exit-in-async-with-catch
await (async () => { exit(); })().catch(() => text("caught")).finally(() => text("finally")); text("after");

// @case exit-in-job
Promise.resolve().then(() => { text("job"); exit(); });
await new Promise(() => {});

// @case exit-in-job-while-main-continues
Promise.resolve().then(() => { exit(); });
await 1; await 1; await 1; text("main continues?");

// @case exit-in-timer
setTimeout(() => { text("timer"); exit(); text("unreached"); }, 1);
await new Promise(() => {});

// @case exit-in-getter
text({ get a() { exit(); } }); text("after");

// @case exit-in-to-json
tools.echo({ toJSON() { exit(); } }); text("after");

// @case exit-in-callbacks
[1, 2].forEach(() => exit()); text("after");

// @case exit-in-sort
[3, 1, 2].sort(() => exit()); text("after");

// @case exit-in-replace
"abc".replace(/b/, () => exit()); text("after");

// @case exit-in-promise-executor
new Promise(() => exit()); text("after");

// @case exit-in-thenable
await { then() { exit(); } }; text("after");

// @case exit-in-proxy-trap
new Proxy({}, { get() { exit(); } }).x; text("after");

// @case exit-in-iterator
for (const x of { [Symbol.iterator]() { return { next() { exit(); }, return() { text("return"); } }; } }) text(x);
text("after");

// @case exit-runs-no-iterator-return
for (const x of { [Symbol.iterator]() { return { next() { return { value: 1, done: false }; }, return() { text("return called"); return {}; } }; } }) exit();

// @case exit-in-generator
function* g() { try { yield 1; exit(); } finally { text("finally"); } }
for (const x of g()) text(x);
text("after");

// @case exit-with-pending-jobs
Promise.resolve().then(() => text("job"));
exit();

// @case exit-with-pending-timer-and-call
setTimeout(() => text("timer"), 0); tools.never(); exit();

// @case exit-arguments-and-value
exit(1, "x");

// @case exit-after-error-is-scheduled
Promise.reject(new Error("unseen")); exit();

// @case exit-in-using
{ using r = { [Symbol.dispose]() { text("disposed"); } }; exit(); }

// @case exit-in-class-static
class A { static { exit(); } }
text("after");

// @case exit-in-eval
eval("exit()"); text("after");

// @case exit-in-tool-callback
await tools.echo(1).then(() => exit()); text("after");

// @case exit-sentinel-thrown
throw "__codex_code_mode_exit__";

// @case exit-overwritten
const real = exit;
exit = () => text("mine"); exit(); real(); text("after");

// @case exit-in-stack-getter
throw { get stack() { exit(); } };

// @case exit-in-to-string-of-thrown
throw { toString() { exit(); } };

// @case exit-with-new
try { new exit(); } finally { text("finally"); }
text("after");

// @case exit-detached
exit.call(null); text("after");

// @case yield-control
text("a"); yield_control(); text("b");
// @wait

// @case yield-control-then-sleep
text("a"); yield_control(); await new Promise((r) => setTimeout(r, 100)); text("b");
// @wait

// @case yield-control-twice-with-waits
text("a"); yield_control(); await new Promise((r) => setTimeout(r, 200)); text("b"); yield_control(); await new Promise((r) => setTimeout(r, 200)); text("c");
// @wait
// @wait

// @case yield-control-without-output
yield_control(); await new Promise((r) => setTimeout(r, 100));
// @wait

// @case yield-control-return-value
text(String(yield_control("ignored", 1)));
// @wait

// @case yield-control-as-last
text("a"); yield_control();
// @wait

// @case yield-then-error
text("a"); yield_control(); await new Promise((r) => setTimeout(r, 100)); throw new Error("later");
// @wait

// @case yield-then-exit
yield_control(); await new Promise((r) => setTimeout(r, 100)); text("b"); exit();
// @wait

// @case yield-then-terminate
text("a"); yield_control(); await new Promise((r) => setTimeout(r, 50)); text("b"); await new Promise(() => {});
// @terminate

// @case yield-then-tools
yield_control(); await new Promise((r) => setTimeout(r, 100)); text(await tools.echo("later"));
// @wait

// @case yield-time-expires yield_time_ms=100
text("a"); await new Promise((r) => setTimeout(r, 150)); text("b");
// @wait

// @case busy-loop-yields yield_time_ms=100
text("a"); while (true);
// @terminate

// @case busy-job-yields yield_time_ms=100
text("a"); await 1; while (true);
// @terminate

// @case busy-timer-yields yield_time_ms=100
setTimeout(() => { while (true); }, 0); text("a"); await new Promise(() => {});
// @terminate

// @case endless-jobs-yield yield_time_ms=100
const f = () => Promise.resolve().then(f);
f(); text("a"); await new Promise(() => {});
// @terminate

// @case wait-on-finished
text("a");
// @wait

// @case terminate-finished
text("a");
// @terminate

// @case never-settles yield_time_ms=100
text("a"); await new Promise(() => {});
// @wait
// @terminate
// @wait

// @case notify
notify("one"); notify("two"); text("end");

// @case notify-values
for (const v of [1, true, null, undefined, 1n, { a: 1 }, [1], "é😀", "a\ud800", () => {}, Symbol("s"), new Date(0)]) notify(v);

// @case notify-empty
for (const v of ["", " ", "\n\t", "\u00a0", "\ufeff", "\u200b", "\u0085", "\u3000"]) try { notify(v); text("accepted"); } catch (e) { text(typeof e); text(e); }

// @case notify-empty-uncaught
notify("  ");

// @case notify-keeps-white-space
notify("  padded \n");

// @case notify-no-argument
notify();

// @case notify-returns-undefined
text(String(notify("x")));

// @case notify-errors
for (const v of [{ a: 1n }, { get a() { throw new Error("getter"); } }]) try { notify(v); } catch (e) { text(typeof e); text(e); }

// @case notify-cycle
const a = {}; a.a = a; notify(a);

// @case notify-extra-arguments
notify("a", "b");

// @case notify-then-error
notify("sent"); throw new Error("after");

// @case notify-then-exit
notify("sent"); exit();

// @case notify-and-tools
notify("1"); await tools.echo("a"); notify("2"); await tools.echo("b");

// @case notify-in-timer-and-job
Promise.resolve().then(() => notify("job")); setTimeout(() => notify("timer"), 5);
await new Promise((r) => setTimeout(r, 40));

// @case notify-does-not-add-output
notify("n"); text("t");

// @case notify-after-yield
yield_control(); await new Promise((r) => setTimeout(r, 100)); notify("late"); text("x");
// @wait

// @case notify-twenty
for (let i = 0; i < 20; i++) notify(i);

// @case empty-program

// @case comment-only
// nothing here

// @case white-space-only
⟦U+0020⟧⟦U+0009⟧⟦U+000A⟧

// @case expression-value-is-dropped
1 + 1;

// @case notify-white-space-only
for (const v of ["", " ", "\n", "\t\r\n", "\v\f", "\u00a0", "\u0085", "\u1680", "\u2000\u200a", "\u2028\u2029", "\u202f", "\u205f", "\u3000", "\ufeff", "\u200b", "\u180e", "\u001c", "\u001d\u001e\u001f", "\0", "\ud800"]) try { notify(v); text("ok " + escape(v)); } catch (e) { text(e + " " + escape(v)); }
