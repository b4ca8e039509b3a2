// Class B: sources that try to leave the wrapper or choke the parser
// @case close-brackets
// ends: failed
}); text("out"); (
// @case close-many
// ends: failed
});});}); text("out"); (() => {
// @case close-and-reopen-a-try
// ends: failed
} catch (error) {} text("out"); try {
// @case close-a-comment
// ends: failed
*/ text("out") /*
// @case close-braces-and-loop
// ends: runs or failed
}
for (;;);
async function f() {
// @case close-braces-and-throw
// ends: failed
} throw 1; async function f() {
// @case close-braces-with-an-import
// ends: failed
export const a = 1; } text("out"); {
// @case close-and-look-around
// ends: failed
// prints: []
}
text(`${typeof this} ${typeof arguments}`); async function q() {
// @case a-label-of-the-wrapper
// ends: failed
} break x; {
// @case return-outside
// ends: failed
// error: SyntaxError: Illegal return statement
return 1;
// @case yield-outside
// ends: failed
yield 1;
// @case with-statement
// ends: failed
with ({ a: 1 }) text(a);
// @case static-block-await
// ends: failed
class A { static { await 1; } }
// @case nul-in-the-source
// ends: failed
text("a"); ⟦U+0000⟧
// @case nul-in-a-string
// prints: ["3"]
text("a⟦U+0000⟧b".length);
// @case byte-order-mark
// prints: ["in"]
⟦U+FEFF⟧text("in");
// @case line-separator-in-a-string
// prints: ["1"]
text("⟦U+2028⟧".length);
// @case lone-surrogate
// ends: failed
⟦U+D800⟧
// @case lone-surrogate-in-a-string
// prints: ["⟦U+FFFD⟧"]
text("⟦U+D800⟧");
// @case html-comment
// ends: failed
<!-- text(1)
// @case hashbang
// prints: ["in"]
#!/bin/sh
text("in");
// @case markdown-fence
// ends: failed
```js
text(1)
```
// @case empty
// prints: []

// @case brackets
// ends: failed
// error: RangeError: Maximum call stack size exceeded
⟦100000 × [⟧
// @case matching-brackets
// ends: failed or completed
text(⟦100000 × [⟧⟦100000 × ]⟧);
// @case half-a-million-brackets
// ends: failed
⟦500000 × [⟧⟦500000 × ]⟧
// @case parentheses
// ends: failed
⟦1000000 × (⟧
// @case braces
// ends: failed
⟦1000000 × {⟧
// @case nested-templates
// ends: failed
⟦200000 × `${⟧
// @case nested-templates-with-imports
// ends: failed
⟦90000 × import(`${⟧
// @case arrows
// ends: failed
⟦300000 × a=>⟧1
// @case negations
// ends: failed
⟦1000000 × !⟧1
// @case additions
// prints: ["added"]
1⟦500000 × +1⟧; text("added");
// @case ternaries
// ends: failed
⟦300000 × 1?⟧
// @case else-ifs
// ends: failed
⟦90000 × if(1);else ⟧
// @case module-syntax-and-brackets
// ends: failed or limit worker_memory_bytes
export const x = ⟦400000 × [⟧⟦400000 × ]⟧;
// @case module-syntax-and-braces
// ends: failed or limit worker_memory_bytes
import ⟦900000 × {⟧
// @case nested-blocks-behind-an-export
// ends: failed or limit worker_memory_bytes
export let q; ⟦120000 × if(1){⟧
// @case many-imports
// ends: failed
⟦55000 × import a from 'x';⟧
// @case many-dynamic-imports
// prints: []
⟦75000 × import('x');⟧
// @case many-exports
// ends: failed
⟦55000 × export const a=1;⟧
// @case many-regexes
// prints: ["many"]
⟦150000 × /a/;⟧ text("many");
// @case open-regex
// ends: failed
/⟦200000 × (⟧/
// @case open-comment
// ends: failed
⟦500000 × /*⟧
// @case open-string
// ends: failed
"⟦900000 × x⟧
// @case one-long-line
// prints: ["900000"]
text("⟦900000 × x⟧".length);
// @case many-lines
// prints: ["end"]
⟦1000000 × 
⟧text("end");
// @case ten-megabytes
// ends: limit source_bytes
⟦10485760 × ;⟧
// @case one-byte-too-many
// ends: limit source_bytes
⟦1048577 × ;⟧
// @case just-small-enough
// prints: []
⟦1048576 × ;⟧
// @case three-bytes-each
// ends: limit source_bytes
"⟦350000 × €⟧"
// @case many-variables
// prints: ["end"]
⟦90000 × {let a;}⟧ text("end");
// @case megabytes-for-new-functions
// ends: failed or completed
try { new Function("[".repeat(1e7)); } catch (error) { text(error.name); }
// @case deep-source-for-eval
// prints: ["RangeError"]
try { eval("[".repeat(1e6)); } catch (error) { text(error.name); }
// @case deep-source-for-json
// prints: ["1"]
text(JSON.parse("[".repeat(1e5) + "]".repeat(1e5)).length);
// @case deep-source-for-a-regex
// prints: ["SyntaxError"]
try { new RegExp("(".repeat(1e6)); } catch (error) { text(error.name); }
