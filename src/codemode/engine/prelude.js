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
//      iterates, spreads, destructures arrays or calls a method on a value; descriptors and
//      options have no prototype; members of parsed JSON are read by `own`.
//   2. Neither `host` nor the buffer is ever reachable from an object that a script can see. So
//      no builtin may get `units` or `words` that would look up a property of it.
//
// Records. The buffer begins with four 32-bit words: units written, why we call, units answered,
// more to come. Then records of UTF-16 units: kind, length (low, high), payload. A kind with bit
// 15 set is continued by the next record. Data is written first and the length word last, so
// the host may read at any moment, also while the script spins.
(() => {
"use strict";

const { apply, construct, getPrototypeOf } = Reflect;
const { create, defineProperty, getOwnPropertyDescriptor, hasOwn } = Object;
const { parse, stringify } = JSON;
const { isArray } = Array;
const { trunc } = Math;
const { isFinite, isInteger } = Number;
const now = Date.now;
const fromCharCode = String.fromCharCode;
const commit = Atomics.store;
const fromBase64 = Uint8Array.fromBase64;
const { isError } = Error;
const ArrayOf = Array, ErrorOf = Error, RegExpOf = RegExp, StringOf = String, PromiseOf = Promise, MapOf = Map, TypeErrorOf = TypeError;
const evaluate = eval;
const AsyncFunction = getPrototypeOf(async () => {}).constructor;
const call = Function.prototype.call;
const unbound = (method) => apply(Function.prototype.bind, call, [method]);
const bind = unbound(Function.prototype.bind);
const charCodeAt = unbound(StringOf.prototype.charCodeAt);
const slice = unbound(StringOf.prototype.slice);
const indexOf = unbound(StringOf.prototype.indexOf);
const codePointAt = unbound(StringOf.prototype.codePointAt);
const numberToString = unbound(Number.prototype.toString);
const hex = (number) => numberToString(number, 16);
const lastIndexOf = unbound(StringOf.prototype.lastIndexOf);
const startsWith = unbound(StringOf.prototype.startsWith);
const toWellFormed = unbound(StringOf.prototype.toWellFormed);
const lower = unbound(StringOf.prototype.toLowerCase);
const then = unbound(PromiseOf.prototype.then);
const mapGet = unbound(MapOf.prototype.get);
const mapSet = unbound(MapOf.prototype.set);
const mapDelete = unbound(MapOf.prototype.delete);
const mapSize = unbound(getOwnPropertyDescriptor(MapOf.prototype, "size").get);
const fill = unbound(Array.prototype.fill);
const exec = unbound(RegExp.prototype.exec);
const tagOf = unbound(Object.prototype.toString);
const byteLength = unbound(getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), "length").get);
const stackOf = unbound(getOwnPropertyDescriptor(new Error(), "stack").get);
Error.prepareStackTrace = (_, sites) => sites[0];
const siteText = unbound(getPrototypeOf(new Error().stack).toString);
delete Error.prepareStackTrace;
const iteratorKey = Symbol.iterator;
const global = globalThis;

const UNITS = 32 * 1024, HEADER = 8;
const FLUSH = 0, LOAD = 1, MORE = 2, CATALOGUE = 3, EXIT = 4, OVER = 5;
const TEXT = 1, IMAGE = 2, AUDIO = 3, CALL = 4, NOTIFY = 5, YIELD = 6, TIMER = 7, CLEAR = 8,
  STORE = 9, KEY = 10, DONE = 11, FAILED = 12, IDLE = 13, CONTINUED = 0x8000;

let host, units, words, lastTold = 0;
let config;                           // of the program: wrapper, limits, their error texts
let outcome;                          // what the program came to: {failed, reason}
let calls = 0, timers = 0, toolNames;
const pendingCalls = new MapOf(), pendingTimers = new MapOf(), written = new MapOf();

const own = (object, key) => hasOwn(object, key) ? object[key] : undefined;

