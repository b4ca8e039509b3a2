// Elements for values: JSON folded, texts cut until asked for, images shown, programs with their calls marked.

const SHOWN_CHARACTERS = 2_000;
const SHOWN_MEMBERS = 200;
const OPEN_MEMBERS = 12;
const IMAGE = /^data:image\/(png|jpeg|gif|webp|avif|bmp);base64,[A-Za-z0-9+/=\s]+$/;
const AUDIO = /^data:audio\/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=\s]+$/;

/** An element; children may be texts, elements, or nothing. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

export function bytes(size) {
  if (size < 1024) return `${size} bytes`;
  return size < 1024 ** 2 ? `${(size / 1024).toFixed(1)} KiB` : `${(size / 1024 ** 2).toFixed(1)} MiB`;
}

/** What was recorded of a text: the text by `show`, or why there is none. */
export function content(told, show) {
  if (told === null || told === undefined) return el("p", { class: "dim" }, "none");
  if (told.text !== undefined) return show(told.text);
  const why = { size: "too long to be recorded or shown", redacted: "redacted", lost: "lost" }[told.missing] ?? told.missing;
  return el("p", { class: "dim" }, `${bytes(told.size)}, ${why}`);
}

export function json(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return el("div", { class: "box" }, plain(text));
  }
  return el("div", { class: "box mono" }, tree(value, undefined, true));
}

/** A value as a tree; a branch is built when it is opened. */
function tree(value, name, open = false) {
  const label = name === undefined ? "" : `${name}: `;
  if (value === null || typeof value !== "object") return el("div", { class: "leaf" }, label, leaf(value));
  const entries = Object.entries(value);
  const brackets = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) return el("div", { class: "leaf" }, label + brackets.join(""));
  const summary = el("summary", {}, `${label}${brackets[0]} ${entries.length} ${brackets[1]} `, el("span", { class: "dim" }, glance(value)));
  const made = el("details", {}, summary);
  const image = imageOfBlock(value);
  let built = false;
  const build = () => {
    if (built) return;
    built = true;
    if (image !== undefined) made.append(image);
    const isList = Array.isArray(value);
    made.append(...entries.slice(0, SHOWN_MEMBERS).map(([key, each]) => tree(each, isList ? key : JSON.stringify(key), image !== undefined ? false : entries.length === 1)));
    const more = entries.length - SHOWN_MEMBERS;
    if (more > 0) made.append(el("div", { class: "dim" }, `and ${more.toLocaleString("en")} more`));
  };
  made.addEventListener("toggle", build);
  if ((open && entries.length <= OPEN_MEMBERS) || image !== undefined) {
    build();
    made.open = true;
  }
  return made;
}

function glance(value) {
  const text = JSON.stringify(value, (_, each) => (typeof each === "string" && each.length > 40 ? `${each.slice(0, 40)}…` : each));
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function imageOfBlock(value) {
  if (value.type !== "image" || typeof value.data !== "string") return undefined;
  return image(`data:${value.mimeType ?? "image/png"};base64,${value.data}`);
}

function leaf(value) {
  if (typeof value !== "string") return el("span", { class: "n" }, JSON.stringify(value));
  return image(value) ?? plain(JSON.stringify(value), "s");
}

export function image(url) {
  return IMAGE.test(url) ? el("img", { src: url, alt: "an image that the program wrote" }) : undefined;
}

export function audio(url) {
  return AUDIO.test(url) ? el("audio", { src: url, controls: true }) : undefined;
}

/** A text, cut until the whole is asked for. */
export function plain(text, kind = "") {
  if (text.length <= SHOWN_CHARACTERS) return el("pre", { class: kind }, text);
  const pre = el("pre", { class: kind }, `${text.slice(0, SHOWN_CHARACTERS)}…`);
  const more = el("button", { onclick: () => { pre.textContent = text; more.remove(); } }, `all ${text.length.toLocaleString("en")} characters`);
  return el("div", {}, pre, more);
}

/** An output of a cell. */
export function output({ kind, item }) {
  const media = item?.text === undefined ? undefined : kind === "image" ? image(item.text) : kind === "audio" ? audio(item.text) : undefined;
  const label = kind === "text" ? undefined : el("span", { class: "dim" }, kind);
  return el("div", { class: "box output", "data-kind": kind }, label, media ?? content(item, (text) => plain(text)));
}

const TOKENS = /(\/\/[^\n]*|\/\*[\s\S]*?\*\/)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`)|\b(\d[\d_.]*n?)\b|\b(async|await|break|case|catch|class|const|continue|default|delete|do|else|export|finally|for|function|if|import|in|instanceof|let|new|null|of|return|switch|this|throw|true|false|try|typeof|undefined|var|while|yield)\b/g;
const KINDS = [undefined, "c", "s", "n", "k"];
const COLOURED_CHARACTERS = 60_000;

/** The lines of a program as pieces [kind, text]. */
function coloured(source) {
  const lines = [[]];
  const add = (kind, text) => text.split("\n").forEach((part, at) => {
    if (at > 0) lines.push([]);
    if (part) lines.at(-1).push([kind, part]);
  });
  let end = 0;
  if (source.length <= COLOURED_CHARACTERS) {
    for (const found of source.matchAll(TOKENS)) {
      add("", source.slice(end, found.index));
      add(KINDS[found.findIndex((part, at) => at > 0 && part !== undefined)], found[0]);
      end = found.index + found[0].length;
    }
  }
  add("", source.slice(end));
  return lines;
}

const WORST = ["failed", "refused", "waiting", "running", "cancelled", "ok"];
const MOST_LINES = 5_000;

/** A program whose lines with calls are marked; `choose(call)` is called for the first call of a line. */
export function program(source, calls, chosen, statusOf, choose) {
  const byLine = new Map();
  for (const call of calls) if (call.line > 0) byLine.set(call.line, [...(byLine.get(call.line) ?? []), call]);
  const made = el("div", { class: "box program mono" });
  coloured(source).slice(0, MOST_LINES).forEach((pieces, at) => {
    const number = at + 1;
    const here = byLine.get(number) ?? [];
    const statuses = new Set(here.map(statusOf));
    const worst = WORST.find((status) => statuses.has(status)) ?? "ok";
    const mark = here.length === 0 ? el("span") : el("span", { class: worst }, el("button", { title: `${here.length} calls`, onclick: () => choose(here[0]) }, `●${here.length > 1 ? here.length : ""}`));
    const isHere = chosen !== undefined && chosen.line === number;
    const code = el("pre", {}, ...pieces.map(([kind, text]) => (kind ? el("span", { class: kind }, text) : text)));
    const classes = isHere ? "here" : here.length > 0 ? "marked" : "";
    made.append(el("div", { class: classes, "data-line": number }, el("span", {}, String(number)), mark, code));
  });
  return made;
}
