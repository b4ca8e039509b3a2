// What the page knows of one source: cells and calls by their runtime ids, taken over change by change.

const SEPARATOR = "\u001f";

export const keyOf = (...parts) => parts.join(SEPARATOR);

/** A call's status for people: one that waits for approval, or for room, runs, too. */
export function shownStatus(call) {
  if (call.status !== "running") return call.status;
  if (call.approvals.includes("waiting")) return "waiting";
  return call.queuedSince ? "queued" : "running";
}

export class Model {
  constructor() {
    this.version = 0;
    this.recording = { status: "", events: 0, problems: [] };
    this.sessions = [];
    this.cells = new Map();
    this.cellOrder = [];
    this.calls = new Map();
    this.latest = 0;
    this.canAct = false;
    this.state = {};
  }

  /** Take over what has changed; gives the keys of the cells whose calls have changed. */
  take(changes) {
    this.version = changes.version;
    this.recording = changes.recording;
    this.sessions = changes.sessions;
    this.canAct = changes.can_act;
    for (const row of changes.cells) {
      const key = keyOf(row.session, row.cell);
      const known = this.cells.get(key);
      if (known === undefined) {
        this.cells.set(key, { key, list: [], ...row });
        this.cellOrder.push(key);
      } else {
        Object.assign(known, row);
      }
      this.latest = Math.max(this.latest, row.started, row.ended);
    }
    const touched = new Set();
    for (const row of changes.calls) touched.add(this.#takeCall(row));
    for (const key of touched) this.cells.get(key)?.list.sort((a, b) => a.started - b.started || a.number - b.number);
    return touched;
  }

  #takeCall([session, cell, call, tool, status, line, column, started, ended, preview, queued, approvals, queuedSince]) {
    const cellKey = keyOf(session, cell);
    const key = keyOf(session, cell, call);
    const fields = { key, cellKey, session, cell, call, tool, status, line, column, started, ended, preview, queued, approvals, queuedSince };
    fields.number = Number(call.replace("tool-", "")) || 0;
    this.latest = Math.max(this.latest, started, ended);
    const known = this.calls.get(key);
    if (known !== undefined) {
      Object.assign(known, fields);
    } else {
      this.calls.set(key, fields);
      let owner = this.cells.get(cellKey);
      if (owner === undefined) {
        owner = { key: cellKey, session, cell, name: `cell ${cell}`, status: "running", started, ended: 0, calls: 0, list: [], head: "", stored: [] };
        this.cells.set(cellKey, owner);
        this.cellOrder.push(cellKey);
      }
      owner.list.push(fields);
    }
    return cellKey;
  }
}

/** The least item first. */
class Heap {
  constructor(before) {
    this.before = before;
    this.items = [];
  }

  get least() {
    return this.items[0];
  }

  push(item) {
    const { items, before } = this;
    let at = items.push(item) - 1;
    while (at > 0 && before(item, items[(at - 1) >> 1])) {
      items[at] = items[(at - 1) >> 1];
      at = (at - 1) >> 1;
    }
    items[at] = item;
  }

  pop() {
    const { items, before } = this;
    const [least] = items;
    const item = items.pop();
    if (items.length === 0) return least;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1], items[child])) child += 1;
      if (!before(items[child], item)) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = item;
    return least;
  }
}

/** Lanes: a call gets the first lane that is free when it starts, so that calls side by side stand in several. */
export function laidOut(calls, now) {
  const busy = new Heap((one, other) => one.end < other.end);
  const free = new Heap((one, other) => one < other);
  let lanes = 0;
  return calls.map((call) => {
    const bar = { call, lane: 0, start: call.started, end: call.ended || Math.max(now, call.started) };
    while (busy.least !== undefined && busy.least.end <= bar.start) free.push(busy.pop().lane);
    bar.lane = free.least === undefined ? lanes++ : free.pop();
    busy.push(bar);
    return bar;
  });
}
