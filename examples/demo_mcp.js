// Tools of MCP servers, real ones from PyPI: called
// like any other, and their results come whole.
const [log, now] = await Promise.all([
  tools.mcp__git__git_log({
    repo_path: ".",
    max_count: 1,
  }),
  tools.mcp__time__get_current_time({
    timezone: "Etc/UTC",
  }),
]);
const { datetime, day_of_week } = now.structuredContent;
text(`it is ${day_of_week}, ${datetime.slice(0, 10)}`);

const line = /^Date: (.*)$/m.exec(log.content[0].text);
if (log.isError || !line) {
  text("there is no history");
} else {
  const ago = new Date(datetime) - new Date(line[1]);
  const minutes = Math.floor(ago / 60_000);
  text(`the last commit was made ${minutes} min ago`);
}
