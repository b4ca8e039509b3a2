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
  if (json === undefined) throw `Unable to store ${quote(key)}. Only plain serializable objects can be stored.`;
  putStore(key, json);
  written[key] = json;
}

function load(rawKey) {
  const key = toKey(rawKey, "load");
  let json = written[key];
  if (json === undefined) json = fetchValue(key);
  return json === undefined ? undefined : parse(json);
}

// ---------------------------------------------------------------- tools

let calls = 0, toolNames;
const pendingCalls = { __proto__: null }, written = { __proto__: null };

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
  putCall(id, index, json);
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
    throw `Unable to call ${quote(toolNames[index])}. Only plain serializable values can be passed to a tool.`;
  }
  return json;
}

function settleCall(id, text, failed) {
  const pending = pendingCalls[id];
  if (pending === undefined) return;
  delete pendingCalls[id];
  if (failed) pending.reject(text);
  else pending.resolve(parse(text));
}

// ---------------------------------------------------------------- the program

let outcome;                          // what it came to: {failed, reason}

function prepare(settings, names, lazy) {
  random();                           // the context takes its seed now, whatever the script does first
  config = parse(settings);
  toolNames = parse(names);
  if (lazy) {
    lazily("tools", makeTools);
    lazily("ALL_TOOLS", () => parse(catalogue()));
  } else {
    global.tools = makeTools();
    global.ALL_TOOLS = parse(catalogue() ?? "[]");
  }
}

function finish(failed, reason) { outcome ??= { failed, reason }; }

// What is run is the promise of a module that V8 is evaluating.
function run(promise) {
  define(promise, "constructor", undefined);  // no species of the script's
  apply(then, promise, [() => finish(false, undefined), (reason) => finish(true, reason)]);
}

function fire(timer) {
  const callback = takeTimer(timer);
  if (callback === undefined) return;
  try {
    apply(callback, undefined, []);
  } catch (error) {
    finish(true, error);
  }
}

// The turn and its microtasks are over; whether the program is. Rendering a failure may run code of the script, which may
// call us.
function idle() {
  if (outcome === undefined) put(IDLE, "");
  else if (outcome.failed) putFailure(outcome.reason);
  else put(DONE, "");
  return outcome !== undefined;
}

function putFailure(reason) {
  const limit = typeof reason === "string" ? reached[reason] : undefined;
  if (limit === undefined) put(FAILED, failureText(renderAll(reason)));
  else put(LIMITED, limit + "\n" + reason);
}

function failureText(text) {
  return text.length > config.valueBytes ? slice(text, 0, 4096) + "\n" + config.valueError : text;
}

// ---------------------------------------------------------------- globals

// A helper is a native function, as in the reference, that calls one of ours.
function helper(ours) {
  return wrap(function (first = undefined, second) {
    try {
      return ours(first, second);
    } catch (error) {
      throw asText(error);
    }
  });
}

function makeTools() {
  const tools = {};
  for (let index = 0; index < toolNames.length; index++) {
    define(tools, toolNames[index], wrap(function (input = undefined, second) { return invoke(index, input, second); }));
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

global.tools = undefined;
global.ALL_TOOLS = undefined;

// In each context anew: a snapshot keeps what a native function belongs to apart from the context that it is of.
function makeHelpers() {
  const { content, as_settled, stream_settled } = makePublic(showBlocks, openQueue, add, results, take, woken, TypeErrorOf);
  global.clearTimeout = helper(clearTimeout);
  global.setTimeout = wrap(function (callback = undefined, delay) { return setTimeout(callback, delay); });
  global.text = wrapText(function (value = undefined) {
    try {
      put(TEXT, toText(value));
    } catch (error) {
      throw asText(error);
    }
  });
  global.content = content;
  global.image = helper(image);
  global.audio = helper(audio);
  global.generatedImage = helper(generatedImage);
  global.store = helper(store);
  global.load = helper(load);
  global.notify = helper(notify);
  global.yield_control = helper(yield_control);
  global.exit = wrap(function () { exit(); });
  global.as_settled = as_settled;
  global.stream_settled = stream_settled;
}

function open() {
  ({ fromBase64 } = Uint8Array);
  ({ isError } = Error);
  delete global.console;
  delete global.Atomics;
  delete global.SharedArrayBuffer;
  delete global.WebAssembly;
  makeHelpers();
}

// What nearly every program runs is run once while the snapshot is made, which keeps its bytecode: V8 compiles a function
// when it is first called, and that would cost a program more than all its own work. No cell is there to hear of it.
function rehearse() {
  makeHelpers();
  prepare('{"valueBytes":9,"toolCalls":9}', '["rehearsal"]', 0);
  run(new PromiseOf(() => {}));
  global.text({});
  global.tools.rehearsal({});
  settleCall(1, "{}", false);
  settleCall(2, "", true);
  idle();
  calls = 0;
  config = toolNames = undefined;
  for (const name of ["clearTimeout", "setTimeout", "text", "content", "image", "audio", "generatedImage", "store", "load",
    "notify", "yield_control", "exit", "as_settled", "stream_settled"]) delete global[name];
  global.tools = global.ALL_TOOLS = undefined;
}
rehearse();

// The numbers stand in cell.cc, too.
return function entry(kind, value, number, more) {
  switch (kind) {
    case 0: return open();
    case 1: return prepare(value, number, more);
    case 2: return run(value);
    case 3: return finish(true, value);
    case 4: return settleCall(number, value, false);
    case 5: return settleCall(number, value, true);
    case 6: return fire(number);
    case 7: return idle();
  }
  return undefined;
};
