// @exec: {"max_output_tokens": 2000}
// What is this repository made of? The tools read
// its own files and its git history.
const [paths, commits] = await Promise.all([
  tools.list_files({ suffix: ".py" }),
  tools.commits({ limit: 1000 }),
]);
text(`${paths.length} Python files`);
text(`${commits.length || "no"} commits`);
const [last] = commits;
if (last) text(`latest: ${last.date} ${last.subject}`);
yield_control(); // the model can read this meanwhile

const files = await Promise.all(
  paths.map((path) => tools.file_facts({ path })),
);
store("files", files); // for a later cell

const rooms = new Map();
let total = 0;
for (const { path, lines } of files) {
  const folders = path.split("/").slice(0, -1);
  const room = folders.slice(0, 3).join("/") || ".";
  rooms.set(room, (rooms.get(room) ?? 0) + lines);
  total += lines;
}
const largest = [...rooms]
  .sort((a, b) => b[1] - a[1])
  .slice(0, 12);
const lines = total.toLocaleString("en");
text(`${lines} lines, most in ${largest[0]?.[0]}`);

const group = { src: 0, tests: 1 };
image(
  await tools.bar_chart({
    title: "Lines of Python, by folder",
    subtitle: "Blue: the library, green: its tests",
    bars: largest.map(([label, value]) => ({
      label,
      value,
      group: group[label.split("/")[0]] ?? 2,
    })),
  }),
);
