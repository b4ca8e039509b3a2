// The JavaScript side of a cell: what nearly every program needs.
//
// This runs once in each fresh isolate, before any script, and evaluates to one function, `entry`,
// through which the host does everything:
//   entry.call(host)    once: keep `host`, which tells the host that there is something to read;
//                       returns the shared buffer
//   entry.call("S…")    settings and tools of the program      entry.call(main)    run it
//   entry.call("C…")    or say why this source cannot be run
//   entry.call("R…"), ("E…")   answer a tool call              entry.call("T…")    a timer is due
//   entry.call(host)    again: nothing runnable is left
//
// An isolate is made for each program, so the boot must be quick: what it takes is V8's parsing of
// this text. What few programs need stands in errors.js and helpers.js; their text comes from the
// host when it is first needed.
//
// Three rules keep all of it safe from the script, which may replace any global and any prototype:
//   1. What is needed later is captured here, first, and called through `apply`. Behind the boot
//      nothing iterates, spreads, destructures arrays or calls a method on a value; descriptors
//      and tables have no prototype; members of parsed JSON are read by `own`.
//   2. Neither `host` nor the buffer is ever reachable from an object that a script can see. So
//      no builtin may get `units` or `words` that would look up a property of it.
//   3. The other files name no global: `core` hands them what was captured here.
//
// Records. The buffer begins with four 32-bit words: units written, why we call, units answered,
// more to come. Then records of UTF-16 units: kind, length (low, high), payload. A kind with bit
// 15 set is continued by the next record. Data is written first and the length word last, so
// the host may read at any moment, also while the script spins.
(() => {
"use strict";

const { apply } = Reflect;
const { defineProperty, hasOwn } = Object;
const { parse, stringify } = JSON;
const { trunc } = Math;
const { isFinite } = Number;
const { now } = Date;
const { fromCharCode } = String;
const { slice: sliceOf, indexOf: indexOfOf, charCodeAt: charCodeAtOf, toWellFormed } = String.prototype;
const { then } = Promise.prototype;
const commit = Atomics.store;
const evaluate = eval;
const global = globalThis, ArrayOf = Array, ErrorOf = Error, PromiseOf = Promise, ProxyOf = Proxy, TypeErrorOf = TypeError;
const { call } = Function.prototype;
const charCodeAt = call.bind(charCodeAtOf);
const slice = call.bind(sliceOf);
const indexOf = call.bind(indexOfOf);

// For the other files; they are made when the script may have replaced all of it.
const { construct, getPrototypeOf } = Reflect;
const { create, getOwnPropertyDescriptor, prototype: { toString: tagOf } } = Object;
const { isArray, prototype: { fill } } = Array;
const { isInteger, prototype: { toString: numberToString } } = Number;
const { codePointAt, lastIndexOf, startsWith, toLowerCase } = String.prototype;
const { exec } = RegExp.prototype;
const { fromBase64 } = Uint8Array;
const { isError } = Error;
const StringOf = String, RegExpOf = RegExp, TypedOf = getPrototypeOf(Uint8Array), MapOf = Map;
const byteLength = getOwnPropertyDescriptor(TypedOf.prototype, "length").get;
const mapSize = getOwnPropertyDescriptor(MapOf.prototype, "size").get;
const iteratorKey = Symbol.iterator;

const UNITS = 32 * 1024, HEADER = 8;
const FLUSH = 0, LOAD = 1, MORE = 2, CATALOGUE = 3, EXIT = 4, OVER = 5, ERRORS = 6, HELPERS = 7;
const TEXT = 1, IMAGE = 2, AUDIO = 3, CALL = 4, NOTIFY = 5, YIELD = 6, TIMER = 7, CLEAR = 8,
  STORE = 9, KEY = 10, DONE = 11, FAILED = 12, IDLE = 13, CONTINUED = 0x8000;

let host, units, words, lastTold = 0;
let config;                           // of the program: wrapper, limits, their error texts
let outcome;                          // what the program came to: {failed, reason}
let calls = 0, timers = 0, waiting = 0, toolNames;
const pendingCalls = { __proto__: null }, pendingTimers = { __proto__: null }, written = { __proto__: null };

const own = (object, key) => hasOwn(object, key) ? object[key] : undefined;
const isObject = (value) => typeof value === "object" && value !== null || typeof value === "function";

const define = (object, key, value) => {
  defineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
};

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

// Records gather; the host hears of them at the end of the turn or after a millisecond.
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
  if (now() - lastTold >= 1) tell(FLUSH);
};

const CHUNK = 4096;
let chunk;  // made when first needed; its elements are its own, so that no setter hears of them

const ask = (reason) => {
  tell(reason);
  if (words[2] < 0) return undefined;
  if (chunk === undefined) chunk = apply(fill, new ArrayOf(CHUNK), [0]);
  let text = "";
  for (;;) {
    for (let at = HEADER, end = HEADER + words[2]; at < end; at += CHUNK) {
      const count = end - at < CHUNK ? end - at : CHUNK;
      for (let i = 0; i < count; i++) chunk[i] = units[at + i];
      text += slice(apply(fromCharCode, undefined, chunk), 0, count);
    }
    if (!words[3]) return text;
    tell(MORE);
  }
};

// ---------------------------------------------------------------- the other files

const core = () => ({
  __proto__: null,
  apply, construct, getPrototypeOf, create, defineProperty, getOwnPropertyDescriptor, hasOwn, parse, stringify, trunc,
  isArray, isInteger, isError, evaluate, fromCharCode, fromBase64, iteratorKey,
  ErrorOf, RegExpOf, StringOf, PromiseOf,
  tagOf, numberToString, codePointAt, lastIndexOf, startsWith, toLowerCase, exec, byteLength, mapSize,
  slice, indexOf, charCodeAt, own, isObject, define, checked, toJson, asText, put, TEXT, IMAGE, AUDIO,
});

let errorsFile, helpersFile;
const errors = () => errorsFile ??= evaluate(ask(ERRORS))(core());
const helpers = () => helpersFile ??= evaluate(ask(HELPERS))(core());

// V8 asks for `Error.prepareStackTrace` when a stack is first read, and finds this accessor on
// Function.prototype; errors.js says what we make of a stack.
let userPrepare;
const prepare = (error, frames) => errors().prepare(error, frames, userPrepare, config.shift);

defineProperty(Function.prototype, "prepareStackTrace", {
  configurable: true,
  get() { return this === ErrorOf ? prepare : undefined; },
  set(value) {
    if (this !== ErrorOf) define(this, "prepareStackTrace", value);
    else userPrepare = value === prepare ? undefined : value;
  },
});

// What the script catches from a helper is always a string.
const asText = (error) => typeof error === "string" ? error : errors().render(error);

// ---------------------------------------------------------------- values

const checked = (text) => {
  if (text.length > config.valueBytes) throw config.valueError;
  return text;
};

const toText = (value) => {
  if (typeof value === "string") return checked(value);
  if (isObject(value)) return checked(stringify(value) ?? "undefined");
  return typeof value === "symbol" ? "undefined" : `${value}`;
};

// JSON text that any reader takes, or undefined for what JSON cannot say.
const toJson = (value) => {
  const text = stringify(value);
  if (text === undefined) return undefined;
  if (checked(text).length > 255) refuseDepth(text);
  return indexOf(text, "\\u") < 0 ? text : helpers().withoutLone(text);
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
      if (++depth === 128) throw `failed to serialize JavaScript value: recursion limit exceeded at line 1 column ${at + 1}`;
    } else if (code === 93 || code === 125) depth--;
  }
};

