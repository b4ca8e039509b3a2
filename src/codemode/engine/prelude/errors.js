// ---------------------------------------------------------------- what was thrown

function hex(number) { return apply(numberToString, number, [16]); }

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
      return apply(tagOf, value, []);
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
