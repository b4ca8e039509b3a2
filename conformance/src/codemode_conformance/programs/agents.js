// @case read-all-files
const files = await tools.list_files();
for (const { path, size } of files) {
  const { text: body } = await tools.read_file({ path });
  text(`${path}: ${size} bytes, ${body.split("\n").length - 1} lines`);
}

// @case find-todos
const files = await tools.list_files();
const found = [];
await Promise.all(
  files.map(async ({ path }) => {
    const file = await tools.read_file({ path });
    file.text.split("\n").forEach((line, i) => {
      if (line.includes("TODO")) found.push({ path, line: i + 1, text: line.trim() });
    });
  }),
);
found.sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line);
text(found);
text(`${found.length} TODOs in ${files.length} files`);

// @case tolerate-failures
const paths = ["README.md", "missing.txt", "src/main.py", "also/missing.txt"];
const results = await Promise.allSettled(paths.map((path) => tools.read_file({ path })));
for (const [i, r] of results.entries()) {
  if (r.status === "fulfilled") text(`ok ${paths[i]} (${r.value.text.length})`);
  else text(`failed ${paths[i]}: ${r.reason}`);
}
store("failed", paths.filter((_, i) => results[i].status === "rejected"));
// @cell
const failed = load("failed");
text(`${failed.length} failed before: ${failed.join(", ")}`);

// @case retry-with-back-off
async function retry(f, times, delay) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await f(attempt);
    } catch (error) {
      text(`attempt ${attempt}: ${error}`);
      if (attempt === times) throw new Error(`gave up after ${times}`);
      await new Promise((r) => setTimeout(r, delay * 2 ** attempt));
    }
  }
}
text(await retry((n) => (n < 3 ? tools.fail_with(`no ${n}`) : tools.echo(`yes ${n}`)), 5, 1));
await retry((n) => tools.fail_with("never"), 2, 1);

// @case timeout
function withTimeout(promise, ms) {
  let id;
  const timeout = new Promise((_, reject) => { id = setTimeout(() => reject(new Error(`timed out after ${ms} ms`)), ms); });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(id));
}
text(await withTimeout(tools.echo("in time"), 500));
try { await withTimeout(tools.never(), 20); } catch (e) { text(e.message); }

// @case limited-concurrency
async function mapLimit(items, limit, f) {
  const results = new Array(items.length);
  let next = 0, running = 0, peak = 0;
  await Promise.all(Array.from({ length: limit }, async () => {
    while (next < items.length) {
      const i = next++;
      peak = Math.max(peak, ++running);
      results[i] = await f(items[i]);
      running--;
    }
  }));
  return { results, peak };
}
text(await mapLimit([1, 2, 3, 4, 5, 6, 7], 3, (x) => tools.add({ a: x, b: x })));

// @case progress-with-notify
const files = await tools.list_files();
let done = 0;
for (const { path } of files) {
  await tools.read_file({ path });
  notify(`${++done}/${files.length} ${path}`);
}
text("all read");

// @case progress-with-yield
text("phase one");
yield_control();
await new Promise((r) => setTimeout(r, 150));
text("phase two");
text(await tools.shout("done"));
// @wait

// @case stream-results
await stream_settled(["README.md", "nope", "src/util.py"].map((path) => tools.read_file({ path })), ({ index, status, value, reason }) => {
  text(`${index} ${status} ${status === "fulfilled" ? value.path : reason}`);
});

// @case as-settled-by-name
const calls = new Map(["README.md", "nope"].map((path) => [path, tools.read_file({ path })]));
for await (const r of as_settled(calls)) text(r.status === "fulfilled" ? `${r.index}: ${r.value.text.length}` : `${r.index}: ${r.reason}`);

// @case cache-across-cells
const cache = load("cache") ?? {};
for (const path of ["README.md", "src/util.py"]) cache[path] ??= (await tools.read_file({ path })).text;
store("cache", cache);
text(Object.keys(cache));
// @cell
const cache = load("cache") ?? {};
for (const path of ["README.md", "src/util.py"]) cache[path] ??= (await tools.read_file({ path })).text;
text(Object.values(cache).map((t) => t.length));

// @case discover-tools
const names = ALL_TOOLS.filter((t) => /file/i.test(t.description)).map((t) => t.name);
text(names);
for (const name of names.filter((n) => n.startsWith("list"))) text((await tools[name]({})).length);

