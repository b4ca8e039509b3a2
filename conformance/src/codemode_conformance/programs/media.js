// @case image-data-url
image("data:image/png;base64,AAAA");

// @case image-returns-undefined
text(String(image("data:image/png;base64,AAAA")));

// @case image-details
for (const d of ["auto", "low", "high", "original", "LOW", "High", "oRiGiNaL"]) image("data:image/png;base64,AA==", d);

// @case image-detail-null-and-undefined
image("data:image/png;base64,AA==", null); image("data:image/png;base64,AA==", undefined);

// @case image-detail-empty
image("data:image/png;base64,AA==", "");

// @case image-detail-unknown
image("data:image/png;base64,AA==", "huge");

// @case image-detail-padded
image("data:image/png;base64,AA==", " low ");

// @case image-detail-number
image("data:image/png;base64,AA==", 3);

// @case image-detail-other-types
for (const d of [true, {}, [], Symbol("s"), 1n, () => {}, new String("low")]) try { image("data:image/png;base64,AA==", d); } catch (e) { text(e); text(typeof e); }

// @case image-errors
for (const v of ["", [], 5, null, undefined, true, 1n, Symbol("s"), () => {}, {}, { a: 1 }, new Map(), new Date(0), ["data:image/png;base64,AA=="]])
  try { image(v); text("accepted"); } catch (e) { text(typeof e); text(e); }

// @case image-no-argument
image();

// @case image-string-object
try { image(new String("data:image/png;base64,AA==")); } catch (e) { text(e); }

// @case image-url-object
image({ image_url: "data:image/png;base64,AA==" }); image({ image_url: "data:image/png;base64,AA==", detail: "low" }); image({ image_url: "data:image/png;base64,AA==", detail: null }); image({ image_url: "data:image/png;base64,AA==", detail: undefined });

// @case image-url-object-detail-wins
image({ image_url: "data:image/png;base64,AA==", detail: "low" }, "original"); image({ image_url: "data:image/png;base64,AA==", detail: "low" }, null); image({ image_url: "data:image/png;base64,AA==", detail: "low" }, undefined);

// @case image-url-object-errors
for (const v of [{ image_url: 5 }, { image_url: null }, { image_url: "" }, { image_url: "data:image/png;base64,AA==", detail: 3 }, { image_url: "data:image/png;base64,AA==", detail: "huge" }, { image_url: { url: "data:image/png;base64,AA==" } }, { image_url: undefined }])
  try { image(v); text("accepted"); } catch (e) { text(typeof e); text(e); }

// @case image-bad-detail-in-object-with-good-argument
try { image({ image_url: "data:image/png;base64,AA==", detail: 3 }, "low"); text("accepted"); } catch (e) { text(e); }
try { image({ image_url: "data:image/png;base64,AA==", detail: "huge" }, "low"); text("accepted"); } catch (e) { text(e); }

// @case image-url-inherited
class I { get image_url() { return "data:image/png;base64,AA=="; } }
image(new I()); image(Object.create({ image_url: "data:image/png;base64,BB==" }));

// @case image-url-getter-throws
try { image({ get image_url() { throw new Error("getter"); } }); } catch (e) { text(typeof e); text(String(e)); text(e.stack); }

// @case image-url-getter-reentrant
image({ get image_url() { image("data:image/png;base64,INNER"); return "data:image/png;base64,OUTER"; } });

// @case image-url-read-order
const seen = [];
image(new Proxy({}, { get(_, key) { seen.push(String(key)); return key === "image_url" ? "data:image/png;base64,AA==" : undefined; }, has(_, key) { seen.push(`has ${String(key)}`); return true; }, ownKeys() { seen.push("ownKeys"); return []; } }));
text(seen);

// @case image-block-read-order
const seen = [];
try { image(new Proxy({}, { get(_, key) { seen.push(String(key)); return undefined; }, ownKeys() { seen.push("ownKeys"); return ["type"]; }, getOwnPropertyDescriptor() { return { enumerable: true, configurable: true, value: 1 }; } })); } catch (e) { text(e); }
text(seen);

