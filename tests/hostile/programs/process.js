// Class I: the process and its surroundings
// @case environment
// prints: ["undefined undefined undefined undefined"]
text([typeof process, typeof Deno, typeof Bun, typeof globalThis.env].join(" "));
// @case files-by-import
// prints: ["unsupported import in exec", "unsupported import in exec", "unsupported import in exec"]
for (const path of ["/proc/self/environ", "file:///proc/self/environ", "/proc/self/fd/0"]) try { await import(path); text("read"); } catch (error) { text(String(error)); }
// @case shell-words
// prints: ["$(reboot) `reboot` ; reboot"]
text("$(reboot) `reboot` ; reboot");
// @case network
// prints: ["undefined undefined undefined undefined"]
text([typeof fetch, typeof XMLHttpRequest, typeof WebSocket, typeof EventSource].join(" "));
// @case threads
// prints: ["undefined undefined undefined"]
text([typeof Worker, typeof SharedWorker, typeof MessageChannel].join(" "));
// @case functions-of-shells
// prints: ["undefined undefined undefined undefined undefined undefined"]
text([typeof read, typeof readFile, typeof load$, typeof quit, typeof os, typeof version].join(" "));
// @case locale-and-time-zone
// prints: ["en-US UTC"]
const { locale, timeZone } = new Intl.DateTimeFormat().resolvedOptions(); text(`${locale} ${timeZone}`);
// @case turkish-letters
// prints: ["I i"]
text(`${"i".toUpperCase()} ${"I".toLowerCase()}`);
// @case unknown-time-zones
// ends: failed
for (let i = 0; ; i++) new Intl.DateTimeFormat("en", { timeZone: `../../etc/passwd${i}` });
// @case long-locales
// ends: completed
new Intl.Locale("en-" + "x-".repeat(1e6) + "a");
// @case another-sessions-values
// prints: ["undefined"]
text(String(load("secret of the neighbour")));
// @case imitated-records
// prints: ["⟦U+0001⟧⟦U+0005⟧⟦U+0000⟧hello⟦U+000B⟧⟦U+0000⟧⟦U+0000⟧"]
text("\u0001\u0005\u0000hello\u000b\u0000\u0000");
// @case imitated-records-in-values
// prints: ["1\n2\n3", "⟦U+8001⟧⟦U+FFFF⟧"]
store("1\n1", "1\n2\n3"); text(load("1\n1")); text(await tools.echo({ v: "\u8001\uffff" }));
// @case imitated-answers
// prints: ["R1\n{}", "T1"]
text("R1\n{}"); text(await tools.echo({ v: "T1" }));
// @case many-isolates-worth-of-work
// prints: ["end"]
for (let i = 0; i < 200; i++) await tools.echo({ v: i }); text("end");
// @case crash-by-asm
// ends: completed or failed
const code = `"use asm"; function f(x) { x = x | 0; return ((x | 0) / 0) | 0; } return { f: f };`; text(new Function("stdlib", "foreign", "heap", code)({}, {}, new ArrayBuffer(2 ** 16)).f(1));
// @case detached-buffers
// ends: failed
const b = new ArrayBuffer(8), view = new Uint8Array(b); b.transfer(); view.fill({ valueOf() { return 1; } }); new DataView(b).getInt8(0);
// @case buffers-that-shrink-under-a-sort
// ends: completed or failed
const r = new ArrayBuffer(800, { maxByteLength: 1600 }), t = new Float64Array(r); t.sort((a, b) => { r.resize(8); return a - b; }); text(t.length);
// @case buffers-that-shrink-under-a-copy
// ends: completed or failed
const s = new ArrayBuffer(1600, { maxByteLength: 3200 }); const u = new Uint8Array(s);
u.copyWithin({ valueOf() { s.resize(16); return 0; } }, 8); u.fill(1, { valueOf() { s.resize(0); return 0; } }); text(u.length);
// @case arrays-that-change-under-a-builtin
// ends: completed or failed
const a = [1, 2, 3, 4]; a.splice(0, { valueOf() { a.length = 0; return 4; } }); a.concat({ [Symbol.isConcatSpreadable]: true, length: { valueOf() { a.push(1); return 5; } } }); text(a.length);
// @case species-that-lie
// ends: completed or failed
class Liar extends Uint8Array { static get [Symbol.species]() { return function () { return new Uint8Array(1); }; } }
new Liar(100).map((x) => x); text("not here");
// @case regex-with-a-changing-last-index
// ends: limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const re = /a/g; re.exec = function () { this.lastIndex = -1; return { index: 2 ** 31, length: 2 ** 31, 0: "a" }; }; text("aaa".replace(re, "$0$<x>"));
