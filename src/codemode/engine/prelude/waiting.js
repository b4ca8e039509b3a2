// ---------------------------------------------------------------- timers

const pendingTimers = { __proto__: null };
let timers = 0, waiting = 0;

function setTimeout(callback, delay) {
  if (typeof callback !== "function") throw "setTimeout expects a function callback";
  if (waiting >= config.timers) refuse("timers", config.timersError);
  const id = ++timers, number = +delay;  // may throw what the script throws, and uses up the id
  const wait = isFinite(number) && number > 0 ? trunc(number) : 0;
  pendingTimers[id] = callback;
  waiting++;
  putTimer(id, wait);
  return id;
}

function takeTimer(id) {
  const callback = pendingTimers[id];
  if (callback !== undefined) waiting--;
  delete pendingTimers[id];
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
  if (takeTimer(number) !== undefined) putClear(number);
}

// ---------------------------------------------------------------- promises in the order they settle

// A queue of results: `open` promises are still to settle, `first` is the oldest result not yet
// taken. It is a linked list, because a script can put setters on the indices of arrays.
function openQueue(promises) {
  return { open: 0, first: undefined, last: undefined, wake: undefined, keyed: isMap(promises), position: 0 };
}

function add(queue, entry) {
  queue.open++;
  watch(queue, queue.keyed ? entry[0] : queue.position++, queue.keyed ? entry[1] : entry);
}

function isMap(value) {
  try {
    mapSize(value);
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
