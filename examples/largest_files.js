// codemode run --tools examples/repository_tools.py examples/largest_files.js
const paths = await tools.list_files({ suffix: ".py" });
const facts = await Promise.all(paths.map((path) => tools.file_facts({ path })));
facts.sort((a, b) => b.lines - a.lines);
for (const { path, lines } of facts.slice(0, 5)) text(`${String(lines).padStart(6)}  ${path}`);
