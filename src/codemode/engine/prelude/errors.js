// What an error looks like to people: stacks of the script alone, texts for whatever was thrown,
// reasons for which a source cannot be run; and text that needs care. Evaluated by boot.js, whose
// rules hold here, when a stack is first read or something has failed.
"use strict";
((core) => {
const {
  apply, construct, getPrototypeOf, getOwnPropertyDescriptor, isArray, isError, evaluate,
  ErrorOf, RegExpOf, StringOf, slice, indexOf, charCodeAt, isObject, define,
} = core;
function codePointAt(text) { return apply(core.codePointAt, text, [0]); }
function hex(number) { return apply(core.numberToString, number, [16]); }
function lastIndexOf(text, part) { return apply(core.lastIndexOf, text, [part]); }
function startsWith(text, start) { return apply(core.startsWith, text, [start]); }
function endsWith(text, end) { return text.length >= end.length && slice(text, -end.length) === end; }
function exec(pattern, text) { return apply(core.exec, pattern, [text]); }

const MODULE = "exec_main.mjs", OURS = "codemode:prelude", FRAME = "\n    at ", BUILTIN = " (<anonymous>)";

// ---------------------------------------------------------------- stacks

const stackOf = getOwnPropertyDescriptor(new ErrorOf(), "stack").get;

// The stack of `error` without our frames, with the columns of line 1 as they were before the
// source was wrapped; or what the script's own `prepareStackTrace` makes of its frames.
function prepare(error, frames, userPrepare, shift) {
  if (typeof userPrepare === "function") return apply(userPrepare, ErrorOf, [error, theirs(frames)]);
  // Read again while V8 is formatting: that gives V8's own text, whose header holds the message
  // as it was when the error was made.
  return tidy(apply(stackOf, error, []), frames.length, shift);
}

// Call sites of the script. Their columns are V8's.
function theirs(frames) {
  const visible = [];
  for (let at = 0, count = 0; at < frames.length; at++) {
    if (!isOurs(frames[at]) && !(isBuiltin(frames[at]) && at + 1 < frames.length && isOurs(frames[at + 1]))) {
      define(visible, count++, frames[at]);
    }
  }
  return visible;
}

// Taken from the first site that we are given. A script that has replaced it before, or calls us
// with sites of its own making, sees frames of ours: they hold no function and no `this`.
let siteToString;

function siteText(site) { return apply(siteToString ??= getPrototypeOf(site).toString, site, []); }
function isOurs(site) { return indexOf(siteText(site), OURS) >= 0; }
function isBuiltin(site) { return endsWith(siteText(site), BUILTIN); }

function tidy(stack, frames, shift) {
  if (typeof stack !== "string") return stack;
  let at = firstFrame(stack, frames);
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
      held = relocate(frame, shift);
      if (!endsWith(frame, BUILTIN)) {
        text += held;
        held = "";
      }
    }
  }
  return text + held;
}

// Where the last `frames` of what looks like a frame begin: the others are lines of the message.
function firstFrame(stack, frames) {
  let lines = 0, at = indexOf(stack, FRAME);
  for (let next = at; next >= 0; next = indexOf(stack, FRAME, next + 1)) lines++;
  for (; lines > frames; lines--) at = indexOf(stack, FRAME, at + 1);
  return at;
}

// The program's script has a sourceURL and no name, which is what V8 shows as the origin of an
// eval; and its first line begins behind the wrapper.
function relocate(frame, shift) {
  const origin = indexOf(frame, "(<anonymous>:");
  if (origin >= 0) frame = slice(frame, 0, origin + 1) + MODULE + slice(frame, origin + 12);
  const where = lastIndexOf(frame, MODULE + ":1:");
  if (where < 0) return frame;
  const digits = where + MODULE.length + 3;
  let end = digits, column = 0;
  for (; end < frame.length; end++) {
    const digit = charCodeAt(frame, end) - 48;
    if (digit < 0 || digit > 9) break;
    column = column * 10 + digit;
  }
  return slice(frame, 0, digits) + (column > shift ? column - shift : 1) + slice(frame, end);
}

// ---------------------------------------------------------------- what was thrown

