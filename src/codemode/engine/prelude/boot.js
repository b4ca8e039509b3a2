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
// An isolate is made for each program, so the boot must be quick, and nearly all of it is V8's
// parsing of this text. So functions are declared, for V8 skims those and parses arrows in full;
// and what few programs need, or only those that wait or have failed, stands in other files,
// whose text comes from the host when it is first needed: errors.js, media.js, waiting.js.
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
const { now } = Date;
const { fromCharCode } = String;
const { slice: sliceOf, indexOf: indexOfOf, charCodeAt: charCodeAtOf, toWellFormed: toWellFormedOf } = String.prototype;
const { then } = Promise.prototype;
const commit = Atomics.store;
const evaluate = eval;
const global = globalThis, ErrorOf = Error, PromiseOf = Promise, ProxyOf = Proxy, TypeErrorOf = TypeError, UnitsOf = Uint16Array;
const { call } = Function.prototype;
const bind = call.bind(call.bind);
const charCodeAt = call.bind(charCodeAtOf);
const slice = call.bind(sliceOf);
const indexOf = call.bind(indexOfOf);
const toWellFormed = call.bind(toWellFormedOf);

// For the other files: they are evaluated when the script may have replaced all of this.
const { construct, getPrototypeOf } = Reflect;
const { getOwnPropertyDescriptor, prototype: { toString: tagOf } } = Object;
const { isArray } = Array;
const { trunc } = Math;
const { isFinite, isInteger, prototype: { toString: numberToString } } = Number;
const { codePointAt, lastIndexOf, startsWith, toLowerCase } = String.prototype;
const { exec } = RegExp.prototype;
const { fromBase64 } = Uint8Array;
const { isError } = Error;
const RegExpOf = RegExp, StringOf = String;
const byteLength = getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), "length").get;
const mapSize = getOwnPropertyDescriptor(Map.prototype, "size").get;
const iteratorKey = Symbol.iterator;

const UNITS = 32 * 1024, HEADER = 8;
const FLUSH = 0, LOAD = 1, MORE = 2, CATALOGUE = 3, EXIT = 4, OVER = 5, ERRORS = 6, MEDIA = 7, WAITING = 8;
const TEXT = 1, IMAGE = 2, AUDIO = 3, CALL = 4, NOTIFY = 5, YIELD = 6, TIMER = 7, CLEAR = 8,
  STORE = 9, KEY = 10, DONE = 11, FAILED = 12, IDLE = 13, LIMITED = 14, CONTINUED = 0x8000;

let host, buffer, units, words, lastTold = 0;
let config;                           // of the program: wrapper, limits, their error texts
let outcome;                          // what the program came to: {failed, reason}
let calls = 0, toolNames;
const pendingCalls = { __proto__: null }, written = { __proto__: null };

function own(object, key) { return hasOwn(object, key) ? object[key] : undefined; }
function isObject(value) { return typeof value === "object" && value !== null || typeof value === "function"; }

function define(object, key, value) {
  defineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
}

// ---------------------------------------------------------------- records

function tell(reason) {
  words[1] = reason;
  host();
  lastTold = now();
}

function append(kind, text, start, count) {
  let at = words[0];
  units[at++] = kind;
  units[at++] = count;
  units[at++] = count >>> 16;
  for (let end = start + count; start < end;) units[at++] = charCodeAt(text, start++);
  commit(words, 0, at);
}

// Records gather; the host hears of them at the end of the turn or after a millisecond. Near the
// end of the stack nothing can be called: what is committed must not seem refused then, and waits
// for the end of the turn.
function put(kind, text) {
  text = toWellFormed(text);  // the host would replace each half of a pair by itself, a hundred times slower
  let start = 0, rest = text.length;
  // Where there is stack for this there is for all that follows: a record is whole or is not there.
  if (rest > UNITS - words[0] - 3) tell(FLUSH);
  for (let room; rest > (room = UNITS - words[0] - 3); rest -= room) {
    append(kind | CONTINUED, text, start, room);
    start += room;
    tell(FLUSH);
  }
  append(kind, text, start, rest);
  try {
    if (now() - lastTold >= 1) tell(FLUSH);
  } catch {}
}

// What cannot wait is told at once: a yield, and a timer, whose clock runs outside.
function send(kind, text) {
  put(kind, text);
  try {
    tell(FLUSH);
  } catch {}
}

