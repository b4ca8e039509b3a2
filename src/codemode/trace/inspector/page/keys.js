// Keys, and the page's own settings.

const $ = (id) => document.getElementById(id);
const THEME = "codemode-theme";

function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

export function bindKeys(app) {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  showTheme(localStorage.getItem(THEME) ?? (dark ? "dark" : "light"));

  const turnTheme = () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem(THEME, theme);
    showTheme(theme);
    app.lanes.draw();
  };

  const stepCall = (by) => {
    const { calls } = app.visible();
    const at = app.call === undefined && by < 0 ? calls.length : calls.indexOf(app.call);
    const next = calls[Math.min(calls.length - 1, Math.max(0, at + by))];
    if (next !== undefined) app.choose(app.cell, next);
  };

  const stepCell = (by) => {
    const { cells } = app.visible();
    const next = cells[Math.min(cells.length - 1, Math.max(0, cells.indexOf(app.cell) + by))];
    if (next !== undefined) app.choose(next);
  };

  const nextFilter = () => {
    const { length } = $("filter").options;
    $("filter").selectedIndex = ($("filter").selectedIndex + 1) % length;
    app.changed();
  };

  const escape = () => {
    if (document.activeElement === $("search")) $("search").blur();
    else if (app.callId !== "") app.choose(app.cell);
    else if ($("search").value !== "") {
      $("search").value = "";
      app.search();
    }
  };

  const actions = {
    j: () => stepCall(1), ArrowDown: () => stepCall(1), k: () => stepCall(-1), ArrowUp: () => stepCall(-1),
    l: () => stepCell(1), ArrowRight: () => stepCell(1), h: () => stepCell(-1), ArrowLeft: () => stepCell(-1),
    c: () => app.choose(app.cell), f: nextFilter, t: turnTheme, x: () => app.terminate(), a: () => app.approve(), r: () => app.refuse(),
    "/": () => $("search").focus(), "?": () => $("keys").showModal(), Escape: escape,
    "+": () => app.lanes.zoom(0.7), "-": () => app.lanes.zoom(1.4), 0: () => app.lanes.zoom(0),
    PageDown: () => stepCall(20), PageUp: () => stepCall(-20), Home: () => stepCall(-1e9), End: () => stepCall(1e9),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) return;
    const writes = event.target.matches("input, select, textarea");
    const scrolls = event.target.closest("#detail") !== null && event.key.length > 1 && event.key !== "Escape";
    const action = actions[event.key];
    if (action === undefined || scrolls || (writes && event.key !== "Escape")) return;
    event.preventDefault();
    action();
  });
  $("theme").addEventListener("click", turnTheme);
  $("help").addEventListener("click", () => $("keys").showModal());
}
