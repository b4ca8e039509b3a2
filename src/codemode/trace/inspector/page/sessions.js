// The sessions of a source, with what they use of their limits, and the memory of a process.

import { bytes, el } from "./values.js";

const NEAR = 0.8;

function gauge({ limit, used, bound }) {
  const share = used / bound;
  const amount = limit.endsWith("_bytes") ? `${bytes(used)} of ${bytes(bound)}` : `${used.toLocaleString("en")} of ${bound.toLocaleString("en")}`;
  const meter = el("meter", { min: 0, max: 1, high: NEAR, optimum: 0, value: Math.min(1, share), title: `${limit}: ${amount}` });
  return el("div", { class: share >= NEAR ? "gauge near" : "gauge", "data-limit": limit }, el("span", {}, limit), el("span", {}, amount), meter);
}

function session(row, state) {
  const live = state?.cells?.filter((cell) => !cell.is_over).length;
  return el("div", { class: "session", "data-session": row.session },
    el("h3", { title: row.session }, row.session, " ", el("span", { class: row.status === "closed" ? "dim" : "running" }, row.status)),
    el("p", {}, row.provider, live === undefined ? "" : `, ${live} live cells`),
    ...row.moves.map((why) => el("p", { class: "failed" }, `moved: ${why}`)),
    ...row.gauges.filter((each) => each.used > 0 || row.status === "running").map(gauge));
}

function memory({ application, workers }) {
  if (application === undefined) return undefined;
  const names = workers.map((each) => `${each.name} ${each.pid}: ${bytes(each.bytes)}`).join("\n");
  const all = workers.reduce((sum, each) => sum + each.bytes, 0);
  return el("div", { class: "session", id: "memory" }, el("h3", {}, "memory"),
    el("p", {}, `application ${bytes(application)}`),
    el("p", { title: names }, `${workers.length} processes of its own ${bytes(all)}`));
}

/** Show sessions in `box`; draws only when something has changed. */
export function showSessions(box, model) {
  const text = JSON.stringify([model.sessions, model.state]);
  if (box.dataset.text === text) return;
  box.dataset.text = text;
  const rows = model.sessions.slice(-200).reverse().map((row) => session(row, model.state.sessions?.[row.session]));
  box.replaceChildren(...[memory(model.state.memory ?? {}), ...rows].filter((each) => each !== undefined));
}
