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

// @case this-with-arguments-word-assign
function f() { return arguments.length; } this.x = f(1);

// @case this-with-new-target-in-comment
// new.target
text(String(this)); text(typeof (() => this)());

// @case this-with-arguments-in-eval
const n = (function () { return arguments.length; })(1, 2); text(n); text(eval("String(this)"));

// @case this-in-class-field-with-arguments
class A { f() { return arguments[0]; } } text(new A().f(3)); text(this === undefined);

// @case this-guard-umd
(function (root) { text(typeof root); text(arguments.length); })(typeof self !== "undefined" ? self : this);

// @case umd-wrapper
(function (root, factory) { if (typeof define === "function" && define.amd) define([], factory); else if (typeof module === "object") module.exports = factory(); else root.lib = factory(); })(this, function () { return arguments.length; });

// @case forgotten-async-await-parenthesised
function f() { const r = (await tools.echo(1)); return r; } text(f());

// @case forgotten-async-await-call
function f() { return await (tools.echo(1)); } text(f());

// @case forgotten-async-await-array
function f() { return await [1]; }

// @case forgotten-async-await-template
const f = () => { const x = await `a`; };

// @case forgotten-async-await-unary
function f() { return await +1; } text(f());

// @case forgotten-async-await-newline
function f() { await
tools.echo(1); } f(); text("end");

// @case forgotten-async-await-alone
function f() { await; } f();

// @case forgotten-async-await-in-concise-arrow
const r = [1, 2].map(x => await tools.echo(x)); text(r);

// @case forgotten-async-await-in-concise-arrow-paren
const r = [1, 2].map(x => await(tools.echo(x))); text(r);

// @case forgotten-async-conditional
function f() { if (await tools.echo(1)) text(1); }

// @case forgotten-async-template-literal
const f = (x) => `${await tools.echo(x)}`;

// @case forgotten-async-argument
function f(x) { text(await tools.echo(x)); }

// @case forgotten-async-argument-paren
function f(x) { text(await (tools.echo(x))); } f(1);

// @case export-default-comma
export default 1, 2;

// @case export-destructuring-duplicate
export const { a, b: { c } } = { a: 1, b: { c: 2 } }; export { c }; text(a);

// @case export-list-with-default
const a = 1; export { a as default }; export default 2;

// @case export-list-keyword-name
const a = 1; export { a as if, a as "x y", a as import }; text("ok");

// @case export-list-reserved-local
export { if };

// @case export-list-of-global
export { text }; text(1);

// @case export-star-with-attributes
export * from "mod" with { type: "json" };

// @case export-list-string-local
export { "a b" };

// @case export-newline-const
export
const a = 1; text(a);

// @case export-default-const
export default const a = 1;

// @case export-default-var
export default var a = 1;

// @case import-equals-require
import fs = require("fs");

// @case import-then-const-same
import { a } from "x"; const a = 1;

// @case import-template
import a from `x`;

// @case import-default-alone
import { default } from "x";

// @case import-string-name-without-as
import { "a b" } from "x";

// @case import-without-semicolon-same-line
import a from "x" text(1);

// @case import-attributes-assert
import a from "x" assert { type: "json" };

// @case import-eval-name
import { eval } from "x";

// @case import-meta-assign
import.meta = 1;

// @case import-call-spread
import(...["a"]);

// @case import-call-three
import("a", {}, 3);

// @case import-call-bad-options
try { await import("a", 5); } catch (e) { text(String(e)); text(typeof e); }
try { await import("a", { with: 1 }); } catch (e) { text(String(e)); text(typeof e); }
try { await import("a", { with: { type: 1 } }); } catch (e) { text(String(e)); text(typeof e); }
try { await import("a", { get with() { throw new Error("w"); } }); } catch (e) { text(String(e)); text(typeof e); }

// @case import-call-assign-target
import("a") = 1;

// @case import-defer-call
await import.defer("x");

// @case await-named-function-inner
function f() { var await = 1; }

// @case await-in-class-field
class A { x = await 1; }

// @case return-with-syntax-error
return 5
const = 3;

