// codemode run examples/progress.js
// No tools: output appears while the program runs, notify() speaks to the side.
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
for (let step = 1; step <= 3; step++) {
  await pause(150);
  notify(`step ${step} of 3`);
  text(`${step}² = ${step ** 2}`);
}
store("last", 9);
text(`stored: ${load("last")}`);
