// The page: which source, cell and call are chosen, what is asked of the server, and what is drawn of it.

import { Api } from "./api.js";
import { Detail } from "./detail.js";
import { Lanes, milliseconds } from "./lanes.js";
import { Model, keyOf, shownStatus } from "./model.js";
import { Rows } from "./rows.js";
import { showSessions } from "./sessions.js";
import { bindKeys } from "./keys.js";

const WAIT_MS = 10_000;
const STATE_MS = 1_000;
const RETRY_MS = 2_000;
const SEARCH_MS = 200;

const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

class App {
  constructor() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    this.api = new Api(wanted.get("token") ?? "");
    this.model = new Model();
    this.sources = [];
    this.source = wanted.get("source") ?? "";
    this.cellKey = wanted.get("cell") === null ? "" : keyOf(wanted.get("session") ?? "", wanted.get("cell"));
    this.callId = wanted.get("call") ?? "";
    this.found = undefined;
    $("filter").value = wanted.get("filter") ?? "";
    $("search").value = wanted.get("q") ?? "";
    this.cellRows = new Rows($("cells"), 44, { make: cellRow, fill: fillCell, choose: (cell) => this.choose(cell) });
    this.callRows = new Rows($("calls"), 24, { make: callRow, fill: fillCall, choose: (call) => this.choose(this.model.cells.get(call.cellKey), call) });
    this.lanes = new Lanes($("lanes"), $("canvas"), $("tip"), (call) => this.choose(this.cell, call));
    this.detail = new Detail($("detail"), this);
    $("source").addEventListener("change", () => this.open($("source").value));
    $("filter").addEventListener("change", () => this.changed());
    $("search").addEventListener("input", () => { clearTimeout(this.searching); this.searching = setTimeout(() => this.search(), SEARCH_MS); });
    window.addEventListener("hashchange", () => this.followLink());
    bindKeys(this);
  }

  get cell() {
    return this.model.cells.get(this.cellKey);
  }

  get call() {
    return this.cell === undefined ? undefined : this.model.calls.get(`${this.cellKey}\u001f${this.callId}`);
  }

  /** The clock of what is looked at: a recording stands still. */
  now() {
    return this.isProcess ? Date.now() : this.model.latest;
  }

  get isProcess() {
    return this.source.startsWith("process-");
  }

  async start() {
    await this.listSources();
    await this.open(this.source || this.sources[0]?.id || "", true);
    this.watchSources();
    this.watchState();
  }

  async listSources() {
    const { sources } = await this.api.get("sources");
    this.sources = sources;
    const text = JSON.stringify(sources);
    if (text === $("source").dataset.text) return;
    $("source").dataset.text = text;
    $("source").replaceChildren(...sources.map((each) => {
      const name = each.kind === "process" ? `process ${each.process}: ${each.command}` : each.id;
      return new Option(each.error ? `${name} (${each.error})` : name, each.id, false, each.id === this.source);
    }));
  }

  async watchSources() {
    for (;;) {
      await pause(RETRY_MS);
      if (!document.hidden) await this.listSources().catch((error) => this.failed(error));
      if (this.source === "" && this.sources.length > 0) await this.open(this.sources[0].id);
    }
  }

  async open(source, keepsChoice = false) {
    this.following?.abort();
    this.following = new AbortController();
    this.source = source;
    this.model = new Model();
    this.found = undefined;
    if (!keepsChoice) this.cellKey = this.callId = "";
    $("source").value = source;
    this.changed();
    if (source === "") {
      this.failed(new Error("There is no recording and no process here. Record one: codemode run --trace DIR …"));
      return;
    }
    this.follow(source, this.following.signal);
  }

  async follow(source, signal) {
    let wait = 0;
    while (!signal.aborted) {
      try {
        const changes = await this.api.get("changes", { source, after: this.model.version, wait_ms: document.hidden ? WAIT_MS : wait }, signal);
        const isFirst = this.model.version === 0;
        this.model.take(changes);
        $("error").hidden = true;
        if (changes.more) {
          wait = 0;
        } else {
          // A recording that is complete has no more to come.
          wait = WAIT_MS;
          if (isFirst && $("search").value) this.search();
          this.ready = true;
          document.body.dataset.ready = this.model.version;
        }
        if (this.cell === undefined && this.model.cellOrder.length > 0 && !changes.more) this.cellKey = this.model.cellOrder.at(-1);
        this.changed();
        if (!changes.more && changes.recording.status === "complete" && !this.isProcess) return;
      } catch (error) {
        if (signal.aborted) return;
        this.failed(error);
        await pause(RETRY_MS);
      }
    }
  }

  async watchState() {
    for (;;) {
      if (this.isProcess && !document.hidden) {
        const { model } = this;
        try {
          model.state = await this.api.get("state", { source: this.source });
          this.changed();
        } catch (error) {
          this.failed(error);
        }
      }
      await pause(STATE_MS);
    }
  }

  async search() {
    const words = $("search").value.trim();
    this.found = undefined;
    if (words !== "") {
      try {
        const { cells, calls } = await this.api.get("search", { source: this.source, q: words });
        this.found = { cells: new Set(cells.map((each) => keyOf(...each))), calls: new Set(calls.map((each) => keyOf(...each))) };
        for (const [session, cell] of calls) this.found.cells.add(keyOf(session, cell));
      } catch (error) {
        this.failed(error);
      }
    }
    this.changed();
  }

  choose(cell, call) {
    if (cell === undefined) return;
    if (cell.key !== this.cellKey) this.lanes.window = undefined;
    this.cellKey = cell.key;
    this.callId = call?.call ?? "";
    this.changed();
    this.cellRows.reveal(cell);
    if (call !== undefined) this.callRows.reveal(call);
  }

  followLink() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    if (wanted.get("token") !== this.api.token) {
      location.reload();
      return;
    }
    const source = wanted.get("source") ?? this.source;
    this.cellKey = keyOf(wanted.get("session") ?? "", wanted.get("cell") ?? "");
    this.callId = wanted.get("call") ?? "";
    $("filter").value = wanted.get("filter") ?? "";
    if (source !== this.source) this.open(source, true);
    else this.choose(this.cell, this.call);
  }

  failed(error) {
    $("error").textContent = error.message;
    $("error").hidden = false;
  }

  /** The cells and calls that search and filter leave. */
  visible() {
    const status = $("filter").value;
    const { found, model } = this;
    const cells = model.cellOrder.map((key) => model.cells.get(key)).filter((cell) => found === undefined || found.cells.has(cell.key));
    const fits = (call) => {
      if (found !== undefined && !found.calls.has(call.key)) return false;
      const shown = shownStatus(call);
      return status === "" || shown === status || (status === "failed" && shown === "refused");
    };
    const list = this.cell?.list ?? [];
    return { cells, calls: status === "" && found === undefined ? list : list.filter(fits) };
  }

  /** Draw once before the next frame, whatever has changed how often until then. */
  changed() {
    if (this.draws) return;
    this.draws = true;
    requestAnimationFrame(() => { this.draws = false; this.draw(); });
  }

  draw() {
    const { recording } = this.model;
    const { cells, calls } = this.visible();
    const badge = $("recording");
    badge.textContent = `${recording.status}, ${recording.events.toLocaleString("en")} events`;
    badge.className = `badge ${recording.status}`;
    badge.title = recording.problems.join("\n");
    showSessions($("sessions"), this.model);
    this.cellRows.show(cells, this.cell);
    this.callRows.show(calls, this.call);
    this.lanes.show(calls, this.cell, this.now(), this.call);
    $("counts").textContent = `${this.model.cells.size.toLocaleString("en")} cells, ${this.model.calls.size.toLocaleString("en")} calls; ${calls.length.toLocaleString("en")} shown of ${(this.cell?.list.length ?? 0).toLocaleString("en")} in this cell`;
    this.detail.show(this.cell, this.call);
    this.detail.live();
    this.writeLink();
  }

  writeLink() {
    const link = new URLSearchParams({ token: this.api.token });
    const chosen = { source: this.source, session: this.cell?.session, cell: this.cell?.cell, call: this.callId, filter: $("filter").value, q: $("search").value.trim() };
    for (const [name, value] of Object.entries(chosen)) if (value) link.set(name, value);
    if (location.hash !== `#${link}`) history.replaceState(null, "", `#${link}`);
  }

  // ── what changes a process ─────────────────────────────────────────────────────────────────

  approvalOf(call) {
    const approvals = this.model.state.sessions?.[call?.session]?.approvals ?? [];
    return approvals.find((each) => keyOf(call.session, each.cell, each.call) === call.key);
  }

  async terminate() {
    const { cell } = this;
    if (cell === undefined || !this.model.canAct || cell.status !== "running") return;
    if ((await ask(`End cell ${cell.name}? Its program stops where it is.`)) === undefined) return;
    await this.act({ ask: "terminate", session: cell.session, cell: cell.cell });
  }

  async approve() {
    const approval = this.approvalOf(this.call);
    if (approval !== undefined && this.model.canAct) await this.act({ ask: "approve", session: this.call.session, approval: approval.id });
  }

  async refuse() {
    const approval = this.approvalOf(this.call);
    if (approval === undefined || !this.model.canAct) return;
    const { session } = this.call;
    const reason = await ask(`Refuse the call of ${approval.tool}?`, true);
    if (reason !== undefined) await this.act({ ask: "refuse", session, approval: approval.id, reason });
  }

  async act(question) {
    try {
      await this.api.act(this.source, question);
      this.detail.shown = "";
    } catch (error) {
      this.failed(error);
    }
    this.changed();
  }
}

