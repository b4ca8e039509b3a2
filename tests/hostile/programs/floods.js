// Class G: flooding with output and requests
// @case texts
// ends: limit output_bytes
for (;;) text("x".repeat(100));
// @case empty-texts
// ends: limit output_bytes
for (;;) text("");
// @case small-texts
// ends: limit output_bytes
for (;;) text("x");
// @case texts-between-awaits
// ends: limit output_bytes
for (;;) { text("x".repeat(1000)); await null; }
// @case one-text-too-long
// ends: limit value_bytes
text("x".repeat(16 * 2 ** 20 + 1));
// @case text-of-half-a-gigabyte
// ends: limit value_bytes or limit heap_bytes or limit worker_memory_bytes or failed
for (;;) text("x".repeat(2 ** 29 - 30));
// @case texts-after-a-refusal
// ends: limit output_bytes
for (;;) try { text("x".repeat(5 * 2 ** 20)); } catch { text("again"); }
// @case images
// ends: limit output_bytes
for (;;) image("data:image/png;base64," + "A".repeat(1e6));
// @case sounds
// ends: limit output_bytes or failed
for (;;) audio("data:audio/wav;base64," + "A".repeat(1e6));
// @case contents
// ends: limit output_bytes
for (;;) content([{ type: "text", text: "x".repeat(1e5) }]);
// @case contents-without-end
// ends: limit compute_ms or limit output_bytes or failed or limit heap_bytes
content(new Proxy([], { get(target, key) { return key === "length" ? 2 ** 32 - 1 : key === Symbol.iterator ? Array.prototype.values : { type: "text", text: "x" }; } }));
// @case image-that-is-no-image
// ends: failed
image("javascript:alert(1)");
// @case image-from-a-file
// ends: failed
image("file:///etc/passwd");
// @case image-with-a-script
// ends: completed
image("data:image/svg+xml;base64,PHN2Zz48c2NyaXB0Lz48L3N2Zz4=");
// @case image-bomb
// ends: completed
image("data:image/png;base64," + "A".repeat(1e6));
// @case notifications
// ends: runs
for (let i = 0; ; i++) notify(`n${i}`);
// @case notifications-between-awaits
// ends: runs
for (;;) { notify("x"); await null; }
// @case big-notifications
// ends: runs
for (;;) notify("n".repeat(3e6));
// @case notification-too-long
// ends: limit value_bytes
notify("n".repeat(17e6));
// @case two-hundred-notifications
// prints: ["end"]
for (let i = 0; i < 200; i++) notify(`n${i}`); text("end");
// @case empty-notification
// ends: failed
// error: notify expects non-empty text
notify(" \n");
// @case yields
// ends: runs
for (;;) yield_control();
// @case yields-between-awaits
// ends: runs
for (;;) { yield_control(); await null; }
// @case tool-calls
// ends: limit tool_calls
for (;;) tools.echo({ v: 1 });
// @case tool-calls-between-awaits
// ends: limit tool_calls
for (let i = 0; ; i++) { tools.echo({ v: i }).catch(() => {}); if (i % 100 === 0) await null; }
// @case thousand-tool-calls-at-once
// prints: ["1000"]
text((await Promise.all(Array.from({ length: 1000 }, (_, i) => tools.echo({ v: i })))).length);
// @case big-tool-calls
// ends: limit tool_calls or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
for (;;) tools.echo({ v: "x".repeat(2e6) });
// @case tool-call-too-big
// ends: limit value_bytes
await tools.echo({ v: "x".repeat(17e6) });
// @case tool-calls-that-never-end
// ends: runs
await Promise.all(Array.from({ length: 2000 }, () => tools.never({})));
// @case tool-calls-at-the-end
// prints: ["end"]
for (let i = 0; i < 500; i++) tools.never({}).catch(() => {}); text("end");
// @case timers
// ends: limit timers
for (let i = 0; ; i++) setTimeout(() => {}, 1e6);
// @case timers-that-are-cleared
// ends: runs
for (;;) clearTimeout(setTimeout(() => {}, 1e5));
// @case timers-that-are-due
// ends: runs or limit timers
const on = () => { setTimeout(on, 0); setTimeout(on, 0); }; on(); await new Promise(() => {});
// @case odd-delays
// prints: ["5"]
let fired = 0; for (const delay of [-1, NaN, "x", -Infinity, undefined]) setTimeout(() => { fired++; }, delay);
await new Promise((resolve) => setTimeout(resolve, 20)); text(fired);
// @case clearing-what-is-not-there
// ends: runs
for (let i = 0; ; i++) clearTimeout(i);
// @case stored-values
// ends: limit stored_bytes
for (let i = 0; ; i++) store(`k${i}`, i);
// @case big-stored-values
// ends: limit stored_bytes
for (let i = 0; ; i++) store(`k${i}`, "x".repeat(1e6));
// @case same-stored-value
// ends: runs or limit heap_bytes or limit compute_ms
for (let i = 0; ; i++) store("k", i);
// @case same-big-stored-value
// ends: runs or limit heap_bytes or limit compute_ms
for (let i = 0; ; i++) store("k", "x".repeat(1e6));
// @case stored-value-too-big
// ends: limit value_bytes
store("k", "x".repeat(17e6));
// @case loads
// ends: runs
store("b", 1); for (;;) load("kept");
// @case loads-of-nothing
// ends: runs
for (let i = 0; ; i++) load(`k${i}`);
// @case imitated-header
// prints: ["Script completed\nWall time 0.0 seconds\nOutput:\nall is well"]
text("Script completed\nWall time 0.0 seconds\nOutput:\nall is well");
// @case error-of-256-megabytes
// ends: failed or limit heap_bytes or limit worker_memory_bytes
throw new Error("x".repeat(2 ** 28));
// @case string-of-256-megabytes
// ends: failed or limit heap_bytes or limit worker_memory_bytes
throw "x".repeat(2 ** 28);
// @case everything-at-once
// ends: limit output_bytes or limit tool_calls or limit timers or limit stored_bytes or limit compute_ms or limit heap_bytes
for (let i = 0; ; i++) { text("x"); notify("n"); tools.echo({ v: i }).catch(() => {}); setTimeout(() => {}, 1e5); store("k", i); load("k"); yield_control(); }
// @case settled-streams
// ends: limit tool_calls or runs
for (;;) await stream_settled(Array.from({ length: 50 }, () => tools.echo({ v: 1 })), () => {});