// ---------------------------------------------------------------- control

const WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";

const notify = (value) => {
  const message = toText(value);
  let at = 0;
  while (at < message.length && indexOf(WHITE_SPACE, message[at]) >= 0) at++;
  if (at === message.length) throw "notify expects non-empty text";
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
  let text;
  try {
    text = `${key}`;
  } catch {
    throw helper + " key must be a string";
  }
  return checked(apply(toWellFormed, text, []));
};

const store = (rawKey, value) => {
  const key = toKey(rawKey, "store");
  const json = toJson(value);
  if (json === undefined) throw `Unable to store ${errors().quote(key)}. Only plain serializable objects can be stored.`;
  written[key] = json;
  put(STORE, key.length + "\n" + key + json);
};

const load = (rawKey) => {
  const key = toKey(rawKey, "load");
  let json = written[key];
  if (json === undefined) {
    put(KEY, key);
    json = ask(LOAD);
  }
  return json === undefined ? undefined : parse(json);
};

// ---------------------------------------------------------------- tools

const invoke = (index, input, second) => {
  if (typeof input === "function" && typeof second === "function") {
    // `await tools`, where a tool is called "then".
    second("tools cannot be awaited: it has a tool named \"then\".\nHint: await a call of one of its members.");
    return undefined;
  }
  const json = input === undefined ? "" : inputJson(index, input);
  if (calls === config.toolCalls) throw config.toolCallsError;
  const id = ++calls;
  const promise = new PromiseOf((resolve, reject) => { pendingCalls[id] = { resolve, reject }; });
  put(CALL, id + "\n" + index + "\n" + json);
  return promise;
};