// An answer is read in pieces, each a list of arguments with a length of its own, so that nobody
// looks it up where a script could have put a getter.
const PIECE = 4096;

function ask(reason) {
  tell(reason);
  if (words[2] < 0) return undefined;
  let text = "";
  for (;;) {
    for (let at = HEADER, end = HEADER + words[2]; at < end; at += PIECE) {
      const length = end - at < PIECE ? end - at : PIECE, piece = new UnitsOf(buffer, 2 * at, length);
      defineProperty(piece, "length", { __proto__: null, value: length });
      text += apply(fromCharCode, undefined, piece);
    }
    if (!words[3]) return text;
    tell(MORE);
  }
}

// ---------------------------------------------------------------- the other files

function core() {
  return {
    __proto__: null,
    apply, construct, getPrototypeOf, getOwnPropertyDescriptor, hasOwn, parse, stringify, trunc, evaluate, refuse,
    isArray, isFinite, isInteger, isError, fromCharCode, fromBase64, iteratorKey, ErrorOf, PromiseOf, RegExpOf, StringOf,
    tagOf, numberToString, codePointAt, lastIndexOf, startsWith, toLowerCase, exec, byteLength, mapSize,
    slice, indexOf, charCodeAt, own, isObject, define, checked, toJson, asText,
    config, put, send, TEXT, IMAGE, AUDIO, TIMER, CLEAR,
  };
}

let errorsFile, mediaFile, waitingFile;

function errors() { return errorsFile ??= evaluate(ask(ERRORS))(core()); }
function media() { return mediaFile ??= evaluate(ask(MEDIA))(core()); }
function waiting() { return waitingFile ??= evaluate(ask(WAITING))(core()); }

// V8 asks for `Error.prepareStackTrace` when a stack is first read, and finds this accessor on
// Function.prototype; errors.js says what we make of a stack.
let userPrepare;
function prepare(error, frames) { return errors().prepare(error, frames, userPrepare, config.shift); }

defineProperty(Function.prototype, "prepareStackTrace", {
  configurable: false,                // without it our own frames would show
  get() { return this === ErrorOf ? prepare : undefined; },
  set(value) {
    if (this !== ErrorOf) define(this, "prepareStackTrace", value);
    else userPrepare = value === prepare ? undefined : value;
  },
});

// What the script catches from a helper is always a string.
function asText(error) { return typeof error === "string" ? error : errors().render(error); }

// ---------------------------------------------------------------- values

// A limit is refused with a string, which the script may catch, forget and throw again. So that it
// cannot forge one, we remember which were reached.
const reached = { __proto__: null };

function refuse(limit, text) {
  reached[text] = limit;
  throw text;
}

function checked(text) {
  if (text.length > config.valueBytes) refuse("value_bytes", config.valueError);
  return text;
}

function toText(value) {
  if (typeof value === "string") return checked(value);
  if (isObject(value)) return checked(stringify(value) ?? "undefined");
  return typeof value === "symbol" ? "undefined" : `${value}`;
}

// JSON text that any reader takes, or undefined for what JSON cannot say.
function toJson(value) {
  const text = stringify(value);
  if (text === undefined) return undefined;
  if (checked(text).length > 255) refuseDepth(text);
  return indexOf(text, "\\u") < 0 ? text : errors().withoutLone(text);
}

// The reference refuses nesting that its JSON reader cannot follow: 127 levels.
function refuseDepth(text) {
  let depth = 0, quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = charCodeAt(text, at);
    if (quoted) {
      if (code === 92) at++;
      else if (code === 34) quoted = false;
    } else if (code === 34) quoted = true;
    else if (code === 91 || code === 123) {
      if (++depth === 128) throw errors().tooDeep(slice(text, 0, at + 1));
    } else if (code === 93 || code === 125) depth--;
  }
}

// ---------------------------------------------------------------- control

const WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";

function notify(value) {
  const message = toText(value);
  let at = 0;
  while (at < message.length && indexOf(WHITE_SPACE, message[at]) >= 0) at++;
  if (at === message.length) throw "notify expects non-empty text";
  put(NOTIFY, message);
}

function yield_control() { send(YIELD, ""); }

