// The JavaScript side of a cell. The files of this folder are the parts of one function, in the order core, errors, media,
// waiting, recent, program; it gets the worker's native functions (cell.cc) and returns `entry`, through which the worker
// does everything. It runs once, when the snapshot is made, and V8 knows its functions for none of the user's: they show
// in no stack and have no source.
//
// Two rules keep all of it safe from the script, which may replace any global and any prototype:
//   1. What is needed later is captured here, first, and called through `apply`. Behind the boot nothing iterates,
//      spreads, destructures arrays or calls a method on a value; descriptors and tables have no prototype; members of
//      parsed JSON are read by `own`.
//   2. No native function is ever reachable from an object that a script can see.
"use strict";

const { put, send, call: putCall, timer: putTimer, clear: putClear, store: putStore, load: fetchValue, catalogue, exit, wrap, wrapText, toJson: jsonOf, makePublic } = native;
const { apply, getPrototypeOf } = Reflect;
const { defineProperty, getOwnPropertyDescriptor, hasOwn, prototype: { toString: tagOf } } = Object;
const { parse } = JSON;
const { random, trunc } = Math;
const { isArray } = Array;
const { isFinite, isInteger, prototype: { toString: numberToString } } = Number;
const {
  fromCharCode, prototype: {
    charCodeAt: charCodeAtOf, codePointAt: codePointAtOf, indexOf: indexOfOf, slice: sliceOf, startsWith: startsWithOf,
    toLowerCase: toLowerCaseOf, toWellFormed: toWellFormedOf,
  },
} = String;
const { exec: execOf } = RegExp.prototype;
const { then } = Promise.prototype;
const global = globalThis, PromiseOf = Promise, RangeErrorOf = RangeError, RegExpOf = RegExp, StringOf = String, TypeErrorOf = TypeError;
const { call } = Function.prototype, bind = call.bind(call.bind);
const charCodeAt = bind(call, charCodeAtOf);
const slice = bind(call, sliceOf);
const indexOf = bind(call, indexOfOf);
const toWellFormed = bind(call, toWellFormedOf);
const lower = bind(call, toLowerCaseOf);
const startsWith = bind(call, startsWithOf);
const codePointAt = bind(call, codePointAtOf);
const exec = bind(call, execOf);
const byteLength = bind(call, getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), "length").get);
const mapSize = bind(call, getOwnPropertyDescriptor(Map.prototype, "size").get);
const iteratorKey = Symbol.iterator;

// What V8 adds to each context by a flag; see engine.cc.
let fromBase64, isError;

// The kinds of records: protocol.h.
const TEXT = 1, IMAGE = 2, AUDIO = 3, NOTIFY = 5, YIELD = 6, DONE = 11, FAILED = 12, LIMITED = 13, IDLE = 14;

let config;                           // of the program: limits and their error texts

function own(object, key) { return hasOwn(object, key) ? object[key] : undefined; }
function isObject(value) { return typeof value === "object" && value !== null || typeof value === "function"; }

function define(object, key, value) {
  defineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
}

// What the script catches from a helper is always a string.
function asText(error) { return typeof error === "string" ? error : render(error); }

// ---------------------------------------------------------------- values

// The word that no JSON is stands for what JSON cannot say.
function stringify(value) {
  const json = jsonOf(value);
  return json === "undefined" ? undefined : json;
}

// A limit is refused with a string, which the script may catch, forget and throw again. So that it cannot forge one, we
// remember which were reached.
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
  return indexOf(text, "\\u") < 0 ? text : withoutLone(text);
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
      if (++depth === 128) throw tooDeep(slice(text, 0, at + 1));
    } else if (code === 93 || code === 125) depth--;
  }
}
