// Class H: tools and authority
// @case tool-that-is-not-there
// ends: failed
await tools.rm({ path: "/" });
// @case tool-by-prototype
// ends: failed
await Object.getPrototypeOf(tools).rm({});
// @case tool-of-the-model
// ends: failed
await tools.exec({ code: "1" });
// @case odd-names-are-there
// prints: ["__proto__", "constructor", "then", "toString", "", "größe", "имя", "9lives", "a b", "ab-c", "ab.c", "ab_c", "hasOwnProperty", "valueOf", "*/ tools", "`;drop`", "class", "⟦U+202E⟧"]
const about = (tool) => JSON.parse(JSON.stringify(tool));
const start = ALL_TOOLS.findIndex((tool) => tool.name === "give") + 1;
const end = ALL_TOOLS.findIndex((tool) => tool.name === "withdraw");
for (const { name } of ALL_TOOLS.slice(start, end).map(about)) text(await tools[name]({}));
// @case names-are-different
// prints: ["true"]
text(new Set(ALL_TOOLS.map((tool) => tool.name)).size === ALL_TOOLS.length && ALL_TOOLS.length === Object.keys(tools).length);
// @case names-are-identifiers
// prints: ["[]"]
text(ALL_TOOLS.map((tool) => tool.name).filter((name) => !/^[A-Za-z_$][\w$]*$/.test(name)));
// @case tool-named-proto
// prints: ["__proto__", "true"]
text(await tools.__proto__({})); text(Object.getPrototypeOf(tools) === Object.prototype);
// @case tool-named-constructor
// prints: ["constructor", "toString", "valueOf", "hasOwnProperty"]
for (const name of ["constructor", "toString", "valueOf", "hasOwnProperty"]) text(await tools[name]({}));
// @case tool-named-then
// prints: ["then"]
text(await tools.then({}));
// @case await-tools-with-a-then
// ends: failed
// error: tools cannot be awaited: it has a tool named "then".
await tools;
// @case names-that-normalise-alike
// prints: ["ab_c", "ab-c", "ab.c"]
const alike = ALL_TOOLS.filter((tool) => /^ab_c/.test(tool.name)).map((tool) => tool.name).sort();
for (const name of alike) text(await tools[name]({}));
// @case tool-withdrawn-while-it-runs
// prints: ["1", "tool `echo` is not enabled in exec\nHint: it was withdrawn after this cell had started; go on without it."]
const { echo } = tools; text(await echo({ v: 1 })); await tools.withdraw({ name: "echo" });
try { text(await echo({ v: 2 })); } catch (error) { text(error); }
// @case calls-while-tools-are-withdrawn
// prints: ["fulfilled", "rejected"]
const calls = []; for (let i = 0; i < 50; i++) calls.push(tools.echo({ v: i }));
await tools.withdraw({ name: "echo" });
for (let i = 0; i < 50; i++) calls.push(tools.echo({ v: i }));
const ends = await Promise.allSettled(calls); text(ends[0].status); text(ends[99].status);
// @case tool-put-in-place-of-another
// ends: completed
await tools.replace({ name: "echo" }); try { text(await tools.echo({})); } catch (error) { text(error); }
// @case withdraw-what-is-not-there
// ends: failed
await tools.withdraw({ name: "nothing" });
// @case argument-that-changes
// prints: ["1", "1"]
let reads = 0; text((await tools.echo({ v: { get a() { return ++reads; } } })).a); text(reads);
// @case arguments-of-every-kind
// ends: completed
for (const value of [null, 1, "x", [], { a: 1 }, { v: 1, w: 2 }, true, NaN, Object.create(null), new Date(0)]) {
  try { text(JSON.stringify(await tools.echo(value))); } catch (error) { text(String(error).slice(0, 60)); }
}
// @case system-exit
// prints: ["SystemExit: 3"]
try { await tools.leave({}); } catch (error) { text(error); }
// @case keyboard-interrupt
// prints: ["string"]
try { await tools.interrupt({}); } catch (error) { text(typeof error); }
// @case generator-exit
// prints: ["string"]
try { await tools.generator_exit({}); } catch (error) { text(typeof error); }
// @case tool-that-cancels-itself
// prints: ["tool `cancel_myself` was cancelled"]
try { await tools.cancel_myself({}); } catch (error) { text(error); }
// @case group-of-exceptions
// prints: ["string"]
try { await tools.crowd({}); } catch (error) { text(typeof error); }
// @case exception-without-a-text
// prints: ["string"]
try { await tools.unreadable({}); } catch (error) { text(typeof error); }
// @case recursion-in-a-tool
// prints: ["string"]
try { await tools.endless_recursion({}); } catch (error) { text(typeof error); }
// @case huge-error-of-a-tool
// prints: ["true"]
try { await tools.huge_error({}); } catch (error) { text(error.length < 20_000_000); }
// @case tool-that-never-returns
// ends: runs
await tools.never({});
// @case tool-that-does-not-stop
// ends: runs
await tools.stubborn({});
// @case tool-that-blocks-its-thread
// ends: runs
for (;;) await tools.blocking({});
// @case end-with-calls-in-flight
// prints: ["end"]
tools.blocking({}); tools.stubborn({}); tools.never({}); text("end");
// @case exit-with-calls-in-flight
// prints: []
tools.blocking({}); tools.stubborn({}); tools.echo({ v: 1 }).then(exit); await tools.never({});
// @case integer-beyond-doubles
// ends: completed or failed
text(String(await tools.give({ what: "integer" })).length);
// @case million-elements
// ends: failed
// error: tool `give` returned more than 200,000 members, those of everything inside it included.
text((await tools.give({ what: "many" })).length);
// @case result-too-deep
// ends: failed
await tools.give({ what: "deep" });
// @case result-too-big
// ends: failed or limit value_bytes
await tools.give({ what: "huge" });
// @case result-in-a-circle
// ends: failed
await tools.give({ what: "cycle" });
// @case result-that-cannot-be-sent
// ends: failed or completed
text(await tools.give({ what: "object" }));
// @case change-the-catalogue
// prints: ["evil", "true"]
ALL_TOOLS[0].name = "evil"; ALL_TOOLS.length = 1; text(ALL_TOOLS[0].name); text(typeof tools.echo === "function");
// @case descriptions-do-not-run
// prints: ["0"]
text(ALL_TOOLS.filter((tool) => typeof tool.name !== "string" || typeof tool.description !== "string").length);
// @case argument-of-a-million-objects
// ends: failed or limit value_members
await tools.echo({ v: Array(500_000).fill({ "": 0 }) });
// @case argument-of-a-million-lists
// ends: failed or limit value_members
await tools.echo({ v: Array(1_300_000).fill([]) });
// @case as-many-members-as-there-may-be
// prints: ["199999"]
text((await tools.echo({ v: Array(199_999).fill([]) })).length);
// @case a-table-as-one-text
// prints: ["4000000"]
text((await tools.echo({ v: "1,".repeat(2_000_000) })).length);
// @case wrong-elements-by-the-hundred-thousand
// ends: failed
// error: tool `lines` cannot take these arguments:
await tools.lines({ v: Array(190_000).fill(1) });
// @case unknown-arguments-by-the-hundred-thousand
// ends: failed
// error: tool `lines` cannot take these arguments:
const all = {}; for (let i = 0; i < 90_000; i++) all["k" + i] = 1; await tools.lines(all);
// @case digits-by-the-ten-thousand
// prints: ["9000"]
text(await tools.total({ v: Array.from({ length: 9_000 }, (_, i) => "9007199254740993" + i) }));
// @case digits-by-the-hundred-thousand
// ends: failed
// error: tool `total` cannot take these arguments:
await tools.total({ v: Array.from({ length: 150_000 }, (_, i) => "9007199254740993" + i) });
// @case wrong-elements-behind-a-key-of-megabytes
// ends: failed
// error: tool `table`: the arguments have too long keys, or too many levels, for so many values
await tools.table({ v: { ["k".repeat(3e6)]: Array(100_000).fill(1) } });
// @case halves-of-pairs-by-the-million
// prints: ["600000"]
text((await tools.echo({ v: "\ud800".repeat(600_000) })).length);
// @case escapes-by-the-million
// prints: ["1900001"]
text((await tools.echo({ v: "\u0001" + "\\".repeat(1_900_000) })).length);
