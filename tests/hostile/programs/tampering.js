// Class D: tampering with what the helpers use
// @let helpers
const T = text, P = Promise, wait = setTimeout, E = Error, stream = stream_settled, each = as_settled, never = new P(() => {}), Many = AggregateError, AT = () => ALL_TOOLS.length > 9, echo = tools.echo, put = store, get = load, tell = notify, picture = image, sound = audio, blocks = content, leave = exit, clear = clearTimeout;
// @let poison-all
{
  const define = Object.defineProperty, keysOf = Reflect.ownKeys, protoOf = Object.getPrototypeOf, here = globalThis;
  here.hits = "";
  const all = [String.prototype, Promise.prototype, Function.prototype, RegExp.prototype, Map.prototype, Set.prototype,
    WeakMap.prototype, Number.prototype, Uint8Array.prototype, Uint16Array.prototype, protoOf(Uint8Array.prototype),
    ArrayBuffer.prototype, Error.prototype, Symbol.prototype, Array.prototype, Array, Promise, String, Number, Uint8Array,
    Reflect, JSON, Symbol, Math, Date, RegExp, Object];
  for (let i = 0; i < all.length; i++) {
    const keys = keysOf(all[i]);
    for (let j = 0; j < keys.length; j++) {
      const key = keys[j];
      if (false) continue;
      try {
        define(all[i], key, { __proto__: null, configurable: true, set() {}, get() { here.hits += typeof key === "string" ? key + ";" : "symbol;"; } });
      } catch {}
    }
  }
}
// @let poison-but-then
const iteratorKey = Symbol.iterator;
{
  const define = Object.defineProperty, keysOf = Reflect.ownKeys, protoOf = Object.getPrototypeOf, here = globalThis;
  here.hits = "";
  const all = [String.prototype, Promise.prototype, Function.prototype, RegExp.prototype, Map.prototype, Set.prototype,
    WeakMap.prototype, Number.prototype, Uint8Array.prototype, Uint16Array.prototype, protoOf(Uint8Array.prototype),
    ArrayBuffer.prototype, Error.prototype, Symbol.prototype, Array.prototype, Array, Promise, String, Number, Uint8Array,
    Reflect, JSON, Symbol, Math, Date, RegExp, Object];
  for (let i = 0; i < all.length; i++) {
    const keys = keysOf(all[i]);
    for (let j = 0; j < keys.length; j++) {
      const key = keys[j];
      if (key === "then" || key === "constructor" || key === iteratorKey) continue;
      try {
        define(all[i], key, { __proto__: null, configurable: true, set() {}, get() { here.hits += typeof key === "string" ? key + ";" : "symbol;"; } });
      } catch {}
    }
  }
}
// @let poison-strings
{
  const define = Object.defineProperty, keysOf = Reflect.ownKeys, protoOf = Object.getPrototypeOf, here = globalThis;
  here.hits = "";
  const all = [String.prototype, Promise.prototype, Function.prototype, RegExp.prototype, Map.prototype, Set.prototype,
    WeakMap.prototype, Number.prototype, Uint8Array.prototype, Uint16Array.prototype, protoOf(Uint8Array.prototype),
    ArrayBuffer.prototype, Error.prototype, Symbol.prototype, Array.prototype, Array, Promise, String, Number, Uint8Array,
    Reflect, JSON, Symbol, Math, Date, RegExp, Object];
  for (let i = 0; i < all.length; i++) {
    const keys = keysOf(all[i]);
    for (let j = 0; j < keys.length; j++) {
      const key = keys[j];
      if (typeof key === "symbol" || all[i] === Promise.prototype || all[i] === Promise) continue;
      try {
        define(all[i], key, { __proto__: null, configurable: true, set() {}, get() { here.hits += typeof key === "string" ? key + ";" : "symbol;"; } });
      } catch {}
    }
  }
}
// @let poison-objects
{
  const define = Object.defineProperty, names = ["type", "text", "image_url", "detail", "content", "isError", "resolve", "reject", "value", "get", "set", "writable", "enumerable", "configurable", "failed", "reason", "open", "first", "last", "length", "0", "1", "lazy", "valueBytes", "next", "done", "id", "callback", "cause", "errors", "index", "lastIndex", "valueError", "shift", "close", "refusal", "timers", "toolCalls", "tail", "promise", "status", "mime", "mimeType", "name", "message", "data", "proxy", "error", "suppressed", "description", "apply", "prepare", "settle", "results", "take", "woken"];
  globalThis.hits = "";
  for (let i = 0; i < names.length; i++) {
    const key = names[i];
    define(Object.prototype, key, { __proto__: null, configurable: true, get() { globalThis.hits += key + ";"; }, set() { globalThis.hits += "set " + key + ";"; } });
  }
}
// @let poison-functions
{
  const hits = () => { throw new Error("poisoned"); };
  globalThis.hits = "";
  for (const holder of [JSON, Reflect, Object, Array, String, Number, Promise, Symbol, Math, Date]) {
    for (const key of Reflect.ownKeys(holder)) if (typeof holder[key] === "function" && key !== "ownKeys" && key !== "defineProperty") try { holder[key] = hits; } catch {}
  }
}
// @let delete-globals
{
  const drop = Reflect.deleteProperty, all = Reflect.ownKeys(globalThis);
  for (let i = 0; i < all.length; i++) if (all[i] !== "globalThis" && all[i] !== "tools" && all[i] !== "ALL_TOOLS") drop(globalThis, all[i]);
  globalThis.hits = "";
}
// @case text-poison-all
// prints: ["a", "{\"q\":1}", "[1,[2]]"]
⟦helpers⟧
⟦poison-all⟧
try { T("a"); T({ q: 1 }); T([1, [2]]); } finally { if (hits !== "") T("hits " + hits); }
// @case text-poison-but-then
// prints: ["a", "{\"q\":1}", "[1,[2]]"]
⟦helpers⟧
⟦poison-but-then⟧
try { T("a"); T({ q: 1 }); T([1, [2]]); } finally { if (hits !== "") T("hits " + hits); }
// @case text-poison-strings
// prints: ["a", "{\"q\":1}", "[1,[2]]"]
⟦helpers⟧
⟦poison-strings⟧
try { T("a"); T({ q: 1 }); T([1, [2]]); } finally { if (hits !== "") T("hits " + hits); }
// @case text-poison-objects
// prints: ["a", "{\"q\":1}", "[1,[2]]"]
⟦helpers⟧
⟦poison-objects⟧
try { T("a"); T({ q: 1 }); T([1, [2]]); } finally { if (hits !== "") T("hits " + hits); }
// @case text-poison-functions
// prints: ["a", "{\"q\":1}", "[1,[2]]"]
⟦helpers⟧
⟦poison-functions⟧
try { T("a"); T({ q: 1 }); T([1, [2]]); } finally { if (hits !== "") T("hits " + hits); }
// @case text-delete-globals
// prints: ["a", "{\"q\":1}", "[1,[2]]"]
⟦helpers⟧
⟦delete-globals⟧
try { T("a"); T({ q: 1 }); T([1, [2]]); } finally { if (hits !== "") T("hits " + hits); }
// @case calls-poison-all
// ends: failed
// prints: ["hits constructor;then;"]
// error: TypeError: Cannot read properties of undefined (reading '0')
⟦helpers⟧
⟦poison-all⟧
try { const r = await echo({ v: { a: [1] } }); T("r" + r.a[0]); } finally { if (hits !== "") T("hits " + hits); }
// @case calls-poison-but-then
// prints: ["r1"]
⟦helpers⟧
⟦poison-but-then⟧
try { const r = await echo({ v: { a: [1] } }); T("r" + r.a[0]); } finally { if (hits !== "") T("hits " + hits); }
// @case calls-poison-strings
// prints: ["r1"]
⟦helpers⟧
⟦poison-strings⟧
try { const r = await echo({ v: { a: [1] } }); T("r" + r.a[0]); } finally { if (hits !== "") T("hits " + hits); }
// @case calls-poison-objects
// prints: ["r1"]
⟦helpers⟧
⟦poison-objects⟧
try { const r = await echo({ v: { a: [1] } }); T("r" + r.a[0]); } finally { if (hits !== "") T("hits " + hits); }
// @case calls-poison-functions
// prints: ["r1"]
⟦helpers⟧
⟦poison-functions⟧
try { const r = await echo({ v: { a: [1] } }); T("r" + r.a[0]); } finally { if (hits !== "") T("hits " + hits); }
// @case calls-delete-globals
// prints: ["r1"]
⟦helpers⟧
⟦delete-globals⟧
try { const r = await echo({ v: { a: [1] } }); T("r" + r.a[0]); } finally { if (hits !== "") T("hits " + hits); }
// @case stored-values-poison-all
// prints: ["1"]
⟦helpers⟧
⟦poison-all⟧
try { put("pk", { a: 1 }); T(`${get("pk").a}`); } finally { if (hits !== "") T("hits " + hits); }
// @case stored-values-poison-but-then
// prints: ["1"]
⟦helpers⟧
⟦poison-but-then⟧
try { put("pk", { a: 1 }); T(`${get("pk").a}`); } finally { if (hits !== "") T("hits " + hits); }
// @case stored-values-poison-strings
// prints: ["1"]
⟦helpers⟧
⟦poison-strings⟧
try { put("pk", { a: 1 }); T(`${get("pk").a}`); } finally { if (hits !== "") T("hits " + hits); }
// @case stored-values-poison-objects
// prints: ["1"]
⟦helpers⟧
⟦poison-objects⟧
try { put("pk", { a: 1 }); T(`${get("pk").a}`); } finally { if (hits !== "") T("hits " + hits); }
// @case stored-values-poison-functions
// prints: ["1"]
⟦helpers⟧
⟦poison-functions⟧
try { put("pk", { a: 1 }); T(`${get("pk").a}`); } finally { if (hits !== "") T("hits " + hits); }
// @case stored-values-delete-globals
// prints: ["1"]
⟦helpers⟧
⟦delete-globals⟧
try { put("pk", { a: 1 }); T(`${get("pk").a}`); } finally { if (hits !== "") T("hits " + hits); }
// @case kept-values-poison-all
// prints: ["still here"]
⟦helpers⟧
⟦poison-all⟧
try { T(get("kept")); } finally { if (hits !== "") T("hits " + hits); }
// @case kept-values-poison-but-then
// prints: ["still here"]
⟦helpers⟧
⟦poison-but-then⟧
try { T(get("kept")); } finally { if (hits !== "") T("hits " + hits); }
// @case kept-values-poison-strings
// prints: ["still here"]
⟦helpers⟧
⟦poison-strings⟧
try { T(get("kept")); } finally { if (hits !== "") T("hits " + hits); }
// @case kept-values-poison-objects
// prints: ["still here"]
⟦helpers⟧
⟦poison-objects⟧
try { T(get("kept")); } finally { if (hits !== "") T("hits " + hits); }
// @case kept-values-poison-functions
// prints: ["still here"]
⟦helpers⟧
⟦poison-functions⟧
try { T(get("kept")); } finally { if (hits !== "") T("hits " + hits); }
// @case kept-values-delete-globals
// prints: ["still here"]
⟦helpers⟧
⟦delete-globals⟧
try { T(get("kept")); } finally { if (hits !== "") T("hits " + hits); }
// @case timers-poison-all
// prints: ["t", "hits constructor;then;"]
⟦helpers⟧
⟦poison-all⟧
try { await new P((resolve) => wait(resolve, 5)); T("t"); clear(3); } finally { if (hits !== "") T("hits " + hits); }
// @case timers-poison-but-then
// prints: ["t"]
⟦helpers⟧
⟦poison-but-then⟧
try { await new P((resolve) => wait(resolve, 5)); T("t"); clear(3); } finally { if (hits !== "") T("hits " + hits); }
// @case timers-poison-strings
// prints: ["t"]
⟦helpers⟧
⟦poison-strings⟧
try { await new P((resolve) => wait(resolve, 5)); T("t"); clear(3); } finally { if (hits !== "") T("hits " + hits); }
// @case timers-poison-objects
// prints: ["t"]
⟦helpers⟧
⟦poison-objects⟧
try { await new P((resolve) => wait(resolve, 5)); T("t"); clear(3); } finally { if (hits !== "") T("hits " + hits); }
// @case timers-poison-functions
// prints: ["t"]
⟦helpers⟧
⟦poison-functions⟧
try { await new P((resolve) => wait(resolve, 5)); T("t"); clear(3); } finally { if (hits !== "") T("hits " + hits); }
// @case timers-delete-globals
// prints: ["t"]
⟦helpers⟧
⟦delete-globals⟧
try { await new P((resolve) => wait(resolve, 5)); T("t"); clear(3); } finally { if (hits !== "") T("hits " + hits); }
// @case notifications-poison-all
// prints: ["n"]
⟦helpers⟧
⟦poison-all⟧
try { tell("  n"); T("n"); } finally { if (hits !== "") T("hits " + hits); }
// @case notifications-poison-but-then
// prints: ["n"]
⟦helpers⟧
⟦poison-but-then⟧
try { tell("  n"); T("n"); } finally { if (hits !== "") T("hits " + hits); }
// @case notifications-poison-strings
// prints: ["n"]
⟦helpers⟧
⟦poison-strings⟧
try { tell("  n"); T("n"); } finally { if (hits !== "") T("hits " + hits); }
// @case notifications-poison-objects
// prints: ["n"]
⟦helpers⟧
⟦poison-objects⟧
try { tell("  n"); T("n"); } finally { if (hits !== "") T("hits " + hits); }
// @case notifications-poison-functions
// prints: ["n"]
⟦helpers⟧
⟦poison-functions⟧
try { tell("  n"); T("n"); } finally { if (hits !== "") T("hits " + hits); }
// @case notifications-delete-globals
// prints: ["n"]
⟦helpers⟧
⟦delete-globals⟧
try { tell("  n"); T("n"); } finally { if (hits !== "") T("hits " + hits); }
// @case images-poison-all
// prints: ["ImageItem", "ImageItem", "i"]
⟦helpers⟧
⟦poison-all⟧
try { picture("data:image/png;base64,AAAA"); picture({ image_url: "data:image/png;base64,AAAA", detail: "high" }); T("i"); } finally { if (hits !== "") T("hits " + hits); }
// @case images-poison-but-then
// prints: ["ImageItem", "ImageItem", "i"]
⟦helpers⟧
⟦poison-but-then⟧
try { picture("data:image/png;base64,AAAA"); picture({ image_url: "data:image/png;base64,AAAA", detail: "high" }); T("i"); } finally { if (hits !== "") T("hits " + hits); }
// @case images-poison-strings
// prints: ["ImageItem", "ImageItem", "i"]
⟦helpers⟧
⟦poison-strings⟧
try { picture("data:image/png;base64,AAAA"); picture({ image_url: "data:image/png;base64,AAAA", detail: "high" }); T("i"); } finally { if (hits !== "") T("hits " + hits); }
// @case images-poison-objects
// prints: ["ImageItem", "ImageItem", "i"]
⟦helpers⟧
⟦poison-objects⟧
try { picture("data:image/png;base64,AAAA"); picture({ image_url: "data:image/png;base64,AAAA", detail: "high" }); T("i"); } finally { if (hits !== "") T("hits " + hits); }
// @case images-poison-functions
// prints: ["ImageItem", "ImageItem", "i"]
⟦helpers⟧
⟦poison-functions⟧
try { picture("data:image/png;base64,AAAA"); picture({ image_url: "data:image/png;base64,AAAA", detail: "high" }); T("i"); } finally { if (hits !== "") T("hits " + hits); }
// @case images-delete-globals
// prints: ["ImageItem", "ImageItem", "i"]
⟦helpers⟧
⟦delete-globals⟧
try { picture("data:image/png;base64,AAAA"); picture({ image_url: "data:image/png;base64,AAAA", detail: "high" }); T("i"); } finally { if (hits !== "") T("hits " + hits); }
// @case contents-poison-all
// ends: failed
// prints: ["hits symbol;"]
// error: content expects one MCP ContentBlock
⟦helpers⟧
⟦poison-all⟧
try { blocks([{ type: "text", text: "C" }]); } finally { if (hits !== "") T("hits " + hits); }
// @case contents-poison-but-then
// prints: ["C"]
⟦helpers⟧
⟦poison-but-then⟧
try { blocks([{ type: "text", text: "C" }]); } finally { if (hits !== "") T("hits " + hits); }
// @case contents-poison-strings
// prints: ["C"]
⟦helpers⟧
⟦poison-strings⟧
try { blocks([{ type: "text", text: "C" }]); } finally { if (hits !== "") T("hits " + hits); }
// @case contents-poison-objects
// prints: ["C"]
⟦helpers⟧
⟦poison-objects⟧
try { blocks([{ type: "text", text: "C" }]); } finally { if (hits !== "") T("hits " + hits); }
// @case contents-poison-functions
// prints: ["C"]
⟦helpers⟧
⟦poison-functions⟧
try { blocks([{ type: "text", text: "C" }]); } finally { if (hits !== "") T("hits " + hits); }
// @case contents-delete-globals
// prints: ["C"]
⟦helpers⟧
⟦delete-globals⟧
try { blocks([{ type: "text", text: "C" }]); } finally { if (hits !== "") T("hits " + hits); }
// @case sounds-poison-all
// prints: ["audio expects a non-empty audio URL string, an object with audio_url, or a raw MCP audio block", "s"]
⟦helpers⟧
⟦poison-all⟧
try { try { sound({ data: "AAAA", mimeType: "audio/wav" }); } catch (error) { T(error); } T("s"); } finally { if (hits !== "") T("hits " + hits); }
// @case sounds-poison-but-then
// prints: ["audio expects a non-empty audio URL string, an object with audio_url, or a raw MCP audio block", "s"]
⟦helpers⟧
⟦poison-but-then⟧
try { try { sound({ data: "AAAA", mimeType: "audio/wav" }); } catch (error) { T(error); } T("s"); } finally { if (hits !== "") T("hits " + hits); }
// @case sounds-poison-strings
// prints: ["audio expects a non-empty audio URL string, an object with audio_url, or a raw MCP audio block", "s"]
⟦helpers⟧
⟦poison-strings⟧
try { try { sound({ data: "AAAA", mimeType: "audio/wav" }); } catch (error) { T(error); } T("s"); } finally { if (hits !== "") T("hits " + hits); }
// @case sounds-poison-objects
// prints: ["audio expects a non-empty audio URL string, an object with audio_url, or a raw MCP audio block", "s"]
⟦helpers⟧
⟦poison-objects⟧
try { try { sound({ data: "AAAA", mimeType: "audio/wav" }); } catch (error) { T(error); } T("s"); } finally { if (hits !== "") T("hits " + hits); }
// @case sounds-poison-functions
// prints: ["audio expects a non-empty audio URL string, an object with audio_url, or a raw MCP audio block", "s"]
⟦helpers⟧
⟦poison-functions⟧
try { try { sound({ data: "AAAA", mimeType: "audio/wav" }); } catch (error) { T(error); } T("s"); } finally { if (hits !== "") T("hits " + hits); }
// @case sounds-delete-globals
// prints: ["audio expects a non-empty audio URL string, an object with audio_url, or a raw MCP audio block", "s"]
⟦helpers⟧
⟦delete-globals⟧
try { try { sound({ data: "AAAA", mimeType: "audio/wav" }); } catch (error) { T(error); } T("s"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-streams-poison-all
// prints: ["all", "hits symbol;constructor;then;"]
⟦helpers⟧
⟦poison-all⟧
try { await stream([echo({ v: 1 })], () => { T("one"); }); T("all"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-streams-poison-but-then
// prints: ["one", "all"]
⟦helpers⟧
⟦poison-but-then⟧
try { await stream([echo({ v: 1 })], () => { T("one"); }); T("all"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-streams-poison-strings
// prints: ["one", "all"]
⟦helpers⟧
⟦poison-strings⟧
try { await stream([echo({ v: 1 })], () => { T("one"); }); T("all"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-streams-poison-objects
// prints: ["one", "all"]
⟦helpers⟧
⟦poison-objects⟧
try { await stream([echo({ v: 1 })], () => { T("one"); }); T("all"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-streams-poison-functions
// prints: ["one", "all"]
⟦helpers⟧
⟦poison-functions⟧
try { await stream([echo({ v: 1 })], () => { T("one"); }); T("all"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-streams-delete-globals
// prints: ["one", "all"]
⟦helpers⟧
⟦delete-globals⟧
try { await stream([echo({ v: 1 })], () => { T("one"); }); T("all"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-generators-poison-all
// ends: failed
// prints: ["hits symbol;"]
// error: TypeError: promises is not iterable
⟦helpers⟧
⟦poison-all⟧
try { each([echo({ v: 1 }), never]); T("g"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-generators-poison-but-then
// prints: ["g"]
⟦helpers⟧
⟦poison-but-then⟧
try { each([echo({ v: 1 }), never]); T("g"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-generators-poison-strings
// prints: ["g"]
⟦helpers⟧
⟦poison-strings⟧
try { each([echo({ v: 1 }), never]); T("g"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-generators-poison-objects
// prints: ["g"]
⟦helpers⟧
⟦poison-objects⟧
try { each([echo({ v: 1 }), never]); T("g"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-generators-poison-functions
// prints: ["g"]
⟦helpers⟧
⟦poison-functions⟧
try { each([echo({ v: 1 }), never]); T("g"); } finally { if (hits !== "") T("hits " + hits); }
// @case settled-generators-delete-globals
// prints: ["g"]
⟦helpers⟧
⟦delete-globals⟧
try { each([echo({ v: 1 }), never]); T("g"); } finally { if (hits !== "") T("hits " + hits); }
// @case thrown-errors-poison-all
// ends: failed
// prints: ["x"]
// error: Error: boom
⟦helpers⟧
⟦poison-all⟧
try { T("x"); throw new E("boom"); } finally { if (hits !== "") T("hits " + hits); }
// @case thrown-errors-poison-but-then
// ends: failed
// prints: ["x"]
// error: Error: boom
⟦helpers⟧
⟦poison-but-then⟧
try { T("x"); throw new E("boom"); } finally { if (hits !== "") T("hits " + hits); }
// @case thrown-errors-poison-strings
// ends: failed
// prints: ["x"]
// error: Error: boom
⟦helpers⟧
⟦poison-strings⟧
try { T("x"); throw new E("boom"); } finally { if (hits !== "") T("hits " + hits); }
// @case thrown-errors-poison-objects
// ends: failed
// prints: ["x"]
// error: Error: boom
⟦helpers⟧
⟦poison-objects⟧
try { T("x"); throw new E("boom"); } finally { if (hits !== "") T("hits " + hits); }
// @case thrown-errors-poison-functions
// ends: failed
// prints: ["x"]
// error: Error: boom
⟦helpers⟧
⟦poison-functions⟧
try { T("x"); throw new E("boom"); } finally { if (hits !== "") T("hits " + hits); }
// @case thrown-errors-delete-globals
// ends: failed
// prints: ["x"]
// error: Error: boom
⟦helpers⟧
⟦delete-globals⟧
try { T("x"); throw new E("boom"); } finally { if (hits !== "") T("hits " + hits); }
// @case inner-errors-poison-all
// ends: failed
// prints: ["hits symbol;"]
// error: TypeError: object is not iterable (cannot read property Symbol(Symbol.iterator))
⟦helpers⟧
⟦poison-all⟧
try { throw new Many([new E("i1"), new E("i2")], "outer"); } finally { if (hits !== "") T("hits " + hits); }
// @case inner-errors-poison-but-then
// ends: failed
// prints: []
// error: AggregateError: outer
⟦helpers⟧
⟦poison-but-then⟧
try { throw new Many([new E("i1"), new E("i2")], "outer"); } finally { if (hits !== "") T("hits " + hits); }
// @case inner-errors-poison-strings
// ends: failed
// prints: []
// error: AggregateError: outer
⟦helpers⟧
⟦poison-strings⟧
try { throw new Many([new E("i1"), new E("i2")], "outer"); } finally { if (hits !== "") T("hits " + hits); }
// @case inner-errors-poison-objects
// ends: failed
// prints: []
// error: AggregateError: outer
⟦helpers⟧
⟦poison-objects⟧
try { throw new Many([new E("i1"), new E("i2")], "outer"); } finally { if (hits !== "") T("hits " + hits); }
// @case inner-errors-poison-functions
// ends: failed
// prints: []
// error: AggregateError: outer
⟦helpers⟧
⟦poison-functions⟧
try { throw new Many([new E("i1"), new E("i2")], "outer"); } finally { if (hits !== "") T("hits " + hits); }
// @case inner-errors-delete-globals
// ends: failed
// prints: []
// error: AggregateError: outer
⟦helpers⟧
⟦delete-globals⟧
try { throw new Many([new E("i1"), new E("i2")], "outer"); } finally { if (hits !== "") T("hits " + hits); }
// @case catalogue-poison-all
// prints: ["true"]
⟦helpers⟧
⟦poison-all⟧
try { T(`${AT()}`); } finally { if (hits !== "") T("hits " + hits); }
// @case catalogue-poison-but-then
// prints: ["true"]
⟦helpers⟧
⟦poison-but-then⟧
try { T(`${AT()}`); } finally { if (hits !== "") T("hits " + hits); }
// @case catalogue-poison-strings
// prints: ["true"]
⟦helpers⟧
⟦poison-strings⟧
try { T(`${AT()}`); } finally { if (hits !== "") T("hits " + hits); }
// @case catalogue-poison-objects
// prints: ["true"]
⟦helpers⟧
⟦poison-objects⟧
try { T(`${AT()}`); } finally { if (hits !== "") T("hits " + hits); }
// @case catalogue-poison-functions
// prints: ["true"]
⟦helpers⟧
⟦poison-functions⟧
try { T(`${AT()}`); } finally { if (hits !== "") T("hits " + hits); }
// @case catalogue-delete-globals
// prints: ["true"]
⟦helpers⟧
⟦delete-globals⟧
try { T(`${AT()}`); } finally { if (hits !== "") T("hits " + hits); }
// @case exit-poison-all
// prints: ["e"]
⟦helpers⟧
⟦poison-all⟧
try { T("e"); leave(); } finally { if (hits !== "") T("hits " + hits); }
// @case exit-poison-but-then
// prints: ["e"]
⟦helpers⟧
⟦poison-but-then⟧
try { T("e"); leave(); } finally { if (hits !== "") T("hits " + hits); }
// @case exit-poison-strings
// prints: ["e"]
⟦helpers⟧
⟦poison-strings⟧
try { T("e"); leave(); } finally { if (hits !== "") T("hits " + hits); }
// @case exit-poison-objects
// prints: ["e"]
⟦helpers⟧
⟦poison-objects⟧
try { T("e"); leave(); } finally { if (hits !== "") T("hits " + hits); }
// @case exit-poison-functions
// prints: ["e"]
⟦helpers⟧
⟦poison-functions⟧
try { T("e"); leave(); } finally { if (hits !== "") T("hits " + hits); }
// @case exit-delete-globals
// prints: ["e"]
⟦helpers⟧
⟦delete-globals⟧
try { T("e"); leave(); } finally { if (hits !== "") T("hits " + hits); }
// @case imports-poison-all
// prints: ["hits constructor;then;"]
⟦helpers⟧
⟦poison-all⟧
try { try { await import("fs"); } catch (error) { T(error); } } finally { if (hits !== "") T("hits " + hits); }
// @case imports-poison-but-then
// prints: ["unsupported import in exec"]
⟦helpers⟧
⟦poison-but-then⟧
try { try { await import("fs"); } catch (error) { T(error); } } finally { if (hits !== "") T("hits " + hits); }
// @case imports-poison-strings
// prints: ["unsupported import in exec"]
⟦helpers⟧
⟦poison-strings⟧
try { try { await import("fs"); } catch (error) { T(error); } } finally { if (hits !== "") T("hits " + hits); }
// @case imports-poison-objects
// prints: ["unsupported import in exec"]
⟦helpers⟧
⟦poison-objects⟧
try { try { await import("fs"); } catch (error) { T(error); } } finally { if (hits !== "") T("hits " + hits); }
// @case imports-poison-functions
// prints: ["unsupported import in exec"]
⟦helpers⟧
⟦poison-functions⟧
try { try { await import("fs"); } catch (error) { T(error); } } finally { if (hits !== "") T("hits " + hits); }
// @case imports-delete-globals
// prints: ["unsupported import in exec"]
⟦helpers⟧
⟦delete-globals⟧
try { try { await import("fs"); } catch (error) { T(error); } } finally { if (hits !== "") T("hits " + hits); }
// @case half-pairs-poison-all
// ends: failed
// prints: ["undefined", "hits constructor;then;"]
// error: Unable to store "\u{1}". Only plain serializable objects can be stored.
⟦helpers⟧
⟦poison-all⟧
try { T((await echo({ v: "\ud800" })).length + ""); put("\u0001", undefined); } finally { if (hits !== "") T("hits " + hits); }
// @case half-pairs-poison-but-then
// ends: failed
// prints: ["1"]
// error: Unable to store "\u{1}". Only plain serializable objects can be stored.
⟦helpers⟧
⟦poison-but-then⟧
try { T((await echo({ v: "\ud800" })).length + ""); put("\u0001", undefined); } finally { if (hits !== "") T("hits " + hits); }
// @case half-pairs-poison-strings
// ends: failed
// prints: ["1"]
// error: Unable to store "\u{1}". Only plain serializable objects can be stored.
⟦helpers⟧
⟦poison-strings⟧
try { T((await echo({ v: "\ud800" })).length + ""); put("\u0001", undefined); } finally { if (hits !== "") T("hits " + hits); }
// @case half-pairs-poison-objects
// ends: failed
// prints: ["1"]
// error: Unable to store "\u{1}". Only plain serializable objects can be stored.
⟦helpers⟧
⟦poison-objects⟧
try { T((await echo({ v: "\ud800" })).length + ""); put("\u0001", undefined); } finally { if (hits !== "") T("hits " + hits); }
// @case half-pairs-poison-functions
// ends: failed
// prints: ["1"]
// error: Unable to store "\u{1}". Only plain serializable objects can be stored.
⟦helpers⟧
⟦poison-functions⟧
try { T((await echo({ v: "\ud800" })).length + ""); put("\u0001", undefined); } finally { if (hits !== "") T("hits " + hits); }
// @case half-pairs-delete-globals
// ends: failed
// prints: ["1"]
// error: Unable to store "\u{1}". Only plain serializable objects can be stored.
⟦helpers⟧
⟦delete-globals⟧
try { T((await echo({ v: "\ud800" })).length + ""); put("\u0001", undefined); } finally { if (hits !== "") T("hits " + hits); }
// @case overwrite-every-helper
// prints: []
for (const name of ["text", "image", "audio", "content", "store", "load", "notify", "exit", "tools", "ALL_TOOLS", "setTimeout", "clearTimeout", "yield_control", "as_settled", "stream_settled", "generatedImage"]) globalThis[name] = () => { throw 1; };
// @case delete-every-helper
// prints: ["text true undefined", "image true undefined", "store true undefined", "load true undefined", "notify true undefined", "exit true undefined", "tools true undefined", "ALL_TOOLS true undefined", "setTimeout true undefined"]
const say = text; for (const name of ["text", "image", "store", "load", "notify", "exit", "tools", "ALL_TOOLS", "setTimeout"]) say(`${name} ${delete globalThis[name]} ${typeof globalThis[name]}`);
// @case freeze-everything
// prints: ["on", "1", "1", "end"]
const say = text; for (const name of Reflect.ownKeys(globalThis)) try { Object.freeze(globalThis[name]); Object.freeze(globalThis[name].prototype); } catch {}
Object.freeze(globalThis); say("on"); say(await tools.echo({ v: 1 })); store("k", 1); say(load("k")); await new Promise((r) => setTimeout(r, 1)); say("end");
// @case seal-the-prototypes
// prints: ["[1]", "TypeError: Cannot read properties of null (reading 'x')"]
for (const { prototype } of [Object, Array, Promise, Map, String, Function, Error]) Object.preventExtensions(prototype);
text(await tools.echo({ v: [1] })); try { null.x; } catch (error) { text(error.stack.split("\n")[0]); }
// @case prototype-of-the-global
// prints: ["1"]
Object.setPrototypeOf(globalThis, new Proxy({}, { get() { throw new Error("trap"); }, has() { throw new Error("trap"); } })); text(await tools.echo({ v: 1 }));
// @case prototype-of-tools
// prints: ["1", "true"]
Object.setPrototypeOf(tools, null); text(await tools.echo({ v: 1 })); text(Object.keys(tools).length > 20);
// @case promise-species
// prints: ["species", "3"]
Promise.prototype.constructor = { [Symbol.species]: function (run) { run(() => text("species"), () => {}); } }; text(await tools.echo({ v: 3 }));
// @case promise-then
// prints: ["1", "end"]
Promise.prototype.then = function () { text("then"); }; text(await tools.echo({ v: 1 })); await new Promise((r) => setTimeout(r, 1)); text("end");
// @case promise-resolve
// prints: ["1", "1"]
Promise.resolve = () => { throw new Error("resolve"); }; text(await tools.echo({ v: 1 })); text(await Promise.reject(1).catch((n) => n));
// @case array-iterator
// ends: failed
// prints: []
// error: content expects one MCP ContentBlock
const before = Array.prototype[Symbol.iterator]; Array.prototype[Symbol.iterator] = function* () { yield "forged"; };
content([{ type: "text", text: "true" }]); text(await tools.echo({ v: [1, 2] })); Array.prototype[Symbol.iterator] = before;
// @case iterator-prototype
// prints: ["[1,2]", "[1,2]", "still here"]
Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: false, value: 1 }); text([1, 2]); text(await tools.echo({ v: [1, 2] })); text(load("kept"));
// @case array-species
// prints: ["true", "[1,[2]]"]
Object.defineProperty(Array, Symbol.species, { get() { return function () { return globalThis; }; } }); text([1, [2]].map((n) => n) === globalThis); text(await tools.echo({ v: [1, [2]] }));
// @case array-index-setters
// prints: ["[7]", "[8]", "9"]
for (const key of ["0", "1", "length"]) try { Object.defineProperty(Array.prototype, key, { set() { throw new Error("set"); }, get() { return "got"; }, configurable: true }); } catch {}
text(await tools.echo({ v: [7] })); text([8]); content([{ type: "text", text: "9" }]);
// @case function-call-and-apply
// prints: ["1", "end"]
Function.prototype.call = Function.prototype.apply = Function.prototype.bind = function () { text("caught"); };
text(await tools.echo({ v: 1 })); await new Promise((r) => setTimeout(r, 1)); text("end");
// @case function-has-instance
// ends: failed
// prints: []
// error: TypeError: Cannot redefine property: Symbol(Symbol.hasInstance)
Object.defineProperty(Function.prototype, Symbol.hasInstance, { value() { throw new Error("instance"); } }); text(await tools.echo({ v: 1 })); try { await tools.leave({}); } catch (error) { text(error); }
// @case function-to-string
// prints: ["forged", "1"]
Function.prototype.toString = () => "forged"; text(String(text)); text(await tools.echo({ v: 1 }));
// @case string-methods
// prints: ["true", "x⟦U+FFFD⟧", "y"]
for (const key of ["slice", "indexOf", "charCodeAt", "codePointAt", "startsWith", "toWellFormed", "split", "replace"]) String.prototype[key] = () => "forged";
text("true"); text(await tools.echo({ v: "x\ud800" })); store("k", "y"); text(load("k"));
// @case string-from-char-code
// prints: ["true", "still here", "x"]
String.fromCharCode = () => "forged"; text("true"); text(load("kept")); text(await tools.echo({ v: "x" }));
// @case string-iterator
// prints: ["true", "😀"]
String.prototype[Symbol.iterator] = function* () { yield "forged"; }; text("true"); notify("n"); text(`${"\ud83d\ude00"}`);
// @case map-methods
// prints: ["{\"index\":0,\"status\":\"fulfilled\",\"value\":1}", "1"]
for (const key of Reflect.ownKeys(Map.prototype)) try { Map.prototype[key] = () => { throw new Error("map"); }; } catch {}
await stream_settled([tools.echo({ v: 1 })], (result) => text(result)); text(await tools.echo({ v: 1 }));
// @case regex-exec
// prints: ["Unable to store \"\\u{1}\". Only plain serializable objects can be stored.", "ImageItem"]
RegExp.prototype.exec = () => { throw new Error("exec"); }; try { store("\u0001", undefined); } catch (error) { text(error); } image("data:image/png;base64,AA==");
// @case symbol-registry
// prints: ["1", "Symbol(Symbol.iterator)"]
Symbol.for = Symbol.keyFor = () => { throw new Error("symbol"); }; text(await tools.echo({ v: 1 })); text(String(Symbol.iterator));
// @case number-methods
// prints: ["1", "1"]
Number.prototype.toString = () => "forged"; Number.isFinite = Number.isInteger = () => true; await new Promise((r) => setTimeout(r, 1)); text(1); store(5, 1); text(load("5"));
// @case math-trunc
// prints: ["late"]
Math.trunc = () => NaN; const t = setTimeout(() => text("late"), 1); await new Promise((r) => setTimeout(r, 20)); clearTimeout(t);
// @case date-now
// prints: ["on", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "on", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", ""]
Date.now = () => { throw new Error("now"); }; for (let i = 0; i < 100; i++) text(i % 50 === 0 ? "on" : ""); 
// @case typed-arrays
// prints: ["xxxxxxxxxx", "still here", "yyyyyyyyyy"]
for (const key of ["set", "subarray", "fill"]) Object.getPrototypeOf(Uint16Array.prototype)[key] = () => { throw new Error("typed"); }; Object.defineProperty(Object.getPrototypeOf(Uint16Array.prototype), "length", { get() { return 3; } });
text("x".repeat(10)); text(load("kept")); text(await tools.echo({ v: "y".repeat(10) }));
// @case error-constructors
// ends: failed
// prints: ["TypeError: stream_settled requires a callback"]
// error: TypeError: Cannot read properties of null (reading 'x')
globalThis.Error = globalThis.TypeError = globalThis.RangeError = class { constructor() { throw 1; } }; try { await stream_settled([], 1); } catch (error) { text(String(error)); } null.x;
// @case error-stack-limit
// ends: failed
// prints: []
// error: Error: x
Error.stackTraceLimit = -1; Object.defineProperty(Error, "stackTraceLimit", { get() { throw 1; } }); throw new Error("x");
// @case object-to-json
// ends: failed
// prints: ["\"forged\""]
// error: tool `echo` expects a JSON object for arguments
Object.prototype.toJSON = function () { return "forged"; }; text({ a: 1 }); text(await tools.echo({ v: { a: 1 } }));
// @case object-define-property
// prints: ["{\"a\":1}", "true"]
Object.defineProperty = Object.create = Object.assign = Object.keys = () => { throw new Error("object"); }; text(await tools.echo({ v: { a: 1 } })); text(ALL_TOOLS.length > 10);
// @case object-then
// prints: ["forged"]
Object.prototype.then = function (resolve) { resolve("forged"); }; text(await tools.echo({ v: { a: 1 } })); 
// @case number-then
// prints: ["1"]
Number.prototype.then = function (resolve) { resolve("forged"); }; text(await tools.echo({ v: 1 }));
// @case reflect-apply
// prints: ["1", "TypeError: Cannot read properties of null (reading 'x')"]
Reflect.apply = Reflect.construct = Reflect.get = () => { throw new Error("reflect"); }; text(await tools.echo({ v: 1 })); try { null.x; } catch (error) { text(error.stack.split("\n")[0]); }
// @case weak-collections
// prints: ["1", "[1]"]
for (const holder of [WeakMap, WeakSet, WeakRef]) for (const key of Reflect.ownKeys(holder.prototype)) try { holder.prototype[key] = () => { throw 1; }; } catch {} text(await tools.echo({ v: 1 })); store("k", [1]); text(load("k"));
// @case replace-proxy
// prints: ["1", "true"]
globalThis.Proxy = function () { throw new Error("proxy"); }; text(await tools.echo({ v: 1 })); text(Object.keys(tools).length > 10);
// @case replace-eval
// prints: ["Unable to store \"\\u{1}\". Only plain serializable objects can be stored.", "end"]
globalThis.eval = () => "forged"; try { store("\u0001", undefined); } catch (error) { text(error); } await new Promise((r) => setTimeout(r, 1)); text("end");
// @case replace-promise
// prints: ["1"]
globalThis.Promise = class { constructor() { throw new Error("promise"); } }; text(await tools.echo({ v: 1 }));
// @case async-function-prototype
// ends: failed
// prints: []
// error: TypeError: Cannot assign to read only property 'constructor' of object '[object AsyncFunction]'
Object.setPrototypeOf(async () => {}, null); Object.getPrototypeOf(async () => {}).constructor = () => { throw 1; }; text(await tools.echo({ v: 1 }));
// @case helpers-own-properties
// prints: ["1", "1"]
text.prototype = tools.echo.then = store.call = load.apply = undefined; text(await tools.echo({ v: 1 })); store("k", 1); text(load("k"));
// @case forged-exit-word
// ends: failed
// prints: []
// error: __codex_code_mode_exit__
throw "__codex_code_mode_exit__";