// @case image-schemes
for (const u of ["http://a/b.png", "https://a/b.png", "HTTPS://a", "hTTp:x", "file:///x", "javascript:alert(1)", "ftp://x", "blob:x", "about:blank", "nocolon", "AAAA", "/a:b", ":x", "://"])
  try { image(u); text("accepted"); } catch (e) { text(`${u} -> ${e}`); }

// @case image-data-scheme-case
for (const u of ["DATA:image/png;base64,AA==", "Data:image/png;base64,AA==", "data:"]) try { image(u); } catch (e) { text(`${u} -> ${e}`); }

// @case image-data-url-shapes
for (const u of ["data:,", "data:image/png,x", "data:text/plain;base64,AA==", "data:image/png;base64,***", "data:image/svg+xml;utf8,<svg/>", "data:image/png;BASE64,AA==", "data:;base64,AA==", "data:image/png;charset=x;base64,AA=="])
  try { image(u); } catch (e) { text(`${u} -> ${e}`); }

// @case image-whitespace
for (const u of [" data:image/png;base64,AA==", "data:image/png;base64,AA== ", "\tdata:image/png;base64,AA==", "data :image/png;base64,AA==", "   ", "\n", "data:image/png;base64,A\nA=="])
  try { image(u); } catch (e) { text(`${JSON.stringify(u)} -> ${e}`); }

// @case image-surrogate-in-url
image("data:image/png;base64,\ud800");

// @case image-block
image({ type: "image", data: "AAAA", mimeType: "image/png" }); image({ type: "image", data: "AAAA", mime_type: "image/gif" }); image({ type: "image", data: "AAAA", mimeType: "image/a", mime_type: "image/b" });

// @case image-block-no-mime
image({ type: "image", data: "AAAA" }); image({ type: "image", data: "AAAA", mimeType: "" }); image({ type: "image", data: "AAAA", mimeType: null }); 

// @case image-block-odd-mime
for (const mimeType of [5, {}, [], true, " image/png ", "IMAGE/PNG", "nonsense"]) try { image({ type: "image", data: "AAAA", mimeType }); } catch (e) { text(e); }

// @case image-block-empty-mime-falls-back
image({ type: "image", data: "AAAA", mimeType: "", mime_type: "image/gif" }); image({ type: "image", data: "AAAA", mimeType: null, mime_type: "image/gif" });

// @case image-block-data-url
image({ type: "image", data: "data:image/png;base64,AAAA", mimeType: "image/gif" }); image({ type: "image", data: "DATA:image/png;base64,AAAA" });

// @case image-block-data-http
for (const data of ["https://x/y.png", "http://x", "file:///x", " data:image/png;base64,AA=="]) try { image({ type: "image", data, mimeType: "image/png" }); } catch (e) { text(e); }

// @case image-block-errors
for (const v of [{ type: "image" }, { type: "image", data: "" }, { type: "image", data: 5 }, { type: "image", data: null }, { type: "text", text: "x" }, { type: "audio", data: "AA" }, { type: "" }, { type: 5 }, { type: null }, { type: "Image", data: "AA" }, { data: "AA", mimeType: "image/png" }, { type: 'a"b' }])
  try { image(v); text("accepted"); } catch (e) { text(typeof e); text(e); }

// @case image-block-meta-detail
for (const d of ["auto", "low", "high", "original", "LOW", "huge", 5, null]) image({ type: "image", data: "AA", mimeType: "image/png", _meta: { "codex/imageDetail": d } });

// @case image-block-meta-shapes
image({ type: "image", data: "AA", _meta: null }); image({ type: "image", data: "AA", _meta: "x" }); image({ type: "image", data: "AA", _meta: { "codex/imageDetail": "original" } }, "low"); image({ type: "image", data: "AA", detail: "low" });

// @case image-block-to-json
image({ toJSON() { return { type: "image", data: "AA", mimeType: "image/png" }; } });

