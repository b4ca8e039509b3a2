// Class C: values at the boundary
// @case lone-surrogates
// prints: ["⟦U+FFFD⟧", "⟦U+FFFD⟧x", "⟦U+FFFD⟧"]
text("\ud800"); text(await tools.echo({ v: "\udc00x" })); store("k", "\udbff"); text(load("k"));
// @case half-a-pair-in-each-text
// prints: ["⟦U+FFFD⟧", "⟦U+FFFD⟧"]
text("\ud83d"); text("\ude00");
// @case bigint-for-a-tool
// ends: failed
await tools.echo({ v: 1n });
// @case huge-bigint
// ends: failed
// error: RangeError: Maximum BigInt size exceeded
text(2n ** (2n ** 40n));
// @case not-numbers
// prints: ["[null,null,null,0]"]
text(await tools.echo({ v: [NaN, Infinity, -Infinity, -0] }));
// @case number-beyond-doubles
// prints: ["null"]
text(JSON.stringify(await tools.echo({ v: 1e400 })));
// @case own-prototype-key
// prints: ["{\"__proto__\":{\"x\":1},\"constructor\":2}", "true"]
const back = await tools.echo({ v: JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}') });
text(back);
text(Object.getPrototypeOf(back) === Object.prototype && {}.x === undefined);
// @case result-with-a-prototype
// prints: ["{\"__proto__\":{\"a\":1},\"constructor\":1,\"then\":\"x\"}"]
text(await tools.give({ what: "prototype" }));
// @case to-json-that-prints
// prints: ["inner", "1"]
text({ toJSON() { text("inner"); return 1; } });
// @case to-json-that-calls-tools
// prints: ["1", "2"]
let inner;
text(await tools.echo({ v: { toJSON() { inner = tools.echo({ v: 2 }); return 1; } } }));
text(await inner);
// @case to-json-that-exits
// prints: []
await tools.echo({ toJSON() { exit(); } }); text("not here");
// @case to-json-that-loops
// ends: runs
text({ toJSON() { for (;;); } });
// @case to-json-that-loops-for-a-tool
// ends: runs
await tools.echo({ v: { toJSON() { for (;;); } } });
// @case to-json-that-nests
// ends: failed
const again = { toJSON() { return JSON.stringify(again); } }; text(again);
// @case getter-that-loops
// ends: runs
store("k", { get a() { for (;;); } });
// @case getter-that-throws
// ends: failed
text({ get a() { throw new Error("no"); } });
// @case getter-that-stores
// prints: ["{\"a\":1}", "2"]
store("k", { get a() { store("k", 2); return 1; } });
const first = load("k"); text(first); store("k", 2); text(load("k"));
// @case proxy-without-end
// ends: limit value_bytes or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
text(new Proxy({}, { ownKeys() { return Array.from({ length: 1e6 }, (_, i) => `k${i}`); }, getOwnPropertyDescriptor() { return { enumerable: true, configurable: true, value: "x".repeat(50) }; } , get() { return "x".repeat(50); } }));
// @case revoked-proxy
// ends: failed
const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); text(proxy);
// @case proxy-of-a-function
// ends: failed
store("k", new Proxy(() => {}, {}));
// @case cycle
// ends: failed
const round = {}; round.round = round; await tools.echo({ v: round });
// @case deep-argument
// prints: ["failed to serialize JavaScript value: recursion limit exceeded at line 1 column 132"]
let nested = 1; for (let i = 0; i < 5000; i++) nested = [nested];
try { await tools.echo({ v: nested }); } catch (error) { text(error); }
// @case deep-stored-value
// ends: failed
let tower = 1; for (let i = 0; i < 200; i++) tower = { tower }; store("k", tower);
// @case deep-text
// prints: ["20001"]
let level = 1; for (let i = 0; i < 1e4; i++) level = [level]; text(JSON.stringify(level).length);
// @case sparse-array
// ends: limit value_bytes
const sparse = []; sparse[5e6] = 1; text(sparse);
// @case array-of-4-billion
// ends: failed or limit value_bytes or limit compute_ms
const endless = []; endless.length = 2 ** 32 - 1; text(endless);
// @case sparse-argument
// ends: limit value_bytes
const holes = []; holes[2e6] = 1; await tools.echo({ v: holes });
// @case thenable-result
// prints: ["x"]
text((await tools.give({ what: "prototype" })).then);
// @case typed-array-as-argument
// ends: failed or completed or limit value_bytes
await tools.echo({ v: new Uint8Array(5e5) });
// @case million-keys
// ends: failed or limit value_bytes or completed or limit heap_bytes or limit worker_memory_bytes or limit compute_ms
const keys = {}; for (let i = 0; i < 1e6; i++) keys[`k${i}`] = 1; store("k", keys);
// @case key-of-a-megabyte
// prints: ["1"]
store("k".repeat(1e6), 1); text(load("k".repeat(1e6)));
// @case key-too-long
// ends: limit value_bytes
store("k".repeat(17e6), 1);
// @case key-without-text
// ends: failed
// error: store key must be a string
store({ toString() { throw 1; } }, 1);
// @case odd-keys
// prints: ["1", "2", "3", "undefined"]
store("__proto__", 1); store("", 2); store("constructor", 3);
text(load("__proto__")); text(load("")); text(load("constructor")); text(String(load("toString")));
// @case changing-what-was-loaded
// prints: ["{\"a\":1}"]
store("k", { a: 1 }); load("k").a = 2; text(load("k"));
// @case text-of-a-symbol
// prints: ["undefined"]
text(Symbol("x"));
// @case primitive-without-text
// prints: ["{}"]
text({ toString() { throw 1; }, valueOf() { throw 2; }, [Symbol.toPrimitive]() { throw 3; } });
// @case control-characters
// prints: ["⟦U+0000⟧⟦U+001B⟧[2J⟦U+202E⟧evil"]
text("\0\x1b[2J\u202eevil");
// @case function-to-store
// ends: failed
// error: Unable to store "f". Only plain serializable objects can be stored.
store("f", () => {});
// @case strings-of-escapes
// ends: limit value_bytes
store("k", "\0".repeat(4e6));
// @case results-that-are-hard-to-send
// prints: ["error", "error", "object", "error", "error", "error", "object"]
for (const what of ["object", "many", "not a number", "deep", "cycle", "huge", "prototype"]) {
  try { const got = await tools.give({ what }); text(got === null ? "null" : what === "object" ? "ok" : typeof got); } catch { text("error"); }
}
