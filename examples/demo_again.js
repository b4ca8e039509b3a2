// A second cell: the first one is gone, what it stored is not.
const files = load("files").filter(({ path }) => path.startsWith("src/"));
files.sort((a, b) => b.lines - a.lines);
const bar = (lines) => "█".repeat(Math.ceil((24 * lines) / files[0].lines));
for (const { path, lines, functions } of files.slice(0, 8)) {
  text(`${path.padEnd(36)}${String(lines).padStart(5)} ${bar(lines).padEnd(24)} ${functions} functions`);
}