// @case image-block-cyclic
const b = { type: "image", data: "AA" }; b.self = b;
try { image(b); } catch (e) { text(typeof e); text(String(e)); }

// @case image-block-bigint
try { image({ type: "image", data: "AA", n: 1n }); } catch (e) { text(typeof e); text(String(e)); }

// @case image-both-url-and-block
image({ type: "image", data: "AA", mimeType: "image/png", image_url: "data:image/gif;base64,BB" });

// @case image-uncaught-error
image("https://example.com/x.png");

// @case image-and-text-order
text("1"); image("data:image/png;base64,AA=="); text("2");

// @case image-function-with-url
const f = () => {}; f.image_url = "data:image/png;base64,AA==";
try { image(f); } catch (e) { text(e); }

// @case image-array-with-url
const a = []; a.image_url = "data:image/png;base64,AA==";
try { image(a); } catch (e) { text(e); }

// @case image-of-tool-result
image(await tools.echo({ type: "image", data: "AAAA", mimeType: "image/png" }));

// @case audio-data-url
audio("data:audio/mpeg;base64,AAAA"); audio({ audio_url: "data:audio/mpeg;base64,AAAA" }); audio({ type: "audio", data: "AAAA", mimeType: "audio/mpeg" });

// @case audio-errors
for (const v of ["", [], 5, null, undefined, true, {}, { a: 1 }, { audio_url: 5 }, { audio_url: "" }, { audio_url: null }, { type: "audio" }, { type: "audio", data: "" }, { type: "audio", data: 5 }, { type: "image", data: "AA" }, { type: "text", text: "x" }, { type: "" }, { type: 5 }])
  try { audio(v); text("accepted"); } catch (e) { text(typeof e); text(e); }

// @case audio-no-argument
audio();

// @case audio-schemes
for (const u of ["http://a/b.mp3", "https://a/b.mp3", "file:///x", "nocolon", "DATA:audio/mpeg;base64,AA==", " data:audio/mpeg;base64,AA==", "data:", "data:image/png;base64,AA=="])
  try { audio(u); } catch (e) { text(`${u} -> ${e}`); }

// @case audio-extra-argument
audio("data:audio/mpeg;base64,AAAA", 5); audio("data:audio/mpeg;base64,AAAA", "low");

// @case audio-block-mime
audio({ type: "audio", data: "AA" }); audio({ type: "audio", data: "AA", mimeType: "" }); audio({ type: "audio", data: "AA", mime_type: "audio/ogg" }); audio({ type: "audio", data: "data:audio/x;base64,AA", mimeType: "audio/ogg" }); audio({ type: "audio", data: "AA", mimeType: 5 });

// @case audio-block-data-http
try { audio({ type: "audio", data: "https://x/y.mp3", mimeType: "audio/mpeg" }); } catch (e) { text(e); }

// @case audio-returns-undefined
text(String(audio("data:audio/mpeg;base64,AAAA")));

// @case audio-wav-durations
function wav({ bytes = 10, rate = 8000, align = 1, tag = 1, says = bytes, fmt = 16, before = 0, riff = "RIFF", sub = 0, byteRate = rate * align } = {}) {
  const view = new DataView(new ArrayBuffer(28 + fmt + before + bytes));
  const ascii = (at, s) => [...s].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  ascii(0, riff); view.setUint32(4, 36, true); ascii(8, "WAVEfmt ");
  view.setUint32(16, fmt, true); view.setUint16(20, tag, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, byteRate, true);
  view.setUint16(32, align, true); view.setUint16(34, 8 * align, true);
  if (sub) new Uint8Array(view.buffer, 44).set([sub, 0, 0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113]);
  if (before) { ascii(20 + fmt, "LIST"); view.setUint32(24 + fmt, before - 8, true); }
  ascii(20 + fmt + before, "data"); view.setUint32(24 + fmt + before, says, true);
  return `data:audio/wav;base64,${new Uint8Array(view.buffer).toBase64()}`;
}
for (const bytes of [0, 1, 80, 199, 200, 201]) { text(bytes); audio(wav({ bytes })); }
for (const bytes of [2203, 2204, 2205, 2206]) { text(bytes); audio(wav({ bytes, rate: 44100, align: 2 })); }

