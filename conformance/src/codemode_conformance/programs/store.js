// @case same-cell
store("k", { a: 1 }); text(load("k")); text(String(store("k2", 1)));

// @case next-cell
store("k", { a: [1, "x", null, true] });
// @cell
text(load("k"));

// @case missing
text(String(load("missing"))); text(typeof load("toString")); text(typeof load("__proto__"));

// @case overwrite
store("k", 1); store("k", 2); text(load("k"));
// @cell
store("k", 3); text(load("k"));
// @cell
text(load("k"));

// @case snapshot-at-call
const o = { a: 1 };
store("k", o); o.a = 2; text(load("k"));

// @case load-is-a-copy
store("k", { a: [1] });
const one = load("k"); one.a.push(2); text(load("k")); text(load("k") === load("k"));

// @case load-is-plain
store("k", { a: 1 });
const v = load("k");
text(Object.getPrototypeOf(v) === Object.prototype); text(Object.isFrozen(v)); text(Object.getOwnPropertyDescriptor(v, "a"));

// @case primitives
for (const v of [null, true, false, 0, -0, 1.5, "", "s", NaN, Infinity]) { store("k", v); const r = load("k"); text(`${typeof r} ${Object.is(r, -0) ? "-0" : String(r)}`); }

// @case json-semantics
store("k", { d: new Date(0), m: new Map([[1, 2]]), u: undefined, f() {}, n: NaN, t: new Uint8Array([1]), r: /x/, e: new Error("x") }); text(load("k"));

// @case undefined
store("k", undefined);

// @case unstorable-caught
for (const v of [undefined, () => {}, Symbol("s"), class {}, { toJSON() {} }]) try { store("k", v); text("stored"); } catch (e) { text(typeof e); text(e); }

// @case value-left-out
try { store("k"); } catch (e) { text(e); }
try { store(); } catch (e) { text(e); }

// @case function-uncaught
store("f", function () {});

// @case bigint
try { store("k", 1n); } catch (e) { text(typeof e); text(e); }
try { store("k", { a: 1n }); } catch (e) { text(typeof e); text(e); }

// @case cycle
const a = {}; a.a = a;
try { store("k", a); } catch (e) { text(typeof e); text(e); }

// @case throwing-getter
try { store("k", { get a() { throw new Error("getter"); } }); } catch (e) { text(typeof e); text(e); }

// @case failed-store-keeps-old
store("k", 1);
try { store("k", undefined); } catch {}
try { store("k", 1n); } catch {}
text(load("k"));

// @case keys
for (const k of [5, -0, 1.5, true, null, undefined, "", " ", "a.b", "é", "😀", "\u0000", 10n, {}, [1, 2], () => 1, new Date(0), NaN]) { store(k, "v"); text(load(String(k))); }

// @case key-symbol
try { store(Symbol("s"), 1); } catch (e) { text(typeof e); text(e); }
try { load(Symbol("s")); } catch (e) { text(typeof e); text(e); }

// @case key-conversion-throws
try { store({ toString() { throw new Error("no"); } }, 1); } catch (e) { text(typeof e); text(e); }
try { load({ toString() { throw new Error("no"); } }); } catch (e) { text(typeof e); text(e); }
try { store(Object.create(null), 1); } catch (e) { text(typeof e); text(e); }

// @case key-to-primitive
const k = { [Symbol.toPrimitive](hint) { text(hint); return "prim"; } };
store(k, 1); text(load("prim")); text(load(k));

// @case key-conversion-order
store({ toString() { text("key"); return "k"; } }, { get a() { text("value"); return 1; } });

// @case key-in-message
for (const k of ["a\"b", "a\\b", "a\nb", "é😀", "\u0000\u001b", "", "\u200b", "'"]) try { store(k, undefined); } catch (e) { text(e); }

// @case key-lone-surrogate
store("\ud800", 1); text(String(load("\ud800"))); text(String(load("\ufffd"))); text(String(load("\udc00")));

// @case special-keys
for (const k of ["__proto__", "constructor", "toString", "hasOwnProperty"]) { store(k, k); }
text(load("__proto__")); text(load("constructor")); text({}.polluted === undefined);
// @cell
text(load("__proto__")); text(load("toString"));

