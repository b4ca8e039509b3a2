// @exec: {"yield_time_ms": 10000, "max_output_tokens": 2000}
// What is this repository made of? The tools read its own files and its git history.
const [paths, commits] = await Promise.all([
  tools.list_files({ suffix: ".py" }),
  tools.commits({ limit: 1000 }),
]);
text(`${paths.length} Python files, ${commits.length || "no"} commits`);
if (commits.length) text(`latest: ${commits[0].date} ${commits[0].subject}`);
yield_control(); // let the model read this while the rest goes on

const files = await Promise.all(paths.map((path) => tools.file_facts({ path })));
store("files", files); // for a later cell

const rooms = new Map();
for (const { path, lines } of files) {
  const room = path.split("/").slice(0, -1).slice(0, 3).join("/") || ".";
  rooms.set(room, (rooms.get(room) ?? 0) + lines);
}
const largest = [...rooms].sort((a, b) => b[1] - a[1]).slice(0, 12);
const total = files.reduce((sum, { lines }) => sum + lines, 0);
text(`${total.toLocaleString("en")} lines; the largest folder is ${largest[0]?.[0]}`);

const group = (room) => (room.startsWith("src") ? 0 : room.startsWith("tests") ? 1 : 2);
image(
  await tools.bar_chart({
    title: "Lines of Python, by folder",
    subtitle: `${total.toLocaleString("en")} lines. Blue: the library, green: its tests`,
    bars: largest.map(([label, value]) => ({ label, value, group: group(label) })),
  }),
);
