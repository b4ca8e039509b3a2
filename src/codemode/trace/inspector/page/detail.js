// The panel at the right: a cell, or one of its calls, in full.

import { milliseconds } from "./lanes.js";
import { keyOf, shownStatus } from "./model.js";
import { bytes, content, el, json, output, plain, program } from "./values.js";

const MOST_WAITED_FOR = 50;
const MOST_OUTPUTS = 500;

const heading = (text) => el("h3", {}, text);
const when = (ms) => (ms ? new Date(ms).toLocaleTimeString(undefined, { hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 }) : "–");
const table = (rows) => el("table", {}, ...rows.map(([name, value]) => el("tr", {}, el("td", { class: "dim" }, name), el("td", {}, value))));

export class Detail {
  /** `app` has the model, the API, and what choosing and acting do. */
  constructor(box, app) {
    this.box = box;
    this.app = app;
    this.shown = "";
    this.loading = undefined;
  }

  /** Show a cell or a call; asks the server only if that, or its row, has changed. */
  async show(cell, call) {
    const stamp = cell === undefined ? "" : JSON.stringify([cell.key, call?.key, { ...cell, list: cell.list.length }, call]);
    if (stamp === this.shown) return;
    const isSame = this.subject === `${cell?.key} ${call?.key}`;
    this.subject = `${cell?.key} ${call?.key}`;
    this.shown = stamp;
    this.loading?.abort();
    this.loading = new AbortController();
    if (cell === undefined) {
      this.box.replaceChildren(el("p", { class: "dim" }, "Choose a cell at the left."));
      return;
    }
    const { signal } = this.loading;
    const of = { source: this.app.source, session: cell.session, cell: cell.cell };
    try {
      const [whole, one] = await Promise.all([
        this.app.api.get("cell", of, signal),
        call === undefined ? undefined : this.app.api.get("call", { ...of, call: call.call }, signal),
      ]);
      if (signal.aborted) return;
      const top = this.box.scrollTop;
      this.box.replaceChildren(...(call === undefined ? this.#cell(cell, whole) : this.#call(cell, call, whole, one)));
      this.box.scrollTop = isSame ? top : 0;
      const here = this.box.querySelector(".program .here");
      if (here !== null && !isSame) here.parentElement.scrollTop = Math.max(0, here.offsetTop - here.parentElement.offsetTop - 60);
      this.live();
    } catch (error) {
      if (error.name !== "AbortError") this.app.failed(error);
      this.shown = "";
    }
  }

  /** Show what is asked for again and again of a process: what a cell waits for, and stored values. */
  live() {
    const { cell, model } = this.app;
    const waits = this.box.querySelector("#waits");
    if (waits !== null && cell !== undefined) waits.replaceChildren(...this.#waits(cell));
    const stored = this.box.querySelector("#stored");
    const values = model.state.sessions?.[cell?.session]?.stored;
    if (stored !== null && values !== undefined) {
      const text = JSON.stringify(values);
      if (stored.dataset.text === text) return; // what is folded open stays open
      stored.dataset.text = text;
      stored.replaceChildren(...this.#stored(values));
    }
  }

  #cell(cell, whole) {
    const { app } = this;
    const end = cell.ended || app.now();
    return [
      el("h2", {}, `cell ${cell.name}`, el("span", { class: cell.status }, cell.status), this.#cellActions(cell)),
      table([
        ["runtime id", cell.cell],
        ["started", when(cell.started)],
        ["took", milliseconds(end - cell.started)],
        ["nested calls", cell.calls.toLocaleString("en")],
        ["tools", String(whole.tools)],
        ...(cell.reason ? [["because", cell.reason]] : []),
        ...(cell.limit ? [["limit", cell.limit]] : []),
        ...(cell.frozen ? [["stood at its frontier", `${cell.frozen} times`]] : []),
      ]),
      ...(cell.status === "running" ? [heading("Waits for"), el("div", { id: "waits" })] : []),
      ...(whole.error ? [heading("Error"), el("div", { class: "box failed" }, content(whole.error, plain))] : []),
      heading("Program"),
      this.#program(cell, whole, undefined),
      heading(`Output (${whole.outputs.length})`),
      ...whole.outputs.slice(0, MOST_OUTPUTS).map(output),
      heading("The model's calls"),
      ...whole.model_calls.map((each) => this.#modelCall(each)),
      heading("Stored values"),
      el("div", { id: "stored" }, ...this.#stored(cell.stored.map((key) => ({ key })))),
    ];
  }

  #call(cell, call, whole, one) {
    const status = shownStatus(call);
    const end = call.ended || this.app.now();
    const observed = one.observed.map((each) => [each.kind, JSON.stringify(each.facts)]);
    return [
      el("h2", {}, el("code", {}, call.tool), el("span", { class: status }, status), this.#approvalActions(call)),
      table([
        ["call", `${call.call} of cell ${cell.name}`],
        ["at", call.line ? `line ${call.line}, column ${call.column}` : "unknown"],
        ["requested", when(call.started)],
        ["took", milliseconds(end - call.started)],
        ...(one.queued_ms > 0 ? [["of that, queued", milliseconds(one.queued_ms)]] : []),
        ...(one.attempt > 1 ? [["attempt", String(one.attempt)]] : []),
        ...(one.reason ? [["because", one.reason]] : []),
        ...one.approvals.map((each) => ["approval", `${each.verdict || "asked"}${each.by ? ` by ${each.by}` : ""}${each.prompt ? `: ${each.prompt}` : ""}${each.reason ? ` (${each.reason})` : ""}`]),
        ...observed,
      ]),
      heading("Arguments"),
      content(one.arguments, json),
      ...(one.error ? [heading("Error"), el("div", { class: "box failed" }, content(one.error, plain))] : []),
      ...(one.result ? [heading(`Result, ${bytes(one.result.size)}`), content(one.result, json)] : []),
      heading("Program"),
      this.#program(cell, whole, call),
    ];
  }

  #program(cell, whole, call) {
    return content(whole.source, (text) => program(text, cell.list, call, shownStatus, (each) => this.app.choose(cell, each)));
  }

  #waits(cell) {
    const approvals = this.app.model.state.sessions?.[cell.session]?.approvals ?? [];
    const running = cell.list.filter((call) => call.status === "running");
    const lines = running.slice(0, MOST_WAITED_FOR).map((call) => {
      const approval = approvals.find((each) => keyOf(cell.session, each.cell, each.call) === call.key);
      const place = call.line ? ` at line ${call.line}` : "";
      const since = milliseconds(Math.max(0, this.app.now() - call.started));
      return el("div", {}, el("button", { onclick: () => this.app.choose(cell, call) }, call.call), ` ${call.tool}${place}, since ${since}${call.queuedSince ? ", queued" : ""}`, approval ? el("span", { class: "waiting" }, `: ${approval.prompt}`) : undefined);
    });
    if (running.length > MOST_WAITED_FOR) lines.push(el("div", { class: "dim" }, `and ${running.length - MOST_WAITED_FOR} calls more`));
    return lines.length > 0 ? lines : [el("p", { class: "dim" }, "no call: it computes, or waits for a timer")];
  }

  #stored(values) {
    if (values.length === 0) return [el("p", { class: "dim" }, "none")];
    return values.map(({ key, size, json: text }) => el("div", {}, el("code", {}, key), size === undefined ? undefined : el("span", { class: "dim" }, ` ${bytes(size)}`), text === undefined ? undefined : json(text)));
  }

  #modelCall(call) {
    const asked = call.requester === "application" ? `${call.tool}, by the application` : call.tool;
    const head = el("summary", {}, `${asked} `, el("code", {}, call.name), " ", el("span", { class: call.status }, call.status), el("span", { class: "dim" }, ` ${call.ended ? milliseconds(call.ended - call.started) : ""}`));
    return el("details", {}, head, content(call.answer, json));
  }

  #cellActions(cell) {
    if (!this.app.model.canAct || cell.status !== "running" || this.app.model.state.sessions?.[cell.session] === undefined) return undefined;
    return el("span", { class: "actions" }, el("button", { id: "terminate", class: "no", title: "x", onclick: () => this.app.terminate() }, "End this cell"));
  }

  #approvalActions(call) {
    if (!this.app.model.canAct || this.app.approvalOf(call) === undefined) return undefined;
    return el("span", { class: "actions" },
      el("button", { id: "approve", title: "a", onclick: () => this.app.approve() }, "Approve"),
      el("button", { id: "refuse", class: "no", title: "r", onclick: () => this.app.refuse() }, "Refuse"));
  }
}