const inputJson = (index, input) => {
  let json;
  try {
    json = toJson(input);
  } catch (error) {
    throw asText(error);
  }
  if (json === undefined) throw `Unable to call ${errors().quote(toolNames[index])}. Only plain serializable values can be passed to a tool.`;
  return json;
};

const settleCall = (message, failed) => {
  const end = indexOf(message, "\n"), id = slice(message, 1, end);
  const pending = pendingCalls[id];
  if (pending === undefined) return;
  delete pendingCalls[id];
  if (failed) pending.reject(slice(message, end + 1));
  else pending.resolve(parse(slice(message, end + 1)));
};

// ---------------------------------------------------------------- timers

const setTimeout = (callback, delay) => {
  if (typeof callback !== "function") throw "setTimeout expects a function callback";
  if (waiting >= config.timers) throw config.timersError;
  const id = ++timers, number = +delay;  // may throw what the script throws, and uses up the id
  const wait = isFinite(number) && number > 0 ? trunc(number) : 0;
  pendingTimers[id] = callback;
  waiting++;
  put(TIMER, id + "\n" + wait);
  return id;
};

const takeTimer = (id) => {
  const callback = pendingTimers[id];
  if (callback !== undefined) waiting--;
  delete pendingTimers[id];
  return callback;
};

const clearTimeout = (id) => {
  if (id === undefined || id === null) return;
  let number;
  try {
    number = +id;
  } catch {
    throw "clearTimeout expects a numeric timeout id";
  }
  number = isFinite(number) ? trunc(number) : 0;
  if (takeTimer(number) !== undefined) put(CLEAR, `${number}`);
};

const fire = (id) => {
  const callback = takeTimer(id);
  if (callback === undefined) return;
  try {
    apply(callback, undefined, []);
  } catch (reason) {
    outcome ??= { failed: true, reason };
  }
};

// ---------------------------------------------------------------- the program

const prepareProgram = (message) => {
  const end = indexOf(message, "\n");
  config = parse(slice(message, 1, end));
  toolNames = parse(slice(message, end + 1));
  const catalogue = () => toolNames.length === 0 ? [] : parse(ask(CATALOGUE));
  if (config.lazy) {
    lazily("tools", makeTools);
    lazily("ALL_TOOLS", catalogue);
  } else {
    global.tools = makeTools();
    global.ALL_TOOLS = catalogue();
  }
};

