// @case unclosed-brace
function f() {
  text(1);

// @case unclosed-parenthesis
text(1

// @case unclosed-bracket
text([1, 2);

// @case unclosed-string
text("abc);

// @case unclosed-template
text(`abc
def);

// @case unclosed-template-expression
text(`a${1`);

// @case unclosed-comment
/* never closed
text(1);

// @case unclosed-regexp
const r = /abc
;

// @case bad-regexp
const r = /(/;

// @case bad-regexp-flags
const r = /a/xx;

// @case unexpected-token
const = 5;

// @case unexpected-number
const a = 1 2;

// @case unexpected-identifier
let a b;

// @case unexpected-string
let a "b";

// @case unexpected-closing-brace
}

// @case unexpected-closing-parenthesis
text(1));

// @case unexpected-end
if (

// @case unexpected-end-of-arrow
const f = () =>

// @case wrapper-escape
}); text("escaped"); (

// @case wrapper-escape-async
})(); text("escaped"); (async () => {

// @case top-level-return
return 1;

// @case top-level-return-in-block
if (true) { return; }

// @case top-level-break
break;

// @case top-level-continue
continue;

// @case top-level-yield
yield 1;

// @case await-in-function
function f() { await 1; }

// @case await-in-arrow
const f = () => { await 1; };

// @case await-in-callback
[1].forEach((x) => { await tools.echo(x); });

// @case await-as-identifier
const await = 1;

// @case await-in-class-static
class A { static { await 1; } }

// @case await-in-parameter
async function f(a = await 1) {}

// @case duplicate-let
let a = 1; let a = 2;

// @case duplicate-const-and-var
const a = 1; var a = 2;

// @case duplicate-function
function f() {} function f() {}

// @case duplicate-parameters
function f(a, a) {}

// @case duplicate-class
class A {} class A {}

// @case duplicate-proto
({ __proto__: 1, __proto__: 2 });

// @case redeclared-helper
const text = 1;

// @case redeclared-helper-used
const text = (v) => globalThis.text(`mine ${v}`); text(1);

// @case redeclared-tools
const tools = { echo: () => "mine" }; text(tools.echo());

// @case reserved-words
const class = 1;

// @case reserved-enum
const enum = 1;

// @case strict-reserved-words
let static = 1;

// @case let-as-name
let let = 1;

// @case eval-assignment
eval = 1;

// @case arguments-assignment
arguments = 1;

// @case with-statement
with ({}) {}

// @case octal-literal
const a = 010;

// @case octal-escape
const a = "\01";

// @case modern-octal
text(0o17); text(0b11); text(1_000);

// @case delete-identifier
var a; delete a;

// @case html-open-comment
<!-- comment
text(1);

// @case html-close-comment
text(1);
--> comment

// @case hashbang
#!/usr/bin/env node
text("hashbang");

// @case hashbang-on-second-line
⟦U+000A⟧#!/usr/bin/env node
text(1);

// @case byte-order-mark
⟦U+FEFF⟧text("bom");

// @case byte-order-mark-inside
text("a");⟦U+FEFF⟧text("b");

// @case nul-character
text("a");⟦U+0000⟧

// @case nul-in-string
text("a⟦U+0000⟧b".length);

// @case no-break-space
text(⟦U+00A0⟧1⟦U+00A0⟧);

// @case zero-width-space
text(⟦U+200B⟧1);

// @case smart-quotes
text(“hello”);

// @case line-separator-in-string
text("a⟦U+2028⟧b".length);

// @case line-separator-in-comment
// comment⟦U+2028⟧text("after comment");

// @case crlf-in-template
text(JSON.stringify(`a⟦U+000D⟧
b`));

// @case invalid-escape
const a = "\u{110000}";

// @case invalid-unicode-escape
const a = "\u12";

// @case escaped-identifier
const \u0061bc = 1; text(abc);

// @case emoji-identifier
const 😀 = 1;

// @case private-outside-class
this.#x;

// @case undeclared-private
class A { m() { return this.#missing; } }

// @case super-outside
super.x;

// @case new-target-at-top
new.target;

// @case optional-chain-assignment
const o = {}; o?.a = 1;

// @case invalid-assignment
1 = 2;

// @case invalid-destructuring
({ a: 1 } = {});

// @case invalid-for-of
for (const a, b of []) {}

// @case rest-not-last
function f(...a, b) {}

// @case getter-with-parameter
({ get a(b) {} });

// @case label-twice
a: a: ;

// @case undefined-label
break nowhere;

// @case missing-initialiser
const a;

// @case missing-initialiser-destructuring
let { a };

// @case missing-comma
text({ a: 1 b: 2 });

// @case missing-semicolon-same-line
let a = 1 let b = 2;

// @case mixed-coalescing
null ?? 1 || 2;

// @case exponent-of-unary
-1 ** 2;

// @case use-strict-with-complex-parameters
function f(a = 1) { "use strict"; }

// @case decorators
@dec class A {}

// @case jsx
const a = <div>hello</div>;

// @case typescript-annotation
const a: number = 1;

// @case typescript-interface
interface A { b: string }

// @case typescript-as
const a = 1 as number;

// @case typescript-generic
const f = <T>(x: T): T => x;

// @case markdown-fence
```js
text(1);
```

// @case json-instead-of-code
{"code": "text(1)"}

// @case python
def f():
    return 1

// @case prose
Here is the program that you asked for.

// @case error-on-a-later-line
text(1);
text(2);
text(3;

// @case nothing-runs-before-a-syntax-error
text("must not appear"); tools.echo(1);
let x = ;

// @case automatic-semicolons
const a = 1
const b = 2
text(a + b)

// @case asi-hazard
const a = 1
(function () { text("called") })()

// @case html-comment-in-string
text("<!-- fine -->");

// @case import-in-block
{ import x from "y"; }

// @case export-in-block
{ export const x = 1; }

// @case module-only-meta
function f() { return import.meta; } text(typeof f());

// @case native-syntax
%DebugPrint(1);

// @case debugger
debugger; text("after debugger");

// @case directives
"use strict"; "use asm"; text("directive");

// @case very-long-line
text("x".length /* ⟦U+0020⟧                                                                                                                              */ + 1); throw new Error("far right");

// @case deep-brackets-in-eval
try { eval("[".repeat(5000) + "]".repeat(5000)); text("parsed"); } catch (e) { text(e.name); }

// @case number-followed-by-identifier
3in [];

// @case bigint-decimal
const a = 1.5n;

// @case async-arrow-line-break
const f = async
(x) => x;

// @case let-line-break
let
a = 1; text(a);

// @case dangling-else
else { text(1); }

// @case case-outside-switch
case 1: text(1);

// @case two-defaults
switch (1) { default: default: }

// @case try-alone
try { text(1); }

// @case catch-alone
catch (e) {}

// @case class-constructor-twice
class A { constructor() {} constructor() {} }

// @case class-getter-constructor
class A { get constructor() {} }

// @case super-call-in-base
class A { constructor() { super(); } }

// @case template-octal
`\01`;

// @case tagged-template-bad-escape
text(((s) => s[0] === undefined)`\unicode`);

// @case import-call-value-visible
const f = (x) => import(x); text(String(f)); const g = () => import.meta; text(g.toString());

// @case label-await-inner
function f() { await: ; }

// @case function-expression-named-await
const f = function await() {};

// @case inner-function-uses-await-identifier
const f = function () { return await; };

// @case inner-await-parameter
function f(await) {}

// @case inner-await-call
function f() { return await(1); }

// @case inner-await-destructuring
function f({ await }) {}

// @case inner-catch-await
function f() { try { } catch (await) { } }

// @case escaped-await
function f() { var aw\u0061it = 1; }

// @case dynamic-import-comma-expression
import("a", "b", "c");

// @case await-in-sync-callback-with-message
const r = [1].map(x => await tools.echo(x));

// @case notify-white-space-sweep
const out = []; for (let c = 0; c < 0x10000; c++) { if (c >= 0xd800 && c < 0xe000) continue; if (!(c < 33 || c > 0x7e && c < 0xa1 || /[\s\p{Z}\p{C}]/u.test(String.fromCharCode(c)))) continue; if (c >= 0xe000 && c < 0xf900) continue; if (out.length > 100) break; try { const orig = notify; if (/[\s\p{Zs}\x85]/u.test(String.fromCharCode(c)) || c < 33) orig(String.fromCharCode(c)); } catch { out.push(c.toString(16)); } } text(out);

// @case function-locals-named-like-prelude
const core = 1, host = 2, buffer = 3, put = 4, words = 5; text(core + host + buffer + put + words); text(typeof ask === "undefined"); text(typeof config === "undefined"); text(typeof label);

// @case dollar-names
const $meta = 1, $impo = 2, $0 = 3, $ = 4; text($meta + $impo + $0 + $); text(typeof import.meta); try { await import("x"); } catch (e) { text(e); }

// @case python-like
print("x")
for i in range(3):
    print(i)

// @case import-as-identifier
const import1 = 1; text(import1); const $import = 2; text($import); const o = { import() { return 3; } }; text(o.import());

// @case let-promise-shadow
let Promise = 5; text(await tools.echo(Promise)); let JSON = null; text({ a: 1 }); const Object = 1, Error = 2, Symbol = 3; text([1]); throw Error;

// @case single-quotes-unescaped
text('it's');

// @case raw-json-stored-next-cell
store("a", JSON.rawJSON("1.0")); store("b", JSON.rawJSON("12345678901234567890123")); store("c", [JSON.rawJSON("1e2"), JSON.rawJSON("-0")]); store("d", { k: JSON.rawJSON("1E400") });
// @cell
for (const k of "abcd") text(String(JSON.stringify(load(k))));

// @case typescript-enum
enum Color { Red }

// @case const-nan
const NaN = 1, Infinity = 2; text(NaN + Infinity);

// @case typescript-generic-call
const x = new Map<string, number>(); text(x.size);

// @case let-private-public
let private, public;

// @case xml-like
<tool_call>{"x":1}</tool_call>

// @case meta-visible-names
text(typeof $meta); text(typeof $impo); try { $meta; } catch (e) { text(e.message); } text(typeof import.meta);

// @case dynamic-import-in-arrow-returned
const load2 = () => import("./x.js"); await load2().catch(e => text(typeof e + e)); text(load2() instanceof Promise);

// @case jsx-with-return
function C() { return <div>hi</div>; }

// @case bad-regexp-flag-u-escape
/\p{Foo}/u;

// @case return-in-regexp-class
text(/[/]return}/.source); const s = "}"; text(s);

// @case export-function-to-string
export function f() { return 1; } text(f.toString()); export default function g() {} text(String(g)); export class C {} text(String(C)); text(f.name + g.name + C.name);

// @case escaped-import
im\u0070ort x from "y";

// @case import-dot-meta-escaped
text(import.m\u0065ta);

// @case typescript-satisfies
const x = {} satisfies object;

// @case typescript-as-const
const x = [1] as const; return x;

// @case hoisting-top-level
text(typeof hoisted); text(hoisted()); function hoisted() { return "h"; } text(typeof v); var v = 1;

// @case import-with-comments-between
import /* a */ x /* b */ from /* c */ "y" /* d */;