// Nothing can catch this: the host ends the isolate while we wait here. Where the stack has no room
// for that, it is refused before anything is said.
function exit() {
  tell(FLUSH);
  put(DONE, "");
  tell(EXIT);
  for (;;);
}

// ---------------------------------------------------------------- stored values

function toKey(key, helper) {
  let text;
  try {
    text = `${key}`;
  } catch {
    throw helper + " key must be a string";
  }
  return checked(toWellFormed(text));
}

function store(rawKey, value) {
  const key = toKey(rawKey, "store");
  const json = toJson(value);
  if (json === undefined) throw `Unable to store ${errors().quote(key)}. Only plain serializable objects can be stored.`;
  put(STORE, key.length + "\n" + key + json);
  written[key] = json;
}

function load(rawKey) {
  const key = toKey(rawKey, "load");
  let json = written[key];
  if (json === undefined) {
    put(KEY, key);
    json = ask(LOAD);
  }
  return json === undefined ? undefined : parse(json);
}

// ---------------------------------------------------------------- tools

function invoke(index, input, second) {
  if (typeof input === "function" && typeof second === "function") {
    // `await tools`, where a tool is called "then".
    second("tools cannot be awaited: it has a tool named \"then\".\nHint: await a call of one of its members.");
    return undefined;
  }
  const json = input === undefined ? "" : inputJson(index, input);
  if (calls === config.toolCalls) refuse("tool_calls", config.toolCallsError);
  const id = ++calls;
  const promise = new PromiseOf((resolve, reject) => { pendingCalls[id] = { resolve, reject }; });
  put(CALL, id + "\n" + index + "\n" + json);
  return promise;
}

function inputJson(index, input) {
  let json;
  try {
    json = toJson(input);
  } catch (error) {
    throw asText(error);
  }
  if (json === undefined) {
    throw `Unable to call ${errors().quote(toolNames[index])}. Only plain serializable values can be passed to a tool.`;
  }
  return json;
}

function settleCall(message, failed) {
  const end = indexOf(message, "\n"), id = slice(message, 1, end);
  const pending = pendingCalls[id];
  if (pending === undefined) return;
  delete pendingCalls[id];
  if (failed) pending.reject(slice(message, end + 1));
  else pending.resolve(parse(slice(message, end + 1)));
}

// ---------------------------------------------------------------- the program

function prepareProgram(message) {
  const first = indexOf(message, "\n"), second = indexOf(message, "\n", first + 1);
  config = parse(slice(message, 1, first));
  toolNames = parse(slice(message, first + 1, second));
  if (config.lazy) {
    lazily("tools", makeTools);
    lazily("ALL_TOOLS", () => parse(ask(CATALOGUE)));
  } else {
    global.tools = makeTools();
    global.ALL_TOOLS = parse(slice(message, second + 1));
  }
}

function finish(failed, reason) { outcome ??= { failed, reason }; }

function run(main) {
  try {
    // Only a main with parameters gets arguments, for it may look at all that it gets.
    const promise = main.length === 0 ? main() : main({ __proto__: null }, importModule);
    define(promise, "constructor", undefined);  // no species of the script's
    apply(then, promise, [() => finish(false, undefined), (reason) => finish(true, reason)]);
  } catch (error) {
    finish(true, error);  // a source that closed the wrapper's braces
  }
}

async function importModule(specifier, options) {
  specifier = `${specifier}`;
  if (options !== undefined && !isObject(options)) throw new TypeErrorOf("The second argument to import() must be an object");
  throw "unsupported import in exec";
}

function fire(timer) {
  const callback = waiting().takeTimer(timer);
  if (callback === undefined) return;
  try {
    apply(callback, undefined, []);
  } catch (error) {
    finish(true, error);
  }
}

// The turn and its microtasks are over. The host reads the buffer itself when this returns, and
// the reason with it; rendering a failure may run code of the script, which may call us.
function idle() {
  if (outcome === undefined) put(IDLE, "");
  else if (outcome.failed) putFailure(outcome.reason);
  else put(DONE, "");
  words[1] = outcome === undefined ? FLUSH : OVER;
}

function putFailure(reason) {
  const limit = typeof reason === "string" ? reached[reason] : undefined;
  if (limit === undefined) put(FAILED, failureText(errors().renderAll(reason)));
  else put(LIMITED, limit + "\n" + reason);
}

