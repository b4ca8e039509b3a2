// Three MCP servers at once: codemode run --mcp examples/mcp.json examples/three_servers.js
// Two of them are from PyPI, pip install mcp-server-time mcp-server-git; Node's npx brings the third.
const [tokyo, log, sum] = await Promise.all([
  tools.mcp__time__convert_time({
    source_timezone: "Etc/UTC", time: "12:00", target_timezone: "Asia/Tokyo",
  }),
  tools.mcp__git__git_log({ repo_path: ".", max_count: 3 }),
  tools.mcp__everything__get_sum({ a: 19, b: 23 }),
]);

// Structured content is there to compute with; other results are text.
const { target } = tokyo.structuredContent;
const subjects = [...log.content[0].text.matchAll(/^Message: '?(.*?)'?$/gm)].map((found) => found[1]);

text(`noon in UTC is ${target.datetime.slice(11, 16)} in ${target.timezone}`);
text(`the last commits: ${subjects.length ? subjects.join(" · ") : log.content[0].text}`);
text(sum.content[0].text);

// A tool that fails has a result that says so: it does not throw.
const nowhere = await tools.mcp__time__get_current_time({ timezone: "Nowhere" });
text(nowhere.isError ? `no time there: ${nowhere.content[0].text}` : nowhere);

const { content } = await tools.mcp__everything__get_tiny_image({});
image(content.find((block) => block.type === "image"));
