// @case import-default
import fs from "fs";
text("never");

// @case import-named
import { readFile } from "node:fs/promises";

// @case import-namespace
import * as path from 'path';

// @case import-side-effect
import "side-effect";

// @case import-relative
import x from "./x.js";

// @case import-url
import x from "https://example.com/x.js";

// @case import-data-url
import x from "data:text/javascript,export default 1";

// @case import-itself
import * as me from "exec_main.mjs";

// @case import-with-attributes
import x from "./x.json" with { type: "json" };

// @case import-with-unknown-attribute
import x from "./x" with { kind: "y" };

// @case import-empty-specifier
import x from "";

// @case import-two
import a from "first"; import b from "second";

// @case import-after-code
text("hoisted?"); import a from "late";

// @case import-defer
import defer * as x from "m";

// @case import-source
import source x from "m";

// @case import-syntax-error
import from "m";

// @case import-unclosed
import { a from "m";

// @case import-in-function
function f() { import x from "m"; }

// @case import-specifier-quotes
import x from "a\"b\u00e9\n";

// @case import-openai-module
import { text as t } from "@openai/code_mode";

// @case export-from
export { a } from "m";

// @case export-all-from
export * from "m";

// @case dynamic-import
await import("fs");

// @case dynamic-import-caught
try { await import("fs"); } catch (e) { text(typeof e); text(e); }

// @case dynamic-import-forms
for (const s of ["node:fs", "./x.js", "https://e.com/x", "data:text/javascript,1", "file:///x", "", "exec_main.mjs"]) await import(s).catch((e) => text(`${s}: ${e}`));

// @case dynamic-import-odd-specifiers
for (const s of [undefined, null, 5, {}, Symbol("s")]) try { await import(s); } catch (e) { text(`${typeof e} ${String(e)}`); }

// @case dynamic-import-throwing-specifier
try { await import({ toString() { throw new Error("specifier"); } }); } catch (e) { text(String(e)); }

// @case dynamic-import-with-attributes
try { await import("x", { with: { type: "json" } }); } catch (e) { text(`${typeof e} ${String(e)}`); }

// @case dynamic-import-unawaited
import("x"); text("end");

// @case dynamic-import-unawaited-with-time
import("x"); await new Promise((r) => setTimeout(r, 5)); text("end");

// @case dynamic-import-returns-promise
const p = import("x"); text(p instanceof Promise); p.catch(() => {});

// @case dynamic-import-in-function
async function load_() { const { x } = await import("lib"); return x; }
await load_();

// @case dynamic-import-in-eval
try { await eval('import("x")'); } catch (e) { text(`${typeof e} ${String(e)}`); }

// @case dynamic-import-in-new-function
try { await new Function('return import("x")')(); } catch (e) { text(`${typeof e} ${String(e)}`); }

// @case dynamic-import-in-timer
await new Promise((r) => setTimeout(() => import("x").catch((e) => { text(e); r(); }), 1));

// @case dynamic-import-of-syntax-error
import();

// @case export-const
export const x = 1; text(x);

// @case export-function
export function f() { return "exported"; } text(f());

// @case export-class
export class A {} text(typeof A);

// @case export-default-expression
export default { a: 1 }; text("end");

// @case export-default-function
export default function () { return 1; } text("end");

// @case export-default-named-function
text(f()); export default function f() { return "hoisted"; }

// @case export-default-class
export default class A { static s = 1; } text(A.s);

// @case export-default-async
export default async function main() { text("main"); } await main();

// @case export-default-arrow
export default () => text("not called");

// @case export-list
const a = 1, b = 2; export { a, b as c, a as default }; text(a + b);

// @case export-list-string-name
const a = 1; export { a as "a name" }; text("end");

// @case export-destructuring
export const { a, b: [c] } = { a: 1, b: [2] }; text(a + c);

// @case export-undeclared
export { missing };

// @case export-twice
export const a = 1; export { a };

// @case export-default-twice
export default 1; export default 2;

// @case export-async-value
export const value = await tools.echo("exported"); text(value);

// @case export-generator
export function* g() { yield 1; } text([...g()]);

// @case export-empty
export {}; text("end");

// @case export-error-line
export const a = 1;
export function f() { throw new Error("in an export"); }
f();

// @case export-default-throws
export default (() => { throw new Error("default"); })();

// @case export-let-and-var
export let a = 1; export var b = 2; a++; text(a + b);

// @case import-meta
text(Object.keys(import.meta)); text(Object.getPrototypeOf(import.meta) === null); text(typeof import.meta.url); text(Object.isExtensible(import.meta)); import.meta.x = 1; text(import.meta.x);

// @case import-meta-resolve
import.meta.resolve("x");

// @case this-at-top
text(String(this)); text((() => String(this))()); text(function () { return String(this); }());

// @case arguments-at-top
text(typeof arguments); arguments;

// @case var-is-not-global
var a = 1; let b = 2; function c() {}
text("a" in globalThis); text("b" in globalThis); text("c" in globalThis);

// @case strict-mode
text((function () { return this === undefined; })()); try { undeclared = 1; } catch (e) { text(e.name); }

// @case module-scope-in-eval
const a = 1; text(eval("a")); try { (0, eval)("a"); } catch (e) { text(String(e)); }

// @case eval-scope
eval("var leaked = 1"); text(typeof leaked); (0, eval)("var global_ = 1"); text(typeof global_); text(globalThis.global_);

// @case sloppy-function
text(new Function("return this === globalThis")()); text(new Function("return typeof text")());

// @case function-hoisting
text(f()); function f() { return "hoisted"; }

// @case block-functions
{ function f() { return 1; } } text(typeof f);

// @case top-level-await-forms
text(await Promise.all([1, tools.echo(2)])); for await (const x of [3, Promise.resolve(4)]) text(x); text((await tools.echo({ a: 5 })).a);

// @case await-in-expressions
text(`${await 1}${(await tools.echo([2]))[0]}` + (await (async () => 3)())); if (await true) text("if"); const { a = await 5 } = {}; text(a);

// @case await-non-promises
text(await 1); text(await null); text(await { then: 5 }); text(await { then(r) { r("thenable"); } });

// @case await-using
{ await using r = { async [Symbol.asyncDispose]() { text("disposed"); } }; text("body"); }

// @case using
{ using a = { [Symbol.dispose]() { text("a"); } }, b = { [Symbol.dispose]() { text("b"); } }; text("body"); }

// @case using-at-top
using r = { [Symbol.dispose]() { text("disposed"); } }; text("body");

// @case using-throws
{ using a = { [Symbol.dispose]() { throw new Error("dispose"); } }; throw new Error("body"); }

// @case globals-survive-not
globalThis.kept = 1;
// @cell
text(typeof kept);

// @case words-in-strings
text("import x from 'y'; export default 1; import.meta; return"); // import x from "y"
/* export const a = 1 */ text(`import("x")`); text(/import x from "y"/.source);

// @case import-as-names
const o = { import: 1, export: 2, return: 3, await: 4 }; text(o.import + o.export + o.return + o.await); class A { import() { return "method"; } static export = 5; } text(new A().import()); text(A.export);