function failureText(text) {
  return text.length > config.valueBytes ? slice(text, 0, 4096) + "\n" + config.valueError : text;
}

// ---------------------------------------------------------------- globals

// A helper looks like a native function: no name, no length, no source, a prototype. A bound
// function whose name is taken away has these looks, also in what V8 says of it.
const NAMELESS = { __proto__: null, value: "" };

function disguise(target) {
  const shown = bind(target, undefined), { prototype } = target;
  prototype.constructor = shown;
  defineProperty(shown, "name", NAMELESS);
  defineProperty(shown, "prototype", { __proto__: null, value: prototype, writable: true });
  return shown;
}

function native(helper) {
  return disguise(function (first = undefined, second) {
    try {
      return helper(first, second);
    } catch (error) {
      throw asText(error);
    }
  });
}

// A proxy without traps of an anonymous function has the same looks, but for errors that quote the
// source of one. It is made in a third of the time, and there may be many, made while a program waits.
const TRANSPARENT = { __proto__: null };

function disguiseQuickly(target) {
  const shown = new ProxyOf(target, TRANSPARENT);
  target.prototype.constructor = shown;
  return shown;
}

function makeTools() {
  const tools = {};
  for (let index = 0; index < toolNames.length; index++) {
    define(tools, toolNames[index], disguiseQuickly(function (input = undefined, second) { return invoke(index, input, second); }));
  }
  return tools;
}

// Decoded when first looked at: a program seldom reads a catalogue of a thousand descriptions.
function lazily(name, make) {
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
}

delete global.console;
delete global.Atomics;
delete global.SharedArrayBuffer;
delete global.WebAssembly;
global.tools = undefined;
global.ALL_TOOLS = undefined;
global.clearTimeout = native(function (id) { waiting().clearTimeout(id); });
global.setTimeout = disguise(function (callback = undefined, delay) { return waiting().setTimeout(callback, delay); });
global.text = native(function (value) { put(TEXT, toText(value)); });
global.content = function content(blockOrBlocks) { media().content(blockOrBlocks); };
global.image = native(function (value, detail) { media().image(value, detail); });
global.audio = native(function (value) { media().audio(value); });
global.generatedImage = native(function (result) { media().generatedImage(result); });
global.store = native(store);
global.load = native(load);
global.notify = native(notify);
global.yield_control = native(yield_control);
global.exit = native(exit);
global.as_settled = function as_settled(promises) {
  const { results, settle } = waiting();
  return results(settle(promises));
};
global.stream_settled = async function stream_settled(promises, callback) {
  if (typeof callback !== "function") throw new TypeErrorOf("stream_settled requires a callback");
  const { settle, take, woken } = waiting(), queue = settle(promises);
  while (queue.open > 0 || queue.first !== undefined) {
    if (queue.first === undefined) await woken(queue);
    else await callback(take(queue));
  }
};

// What nearly every program runs is run once before an isolate is handed out: V8 compiles a
// function when it is first called, and that would cost a program more than all its own work.
function rehearse() {
  lastTold = now();
  prepareProgram('S{"lazy":false,"valueBytes":9,"toolCalls":9}\n["rehearsal"]\n[]');
  run(() => new PromiseOf(() => {}));
  global.text(global.tools.rehearsal({}) === undefined ? "" : "rehearsal");
  settleCall("R1\n{}", false);
  idle();
  words[0] = HEADER;
  calls = 0;
  config = toolNames = global.tools = global.ALL_TOOLS = undefined;
}

return function entry() {
  if (typeof this === "string") {
    lastTold = now();
    const kind = charCodeAt(this, 0);
    if (kind === 83) prepareProgram(this);
    else if (kind === 84) fire(+slice(this, 1));
    else if (kind === 67) finish(true, errors().refusal(slice(this, 1), config));
    else settleCall(this, kind === 69);
  } else if (this === host) idle();
  else if (host !== undefined) run(this);
  else {
    host = this;
    buffer = new ArrayBuffer(2 * UNITS);
    units = new UnitsOf(buffer);
    words = new Int32Array(buffer, 0, 4);
    words[0] = HEADER;
    rehearse();
    return buffer;
  }
  return undefined;
};
})()
//# sourceURL=codemode:prelude/boot.js
