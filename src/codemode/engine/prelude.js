// The JavaScript side of a cell: every helper that a program can call.
//
// It runs once in each fresh isolate, before any script, and evaluates to one function, `entry`,
// through which the host does everything:
//   entry.call(host)    once: keep `host`, which tells the host that there is something to read;
//                       returns the shared buffer
//   entry.call("S…")    start a program      entry.call("R…"), ("E…")   answer a tool call
//   entry.call("T…")    a timer is due       entry.call(host) again     nothing runnable is left
//
// Two rules keep it safe from the script, which may replace any global and any prototype:
//   1. What is needed later is captured here, first, and called through `apply`. Nothing below
//      iterates, spreads, destructures arrays, awaits, or calls a method on a value.
//   2. Neither `host` nor the buffer is ever reachable from an object that a script can see.
//
// Records. The buffer begins with four 32-bit words: units written, why we call, units answered,
// more to come. Then records of UTF-16 units: kind, length (low, high), payload. A kind with bit
// 15 set is continued by the next record. Data is written first and the length word last, so
// the host may read at any moment, also while the script spins.
(() => {
"use strict";

const { apply, construct, getPrototypeOf } = Reflect;
const { defineProperty, getOwnPropertyDescriptor } = Object;
const { parse, stringify } = JSON;
const { isArray } = Array;
const { trunc } = Math;
const { isFinite } = Number;
const now = Date.now;
const fromCharCode = String.fromCharCode;
const commit = Atomics.store;
const StringOf = String, NumberOf = Number, PromiseOf = Promise, MapOf = Map, TypeErrorOf = TypeError;
const evaluate = eval;
const AsyncFunction = getPrototypeOf(async () => {}).constructor;
const call = Function.prototype.call;
const unbound = (method) => apply(Function.prototype.bind, call, [method]);
const bind = unbound(Function.prototype.bind);
const charCodeAt = unbound(StringOf.prototype.charCodeAt);
const slice = unbound(StringOf.prototype.slice);
const indexOf = unbound(StringOf.prototype.indexOf);
const lastIndexOf = unbound(StringOf.prototype.lastIndexOf);
const startsWith = unbound(StringOf.prototype.startsWith);
const trim = unbound(StringOf.prototype.trim);
const lower = unbound(StringOf.prototype.toLowerCase);
const then = unbound(PromiseOf.prototype.then);
const mapGet = unbound(MapOf.prototype.get);
const mapSet = unbound(MapOf.prototype.set);
const mapDelete = unbound(MapOf.prototype.delete);
const mapSize = unbound(getOwnPropertyDescriptor(MapOf.prototype, "size").get);
const subarray = unbound(getPrototypeOf(Uint16Array.prototype).subarray);
const stackOf = unbound(getOwnPropertyDescriptor(new Error(), "stack").get);
const iteratorKey = Symbol.iterator;
const global = globalThis;

const UNITS = 32 * 1024, HEADER = 8;
const FLUSH = 0, LOAD = 1, MORE = 2, CATALOGUE = 3, EXIT = 4, OVER = 5;
const TEXT = 1, IMAGE = 2, AUDIO = 3, CALL = 4, NOTIFY = 5, YIELD = 6, TIMER = 7, CLEAR = 8,
  STORE = 9, KEY = 10, DONE = 11, FAILED = 12, IDLE = 13, CONTINUED = 0x8000;

let host, units, words, lastTold = 0;
let config;                           // of the program: wrapper, limits, their error texts
let outcome;                          // what the program came to: {failed, reason}
let calls = 0, timers = 0;
const pendingCalls = new MapOf(), pendingTimers = new MapOf(), written = new MapOf();

// ---------------------------------------------------------------- records

const tell = (reason) => {
  words[1] = reason;
  host();
  lastTold = now();
};

const append = (kind, text, start, count) => {
  let at = words[0];
  units[at++] = kind;
  units[at++] = count;
  units[at++] = count >>> 16;
  for (let end = start + count; start < end;) units[at++] = charCodeAt(text, start++);
  commit(words, 0, at);
};

const put = (kind, text) => {
  const length = text.length;
  let start = 0;
  for (;;) {
    const room = UNITS - words[0] - 3, rest = length - start;
    if (rest <= room) {
      append(kind, text, start, rest);
      break;
    }
    if (room > 0) {
      append(kind | CONTINUED, text, start, room);
      start += room;
    }
    tell(FLUSH);
  }
  // Small records gather; the host hears of them at the end of the turn or after a millisecond.
  if (now() - lastTold >= 1) tell(FLUSH);
};

const ask = (reason) => {
  tell(reason);
  if (words[2] < 0) return undefined;
  let text = "";
  for (;;) {
    for (let at = HEADER, end = HEADER + words[2]; at < end; at += 4096) {
      text += apply(fromCharCode, undefined, subarray(units, at, at + 4096 < end ? at + 4096 : end));
    }
    if (!words[3]) return text;
    tell(MORE);
  }
};

// ---------------------------------------------------------------- errors

// V8 asks for `Error.prepareStackTrace` when a stack is first read, and finds this accessor on
// Function.prototype. It lets us shift the columns of line 1 back by the wrapper's length and
// leave out our own frames, also where a script reads `error.stack` by itself.
let userPrepare;
const MODULE = "exec_main.mjs", OURS = "codemode:prelude";

defineProperty(Function.prototype, "prepareStackTrace", {
  configurable: true,
  get() { return this === Error ? prepare : undefined; },
  set(value) {
    if (this === Error) userPrepare = value;
    else defineProperty(this, "prepareStackTrace", { value, writable: true, enumerable: true, configurable: true });
  },
});

const prepare = (error, frames) => {
  if (typeof userPrepare === "function") {
    const visible = [];
    for (let i = 0, n = 0; i < frames.length; i++) {
      if (indexOf(StringOf(frames[i]), OURS) < 0) defineProperty(visible, n++, { value: frames[i], writable: true, enumerable: true, configurable: true });
    }
    return apply(userPrepare, Error, [error, visible]);
  }
  // Read again while V8 is formatting: that gives V8's own text, whose header holds the message
  // as it was when the error was made.
  return tidy(stackOf(error));
};

const tidy = (stack) => {
  if (typeof stack !== "string") return stack;
  let at = indexOf(stack, "\n    at ");
  if (at < 0) return stack;
  let text = slice(stack, 0, at), held = "";
  while (at >= 0) {
    const next = indexOf(stack, "\n    at ", at + 1);
    const frame = next < 0 ? slice(stack, at) : slice(stack, at, next);
    if (indexOf(frame, OURS) >= 0) held = "";
    else {
      text += held;
      held = "";
      // Built-ins that we called ourselves go with our frame below them.
      if (frame === "\n    at stringify (<anonymous>)") held = frame;
      else text += relocate(frame);
    }
    at = next;
  }
  return text + held;
};

const relocate = (frame) => {
  // Anonymous code of an evaluated program is "eval" to V8; in a module it has no name.
  if (startsWith(frame, "\n    at eval (" + MODULE)) {
    frame = "\n    at " + slice(frame, 14, frame.length - 1);
  } else if (startsWith(frame, "\n    at async eval (" + MODULE)) {
    frame = "\n    at async " + slice(frame, 20, frame.length - 1);
  }
  const where = lastIndexOf(frame, MODULE + ":1:");
  if (where < 0) return frame;
  const digits = where + MODULE.length + 3;
  let end = digits, column = 0;
  for (; end < frame.length; end++) {
    const digit = charCodeAt(frame, end) - 48;
    if (digit < 0 || digit > 9) break;
    column = column * 10 + digit;
  }
  return slice(frame, 0, digits) + StringOf(column - config.shift) + slice(frame, end);
};

const isObject = (value) => typeof value === "object" && value !== null || typeof value === "function";

const property = (value, key) => {
  try {
    return isObject(value) ? value[key] : undefined;
  } catch {
    return undefined;
  }
};

const render = (value) => {
  const stack = property(value, "stack");
  if (typeof stack === "string") return stack;
  try {
    return StringOf(value);
  } catch {
    return "unknown code mode exception";
  }
};

// What the script threw, with the errors inside it, which a stack does not show.
const renderAll = (value, depth = 0) => {
  let text = render(value);
  if (depth === 4) return text;
  const inner = property(value, "errors");
  if (isArray(inner)) {
    for (let i = 0; i < inner.length && i < 8; i++) {
      text += "\n[errors][" + StringOf(i) + "]: " + renderAll(property(inner, i), depth + 1);
    }
  }
  const cause = property(value, "cause");
  if (cause !== undefined) text += "\n[cause]: " + renderAll(cause, depth + 1);
  return text;
};

// ---------------------------------------------------------------- values

const checked = (text) => {
  if (text.length > config.valueBytes) throw config.valueError;
  return text;
};

// JSON text, or undefined for what JSON cannot say. A helper that rejects throws a string.
const serialize = (value) => {
  let text;
  try {
    text = stringify(value);
  } catch (error) {
    throw render(error);
  }
  return text === undefined ? undefined : checked(text);
};

const toText = (value) => {
  if (typeof value === "string") return checked(value);
  if (isObject(value)) return serialize(value) ?? "undefined";
  return typeof value === "symbol" ? "undefined" : StringOf(value);
};

// The reference refuses nesting that its JSON reader cannot follow: 127 levels.
const refuseDepth = (text) => {
  let depth = 0, quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = charCodeAt(text, at);
    if (quoted) {
      if (code === 92) at++;
      else if (code === 34) quoted = false;
    } else if (code === 34) quoted = true;
    else if (code === 91 || code === 123) {
      if (++depth === 128) {
        throw "failed to serialize JavaScript value: recursion limit exceeded at line 1 column " + StringOf(at + 1);
      }
    } else if (code === 93 || code === 125) depth--;
  }
};

const toJson = (value) => {
  const text = serialize(value);
  if (text !== undefined && text.length > 255) refuseDepth(text);
  return text;
};

// ---------------------------------------------------------------- output

const text = (value) => { put(TEXT, toText(value)); };

const schemeOf = (url) => {
  const colon = indexOf(url, ":");
  return colon < 0 ? "" : lower(slice(url, 0, colon));
};

const dataUrl = (url, kind) => {
  const scheme = schemeOf(url);
  if (scheme === "data") return checked(url);
  if (kind === "image" && (scheme === "http" || scheme === "https")) {
    throw "Tool call failed: remote image URLs are not supported in tool outputs. Pass a base64 data URI instead";
  }
  throw "Tool call failed: invalid " + kind + " output. Pass a base64 data URI instead";
};

const blockUrl = (block, kind) => {
  const { data } = block;
  if (typeof data !== "string" || data === "") throw kind + " expected MCP " + kind + " data";
  if (lower(slice(data, 0, 5)) === "data:") return data;
  const mime = block.mimeType ?? block.mime_type;
  return "data:" + (typeof mime === "string" && mime !== "" ? mime : "application/octet-stream") + ";base64," + data;
};

// The three shapes that image() and audio() take: a URL, an object with one, an MCP block.
const media = (value, kind, shape) => {
  if (typeof value === "string" && value !== "") return { url: value, detail: undefined };
  if (typeof value !== "object" || value === null || isArray(value)) throw shape;
  const url = value[kind + "_url"];
  if (url !== undefined) {
    if (typeof url !== "string" || url === "") throw shape;
    return { url, detail: value.detail };
  }
  const json = serialize(value), block = json === undefined ? undefined : parse(json);
  if (!isObject(block) || isArray(block) || typeof block.type !== "string") throw shape;
  if (block.type !== kind) throw kind + " only accepts MCP " + kind + " blocks, got " + stringify(block.type);
  return { url: blockUrl(block, kind), detail: blockDetail(block) };
};

const blockDetail = (block) => {
  const detail = property(block._meta, "codex/imageDetail");
  return isDetail(detail) ? detail : undefined;
};

const isDetail = (detail) => detail === "auto" || detail === "low" || detail === "high" || detail === "original";

const chosenDetail = (detail) => {
  if (detail === undefined || detail === null) return undefined;
  if (typeof detail !== "string") throw "image detail must be a string when provided";
  const chosen = lower(detail);
  if (!isDetail(chosen)) throw "image detail must be one of: auto, low, high, original";
  return chosen;
};

const IMAGE_SHAPE = "image expects a non-empty image URL string, an object with image_url and optional detail, or a raw MCP image block";
const AUDIO_SHAPE = "audio expects a non-empty audio URL string, an object with audio_url, or a raw MCP audio block";

const toImage = (value, detail) => {
  const found = media(value, "image", IMAGE_SHAPE);
  const chosen = chosenDetail(detail ?? found.detail) ?? "high";
  return chosen + "\n" + dataUrl(found.url, "image");
};

const image = (value, detail) => { put(IMAGE, toImage(value, detail)); };

const audio = (value) => { put(AUDIO, dataUrl(media(value, "audio", AUDIO_SHAPE).url, "audio")); };

const generatedImage = (result) => {
  if (typeof result !== "object" || result === null || isArray(result)) throw "generatedImage expects an image generation result object";
  const hint = result.output_hint;
  if (hint !== undefined && typeof hint !== "string") throw "generatedImage output_hint must be a string when provided";
  image(result);
  if (hint !== undefined) put(TEXT, checked(hint));
};

const CONTENT_SHAPE = "content expects one MCP ContentBlock";

const emitBlock = (block) => {
  const type = isObject(block) ? block.type : undefined;
  if (type === "text" && typeof block.text === "string") put(TEXT, checked(block.text));
  else if (type === "image") image(block);
  else if (type === "audio") audio(block);
  else if (type === "resource" || type === "resource_link") text(block);
  else throw CONTENT_SHAPE;
};

function content(blockOrBlocks) {
  if (!isObject(blockOrBlocks) || typeof blockOrBlocks[iteratorKey] !== "function") return emitBlock(blockOrBlocks);
  for (const block of blockOrBlocks) emitBlock(block);
}

const notify = (value) => {
  const message = toText(value);
  if (trim(message) === "") throw "notify expects non-empty text";
  put(NOTIFY, message);
};

const yield_control = () => {
  put(YIELD, "");
  tell(FLUSH);
};

// Nothing can catch this: the host ends the isolate while we wait here.
const exit = () => {
  put(DONE, "");
  tell(EXIT);
  for (;;);
};

// ---------------------------------------------------------------- stored values

const toKey = (key, helper) => {
  try {
    return checked(StringOf(typeof key === "symbol" ? +key : key));
  } catch {
    throw helper + " key must be a string";
  }
};

const store = (rawKey, value) => {
  const key = toKey(rawKey, "store");
  const json = toJson(value);
  if (json === undefined) throw "Unable to store " + stringify(key) + ". Only plain serializable objects can be stored.";
  mapSet(written, key, json);
  put(STORE, StringOf(key.length) + "\n" + key + json);
};

const load = (rawKey) => {
  const key = toKey(rawKey, "load");
  let json = mapGet(written, key);
  if (json === undefined) {
    put(KEY, key);
    json = ask(LOAD);
  }
  return json === undefined ? undefined : parse(json);
};

// ---------------------------------------------------------------- tools

// One shared function, bound to the tool's index. `input` is absent if nothing was passed.
function invoke(index, input, second) {
  if (typeof input === "function" && typeof second === "function") {
    second("this object cannot be awaited: it has a tool named \"then\"\nHint: call its members, do not await it.");
    return undefined;
  }
  const json = arguments.length > 1 ? toJson(input) : undefined;
  if (calls === config.toolCalls) throw config.toolCallsError;
  const id = StringOf(++calls);
  const promise = new PromiseOf((resolve, reject) => mapSet(pendingCalls, id, { resolve, reject }));
  put(CALL, id + "\n" + StringOf(index) + "\n" + (json ?? ""));
  return promise;
}

const settleCall = (message, failed) => {
  const end = indexOf(message, "\n"), id = slice(message, 1, end);
  const pending = mapGet(pendingCalls, id);
  if (pending === undefined) return;
  mapDelete(pendingCalls, id);
  if (failed) pending.reject(slice(message, end + 1));
  else pending.resolve(parse(slice(message, end + 1)));
};

// ---------------------------------------------------------------- timers

const toDelay = (delay) => {
  const number = NumberOf(delay);
  return isFinite(number) && number > 0 ? trunc(number) : 0;
};

const setTimeout = (callback, delay) => {
  if (typeof callback !== "function") throw "setTimeout expects a function callback";
  const wait = toDelay(delay);
  if (mapSize(pendingTimers) >= config.timers) throw config.timersError;
  const id = ++timers;
  mapSet(pendingTimers, id, callback);
  put(TIMER, StringOf(id) + "\n" + StringOf(wait));
  return id;
};

const clearTimeout = (id) => {
  if (id === undefined || id === null) return;
  let number;
  try {
    number = NumberOf(id);
  } catch {
    throw "clearTimeout expects a numeric timeout id";
  }
  number = isFinite(number) ? trunc(number) : 0;
  if (mapDelete(pendingTimers, number)) put(CLEAR, StringOf(number));
};

const fire = (id) => {
  const callback = mapGet(pendingTimers, id);
  if (callback === undefined) return;
  mapDelete(pendingTimers, id);
  try {
    apply(callback, undefined, []);
  } catch (reason) {
    outcome ??= { failed: true, reason };
  }
};

// ---------------------------------------------------------------- promises in the order they settle

function as_settled(promises) {
  const keyed = promises instanceof MapOf;
  let settled = [], open = 0, position = 0, wake, stopped = false;
  const add = (result) => {
    open--;
    if (stopped) return;
    settled[settled.length] = result;
    wake?.();
  };
  for (const entry of promises) {
    const index = keyed ? entry[0] : position++;
    open++;
    then(PromiseOf.resolve(keyed ? entry[1] : entry),
      (value) => add({ index, status: "fulfilled", value }),
      (reason) => add({ index, status: "rejected", reason }));
  }
  return (async function* () {
    try {
      while (open > 0 || settled.length > 0) {
        if (settled.length === 0) await new PromiseOf((resolve) => { wake = resolve; });
        const ready = settled;
        settled = [];
        yield* ready;
      }
    } finally {
      stopped = true;
    }
  })();
}

async function stream_settled(promises, callback) {
  if (typeof callback !== "function") throw new TypeErrorOf("stream_settled requires a callback");
  for await (const result of as_settled(promises)) await callback(result);
}

// ---------------------------------------------------------------- the program

const syntaxError = (source, error) => {
  // The wrapper's closing brace changes what V8 says of an unfinished program; without it V8
  // says what it says of a module. The throw keeps a source that closes our brace from running.
  try {
    evaluate("\"use strict\";throw 0;" + config.open + source);
  } catch (other) {
    if (other !== 0) error = other;
  }
  return error;
};

const start = (message) => {
  const first = indexOf(message, "\n"), second = indexOf(message, "\n", first + 1);
  config = parse(slice(message, 1, first));
  installTools(slice(message, first + 1, second));
  const source = slice(message, second + 1);
  let main;
  try {
    construct(AsyncFunction, [source]);
    main = evaluate("\"use strict\";" + config.open + source + "\n})\n//# sourceURL=" + MODULE);
  } catch (error) {
    const { name, message } = syntaxError(source, error);
    outcome = { failed: true, reason: name + ": " + message };
    return;
  }
  if (config.refusal !== null) {
    outcome = { failed: true, reason: config.refusal };
    return;
  }
  const promise = apply(main, undefined, [importMeta(), importModule]);
  defineProperty(promise, "constructor", { value: undefined });  // no species of the script's
  then(promise,
    () => { outcome ??= { failed: false, reason: undefined }; },
    (reason) => { outcome ??= { failed: true, reason }; });
};

const importMeta = () => ({ __proto__: null });

const importModule = async (specifier) => {
  StringOf(specifier);
  throw "unsupported import in exec";
};

// The turn and its microtasks are over. The host reads the buffer itself when this returns.
const idle = () => {
  words[1] = outcome === undefined ? FLUSH : OVER;
  if (outcome === undefined) put(IDLE, "");
  else if (outcome.failed) put(FAILED, failureText(outcome.reason));
  else put(DONE, "");
};

const failureText = (reason) => {
  const text = renderAll(reason);
  return text.length > config.valueBytes ? slice(text, 0, 4096) + "\n" + config.valueError : text;
};

// ---------------------------------------------------------------- globals

const expose = (name, value) => {
  defineProperty(global, name, { value, writable: true, enumerable: true, configurable: true });
};

// A function that looks as a native one does: no source, no name, no length, but constructible.
const native = (implementation) => {
  const shown = bind(function (...values) { return apply(implementation, undefined, values); });
  defineProperty(shown, "name", { value: "" });
  defineProperty(shown, "prototype", { value: {}, writable: true });
  return shown;
};

const makeTools = (names) => {
  const tools = {};
  for (let index = 0; index < names.length; index++) {
    const tool = bind(invoke, undefined, index);
    defineProperty(tool, "name", { value: "" });
    defineProperty(tool, "length", { value: 0 });
    defineProperty(tools, names[index], { value: tool, writable: true, enumerable: true, configurable: true });
  }
  return tools;
};

// Decoded when first looked at: a program seldom reads a catalogue of a thousand descriptions.
const lazily = (name, make) => {
  defineProperty(global, name, {
    get() {
      const value = make();
      expose(name, value);
      return value;
    },
    set(value) { expose(name, value); },
    enumerable: true,
    configurable: true,
  });
};

const installTools = (names) => {
  const list = parse(names);
  const catalogue = () => list.length === 0 ? [] : parse(ask(CATALOGUE));
  if (config.lazy) {
    lazily("tools", () => makeTools(list));
    lazily("ALL_TOOLS", catalogue);
  } else {
    expose("tools", makeTools(list));
    expose("ALL_TOOLS", catalogue());
  }
};

for (const name of ["console", "Atomics", "SharedArrayBuffer", "WebAssembly", "Temporal"]) delete global[name];
expose("tools", undefined);
expose("ALL_TOOLS", undefined);
for (const [name, helper] of [
  ["clearTimeout", native(clearTimeout)], ["setTimeout", native(setTimeout)], ["text", native(text)],
  ["content", content], ["image", native(image)], ["audio", native(audio)],
  ["generatedImage", native(generatedImage)], ["store", native(store)], ["load", native(load)],
  ["notify", native(notify)], ["yield_control", native(yield_control)], ["exit", native(exit)],
  ["as_settled", as_settled], ["stream_settled", stream_settled],
]) expose(name, helper);

return function entry() {
  if (host === undefined) {
    host = this;
    const buffer = new ArrayBuffer(2 * UNITS);
    units = new Uint16Array(buffer);
    words = new Int32Array(buffer, 0, 4);
    words[0] = HEADER;
    return buffer;
  }
  if (typeof this !== "string") return idle();
  lastTold = now();
  const kind = charCodeAt(this, 0);
  if (kind === 83) start(this);
  else if (kind === 84) fire(NumberOf(slice(this, 1)));
  else settleCall(this, kind === 69);
  return undefined;
};
})()
//# sourceURL=codemode:prelude