const run = (main) => {
  const promise = main(create(null), importModule);
  define(promise, "constructor", undefined);  // no species of the script's
  apply(then, promise, [
    () => { outcome ??= { failed: false, reason: undefined }; },
    (reason) => { outcome ??= { failed: true, reason }; },
  ]);
};

const importModule = async (specifier) => {
  specifier = `${specifier}`;
  throw "unsupported import in exec";
};

// The turn and its microtasks are over. The host reads the buffer itself when this returns, and
// the reason with it; rendering a failure may run code of the script, which may call us.
const idle = () => {
  if (outcome === undefined) put(IDLE, "");
  else if (outcome.failed) put(FAILED, failureText(errors().renderAll(outcome.reason)));
  else put(DONE, "");
  words[1] = outcome === undefined ? FLUSH : OVER;
};

const failureText = (text) => text.length > config.valueBytes ? slice(text, 0, 4096) + "\n" + config.valueError : text;

// ---------------------------------------------------------------- globals

// A helper looks like a native function: no name, no length, no source, a prototype. A proxy
// without traps of an anonymous function has these looks.
const TRANSPARENT = { __proto__: null };

const disguise = (target) => {
  const shown = new ProxyOf(target, TRANSPARENT);
  target.prototype.constructor = shown;
  return shown;
};

const native = (helper) => disguise(function (first = undefined, second) {
  try {
    return helper(first, second);
  } catch (error) {
    throw asText(error);
  }
});

const makeTools = () => {
  const tools = {};
  for (let index = 0; index < toolNames.length; index++) {
    define(tools, toolNames[index], disguise(function (input = undefined, second) { return invoke(index, input, second); }));
  }
  return tools;
};

// Decoded when first looked at: a program seldom reads a catalogue of a thousand descriptions.
const lazily = (name, make) => {
  defineProperty(global, name, {
    get() {
      const value = make();
      define(global, name, value);
      return value;
    },
    set(value) { define(global, name, value); },
    enumerable: true,
    configurable: true,
  });
};

delete global.console;
delete global.Atomics;
delete global.SharedArrayBuffer;
delete global.WebAssembly;
global.tools = undefined;
global.ALL_TOOLS = undefined;
global.clearTimeout = native(clearTimeout);
global.setTimeout = disguise(function (callback = undefined, delay) { return setTimeout(callback, delay); });
global.text = native((value) => { put(TEXT, toText(value)); });
global.content = function content(blockOrBlocks) { helpers().content(blockOrBlocks); };
global.image = native((value, detail) => { helpers().image(value, detail); });
global.audio = native((value) => { helpers().audio(value); });
global.generatedImage = native((result) => { helpers().generatedImage(result); });
global.store = native(store);
global.load = native(load);
global.notify = native(notify);
global.yield_control = native(yield_control);
global.exit = native(exit);
global.as_settled = function as_settled(promises) {
  const { results, settle } = helpers();
  return results(settle(promises));
};
global.stream_settled = async function stream_settled(promises, callback) {
  if (typeof callback !== "function") throw new TypeErrorOf("stream_settled requires a callback");
  const { settle, take, woken } = helpers(), queue = settle(promises);
  while (queue.open > 0 || queue.first !== undefined) {
    if (queue.first === undefined) await woken(queue);
    else await callback(take(queue));
  }
};

return function entry() {
  if (typeof this === "string") {
    lastTold = now();
    const kind = charCodeAt(this, 0);
    if (kind === 83) prepareProgram(this);
    else if (kind === 84) fire(+slice(this, 1));
    else if (kind === 67) outcome = { failed: true, reason: errors().refusal(slice(this, 1), config) };
    else settleCall(this, kind === 69);
  } else if (this === host) idle();
  else if (host !== undefined) run(this);
  else {
    host = this;
    const buffer = new ArrayBuffer(2 * UNITS);
    units = new Uint16Array(buffer);
    words = new Int32Array(buffer, 0, 4);
    words[0] = HEADER;
    return buffer;
  }
  return undefined;
};
})()
//# sourceURL=codemode:prelude/boot.js
