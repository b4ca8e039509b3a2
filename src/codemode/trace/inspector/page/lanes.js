// The timeline: a bar for each call, in lanes, drawn on a canvas as far as it is in sight.

import { laidOut, shownStatus } from "./model.js";

const AXIS = 18;
const MOST_HEIGHT = 16;
const LEAST_HEIGHT = 2;

export class Lanes {
  constructor(box, canvas, tip, choose) {
    this.box = box;
    this.canvas = canvas;
    this.tip = tip;
    this.bars = [];
    this.window = undefined; // [from, to] in ms; undefined: everything
    this.whole = [0, 1];
    new ResizeObserver(() => this.draw()).observe(box);
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("pointermove", (event) => this.#moved(event));
    canvas.addEventListener("pointerdown", (event) => { this.drag = { x: event.clientX, window: this.#window() }; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointerup", (event) => {
      const moved = this.drag !== undefined && Math.abs(event.clientX - this.drag.x) > 3;
      this.drag = undefined;
      const bar = moved ? undefined : this.#at(event);
      if (bar !== undefined) choose(bar.call);
    });
    canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    canvas.addEventListener("dblclick", () => this.zoom(0));
  }

  show(calls, cell, now, chosen) {
    this.bars = laidOut(calls, now);
    this.chosen = chosen;
    this.lanes = this.bars.reduce((most, bar) => Math.max(most, bar.lane + 1), 1);
    const start = cell?.started || this.bars[0]?.start || 0;
    let end = cell?.ended || (cell === undefined ? 0 : now);
    for (const bar of this.bars) end = Math.max(end, bar.end);
    this.whole = [start, Math.max(end, start + 1)];
    this.canvas.dataset.lanes = this.lanes;
    this.canvas.setAttribute("aria-label", `${this.bars.length} calls in ${this.lanes} lanes`);
    this.draw();
  }

  /** Zoom by a factor around a place from 0 to 1; 0: show everything. */
  zoom(factor, at = 0.5) {
    if (factor === 0) {
      this.window = undefined;
    } else {
      const [from, to] = this.#window();
      const length = Math.max((to - from) * factor, 0.01);
      const middle = from + (to - from) * at;
      this.window = [middle - length * at, middle + length * (1 - at)];
    }
    this.draw();
  }

  draw() {
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => { this.waits = false; this.#draw(); });
  }

  #window() {
    return this.window ?? this.whole;
  }

  #measure() {
    const { clientWidth: width, clientHeight: height } = this.box;
    const lane = Math.max(LEAST_HEIGHT, Math.min(MOST_HEIGHT, (height - AXIS - 4) / Math.max(1, this.lanes ?? 1)));
    return { width, height, lane };
  }

  #draw() {
    const { width, height, lane } = this.#measure();
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`);
    const colours = { ok: colour("ok"), failed: colour("failed"), refused: colour("failed"), running: colour("running"), waiting: colour("waiting"), queued: colour("dim"), cancelled: colour("cancelled") };
    const [from, to] = this.#window();
    const factor = width / (to - from);
    this.#axis(pen, { width, height, from, to, factor }, colour("line"), colour("dim"));
    const last = new Map(); // the last pixel that was drawn in each lane: bars of less than one are one
    let drawn = 0;
    for (const bar of this.bars) {
      if (bar.end < from || bar.start > to) continue;
      const x = (bar.start - from) * factor;
      const length = Math.max(1, (bar.end - bar.start) * factor);
      if (x + length <= (last.get(bar.lane) ?? -Infinity)) continue;
      last.set(bar.lane, x + length);
      pen.fillStyle = colours[shownStatus(bar.call)] ?? colours.running;
      pen.fillRect(x, AXIS + bar.lane * lane, length, Math.max(1, lane - (lane > 5 ? 2 : 0.5)));
      const queued = Math.min(length, bar.call.queued * factor);
      if (queued >= 1) {
        pen.fillStyle = colours.queued;
        pen.fillRect(x, AXIS + bar.lane * lane, queued, Math.max(1, lane - (lane > 5 ? 2 : 0.5)));
      }
      drawn += 1;
      if (length > 50 && lane > 11) {
        pen.save();
        pen.beginPath();
        pen.rect(x, AXIS + bar.lane * lane, length - 3, lane);
        pen.clip();
        pen.fillStyle = colour("back");
        pen.font = "11px system-ui";
        pen.fillText(bar.call.tool, Math.max(x, 0) + 4, AXIS + bar.lane * lane + lane - 5.5);
        pen.restore();
      }
    }
    const bar = this.bars.find((each) => each.call === this.chosen);
    if (bar !== undefined) {
      pen.strokeStyle = colour("accent");
      pen.lineWidth = 2;
      pen.strokeRect((bar.start - from) * factor - 1, AXIS + bar.lane * lane - 1, Math.max(3, (bar.end - bar.start) * factor) + 2, Math.max(3, lane));
    }
    this.canvas.dataset.drawn = drawn;
  }

  #axis(pen, { width, height, from, to, factor }, line, text) {
    const rough = (to - from) / Math.max(2, width / 90);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
    pen.font = "10px system-ui";
    for (let n = Math.ceil((from - this.whole[0]) / step); ; n++) {
      const at = this.whole[0] + n * step;
      if (at > to) break;
      const x = (at - from) * factor;
      pen.fillStyle = line;
      pen.fillRect(x, 0, 1, height);
      pen.fillStyle = text;
      pen.fillText(milliseconds(n * step), x + 3, 11);
    }
  }

  #wheel(event) {
    event.preventDefault();
    const at = event.offsetX / this.box.clientWidth;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const [from, to] = this.#window();
      const by = ((event.deltaX || event.deltaY) / this.box.clientWidth) * (to - from);
      this.window = [from + by, to + by];
      this.draw();
    } else {
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, at);
    }
  }

  #moved(event) {
    if (this.drag !== undefined) {
      const [from, to] = this.drag.window;
      const by = ((this.drag.x - event.clientX) / this.box.clientWidth) * (to - from);
      if (Math.abs(this.drag.x - event.clientX) > 3) this.window = [from + by, to + by];
      this.draw();
      return;
    }
    const bar = this.#at(event);
    this.tip.hidden = bar === undefined;
    if (bar === undefined) return;
    this.tip.textContent = `${bar.call.call} ${bar.call.tool} · ${shownStatus(bar.call)} · ${milliseconds(bar.end - bar.start)}`;
    this.tip.style.left = `${Math.min(event.offsetX + 12, this.box.clientWidth - this.tip.offsetWidth - 4)}px`;
    this.tip.style.top = `${Math.min(event.offsetY + 14, this.box.clientHeight - 26)}px`;
  }

  #at(event) {
    const { width, lane } = this.#measure();
    const [from, to] = this.#window();
    const time = from + (event.offsetX / width) * (to - from);
    const slack = (2 / width) * (to - from);
    const wanted = Math.floor((event.offsetY - AXIS) / lane);
    return this.bars.find((bar) => bar.lane === wanted && bar.start - slack <= time && time <= bar.end + slack);
  }
}

export function milliseconds(ms) {
  if (ms === 0) return "0";
  if (ms < 10) return `${ms.toFixed(ms < 0.1 ? 3 : 1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