// @case audio-wav-headers
function wav({ bytes = 10, rate = 8000, align = 1, tag = 1, says = bytes, fmt = 16, before = 0, riff = "RIFF", sub = 0, byteRate = rate * align } = {}) {
  const view = new DataView(new ArrayBuffer(28 + fmt + before + bytes));
  const ascii = (at, s) => [...s].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  ascii(0, riff); view.setUint32(4, 36, true); ascii(8, "WAVEfmt ");
  view.setUint32(16, fmt, true); view.setUint16(20, tag, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, byteRate, true);
  view.setUint16(32, align, true); view.setUint16(34, 8 * align, true);
  if (sub) new Uint8Array(view.buffer, 44).set([sub, 0, 0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113]);
  if (before) { ascii(20 + fmt, "LIST"); view.setUint32(24 + fmt, before - 8, true); }
  ascii(20 + fmt + before, "data"); view.setUint32(24 + fmt + before, says, true);
  return `data:audio/wav;base64,${new Uint8Array(view.buffer).toBase64()}`;
}
const odd = {
  "data length too great": { says: 10000 }, "data length too small": { bytes: 400, says: 10 }, "data length unknown": { says: 0xffffffff },
  "no byte rate": { byteRate: 0 }, "false byte rate": { bytes: 400, byteRate: 1e6 }, "no rate": { rate: 0 }, "no alignment": { align: 0 },
  "float": { tag: 3 }, "a-law": { tag: 6 }, "mp3": { tag: 85 }, "extensible PCM": { tag: 0xfffe, fmt: 40, sub: 1 }, "extensible float": { tag: 0xfffe, fmt: 40, sub: 3 }, "extensible unknown": { tag: 0xfffe, fmt: 40 },
  "longer format": { fmt: 18 }, "a chunk before": { before: 20 }, "big endian": { riff: "RIFX" }, "64 bits": { riff: "RF64" },
};
for (const [name, options] of Object.entries(odd)) { text(name); audio(wav(options)); }

