// What a program waits for: timers, and promises in the order they settle. Evaluated by boot.js,
// whose rules hold here, when a program first does.
"use strict";
((core) => {
const { apply, trunc, isFinite, PromiseOf, define, config, put, send, refuse, TIMER, CLEAR } = core;

// ---------------------------------------------------------------- timers

const pending = { __proto__: null };
let timers = 0, waiting = 0;

function setTimeout(callback, delay) {
  if (typeof callback !== "function") throw "setTimeout expects a function callback";
  if (waiting >= config.timers) refuse("timers", config.timersError);
  const id = ++timers, number = +delay;  // may throw what the script throws, and uses up the id
  const wait = isFinite(number) && number > 0 ? trunc(number) : 0;
  pending[id] = callback;
  waiting++;
  send(TIMER, id + "\n" + wait);
  return id;
}

function takeTimer(id) {
  const callback = pending[id];
  if (callback !== undefined) waiting--;
  delete pending[id];
  return callback;
}

function clearTimeout(id) {
  if (id === undefined || id === null) return;
  let number;
  try {
    number = +id;
  } catch {
    throw "clearTimeout expects a numeric timeout id";
  }
  number = isFinite(number) ? trunc(number) : 0;
  if (takeTimer(number) !== undefined) put(CLEAR, `${number}`);
}

// ---------------------------------------------------------------- promises in the order they settle

// A queue of results: `open` promises are still to settle, `first` is the oldest result not yet
// taken. It is a linked list, because a script can put setters on the indices of arrays.
function settle(promises) {
  const queue = { open: 0, first: undefined, last: undefined, wake: undefined };
  const keyed = isMap(promises);
  let position = 0;
  for (const entry of promises) {
    queue.open++;
    watch(queue, keyed ? entry[0] : position++, keyed ? entry[1] : entry);
  }
  return queue;
}

function isMap(value) {
  try {
    apply(core.mapSize, value, []);
    return true;
  } catch {
    return false;
  }
}

async function watch(queue, index, promise) {
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
}

// Resolves when there is a result. Its own `constructor` keeps `await` from looking at `then`.
function woken(queue) {
  const promise = new PromiseOf((resolve) => { queue.wake = resolve; });
  define(promise, "constructor", PromiseOf);
  return promise;
}

function take(queue) {
  const { result, next } = queue.first;
  queue.first = next;
  return result;
}

async function* results(queue) {
  while (queue.open > 0 || queue.first !== undefined) {
    if (queue.first === undefined) await woken(queue);
    else yield take(queue);
  }
}

return { __proto__: null, setTimeout, clearTimeout, takeTimer, settle, results, take, woken };
})
//# sourceURL=codemode:prelude/waiting.js
