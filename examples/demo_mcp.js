// Tools of MCP servers, real ones from PyPI: called like any other, and their results come whole.
const [log, now] = await Promise.all([
  tools.mcp__git__git_log({ repo_path: ".", max_count: 1 }),
  tools.mcp__time__get_current_time({ timezone: "Etc/UTC" }),
]);
const { datetime, day_of_week } = now.structuredContent;
text(`it is ${day_of_week}, ${datetime.slice(0, 10)}`);

const date = /^Date: (.*)$/m.exec(log.content[0].text)?.[1];
if (log.isError || !date) {
  text("there is no history");
} else {
  const minutes = Math.floor((new Date(datetime) - new Date(date)) / 60_000);
  text(`the last commit was made ${minutes} min ago`);
}
