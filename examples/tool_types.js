// codemode run --tools examples/weather_tools.py examples/tool_types.js
// What a program can find out about its tools: TypeScript declarations, made from type hints.
for (const { name, description } of ALL_TOOLS) text(`${name}\n${description}\n`);
