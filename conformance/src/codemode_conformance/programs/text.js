// @case order
text("a"); text("b"); text("");

// @case primitives
text(undefined); text(null); text(true); text(false); text("s"); text(0); text(-0); text(1.5); text(1n);

// @case no-argument
text();

// @case extra-arguments
text("a", "b", "c");

// @case returns-undefined
text(typeof text("x"));

// @case numbers
for (const n of [NaN, Infinity, -Infinity, 1e21, 1e-7, 123456789012345680000, 0.1 + 0.2, 5e-324, 2 ** 53]) text(n);

// @case big-integers
text(2n ** 64n); text(-5n); text(0n);

// @case plain-objects
text({ a: 1, b: [1, "two", null, { c: true }] }); text([]); text({}); text([[]]);

// @case json-drops-and-replaces
text({ u: undefined, f() {}, s: Symbol("s"), n: NaN, i: -Infinity, z: -0 });
text([undefined, () => {}, Symbol("s"), NaN, , 1]);

// @case function
text(() => 1); text(class A {}); text(text);

// @case symbol
text(Symbol("s")); text(Symbol.iterator); text(Symbol());

// @case wrapper-objects
text(new String("s")); text(new Number(1)); text(new Boolean(false)); text(Object("x")); text(Object(Symbol("s")));

// @case wrapped-bigint
text(Object(1n));

// @case dates
text(new Date(0)); text([new Date(86400000)]);

// @case invalid-date
text(new Date(NaN));

// @case collections
text(new Map([[1, 2]])); text(new Set([1])); text(new WeakMap()); text(new WeakSet());

// @case typed-arrays
text(new Uint8Array([1, 2, 255])); text(new Float64Array([0.5, NaN])); text(new ArrayBuffer(4)); text(new DataView(new ArrayBuffer(1)));

// @case bigint-typed-array
try { text(new BigInt64Array([1n])); } catch (e) { text(String(e)); text(typeof e); text(e instanceof TypeError); }

// @case regexp
text(/a+/gi); text({ r: /x/ });

// @case error-object
text(new Error("boom")); text({ e: new TypeError("t") });

// @case promise
text(Promise.resolve(1)); text((async () => 1)()); text({ p: Promise.resolve(1) });

// @case proxies
text(new Proxy({ a: 1 }, {})); text(new Proxy([1, 2], {})); text(new Proxy(() => {}, {}));

// @case proxy-traps
text(new Proxy({}, { ownKeys: () => ["a"], get: (_, k) => String(k), getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 9 }) }));

// @case revoked-proxy
const { proxy, revoke } = Proxy.revocable({}, {});
revoke();
text(proxy);

// @case to-json
text({ toJSON() { return { from: "toJSON" }; } }); text({ toJSON: (key) => `key=${JSON.stringify(key)}` }); text({ a: { toJSON: (key) => key } });

// @case to-json-undefined
text({ toJSON() { return undefined; } }); text({ toJSON() { return () => {}; } }); text({ toJSON: 5 });

// @case to-json-on-primitive
String.prototype.toJSON = () => "poison"; Number.prototype.toJSON = () => "poison";
text("s"); text(1); text({ s: "s", n: 1 });

// @case bigint-inside
text({ a: 1n });

// @case bigint-inside-caught
try { text({ a: 1n }); } catch (e) { text(typeof e); text(String(e)); text(e instanceof TypeError); text(e.message); text(e.stack); }

// @case bigint-to-json
BigInt.prototype.toJSON = function () { return `${this}n`; };
text({ a: 1n }); text(1n);

// @case cycle
const a = { name: "a" };
a.self = a;
text(a);

// @case cycle-caught
const a = { x: { y: [] } };
a.x.y.push(a);
try { text(a); } catch (e) { text(typeof e); text(e.constructor.name); text(e.message); text(e.stack); }

// @case throwing-getter
text({ get a() { throw new Error("getter"); } });

// @case throwing-getter-caught
const thrown = new RangeError("mine");
try { text({ get a() { throw thrown; } }); } catch (e) { text(e === thrown); text(typeof e); text(String(e)); }

// @case getter-throws-string
try { text({ get a() { throw "plain"; } }); } catch (e) { text(typeof e); text(e); }