/** Ask for a yes, and for a reason; undefined: no. */
function ask(question, wantsReason = false) {
  const dialog = $("confirm");
  $("question").textContent = question;
  $("reason").hidden = !wantsReason;
  $("reason").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes" ? $("reason").value : undefined), { once: true });
  });
}

function spans(count, classes = []) {
  const row = document.createElement("div");
  for (let n = 0; n < count; n++) {
    const span = document.createElement("span");
    if (classes[n]) span.className = classes[n];
    row.append(span);
  }
  return row;
}

const cellRow = () => spans(4, ["dot", "", "dim", "under"]);
const callRow = () => spans(6);

function fillCell(row, cell) {
  const [dot, name, calls, head] = row.children;
  dot.className = `dot ${cell.status}`;
  dot.title = cell.status;
  name.textContent = cell.name;
  calls.textContent = `${cell.calls.toLocaleString("en")} calls`;
  head.textContent = cell.head || cell.status;
}

function fillCall(row, call) {
  const [id, tool, line, status, took, preview] = row.children;
  const shown = shownStatus(call);
  id.textContent = call.call;
  tool.textContent = call.tool;
  line.textContent = call.line ? `:${call.line}` : "";
  status.textContent = shown;
  status.className = shown;
  took.textContent = call.ended ? milliseconds(call.ended - call.started) : "…";
  preview.textContent = call.preview;
}

const app = new App();
app.start().catch((error) => app.failed(error));
