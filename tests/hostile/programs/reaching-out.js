// Class A: reaching out of the isolate
// @case function-constructor
// prints: ["true", "undefined undefined undefined"]
const outer = text.constructor.constructor("return this")();
text(outer === globalThis);
text([typeof outer.process, typeof outer.require, typeof outer.host].join(" "));
// @case indirect-eval
// prints: ["object true"]
text(`${typeof (0, eval)("this")} ${(0, eval)("this") === globalThis}`);
// @case async-and-generator-constructors
// prints: ["true", "true", "true"]
for (const f of [async () => {}, function* () {}, async function* () {}]) {
  const made = f.constructor("return globalThis");
  const got = made();
  text((typeof got.next === "function" ? (await got.next()).value : await got) === globalThis);
}
// @case prototypes-of-helpers
// prints: ["function () { [native code] }", "[]", "true"]
text(Function.prototype.toString.call(tools.echo));
text(Reflect.ownKeys(tools.echo).filter((key) => !["length", "name", "prototype"].includes(key)));
text(Object.getPrototypeOf(tools.echo) === Function.prototype);
// @case caller-of-a-callback
// prints: ["1", "null"]
globalThis.seen = "nobody";
text({ toJSON: new Function("seen = String(arguments.callee.caller); return 1") });
text(seen);
// @case caller-of-a-sloppy-getter
// prints: ["null"]
globalThis.seen = "nobody";
await tools.echo(Object.defineProperty({}, "v", { enumerable: true, get: new Function("seen = String(arguments.callee.caller); return 1") }));
text(seen);
// @case arguments-of-the-wrapper
// ends: failed
// error: ReferenceError: arguments is not defined
text(arguments.length);
// @case arguments-by-eval
// prints: ["undefined"]
text(eval("typeof arguments"));
// @case this-and-new-target
// prints: ["undefined"]
text(typeof this);
// @case construct-helpers
// prints: ["x", "object"]
text(typeof new text("x"));
// @case call-sites
// prints: ["0"]
const found = [];
Error.prepareStackTrace = (error, sites) => {
  for (const site of sites) {
    for (const method of Object.getOwnPropertyNames(Object.getPrototypeOf(site))) {
      let value;
      try { value = site[method](); } catch { continue; }
      if (value !== null && ["object", "function"].includes(typeof value) && value !== globalThis) found.push(method);
    }
  }
  return "stack";
};
const look = new Proxy({}, { get() { new Error().stack; }, ownKeys() { new Error().stack; return []; } });
try { store("a", look); } catch {}
await tools.echo(look).catch(() => {});
await tools.echo({ v: { toJSON() { new Error().stack; return 1; } } });
text(`${found.length}`);
// @case call-sites-of-a-then
// prints: ["0"]
const frames = [];
Error.stackTraceLimit = 100;
Error.prepareStackTrace = (error, sites) => { for (const site of sites) frames.push(String(site)); return ""; };
Object.defineProperty(Object.prototype, "then", { configurable: true, get() { new Error().stack; } });
await tools.echo({ v: {} });
delete Object.prototype.then;
text(`${frames.filter((frame) => frame.includes("prelude")).length}`);
// @case the-stack-formatter-itself
// ends: failed or completed
const { get } = Object.getOwnPropertyDescriptor(Function.prototype, "prepareStackTrace");
const prepare = get.call(Error);
try { text(String(prepare(new Error("x"), [{ toString() { return "a"; } }]))); } catch (error) { text(String(error)); }
try { prepare({}, { length: 1e15, get 0() { exit(); } }); } catch (error) { text(String(error)); }
// @case frames-of-the-prelude-for-a-formatter-of-ones-own
// prints: ["0"]
Error.prepareStackTrace = (_, sites) => sites;
let seen = [];
try { text({ toJSON() { seen = new Error("here").stack; throw 1; } }); } catch {}
text(seen.filter((site) => site.getFunction() !== undefined && site.getThis() !== undefined).length);
// @case huge-stack
// prints: ["true"]
Error.stackTraceLimit = 1e9;
function deep(n) { return n === 0 ? new Error("bottom").stack : deep(n - 1); }
text(deep(3000).length > 50_000);
// @case error-of-a-tool
// prints: ["string", "no"]
try { await tools.secretive({}); } catch (error) { text(typeof error); text(error); }
// @case secrets-of-a-cause
// prints: ["false"]
let told = "";
try { await tools.secretive({}); } catch (error) { told = JSON.stringify([error, String(error), error.stack, error.cause]); }
text(told.includes("swordfish"));
// @case dynamic-imports
// prints: ["unsupported import in exec", "unsupported import in exec", "unsupported import in exec", "unsupported import in exec", "unsupported import in exec"]
for (const name of ["fs", "node:fs", "data:text/javascript,1", "file:///etc/passwd", "https://example.com/x.js"]) {
  try { await import(name); text("imported"); } catch (error) { text(String(error)); }
}
// @case import-with-a-looping-name
// ends: runs
await import({ toString() { for (;;); } });
// @case import-attributes
// ends: failed
import data from "./x.json" with { type: "json" };
// @case import-meta
// ends: completed or failed
text(Object.keys(import.meta));
// @case absent-globals
// prints: ["WebAssembly SharedArrayBuffer Atomics ShadowRealm console process require fetch Deno Bun Worker structuredClone queueMicrotask performance setInterval gc d8 print read load$ quit"]
const names = "WebAssembly SharedArrayBuffer Atomics ShadowRealm console process require fetch Deno Bun Worker structuredClone queueMicrotask performance setInterval gc d8 print read load$ quit".split(" ");
text(names.filter((name) => typeof globalThis[name] === "undefined").join(" "));
// @case absent-globals-of-new-functions
// prints: ["undefined undefined undefined"]
text(new Function("return [typeof WebAssembly, typeof SharedArrayBuffer, typeof Atomics].join(' ')")());
// @case natives-syntax
// ends: failed
// error: SyntaxError: Unexpected token '%'
eval("%DebugPrint(1)");
// @case debugger-statement
// prints: ["on"]
debugger;
text("on");
// @case find-the-shared-buffer
// prints: ["[]"]
const visited = new Set(), odd = [];
function walk(value, path, depth) {
  if ((typeof value !== "object" && typeof value !== "function") || value === null || visited.has(value) || depth > 8) return;
  visited.add(value);
  const kind = Object.prototype.toString.call(value);
  if (!path.includes("prototype") && /ArrayBuffer|Uint16Array|Int32Array|External/.test(kind)) odd.push(path + kind);
  for (const key of Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key);
    for (const part of ["value", "get", "set"]) walk(property?.[part], `${path}.${String(key)}`, depth + 1);
  }
  walk(Object.getPrototypeOf(value), `${path}.__proto__`, depth + 1);
}
walk(globalThis, "globalThis", 0);
walk(tools, "tools", 0);
text(odd);
// @case forge-the-wrappers-label
// ends: failed
break codemode;
// @case forge-a-source-url
// ends: failed
throw new Error("q");
//# sourceURL=/etc/passwd
// @case read-the-prelude
// prints: ["function () { [native code] }", "function () { [native code] }"]
text(String(exit));
text(Function.prototype.toString.call(store));
// @case apply-trap-on-a-helper
// prints: ["[]"]
const got = [];
const original = Reflect.apply;
Reflect.apply = (target, self, rest) => { got.push(String(target)); return original(target, self, rest); };
await tools.echo({ v: 1 });
text(JSON.stringify(got));