// @case proto-member
store("k", JSON.parse('{"__proto__": {"polluted": true}}'));
const v = load("k"); text(v); text(Object.hasOwn(v, "__proto__")); text(String({}.polluted));

// @case lone-surrogate-value
try { store("k", "\ud800"); text(load("k").charCodeAt(0).toString(16)); } catch (e) { text(typeof e); text(e); }
try { store("k", { "\udc00": "x\ud83dy" }); text(JSON.stringify(load("k"))); } catch (e) { text(typeof e); text(e); }

// @case number-precision
store("k", [9007199254740993, 1e300, 0.1, 1e21, -0, 123456789.123456789]); text(load("k")); text(Object.is(load("k")[4], -0));

// @case key-order
store("k", { b: 1, a: 2, 10: 3, 9: 4 }); text(load("k"));
// @cell
text(load("k"));

// @case duplicate-keys-after-raw
store("k", JSON.rawJSON("123456789012345678901234567890")); text(load("k"));

// @case deep
let v = [];
for (let i = 0; i < 126; i++) v = [v];
try { store("k", v); text("stored"); text(load("k")); } catch (e) { text(e); }

// @case too-deep
let v = [];
for (let i = 0; i < 128; i++) v = [v];
try { store("k", v); text("stored"); } catch (e) { text(typeof e); text(e); }

// @case after-error
store("k", 7); throw new Error("x");
// @cell
text(load("k"));

// @case after-exit
store("k", 8); exit();
// @cell
text(load("k"));

// @case after-syntax-error
store("k", 1);
// @cell
store("k", 2); let;
// @cell
text(load("k"));

// @case after-terminate
store("k", 1); yield_control(); await new Promise(() => {});
// @terminate
// @cell
text(String(load("k")));

// @case while-running
store("k", 1); yield_control(); await new Promise((r) => setTimeout(r, 300)); text("end");
// @wait
// @cell
text(String(load("k")));

// @case sees-values-of-start-only
store("k", "old");
// @cell
text(load("k")); store("k", "new"); text(load("k"));
// @cell
text(load("k"));

// @case in-callbacks
setTimeout(() => store("timer", 1), 0);
Promise.resolve().then(() => store("job", 2));
await new Promise((r) => setTimeout(r, 5));
text(load("timer")); text(load("job"));

// @case in-job-after-end
Promise.resolve().then(() => {}).then(() => {}).then(() => store("late", 1));
// @cell
text(String(load("late")));

// @case extra-arguments
store("k", 1, 2, 3); text(load("k", "default")); text(String(load("missing", "default")));

// @case load-no-argument
store("undefined", "u"); text(load());

// @case re-entrant
store("k", { get a() { store("k", "inner"); return 1; } }); text(load("k"));

// @case large
store("k", "x".repeat(1000000)); text(load("k").length);
// @cell
text(load("k").length);

// @case many
for (let i = 0; i < 1000; i++) store(`k${i}`, i);
// @cell
let sum = 0;
for (let i = 0; i < 1000; i++) sum += load(`k${i}`);
text(sum);

// @case poisoned-json
store("k", { a: 1 });
JSON.parse = () => "poisoned"; JSON.stringify = () => '"poisoned"';
store("j", { b: 2 }); text(load("k")); text(load("j"));

// @case to-json
store("k", { toJSON(key) { return { key }; } }); text(load("k")); store("j", { a: { toJSON: (key) => key } }); text(load("j"));

// @case proxy
store("k", new Proxy({ a: 1 }, {})); text(load("k"));
try { store("f", new Proxy(() => {}, {})); } catch (e) { text(e); }

// @case control-characters
store("k", "\u0000\u001f\u007f\u2028\u2029\ufeff"); text(JSON.stringify(load("k")));

// @case near-the-end-of-the-stack
let out = 0; function f() { try { f(); } catch (e) { if (out < 1) { try { store('a', 5); out++; } catch (x) { if (out === 0 && load('a') === 5) text('half'); } } throw e; } } try { f(); } catch (e) { text(e.name); } text(out); text(load('a'));
