// @case round-trip
for (const s of ["é", "e\u0301", "ß", "İ", "ﬃ", "漢字", "😀", "👩‍👩‍👧‍👦", "\u{10FFFF}", "\ufeffbom", "\u202eabc", "\u0000", "\u001b[31m"]) { const r = await tools.echo(s); text(`${r === s} ${r.length}`); }

// @case lone-surrogate-in-text-positions
text("\ud800"); text("\ud800a"); text("a\ud800"); text("\ud800\ud800\udc00"); text(`${"\udc00"}`); text(["\ud800"]); text({ k: "\ud800" });

// @case lone-surrogate-in-notify
notify("a\ud800b"); notify(["\ud800"]);

// @case lone-surrogate-in-error
throw new Error("a\ud800b");

// @case lone-surrogate-in-thrown-string
throw "a\udc00b";

// @case lone-surrogate-in-tool-name
try { tools["\ud800"](); } catch (e) { text(e.message.length); text(e.message); }

// @case lone-surrogate-in-image
image("data:image/png;base64,\ud800"); image({ image_url: "data:,\udc00" });

// @case lone-surrogate-in-image-block
try { image({ type: "image", data: "\ud800" }); } catch (e) { text(e); }

// @case lone-surrogate-in-block-type
try { image({ type: "\ud800", data: "AA" }); } catch (e) { text(e); }
try { image({ type: "é\n\"", data: "AA" }); } catch (e) { text(e); }

// @case lone-surrogate-in-store-key
store("k\ud800", 1); text(load("k\ud800")); text(load("k\ufffd"));
// @cell
text(String(load("k\ud800")));

// @case lone-surrogate-in-detail
try { image("data:,", "\ud800"); } catch (e) { text(e); }

// @case lone-surrogate-in-hint
generatedImage({ image_url: "data:,", output_hint: "a\ud800" });

// @case lone-surrogate-in-import
await import("\ud800").catch((e) => text(e));

// @case lone-surrogate-in-function-name
const o = { ["f\ud800"]() { throw new Error("m"); } }; o["f\ud800"]();

// @case lengths
text("😀".length); text([..."😀"].length); text("e\u0301".normalize("NFC").length); text("İ".toLowerCase().length); text("ß".toUpperCase());

// @case well-formed
text("a\ud800".isWellFormed()); text("a\ud800".toWellFormed()); text("😀".isWellFormed());

// @case identifiers
const déjà = 1, 变量 = 2, ª = 3, $_ = 4; text(déjà + 变量 + ª + $_);

// @case normalisation-of-names
const café = "nfc"; try { text(eval("cafe\u0301")); } catch (e) { text(e.name); }

// @case escapes-in-source
text("\u{1F600}\x41\u0042"); text("\u00e9" === "é"); text(String.raw`\u00e9`);

// @case bidi-and-invisible
text("a\u202eb\u2066c\u200bd\u00ade");

// @case line-terminators-in-output
text("a\nb\rc\r\nd\u0085e\u2028f");

// @case code-points
text("😀".codePointAt(0).toString(16)); text(String.fromCodePoint(0x1f600, 0x41)); text("😀".charCodeAt(1).toString(16)); text([..."a😀b"].map((c) => c.codePointAt(0)));

// @case comparison
text(["é", "z", "a", "Z", "Ä", "e"].sort()); text(["é", "z", "a", "Z", "Ä", "e"].sort((a, b) => a.localeCompare(b))); text("a".localeCompare("B")); text("résumé".localeCompare("resume", "en", { sensitivity: "base" }));

// @case encode-uri
text(encodeURIComponent("é😀 /?")); text(decodeURIComponent("%F0%9F%98%80")); try { encodeURIComponent("\ud800"); } catch (e) { text(String(e)); } text(escape("é😀")); text(unescape("%u0041"));

// @case regexp-unicode
text("😀a".match(/./gu).length); text("😀a".match(/./g).length); text("Éé".match(/\p{Lu}/gu)); text(/^\p{Emoji}$/v.test("😀")); text("ſ".match(/s/iu) !== null);

// @case segmenter
text([...new Intl.Segmenter("en", { granularity: "grapheme" }).segment("👩‍👩‍👧e\u0301")].length);