function property(value, key) {
  try {
    return isObject(value) ? value[key] : undefined;
  } catch {
    return undefined;
  }
}

// Its stack, or what String() makes of it.
function render(value) {
  const stack = property(value, "stack");
  if (typeof stack === "string") return stack;
  try {
    return StringOf(value);
  } catch {
    try {
      return apply(core.tagOf, value, []);
    } catch {
      return "unknown code mode exception";
    }
  }
}

const INNER_SHOWN = 8;

// The same with the errors inside it, which a stack does not show.
function renderAll(value) {
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
}

// ---------------------------------------------------------------- texts that cannot be shown or sent

// `key` as the reference's messages quote it: escapes for what cannot be seen.
let odd;  // made when first needed: properties of Unicode take a millisecond
const ESCAPES = { __proto__: null, "\"": "\\\"", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0" };

function quote(key) {
  let text = "\"", from = 0, found;
  odd ??= new RegExpOf("[\"\\\\\\p{C}\\p{Zl}\\p{Zp}\\p{Gr_Ext}]|(?! )\\p{Zs}", "gu");
  odd.lastIndex = 0;
  while ((found = exec(odd, key)) !== null) {
    text += slice(key, from, found.index) + (ESCAPES[found[0]] ?? "\\u{" + hex(codePointAt(found[0])) + "}");
    from = odd.lastIndex;
  }
  return text + slice(key, from) + "\"";
}

// The reference counts columns in bytes of UTF-8.
function tooDeep(json) {
  let column = 0;
  for (let at = 0; at < json.length; at++) {
    const code = charCodeAt(json, at);
    // Each half of a pair counts two: the whole is four bytes long.
    column += code < 0x80 ? 1 : code < 0x800 || code >= 0xd800 && code < 0xe000 ? 2 : 3;
  }
  return "failed to serialize JavaScript value: recursion limit exceeded at line 1 column " + column;
}

const LONE = "\ufffd";

// JSON text without escaped surrogates that stand alone: other readers of JSON refuse them.
function withoutLone(json) {
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
}

function escapedUnit(json, at) { return slice(json, at, at + 2) === "\\u" ? +("0x" + slice(json, at + 2, at + 6)) : 0; }

// ---------------------------------------------------------------- sources that cannot be run

const UNFINISHED = "Unexpected end of input", EXCESS = "Unexpected token '}'";

function failure(attempt) {
  try {
    attempt();
  } catch (error) {
    return error;
  }
  return undefined;
}

// The error of syntax in a source that is wrapped so; 0 if there is none. The throw keeps a
// source that closes our braces from running.
function parsed(open, source, close) {
  return failure(() => evaluate("\"use strict\";throw 0;" + open + source + close));
}

// Why a source cannot be run; nothing of the script has run yet.
function refusal(source, config) {
  const AsyncFunction = getPrototypeOf(async () => {}).constructor;
  const error = failure(() => construct(AsyncFunction, [source])) ?? parsed(config.open, source, config.close);
  return error === 0 ? config.refusal ?? "SyntaxError: " + EXCESS : syntaxError(source, error, config);
}

// The wrapper's closing braces change what V8 says of an unfinished program; without them V8
// says what it says of a module.
function syntaxError(source, error, config) {
  const inside = parsed(config.open, source, "");
  // A brace too many closes ours, and then the rest seems unfinished, unless it closes a whole
  // declaration.
  const closes = (error.message === EXCESS || error.message === "Single function literal required")
    && !(inside?.message === UNFINISHED && parsed("async function f(){", source, "")?.message === UNFINISHED);
  const { name, message } = closes || inside === 0 ? error : inside;
  const misplaced = startsWith(message, "Cannot use import statement") || message === "Unexpected token 'export'";
  if (config.refusal !== null && misplaced) return config.refusal;
  if (closes) return name + ": " + EXCESS;
  return name + ": " + (startsWith(message, "await is only valid") ? "Unexpected reserved word" : message);
}

return { __proto__: null, prepare, render, renderAll, quote, tooDeep, withoutLone, refusal };
})
//# sourceURL=codemode:prelude/errors.js