// @case wrapper-escape-class
} class X { static { text("no"); } static m() {

// @case export-renamed-to-import
const a = 1; export { a as import }; text("ok");

// @case export-renamed-if-and-class
const a = 1; export { a as if, a as class }; text("ok");

// @case export-newline-function
export
function f() { return 1; }
text(f());

// @case export-newline-class
export
class A {}
text(typeof A);

// @case export-newline-default
export
default 5;
text("d");

// @case export-newline-list
const a = 1;
export
{ a };
text("l");

// @case export-newline-async
export
async function f() {} text(typeof f);

// @case export-newline-let
export
let a = 1; text(a);

// @case export-newline-var
export
var a = 1; text(a);

// @case export-comment-newline
export // comment
const a = 1; text(a);

// @case arguments-word-in-string-only
const f = function () { return "arguments new.target"; }; text(f()); text(String(this));

// @case arguments-in-function-and-this
function f() { return [arguments.length, typeof this]; } text(f(1, 2)); text(String(this)); text((() => typeof this)());

// @case arguments-as-property
const call = { arguments: [1] }; text(call.arguments); text(String(this));

// @case babel-async-helper
var __awaiter = (this && this.__awaiter) || function (thisArg, _arguments, P, generator) { return "aw " + arguments.length; }; text(__awaiter(1, 2));

// @case numeric-separators-and-forms
text([1_000, 0b11, 0o17, 0xff, .5, 5., 1e3, 1n << 64n].map(String));

// @case html-like-strings
const html = "<!-- comment --><div></div>"; text(html); text(html.replace(/<!--.*?-->/g, "")); const arrow = "-->"; text(arrow);

// @case object-with-await-keys
const o = { await: 1, async: 2, of: 3, get: 4, set: 5, static: 6, let: 7, yield: 8, new: 9 }; text(o.await + o.async + o.yield + o.new);

// @case unicode-identifiers
const ñ = 1, 名 = 2, \u0061b = 3, $_ = 4; text(ñ + 名 + ab + $_);

// @case return-in-object-and-class-methods
const api = { get: async function () { return 1; }, post: async () => { return 2; }, *gen() { return 3; }, get v() { return 4; }, ["c" + 1]() { return 5; }, async *ag() { return 6; }, constructor() { return 7; } }; text([await api.get(), await api.post(), api.v, api.c1(), api.constructor()]);

// @case async-as-name
var async = 1; text(async); var of = 2; text(of); var get = 3, set = 4; text(get + set);

// @case regexp-modifiers-and-named
text("FOO bar".replace(/(?i:foo) (?<w>\w+)/, "$<w>")); text([..."a1b2".matchAll(/(?<l>[a-z])(?<d>\d)/g)].map((m) => m.groups));

// @case comments-everywhere
/* a */ text /* b */ ( /* c */ 1 /* d */ ) /* e */ ; // f

// @case export-unicode-name
export const größe = 1, 变量 = 2; export { größe as "größe!" }; text(größe + 变量);

// @case export-list-of-inner-var
{ var q = 1; } export { q }; text(q);

// @case process-env
text(process.env.HOME);

// @case export-default-unary
export default !true; export const z = -1; text(z);

// @case pragma-malformed-in-source
// @exec: {nope
text("ran");

// @case return-regex-after
const f = (s) => { return /ab+c/.test(s); }; const g = (a) => { return a / 2 / 1; }; text([f("abbc"), g(8)]);

// @case html-like-template-multiline
const t = `<!doctype html>
<!-- c -->
--> x
`; text(t);

// @case label-same-as-generated
$: for (;;) { break $; } text(1);

// @case new-target-in-function
function F() { return new.target === F; } text(String(new F() instanceof F)); text(1);

// @case import-meta-shadow-names
const meta = 1, $m = 2; text(meta + $m); text(typeof import.meta);

// @case import-meta-url-pattern
const here = import.meta.url; text(String(here)); text(import.meta.dirname === undefined); text(import.meta.main === undefined);

// @case export-list-before-declaration
export { later }; const later = 1; text(later);

// @case let-shadowing-helper
let text2 = text; { let text = (x) => text2("inner " + x); text(1); } text(2);

// @case export-type
export type A = string;

// @case typescript-extends-helper
var __extends = (this && this.__extends) || (function () { return function (d, b) { return [d, b, arguments.length]; }; })(); text(__extends(1, 2));

// @case var-in-loop-and-after
for (var i = 0; i < 2; i++) { var last = i; } text([i, last]);

// @case return-template-nested
const f = (x) => { return `<${x.map((y) => { return `[${y}]`; }).join("")}>`; }; text(f([1, 2]));

// @case json-import-pattern
import data from "./data.json" with { type: "json" }; text(data);

// @case import-meta-destructured
const { url = "none", dirname } = import.meta; text([url, dirname]);

// @case await-in-inner-getter-name
class A { static await = 1; get await2() { return A.await; } } text(new A().await2);

// @case class-with-export-members
class A { export() { return 1; } import() { return 2; } static return = 3; } text(new A().export() + new A().import() + A.return);

// @case export-same-twice-renamed
const a = 1; export { a as one }; export { a as two }; export { a as "three 3" }; text(a);

// @case export-default-identifier
const config = { a: 1 }; export default config; text(config);

// @case html-comment-in-jsdoc
/** <!-- hi --> */
text(1);

// @case export-class-then-instance
export class Task { constructor(n) { this.n = n; } run() { return this.n * 2; } }
text(new Task(4).run());

// @case import-meta-optional
text(String(import.meta?.env?.MODE)); text(String(import.meta.env));

// @case class-image-conflict
class image {} text(typeof image);

// @case export-in-string-and-code
const code = "export const a = 1;"; export const b = code.length; text(b);

// @case destructure-helper-names
const { text: t, image: i } = globalThis; t("via global"); text(typeof i);

// @case import-with-line-comment-first
// read the file
import fs from "node:fs";

// @case optional-catch-and-nullish
let x = null; x ??= 5; x ||= 6; x &&= 7; text(x); text(x?.y?.z ?? "none"); text((null)?.[0] ?? "idx"); text(globalThis.nope?.() ?? "call");

// @case u2029-comment
// comment⟦U+2029⟧throw new Error("after ps");

// @case return-arrow-chain
const curry = (a) => (b) => { return (c) => { return a + b + c; }; }; text(curry(1)(2)(3));

// @case export-from-default-as
export { default as a, b as "c d" } from "./m.js";

// @case export-default-class-named-used
export default class Foo { static x = 1 }
text(Foo.x);

// @case await-using-with-tools
{ await using h = { async [Symbol.asyncDispose]() { text(await tools.echo("closed")); } }; text("open"); }

// @case getter-named-get
const o = { get get() { return 1; }, set set(v) {}, async async() { return 2; }, await() { return 3; }, *yield() {} }; text([o.get, await o.async(), o.await()]);

// @case dynamic-import-default-pattern
const { default: fetch } = await import("node-fetch"); text("x");

// @case return-in-labelled-loop-in-function
const f = () => { outer: for (const i of [1, 2]) for (const j of [1, 2]) if (i * j === 2) return [i, j]; }; text(f());

// @case import-type
import type { A } from "a";

// @case dynamic-import-try-fallback
let fs; try { fs = await import("fs"); } catch { fs = null; } text(String(fs));

// @case return-in-comment-and-regex
/* return */ // return import export
const r = /return <!-- -->/; text(r.source);

// @case export-list-undeclared-two
export { nope, nope2 }; text(1);

// @case export-default-in-expression-ternary
export default 1 ? 2 : 3; text("q");

// @case tdz-of-own-helper-name
text(1); const notify = 2; text(notify);

// @case export-default-class-extends
export default class extends Array {}
text("cls");

// @case source-map-comment
throw new Error("x"); //# sourceMappingURL=foo.js.map

// @case return-in-private-methods
class A { #p() { return 1; } static #q() { return 2; } get r() { return this.#p() + A.#q(); } set r(v) { return; } static { const f = () => { return 3; }; this.s = f(); } } text(new A().r + A.s);

// @case return-in-setter-and-computed-names
const k = "x"; class B { set [k](v) { if (!v) return; text(v); } get [k]() { return 1; } } new B().x = 5; text(new B().x);

// @case export-function-hoisted
text(util(2)); export function util(x) { return x * 2; }

// @case import-meta-in-template
text(`${typeof import.meta}`); text([import.meta].length);

// @case redeclare-exit-as-function
function exit() { text("my exit"); } exit(); text("still");

// @case decorator-syntax
function dec(v) { return v; } @dec class A {} text(typeof A);

// @case export-default-spread-lines
export default [
  1,
  2,
].map((x) => x * 2);
text("mapped");