// @case getter-throws-null
try { text({ get a() { throw null; } }); } catch (e) { text(typeof e); text(String(e)); }

// @case to-json-throws
const o = {
  toJSON() {
    throw new Error("from toJSON");
  },
};
text(o);

// @case to-string-is-not-called
text({ toString() { return "custom"; } }); text({ valueOf() { return 5; } }); text({ [Symbol.toPrimitive]() { return "p"; } });

// @case null-prototype
const o = Object.create(null);
o.a = 1;
text(o);

// @case inherited-and-hidden-properties
class P { constructor() { this.own = 1; } get g() { return 2; } }
const p = new P();
Object.defineProperty(p, "hidden", { value: 3, enumerable: false });
p[Symbol("s")] = 4;
text(p);

// @case private-and-static
class C { #p = 1; static s = 2; pub = 3; }
text(new C()); text(C);

// @case key-order
text({ b: 1, a: 2, 10: 3, 9: 4, "-1": 5 });

// @case proto-key
text(JSON.parse('{"__proto__": {"a": 1}, "b": 2}')); text({ ["__proto__"]: 1 });

// @case control-characters
text("a\u0000b\u0007\u001b[31m\u007f\u0085"); text({ s: "\u0000\u001f\"\\/\b\f\n\r\t" });

// @case separators
text("\u2028\u2029"); text(["\u2028\u2029"]);

// @case emoji
text("😀 👩‍👩‍👧 é e\u0301 漢字 \u{10FFFF}"); text(["😀"]);

// @case lone-surrogates
text("\ud800"); text("a\udc00b"); text("\udc00\ud800"); text("x\ud83d");

// @case lone-surrogates-in-json
text({ s: "\ud800" }); text(["\udfff", "😀"]); text({ "\ud800": 1 });

// @case non-characters
text("\ufffe\uffff\ufeff");

// @case long
text("x".repeat(100000).length); text("0123456789".repeat(300));

// @case deep-arrays
let v = [];
for (let i = 0; i < 500; i++) v = [v];
text(v);

// @case too-deep
let v = [];
for (let i = 0; i < 200000; i++) v = [v];
try { text(v); text("fine"); } catch (e) { text(e instanceof RangeError); text(String(e)); }

// @case sparse
text([, , 1, ,]); text(new Array(3)); const a = []; a[5] = 1; text(a);

// @case array-with-properties
const a = [1]; a.extra = 2; text(a); text(Object.assign(() => {}, { a: 1 }));

// @case arguments-object
(function () { text(arguments); })(1, "b");

// @case generator-and-iterator
text((function* () { yield 1; })()); text([1].values()); text(new Map([[1, 2]]).entries());

// @case global-objects
text(Math); text(JSON); text(Reflect); text(Intl); text(typeof globalThis);

// @case raw-json
text(typeof JSON.rawJSON); text({ a: JSON.rawJSON("12345678901234567890") }); text(JSON.rawJSON("1"));

// @case many
for (let i = 0; i < 40; i++) text(i);

// @case detached
const t = text; t("free"); text.call(null, "call"); text.apply({}, ["apply"]); [1, 2].forEach(text); Reflect.apply(text, undefined, ["reflect"]); text.bind(1)("bound");

// @case with-new
try { text(typeof new text("n")); } catch (e) { text(String(e)); }

// @case tagged-template
text`a${1}b`;

// @case document-and-concat
text(typeof document); text([].concat(1, [2, [3]]));

// @case dates-in-text
text(String(new Date(0))); text(new Date(0).toLocaleString()); text(new Date(2024, 0, 1).toISOString());

// @case reentrant
text({ get a() { text("inner"); return 1; } });

// @case mutating-during-serialisation
const o = { get a() { delete this.b; this.c = 1; return 1; }, b: 2 };
text(o);

// @case length-getter-array
const a = new Proxy([1, 2, 3], { get: (t, k) => (k === "length" ? 2 : t[k]) });
text(a);

// @case thrown-values-become-text
for (const thrown of [null, undefined, 5, "s", { a: 1 }, { stack: "its stack" }, [1, 2], Symbol("s"), 1n, Object.assign(new Error("m"), { stack: 7 })])
  try { text({ get a() { throw thrown; } }); } catch (e) { text(`${typeof e} ${JSON.stringify(e)}`); }