const define = (object, key, value, enumerable = true) => {
  defineProperty(object, key, { __proto__: null, value, writable: true, enumerable, configurable: true });
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

// What somebody waits for outside is told at once.
const send = (kind, text) => {
  put(kind, text);
  tell(FLUSH);
};

const CHUNK = 4096;
let chunk;  // made when first needed; its elements are its own, so that no setter hears of them

const ask = (reason) => {
  tell(reason);
  if (words[2] < 0) return undefined;
  if (chunk === undefined) chunk = fill(new ArrayOf(CHUNK), 0);
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

// ---------------------------------------------------------------- errors

// V8 asks for `Error.prepareStackTrace` when a stack is first read, and finds this accessor on
// Function.prototype. It lets us shift the columns of line 1 back by the wrapper's length and
// leave out our own frames, also where a script reads `error.stack` by itself.
let userPrepare;
const MODULE = "exec_main.mjs", OURS = "codemode:prelude", FRAME = "\n    at ", BUILTIN = " (<anonymous>)";

defineProperty(Function.prototype, "prepareStackTrace", {
  configurable: true,
  get() { return this === ErrorOf ? prepare : undefined; },
  set(value) {
    if (this !== ErrorOf) define(this, "prepareStackTrace", value);
    else userPrepare = value === prepare ? undefined : value;
  },
});

const prepare = (error, frames) => {
  if (typeof userPrepare === "function") return apply(userPrepare, ErrorOf, [error, theirs(frames)]);
  // Read again while V8 is formatting: that gives V8's own text, whose header holds the message
  // as it was when the error was made.
  return tidy(stackOf(error));
};

const endsWith = (text, end) => text.length >= end.length && slice(text, -end.length) === end;

// Call sites of the script, for a `prepareStackTrace` of its own. Their columns are V8's.
const theirs = (frames) => {
  const visible = [];
  for (let at = 0, count = 0; at < frames.length; at++) {
    if (!isOurs(frames[at]) && !(isBuiltin(frames[at]) && at + 1 < frames.length && isOurs(frames[at + 1]))) {
      define(visible, count++, frames[at]);
    }
  }
  return visible;
};

const isOurs = (site) => indexOf(siteText(site), OURS) >= 0;
const isBuiltin = (site) => endsWith(siteText(site), BUILTIN);

const tidy = (stack) => {
  if (typeof stack !== "string") return stack;
  let at = indexOf(stack, FRAME);
  if (at < 0) return stack;
  let text = slice(stack, 0, at), held = "";
  while (at >= 0) {
    const next = indexOf(stack, FRAME, at + 1);
    const frame = next < 0 ? slice(stack, at) : slice(stack, at, next);
    at = next;
    if (indexOf(frame, OURS) >= 0) {
      held = "";  // a builtin that we called goes with our frame below it
    } else {
      text += held;
      held = relocate(frame);
      if (!endsWith(frame, BUILTIN)) {
        text += held;
        held = "";
      }
    }
  }
  return text + held;
};

// Anonymous code of an evaluated program is "eval" to V8, and its first line begins behind the
// wrapper.
const relocate = (frame) => {
  const call = indexOf(frame, "eval (" + MODULE + ":"), separator = slice(frame, call - 1, call);
  if (call >= 0 && (separator === " " || separator === ".")) {
    const before = slice(frame, 0, call);
    frame = before === FRAME || before === FRAME + "async "
      ? before + slice(frame, call + 6, -1)
      : before + "<anonymous>" + slice(frame, call + 4);
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
  return slice(frame, 0, digits) + (column > config.shift ? column - config.shift : 1) + slice(frame, end);
};

const isObject = (value) => typeof value === "object" && value !== null || typeof value === "function";

const property = (value, key) => {
  try {
    return isObject(value) ? value[key] : undefined;
  } catch {
    return undefined;
  }
};

// What a thrown value is for people: its stack, or what String() makes of it.
const render = (value) => {
  const stack = property(value, "stack");
  if (typeof stack === "string") return stack;
  try {
    return StringOf(value);
  } catch {
    try {
      return tagOf(value);
    } catch {
      return "unknown code mode exception";
    }
  }
};

// What the script catches from a helper is always a string.
const asText = (error) => typeof error === "string" ? error : render(error);

const INNER_SHOWN = 8;

// The same with the errors inside it, which a stack does not show.
const renderAll = (value) => {
  let shown = 0;
  const inner = (error, key) => {
    const reason = property(error, key);
    return reason === undefined || shown++ >= INNER_SHOWN ? "" : "\n[" + key + "]: " + withInner(reason);
  };
  const withInner = (error) => {
    let text = render(error);
    if (!isError(error)) return text;
    const errors = property(error, "errors");
    const count = isArray(errors) ? property(errors, "length") : 0;
    for (let i = 0; i < count && shown < INNER_SHOWN; i++) {
      shown++;
      text += "\n[errors][" + i + "]: " + withInner(property(errors, i));
    }
    return text + inner(error, "error") + inner(error, "suppressed") + inner(error, "cause");
  };
  return withInner(value);
};

// ---------------------------------------------------------------- values

const checked = (text) => {
  if (text.length > config.valueBytes) throw config.valueError;
  return text;
};

// JSON text, or undefined for what JSON cannot say.
const serialize = (value) => {
  const text = stringify(value);
  return text === undefined ? undefined : checked(text);
};

const toText = (value) => {
  if (typeof value === "string") return checked(value);
  if (isObject(value)) return serialize(value) ?? "undefined";
  return typeof value === "symbol" ? "undefined" : `${value}`;
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

const LONE = "\ufffd";

// JSON text without escaped surrogates that stand alone: other readers of JSON refuse them.
const withoutLone = (json) => {
  let text = "", from = 0, at = indexOf(json, "\\");
  for (; at >= 0; at = indexOf(json, "\\", at)) {
    const first = escapedUnit(json, at);
    const second = first >= 0xd800 && first < 0xdc00 ? escapedUnit(json, at + 6) : 0;
    if (second >= 0xdc00 && second < 0xe000) at += 12;
    else if (first >= 0xd800 && first < 0xe000) {
      text += slice(json, from, at) + LONE;
      from = at += 6;
    } else at += 2;
  }
  return text + slice(json, from);
};

const escapedUnit = (json, at) => slice(json, at, at + 2) === "\\u" ? +("0x" + slice(json, at + 2, at + 6)) : 0;

const toJson = (value) => {
  const text = serialize(value);
  if (text === undefined) return undefined;
  if (text.length > 255) refuseDepth(text);
  return indexOf(text, "\\u") < 0 ? text : withoutLone(text);
};

// `key` as the reference's messages quote it: escapes for what cannot be seen.
let odd;  // made when first needed: properties of Unicode take a millisecond
const ESCAPES = { __proto__: null, "\"": "\\\"", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0" };

const quote = (key) => {
  let text = "\"", from = 0, found;
  odd ??= new RegExpOf("[\"\\\\\\p{C}\\p{Zl}\\p{Zp}]|(?! )\\p{Zs}", "gu");
  odd.lastIndex = 0;
  while ((found = exec(odd, key)) !== null) {
    text += slice(key, from, found.index) + (ESCAPES[found[0]] ?? "\\u{" + hex(codePointAt(found[0], 0)) + "}");
    from = odd.lastIndex;
  }
  return text + slice(key, from) + "\"";
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

const OCTETS = "application/octet-stream";

const blockUrl = (data, mime) => lower(slice(data, 0, 5)) === "data:" ? data : "data:" + mime + ";base64," + data;

const mediaData = (block, kind) => {
  const data = own(block, "data");
  if (typeof data !== "string" || data === "") throw kind + " expected MCP " + kind + " data";
  const mime = own(block, hasOwn(block, "mimeType") ? "mimeType" : "mime_type");
  return blockUrl(data, typeof mime === "string" && mime !== "" ? mime : OCTETS);
};

// The JSON image of a value as an object of its own, or undefined if it is no JSON object.
const asBlock = (value) => {
  const json = toJson(value), block = json === undefined ? undefined : parse(json);
  return isObject(block) && !isArray(block) ? block : undefined;
};

// The three shapes that image() and audio() take: a URL, an object with one, an MCP block.
const media = (value, kind, shape) => {
  if (typeof value === "string" && value !== "") return { url: value, detail: undefined };
  if (!isObject(value) || isArray(value)) throw shape;
  const url = value[kind + "_url"];
  if (url !== undefined) {
    if (typeof url !== "string" || url === "") throw shape;
    return { url, detail: kind === "image" ? value.detail : undefined };
  }
  const block = asBlock(value), type = block && own(block, "type");
  if (typeof type !== "string") throw shape;
  if (type !== kind) throw kind + " only accepts MCP " + kind + " blocks, got \"" + type + "\"";
  return { url: mediaData(block, kind), detail: blockDetail(block) };
};

const blockDetail = (block) => {
  const meta = own(block, "_meta"), detail = isObject(meta) ? own(meta, "codex/imageDetail") : undefined;
  return isDetail(detail) ? detail : undefined;
};

const isDetail = (detail) => detail === "auto" || detail === "low" || detail === "high" || detail === "original";

const IMAGE_SHAPE = "image expects a non-empty image URL string, an object with image_url and optional detail, or a raw MCP image block";
const AUDIO_SHAPE = "audio expects a non-empty audio URL string, an object with audio_url, or a raw MCP audio block";

const putImage = (url, detail) => { put(IMAGE, detail + "\n" + dataUrl(url, "image")); };

const image = (value, detail) => {
  const found = media(value, "image", IMAGE_SHAPE);
  if (typeof (found.detail ?? "") !== "string" || typeof (detail ?? "") !== "string") {
    throw "image detail must be a string when provided";
  }
  const chosen = lower(detail ?? found.detail ?? "high");
  if (!isDetail(chosen)) throw "image detail must be one of: auto, low, high, original";
  putImage(found.url, chosen);
};

const generatedImage = (result) => {
  if (!isObject(result)) throw "generatedImage expects an image generation result object";
  let hint;
  try {
    hint = result.output_hint;
  } catch {
    throw "failed to read generatedImage output_hint";
  }
  if (hint !== undefined && typeof hint !== "string") throw "generatedImage output_hint must be a string when provided";
  image(result);
  if (hint !== undefined) put(TEXT, checked(hint));
};

const putAudio = (url) => {
  const checkedUrl = dataUrl(url, "audio");
  if (isShortWav(checkedUrl)) {
    put(TEXT, "Audio output omitted because the clip is shorter than 25 ms; use a longer clip.");
  } else put(AUDIO, checkedUrl);
};

const audio = (value) => { putAudio(media(value, "audio", AUDIO_SHAPE).url); };

// Models cannot hear a clip of less than 25 ms. Only RIFF/WAVE with plain samples is measured;
// whatever cannot be read is passed on.
const isShortWav = (url) => {
  const comma = indexOf(url, ",");
  if (comma < 0 || !startsWith(url, "UklGR", comma + 1)) return false;  // "RIFF"
  if (indexOf(lower(slice(url, 0, comma)) + ";", ";base64;") < 0) return false;
  const data = slice(url, comma + 1);
  if (exec(new RegExpOf("\\s"), data) !== null) return false;  // fromBase64 would skip it
  let bytes;
  try {
    bytes = fromBase64(data, { __proto__: null, lastChunkHandling: "strict" });
  } catch {
    return false;
  }
  return isShortRiff(bytes, byteLength(bytes));
};

const isShortRiff = (bytes, end) => {
  const word = (at) => bytes[at] | bytes[at + 1] << 8;
  const long = (at) => (word(at) | word(at + 2) << 16) >>> 0;
  const name = (at) => fromCharCode(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
  if (name(0) !== "RIFF" || name(8) !== "WAVE") return false;
  let rate = 0, align = 0;
  for (let at = 12; at + 8 <= end;) {
    const size = long(at + 4), start = at + 8;
    if (name(at) === "fmt ") {
      if (size < 16 || start + size > end) return false;
      const format = word(start) === 0xfffe && size >= 40 ? subFormat(bytes, start + 24) : word(start);
      if (format !== 1 && format !== 3) return false;
      rate = long(start + 4);
      align = word(start + 12);
      if (rate === 0 || align === 0) return false;
    } else if (name(at) === "data") {
      const present = size < end - start ? size : end - start;
      return rate > 0 && trunc(present / align) / rate < 0.025;
    }
    at = start + size + size % 2;
  }
  return false;
};

// The GUID of an extensible format is a plain tag before a fixed tail.
const GUID_TAIL = [0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113];

const subFormat = (bytes, at) => {
  for (let i = 0; i < 14; i++) if (bytes[at + 2 + i] !== GUID_TAIL[i]) return 0;
  return bytes[at] | bytes[at + 1] << 8;
};

// ---------------------------------------------------------------- MCP blocks

const CONTENT_SHAPE = "content expects one MCP ContentBlock";

const isString = (value) => typeof value === "string";
const isNullish = (value) => value === undefined || value === null;
const isOptional = (object, key) => isNullish(own(object, key)) || isString(object[key]);

const isResource = (resource) => isObject(resource) && !isArray(resource) && isString(own(resource, "uri"))
  && (isString(own(resource, "text")) || isString(own(resource, "blob"))) && isOptional(resource, "mimeType");

const isLink = (block) => isString(own(block, "uri")) && isString(own(block, "name"))
  && isOptional(block, "title") && isOptional(block, "description") && isOptional(block, "mimeType")
  && (isNullish(own(block, "size")) || isInteger(block.size))
  && (isNullish(own(block, "icons")) || isArray(block.icons));

const isMedia = (block) => isString(own(block, "data")) && isOptional(block, "mimeType") && isOptional(block, "mime_type")
  && !(hasOwn(block, "mimeType") && hasOwn(block, "mime_type"));

const emitBlock = (value) => {
  let block;
  try {
    block = asBlock(value);
  } catch (error) {
    throw asText(error);
  }
  if (block === undefined) throw CONTENT_SHAPE;
  const type = own(block, "type");
  if (type === "text" && isString(own(block, "text"))) put(TEXT, checked(block.text));
  else if ((type === "image" || type === "audio") && isMedia(block)) {
    const url = blockUrl(block.data, own(block, "mimeType") ?? own(block, "mime_type") ?? OCTETS);
    if (type === "image") putImage(url, blockDetail(block) ?? "high");
    else putAudio(url);
  } else if (type === "resource" && isResource(own(block, "resource")) || type === "resource_link" && isLink(block)) {
    put(TEXT, checked(stringify(block)));
  } else throw CONTENT_SHAPE;
};

function content(blockOrBlocks) {
  if (!isObject(blockOrBlocks) || typeof blockOrBlocks[iteratorKey] !== "function") emitBlock(blockOrBlocks);
  else for (const block of blockOrBlocks) emitBlock(block);
}

// ---------------------------------------------------------------- control

const WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";

const isBlank = (text) => {
  let at = 0;
  while (at < text.length && indexOf(WHITE_SPACE, text[at]) >= 0) at++;
  return at === text.length;
};

const notify = (value) => {
  const message = toText(value);
  if (isBlank(message)) throw "notify expects non-empty text";
  send(NOTIFY, message);
};

const yield_control = () => { send(YIELD, ""); };

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
  return checked(toWellFormed(text));
};

const store = (rawKey, value) => {
  const key = toKey(rawKey, "store");
  const json = toJson(value);
  if (json === undefined) throw "Unable to store " + quote(key) + ". Only plain serializable objects can be stored.";
  mapSet(written, key, json);
  put(STORE, key.length + "\n" + key + json);
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
    // `await tools`, where a tool is called "then".
    second("tools cannot be awaited: it has a tool named \"then\".\nHint: await a call of one of its members.");
    return undefined;
  }
  const json = inputJson(index, input);
  if (calls === config.toolCalls) throw config.toolCallsError;
  const id = `${++calls}`;
  const promise = new PromiseOf((resolve, reject) => mapSet(pendingCalls, id, { resolve, reject }));
  send(CALL, id + "\n" + index + "\n" + json);
  return promise;
}

const inputJson = (index, input) => {
  if (input === undefined) return "";
  let json;
  try {
    json = toJson(input);
  } catch (error) {
    throw asText(error);
  }
  if (json === undefined) throw "Unable to call " + quote(toolNames[index]) + ". Only plain serializable values can be passed to a tool.";
  return json;
};

const settleCall = (message, failed) => {
  const end = indexOf(message, "\n"), id = slice(message, 1, end);
  const pending = mapGet(pendingCalls, id);
  if (pending === undefined) return;
  mapDelete(pendingCalls, id);
  if (failed) pending.reject(slice(message, end + 1));
  else pending.resolve(parse(slice(message, end + 1)));
};

// ---------------------------------------------------------------- timers

const setTimeout = function (callback, delay) {
  if (typeof callback !== "function") throw "setTimeout expects a function callback";
  if (mapSize(pendingTimers) >= config.timers) throw config.timersError;
  const id = ++timers, number = +delay;  // may throw what the script throws, and uses up the id
  const wait = isFinite(number) && number > 0 ? trunc(number) : 0;
  mapSet(pendingTimers, id, callback);
  send(TIMER, id + "\n" + wait);
  return id;
};

const clearTimeout = (id) => {
  if (isNullish(id)) return;
  let number;
  try {
    number = +id;
  } catch {
    throw "clearTimeout expects a numeric timeout id";
  }
  number = isFinite(number) ? trunc(number) : 0;
  if (mapDelete(pendingTimers, number)) put(CLEAR, `${number}`);
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

// A queue of results: `open` promises are still to settle, `first` is the oldest result not yet
// taken. It is a linked list, because a script can put setters on the indices of arrays.
const settle = (promises) => {
  const queue = { open: 0, first: undefined, last: undefined, wake: undefined };
  const keyed = isMap(promises);
  let position = 0;
  for (const entry of promises) {
    queue.open++;
    watch(queue, keyed ? entry[0] : position++, keyed ? entry[1] : entry);
  }
  return queue;
};

const isMap = (value) => {
  try {
    mapSize(value);
    return true;
  } catch {
    return false;
  }
};

const watch = async (queue, index, promise) => {
  let result;
  try {
    result = { index, status: "fulfilled", value: await promise };
  } catch (reason) {
    result = { index, status: "rejected", reason };
  }
  const link = { result, next: undefined };
  if (queue.first === undefined) queue.first = link;
  else queue.last.next = link;
  queue.last = link;
  queue.open--;
  queue.wake?.();
};

// Resolves when there is a result. Its own `constructor` keeps `await` from looking at `then`.
const woken = (queue) => {
  const promise = new PromiseOf((resolve) => { queue.wake = resolve; });
  define(promise, "constructor", PromiseOf);
  return promise;
};

const take = (queue) => {
  const { result, next } = queue.first;
  queue.first = next;
  return result;
};

const results = async function* (queue) {
  while (queue.open > 0 || queue.first !== undefined) {
    if (queue.first === undefined) await woken(queue);
    else yield take(queue);
  }
};

function as_settled(promises) {
  return results(settle(promises));
}

async function stream_settled(promises, callback) {
  if (typeof callback !== "function") throw new TypeErrorOf("stream_settled requires a callback");
  const queue = settle(promises);
  while (queue.open > 0 || queue.first !== undefined) {
    if (queue.first === undefined) await woken(queue);
    else await callback(take(queue));
  }
}

// ---------------------------------------------------------------- the program

const failure = (attempt) => {
  try {
    attempt();
  } catch (error) {
    return error;
  }
  return undefined;
};

// The wrapper's closing braces change what V8 says of an unfinished program; without them V8
// says what it says of a module. The throw keeps a source that closes our braces from running.
const syntaxError = (source, error) => {
  const UNFINISHED = "Unexpected end of input", EXCESS = "Unexpected token '}'";
  const parsed = (open) => failure(() => evaluate("\"use strict\";throw 0;" + open + source));
  const inside = parsed(config.open);
  // A brace too many closes ours, and then the rest seems unfinished, unless it closes a whole
  // declaration.
  const closes = (error.message === EXCESS || error.message === "Single function literal required")
    && !(inside?.message === UNFINISHED && parsed("async function f(){")?.message === UNFINISHED);
  const { name, message } = closes || inside === 0 ? error : inside;
  if (config.refusal !== null && startsWith(message, "Cannot use import statement")) return config.refusal;
  if (closes) return name + ": " + EXCESS;
  return name + ": " + (startsWith(message, "await is only valid") ? "Unexpected reserved word" : message);
};

const start = (message) => {
  const first = indexOf(message, "\n"), second = indexOf(message, "\n", first + 1);
  config = parse(slice(message, 1, first));
  installTools(slice(message, first + 1, second));
  const source = slice(message, second + 1);
  let main;
  try {
    construct(AsyncFunction, [source]);
    main = evaluate("\"use strict\";" + config.open + source + "\n}})\n//# sourceURL=" + MODULE);
  } catch (error) {
    outcome = { failed: true, reason: syntaxError(source, error) };
    return;
  }
  if (config.refusal !== null) {
    outcome = { failed: true, reason: config.refusal };
    return;
  }
  const promise = apply(main, undefined, [importMeta(), importModule]);
  define(promise, "constructor", undefined);  // no species of the script's
  then(promise,
    () => { outcome ??= { failed: false, reason: undefined }; },
    (reason) => { outcome ??= { failed: true, reason }; });
};

const importMeta = () => create(null);

const importModule = async (specifier) => {
  specifier = `${specifier}`;
  throw "unsupported import in exec";
};

// The turn and its microtasks are over. The host reads the buffer itself when this returns, and
// the reason with it; rendering a failure may run code of the script, which may call us.
const idle = () => {
  if (outcome === undefined) put(IDLE, "");
  else if (outcome.failed) put(FAILED, failureText(outcome.reason));
  else put(DONE, "");
  words[1] = outcome === undefined ? FLUSH : OVER;
};

const failureText = (reason) => {
  const text = renderAll(reason);
  return text.length > config.valueBytes ? slice(text, 0, 4096) + "\n" + config.valueError : text;
};

// ---------------------------------------------------------------- globals

// The looks of a native function: no name, no length, a prototype.
const disguise = (shown) => {
  const prototype = {};
  define(prototype, "constructor", shown, false);
  defineProperty(shown, "name", { __proto__: null, value: "" });
  defineProperty(shown, "length", { __proto__: null, value: 0 });
  defineProperty(shown, "prototype", { __proto__: null, value: prototype, writable: true });
  return shown;
};

// A bound function has no source to show, and makes objects of its target's prototype.
const native = (helper) => {
  const target = function (first, second) {
    try {
      return helper(first, second);
    } catch (error) {
      throw asText(error);
    }
  };
  const shown = disguise(bind(target));
  target.prototype = shown.prototype;
  return shown;
};

const makeTools = () => {
  const tools = {};
  for (let index = 0; index < toolNames.length; index++) {
    define(tools, toolNames[index], disguise(bind(invoke, undefined, index)));
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

const installTools = (names) => {
  toolNames = parse(names);
  const catalogue = () => toolNames.length === 0 ? [] : parse(ask(CATALOGUE));
  if (config.lazy) {
    lazily("tools", makeTools);
    lazily("ALL_TOOLS", catalogue);
  } else {
    define(global, "tools", makeTools());
    define(global, "ALL_TOOLS", catalogue());
  }
};

for (const name of ["console", "Atomics", "SharedArrayBuffer", "WebAssembly", "Temporal"]) delete global[name];
delete Date.prototype.toTemporalInstant;
define(global, "tools", undefined);
define(global, "ALL_TOOLS", undefined);
for (const [name, helper] of [
  ["clearTimeout", native(clearTimeout)], ["setTimeout", disguise(bind(setTimeout))], ["text", native(text)],
  ["content", content], ["image", native(image)], ["audio", native(audio)],
  ["generatedImage", native(generatedImage)], ["store", native(store)], ["load", native(load)],
  ["notify", native(notify)], ["yield_control", native(yield_control)], ["exit", native(exit)],
  ["as_settled", as_settled], ["stream_settled", stream_settled],
]) define(global, name, helper);

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
  else if (kind === 84) fire(+slice(this, 1));
  else settleCall(this, kind === 69);
  return undefined;
};
})()
//# sourceURL=codemode:prelude