// @case table
const files = await tools.list_files();
const width = Math.max(...files.map((f) => f.path.length));
text(files.map((f) => `${f.path.padEnd(width)} | ${String(f.size).padStart(5)}`).join("\n"));

// @case csv-statistics
const csv = "name,score\nann,3\nbob,5\ncid,10\n";
const [head, ...rows] = csv.trim().split("\n").map((l) => l.split(","));
const scores = rows.map((r) => Number(r[head.indexOf("score")]));
const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
text({ rows: rows.length, mean, max: Math.max(...scores), deviation: Math.sqrt(scores.reduce((a, b) => a + (b - mean) ** 2, 0) / scores.length).toFixed(3) });

// @case mistake-missing-await
const files = tools.list_files();
text(files.length); text(files); text(files.map((f) => f.path));

// @case mistake-wrong-field
const file = await tools.read_file({ path: "README.md" });
text(file.content.length);

// @case mistake-json-parse-of-object
const file = await tools.read_file({ path: "README.md" });
text(JSON.parse(file));

// @case mistake-console-log
const files = await tools.list_files();
console.log(files);

// @case mistake-require
const fs = require("fs"); text(fs.readFileSync("x"));

// @case mistake-unknown-tool
const out = await tools.readFile({ path: "README.md" }); text(out);

// @case mistake-return-value
const files = await tools.list_files();
return files;

// @case mistake-await-in-for-each
const files = await tools.list_files();
files.forEach(async ({ path }) => { const f = await tools.read_file({ path }); text(f.path); });
text("end");

// @case mistake-error-object-expected
try { await tools.fail(); } catch (e) { text(`failed: ${e.message}`); }

// @case mistake-fetch
const r = await fetch("https://example.com"); text(await r.text());

// @case mistake-exit-in-catch
try { const r = await tools.echo("x"); if (r) { text("leaving"); exit(); } } catch (e) { text("swallowed"); }
text("never");

// @case pipeline-with-validation
const schema = { a: "number", b: "string" };
const check = (v) => Object.entries(schema).filter(([k, t]) => typeof v[k] !== t).map(([k]) => k);
const inputs = [{ a: 1, b: "x" }, { a: "1", b: "y" }, { b: 5 }];
const good = [];
for (const [i, input] of inputs.entries()) {
  const bad = check(input);
  if (bad.length) text(`input ${i}: bad ${bad.join(", ")}`);
  else good.push(await tools.echo(input));
}
text(good);

// @case state-machine
const transitions = { idle: { start: "running" }, running: { pause: "paused", stop: "idle" }, paused: { start: "running", stop: "idle" } };
let state = "idle";
for (const event of ["start", "pause", "start", "fly", "stop"]) {
  const next = transitions[state][event];
  text(next ? `${state} -${event}-> ${next}` : `${state} ignores ${event}`);
  state = next ?? state;
}

// @case queue-of-work
const queue = [["add", { a: 1, b: 2 }], ["shout", "x"], ["fail", {}], ["nope", {}]];
const log = [];
while (queue.length) {
  const [name, input] = queue.shift();
  try { log.push([name, await tools[name](input)]); } catch (e) { log.push([name, `error: ${e.message ?? e}`]); }
}
text(log);

// @case binary-search
const calls = [];
const probe = async (n) => { calls.push(n); return (await tools.add({ a: n, b: 0 })) >= 37; };
let low = 0, high = 100;
while (low < high) { const mid = (low + high) >> 1; if (await probe(mid)) high = mid; else low = mid + 1; }
text(low); text(calls);

// @case recursion-over-tree
const tree = await tools.echo({ name: "root", children: [{ name: "a", children: [{ name: "a1", children: [] }] }, { name: "b", children: [] }] });
const walk = (node, depth = 0) => [`${"  ".repeat(depth)}${node.name}`, ...node.children.flatMap((c) => walk(c, depth + 1))];
text(walk(tree).join("\n"));

// @case diff-of-texts
const [a, b] = await Promise.all(["src/main.py", "src/util.py"].map((path) => tools.read_file({ path })));
const left = new Set(a.text.split("\n")), right = new Set(b.text.split("\n"));
text([...left].filter((l) => !right.has(l))); text([...right].filter((l) => !left.has(l))); text([...left.intersection(right)]);

// @case image-from-tool
const made = await tools.echo({ type: "image", data: "iVBORw0KGgo=", mimeType: "image/png" });
image(made, "original"); text("made one image");

// @case mcp-content-passed-on
const result = await tools.reading("result");
if (result.isError) throw new Error("tool failed");
content(result.content);