// @case audio-wav-mime-types
const short = "UklGRiUAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQEAAAAA";
for (const mime of ["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "AUDIO/WAV", "audio/wav;codecs=1", "audio/mpeg", "application/octet-stream", "audio/pcm", "", "image/png"]) audio(`data:${mime};base64,${short}`);

// @case audio-wav-url-forms
const short = "UklGRiUAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQEAAAAA";
audio(`data:audio/wav,${short}`); audio(`DATA:AUDIO/WAV;BASE64,${short}`); audio(`data:audio/wav;base64, ${short}`); audio(`data:audio/wav;base64,${short}\n`); audio(`data:audio/wav;base64,${short.slice(0, -4)}`); audio(`data:audio/wav;x=y;base64,${short}`); audio(`data:audio/wav;base64;x,${short}`); audio(`data:;base64,${short}`); audio(`data:base64,${short}`); audio(`data:audio/wav; base64,${short}`);

// @case audio-wav-block
const short = "UklGRiUAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQEAAAAA";
audio({ type: "audio", data: short, mimeType: "audio/wav" }); audio({ audio_url: `data:audio/wav;base64,${short}` }); audio({ type: "audio", data: short }); content({ type: "audio", data: short, mimeType: "audio/wav" });

// @case audio-wav-broken
for (const data of ["", "AAAA", "UklGRg==", "UklGRiUAAABXQVZF", "UklGRiUAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgA", "!!!!", "UklGRiUAAABXQVZFZm10IBAAAAABAAEAAAAAAAAAAAABAAgAZGF0YQEAAAAA"])
  try { audio(`data:audio/wav;base64,${data}`); } catch (e) { text(e); }

// @case generated-image
generatedImage({ image_url: "data:image/png;base64,AA==" }); generatedImage({ type: "image", data: "AA", mimeType: "image/png" });

// @case generated-image-hint
generatedImage({ image_url: "data:image/png;base64,AA==", output_hint: "saved to /x" }); generatedImage({ image_url: "data:image/png;base64,AA==", output_hint: "" }); generatedImage({ image_url: "data:image/png;base64,AA==", output_hint: undefined });

// @case generated-image-hint-errors
for (const output_hint of [null, 5, {}, true]) try { generatedImage({ image_url: "data:image/png;base64,AA==", output_hint }); text("accepted"); } catch (e) { text(typeof e); text(e); }

// @case generated-image-errors
for (const v of ["x", "data:image/png;base64,AA==", 5, null, undefined, [], {}, { image_url: "https://x" }, { image_url: 5 }, { type: "text", text: "t" }, () => {}, { image_url: "nocolon", output_hint: "h" }, { result: "AAAA" }, { image_url: "", output_hint: 5 }])
  try { generatedImage(v); text("accepted"); } catch (e) { text(typeof e); text(e); }

// @case generated-image-detail
generatedImage({ image_url: "data:image/png;base64,AA==", detail: "low" }); generatedImage({ image_url: "data:image/png;base64,AA==" }, "low"); generatedImage({ type: "image", data: "AA", _meta: { "codex/imageDetail": "original" }, output_hint: "h" });

// @case generated-image-array-with-url
const a = []; a.image_url = "data:image/png;base64,AA==";
try { generatedImage(a); } catch (e) { text(e); }

// @case generated-image-read-order
const seen = [];
generatedImage(new Proxy({}, { get(_, key) { seen.push(String(key)); return key === "image_url" ? "data:image/png;base64,AA==" : undefined; } }));
text(seen);

// @case image-detail-getter-throws
try { image({ image_url: "data:,", get detail() { throw new Error("detail"); } }); } catch (e) { text(typeof e); text(String(e)); }

// @case generated-image-hint-getter-throws
try { generatedImage({ get output_hint() { throw new Error("hint"); } }); } catch (e) { text(typeof e); text(e); }

// @case link-sizes
for (const size of [2 ** 53, 2 ** 62, 2 ** 63 - 1024, 2 ** 63, 2 ** 64 - 2048, 2 ** 64, 1e20, 1e21, -(2 ** 63), -(2 ** 63) - 2048, -1e21, 1.0, -0, 1e15 + 0.5]) try { content({ type: "resource_link", uri: "u", name: "n", size }); } catch (e) { text(size + " " + String(e)); }

// @case link-sizes-raw-json
for (const raw of ["1.0", "1e2", "5E0", "-0", "-0.0", "9007199254740993", "18446744073709551615", "18446744073709551616", "0.5e1"]) try { content({ type: "resource_link", uri: "u", name: "n", size: JSON.rawJSON(raw) }); } catch (e) { text(raw + " " + String(e)); }

// @case image-detail-forms
for (const d of [undefined, null, "", "auto", "AUTO", " high", "Original", "medium", 5, true, {}, [], ["high"], new String("high"), Symbol("x"), 1n, () => "high", "hıgh", "LOW\u212a", "ORİGİNAL"]) try { image("data:x", d); text("ok"); } catch (e) { text(e); }

// @case image-string-forms
for (const v of ["data:image/png;base64,AAAA", "DATA:image/png;base64,AAAA", " data:image/png;base64,AAAA", "data:", "data", ":", "http:", "HTTP://x", "ftp://x", "file:///a", "blob:x", "//x", "/a/b.png", "AAAA", "javascript:1", "data :x", "sandbox:/x", "dataa:x", "https", "data:image/png;base64,AAAA\n", "\tdata:x", "http\n://x", "data:text/plain,hi", "attachment:1"]) try { image(v); text("ok"); } catch (e) { text(e); }

// @case image-of-tool-result-again
const r = await tools.echo({ content: [{ type: "image", data: "iVBO", mimeType: "image/png" }, { type: "text", text: "caption" }] }); for (const c of r.content) { if (c.type === "image") image(c); else text(c.text); }