// @case error-in-the-middle
text("step 1"); const x = await tools.add({ a: 1, b: 2 }); text(`step 2: ${x}`);
const y = await tools.add({ a: "1", b: 2 }); text("step 3 is never reached");

// @case debounce-with-timers
let id, runs = 0;
const debounce = (f, ms) => { clearTimeout(id); id = setTimeout(f, ms); };
for (let i = 0; i < 5; i++) debounce(() => runs++, 10);
await new Promise((r) => setTimeout(r, 60));
text(runs);

// @case event-emitter
class Emitter { #h = new Map(); on(e, f) { (this.#h.get(e) ?? this.#h.set(e, []).get(e)).push(f); return this; } emit(e, ...a) { return (this.#h.get(e) ?? []).map((f) => f(...a)); } }
const e = new Emitter().on("x", (v) => v + 1).on("x", (v) => v * 2);
text(e.emit("x", 5)); text(e.emit("y"));

// @case memoised-fibonacci
const memo = new Map();
const fib = (n) => n < 2 ? BigInt(n) : memo.get(n) ?? (memo.set(n, fib(n - 1) + fib(n - 2)), memo.get(n));
text(fib(90)); text(memo.size);

// @case word-count
const words = "the cat and the hat and the bat".split(/\s+/);
const counts = Object.entries(words.reduce((m, w) => ({ ...m, [w]: (m[w] ?? 0) + 1 }), {})).sort(([a, x], [b, y]) => y - x || a.localeCompare(b));
text(counts); text(Object.fromEntries(counts.slice(0, 2)));

// @case agent-summary-table
const files = await tools.list_files({}); const total = files.reduce((s, f) => s + f.size, 0); text(["| file | size |", "|---|---|", ...files.map(f => `| ${f.path} | ${f.size} |`), `| **total** | ${total} |`].join("\n"));

// @case agent-csv
const csv = "a,b\n1,\"x, y\"\n2,z"; const rows = csv.split("\n").slice(1).map(l => l.match(/("([^"]*)"|[^,]+)(,|$)/g).map(x => x.replace(/,$/, "").replace(/^"|"$/g, ""))); text(rows);

// @case agent-abort-style
let cancelled = false; const work = (async () => { for (let i = 0; i < 5 && !cancelled; i++) await tools.echo(i); return "stopped"; })(); cancelled = true; text(await work);

// @case agent-console-polyfill
globalThis.console = { log: (...a) => text(a.map(x => typeof x === "string" ? x : JSON.stringify(x)).join(" ")), error: notify }; console.log("a", { b: 1 }); console.error("warn");

// @case agent-base64-helper
const enc = (s) => { const b = new Uint8Array([...unescape(encodeURIComponent(s))].map(c => c.charCodeAt(0))); return b.toBase64(); }; text(enc("héllo")); text(new TextDecoder ? "td" : "");

// @case agent-state-machine
const state = load("state") ?? { step: 0, log: [] }; state.step++; state.log.push(`step ${state.step}`); store("state", state); text(state);
// @cell
const state = load("state") ?? { step: 0, log: [] }; state.step++; state.log.push(`step ${state.step}`); store("state", state); text(state);

// @case agent-event-emitter
class Emitter { #h = {}; on(e, f) { (this.#h[e] ??= []).push(f); return this; } emit(e, ...a) { this.#h[e]?.forEach(f => f(...a)); } } const em = new Emitter().on("x", text).on("x", (v) => notify(v)); em.emit("x", "payload");

// @case agent-grep-pattern
const files = await tools.list_files({}); const hits = []; for (const f of files) { const { text: body } = await tools.read_file({ path: f.path }); body.split("\n").forEach((line, i) => { if (/TODO/.test(line)) hits.push(`${f.path}:${i + 1}: ${line.trim()}`); }); } text(hits.join("\n"));

// @case agent-dedupe-and-sort
const xs = await tools.echo([{ id: 2, n: "b" }, { id: 1, n: "a" }, { id: 2, n: "b" }]); text([...new Map(xs.map(x => [x.id, x])).values()].sort((a, b) => a.id - b.id));

// @case agent-progress
for (let i = 1; i <= 3; i++) { notify(`progress ${i}/3`); await tools.echo(i); } text("done");

// @case agent-memoize-tools
const cache = new Map(); const memo = (k, f) => cache.get(k) ?? cache.set(k, f()).get(k); text(await memo("a", () => tools.echo(1))); text(await memo("a", () => tools.echo(2)));
