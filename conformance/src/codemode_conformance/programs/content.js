// @case text-block
content({ type: "text", text: "hello" }); content({ type: "text", text: "" });

// @case returns-undefined
text(String(content({ type: "text", text: "x" }))); text(String(content([])));

// @case array
content([{ type: "text", text: "a" }, { type: "text", text: "b" }, { type: "image", data: "AA", mimeType: "image/png" }]);

// @case empty-array
content([]); text("after");

// @case nested-array
content([[{ type: "text", text: "a" }]]);

// @case image-block
content({ type: "image", data: "AA", mimeType: "image/png" }); content({ type: "image", data: "AA" }); content({ type: "image", data: "AA", mimeType: "image/png", _meta: { "codex/imageDetail": "original" } }); content({ type: "image", data: "AA", mimeType: "image/png", annotations: { audience: ["user"] } });

// @case image-url-object
try { content({ image_url: "data:image/png;base64,AA==" }); } catch (e) { text(e); }

// @case image-errors
for (const b of [{ type: "image" }, { type: "image", data: "" }, { type: "image", data: 5 }, { type: "image", data: "https://x" }]) try { content(b); text("accepted"); } catch (e) { text(typeof e); text(e); }

// @case audio-block
content({ type: "audio", data: "AA", mimeType: "audio/mpeg" }); content({ type: "audio", data: "AA" });

// @case audio-errors
for (const b of [{ type: "audio" }, { type: "audio", data: "" }, { type: "audio", data: 5 }]) try { content(b); text("accepted"); } catch (e) { text(typeof e); text(e); }

// @case resource
content({ type: "resource", resource: { uri: "file:///a", mimeType: "text/plain", text: "body" } });

// @case resource-blob
content({ type: "resource", resource: { uri: "file:///a", blob: "AAAA" }, annotations: { priority: 1 }, _meta: { k: 1 } });

// @case resource-link
content({ type: "resource_link", uri: "file:///a", name: "a", description: "d", mimeType: "text/plain", size: 5 });

// @case resource-key-order
content({ resource: { uri: "u", text: "t" }, zeta: 1, type: "resource", alpha: 2 });

// @case resource-odd-members
content({ type: "resource", resource: { uri: "u", n: NaN, u: undefined, d: new Date(0), toJSON: undefined } }); content({ type: "resource" }); content({ type: "resource_link" }); content({ type: "resource", resource: null });

// @case bad-values
for (const v of ["text", 5, null, undefined, true, 1n, Symbol("s"), () => {}, {}, { type: "unknown" }, { type: 5 }, { text: "no type" }, { type: "text" }, { type: "text", text: 5 }, { type: "text", text: null }, new Map(), new Date(0)])
  try { content(v); text("accepted"); } catch (e) { text(typeof e); text(e.split("\n")[0]); }

// @case no-argument
content();

// @case two-arguments
content({ type: "text", text: "a" }, { type: "text", text: "b" });

// @case bad-in-array
try { content([{ type: "text", text: "kept" }, 5, { type: "text", text: "lost" }]); } catch (e) { text(e); }

// @case holes-in-array
try { content([{ type: "text", text: "kept" }, , { type: "text", text: "lost" }]); } catch (e) { text(e); }

// @case bad-uncaught
content({ type: "text" });

// @case call-tool-result
try { content({ content: [{ type: "text", text: "a" }] }); } catch (e) { text(e); }

// @case from-tool-result
const r = await tools.reading("result");
content(r.content);

// @case iterables
try { content(new Set([{ type: "text", text: "a" }])); } catch (e) { text(e); }
try { content([{ type: "text", text: "b" }].values()); } catch (e) { text(e); }

// @case array-likes
try { content({ 0: { type: "text", text: "a" }, length: 1 }); } catch (e) { text(e); }
try { (function () { content(arguments); })({ type: "text", text: "b" }); } catch (e) { text(e); }

// @case array-subclass-and-proxy
class A extends Array {}
content(A.from([{ type: "text", text: "sub" }])); content(new Proxy([{ type: "text", text: "proxied" }], {}));

// @case getters
content({ get type() { text("type read"); return "text"; }, get text() { text("text read"); return "value"; } });

// @case getter-throws
try { content({ get type() { throw new Error("getter"); } }); } catch (e) { text(typeof e); text(e.split("\n").slice(0, 2)); }

// @case to-json
try { content({ toJSON() { return { type: "text", text: "made" }; } }); } catch (e) { text(e); }

// @case cyclic-resource
const r = { type: "resource", resource: {} }; r.resource.self = r;
try { content(r); } catch (e) { text(typeof e); text(e.split("\n    at")[0]); }

// @case cyclic-text-block
const r = { type: "text", text: "cyclic" }; r.self = r;
try { content(r); } catch (e) { text(typeof e); text(e.split("\n    at")[0]); }

// @case poisoned-array-iterator
Array.prototype[Symbol.iterator] = function () { throw new Error("poisoned"); };
try { content([{ type: "text", text: "a" }]); } catch (e) { text(String(e)); }

// @case poisoned-helpers
const keep = content;
globalThis.text = () => { throw "no"; }; globalThis.image = () => { throw "no"; };
keep([{ type: "text", text: "a" }, { type: "image", data: "AA", mimeType: "image/png" }]);

// @case inherited-members
content(Object.create({ type: "text", text: "inherited" }));

// @case surrogates
content({ type: "text", text: "a\ud800b" }); content({ type: "resource", resource: { uri: "\udc00" } });

// @case resource-rules
const rest = [{}, { text: "t" }, { blob: "b" }, { text: "t", blob: "b" }, { text: 5 }, { blob: 5 }, { text: null, blob: "b" }, { text: 5, blob: "b" }, { text: "t", blob: 5 }, { text: "t", mimeType: 5 }, { text: "t", mimeType: null }, { text: "t", mimeType: "" }, { text: "t", extra: 5 }, { text: "t", _meta: 5 }, { text: "t", n: NaN }];
for (const fields of rest) try { content({ type: "resource", resource: { uri: "u", ...fields } }); } catch (e) { text(`${JSON.stringify(fields)} ${e}`); }
for (const resource of [undefined, null, "x", 5, [], {}, { text: "t" }, { uri: 5, text: "t" }, { uri: "", text: "" }]) try { content({ type: "resource", resource }); } catch (e) { text(`${JSON.stringify(resource)} ${e}`); }

// @case resource-link-rules
const rest = [{}, { name: "n" }, { name: 5 }, { name: null }, { name: "" }, { name: "n", title: 5 }, { name: "n", description: 5 }, { name: "n", description: null }, { name: "n", mimeType: 5 }, { name: "n", mimeType: null }, { name: "n", size: "x" }, { name: "n", size: null }, { name: "n", size: -1 }, { name: "n", size: 1.5 }, { name: "n", size: 2 ** 53 }, { name: "n", icons: 5 }, { name: "n", annotations: 5 }, { name: "n", _meta: 5 }, { name: "n", extra: [1] }];
for (const fields of rest) try { content({ type: "resource_link", uri: "u", ...fields }); } catch (e) { text(`${JSON.stringify(fields)} ${e}`); }
for (const uri of [undefined, null, 5, ""]) try { content({ type: "resource_link", uri, name: "n" }); } catch (e) { text(`${JSON.stringify(uri)} ${e}`); }

// @case media-rules
for (const type of ["image", "audio"])
  for (const fields of [{ data: "AA", mimeType: 5 }, { data: "AA", mimeType: null }, { data: "AA", mimeType: "" }, { data: "AA", mime_type: `${type}/x` }, { data: "AA", mime_type: 5 }, { data: "AA", mimeType: "a/b", mime_type: "c/d" }, { data: `data:${type}/x;base64,AA`, mimeType: "a/b" }, { data: "AA", annotations: 5 }, { data: "AA", _meta: 5 }, { data: "AA", _meta: { "codex/imageDetail": "LOW" } }, { data: "AA", extra: 1 }])
    try { content({ type, ...fields }); } catch (e) { text(`${type} ${JSON.stringify(fields)} ${e}`); }

// @case text-rules
for (const fields of [{ text: "t", annotations: 5 }, { text: "t", _meta: 5 }, { text: "t", extra: 1 }, { text: ["t"] }, { text: new String("boxed") }, { text: { toJSON: () => "made" } }, { text: undefined }])
  try { content({ type: "text", ...fields }); } catch (e) { text(`${JSON.stringify(fields)} ${e}`); }

// @case case-of-types
for (const type of ["Text", "TEXT", " text", "resource-link", "resourceLink", "embedded_resource"]) try { content({ type, text: "t", uri: "u", name: "n", resource: { uri: "u", text: "t" } }); } catch (e) { text(`${type}: ${e}`); }

// @case surrogate-in-text-block
try { content({ type: "text", text: "a\ud800b" }); } catch (e) { text(e); }

// @case content-link-details
for (const l of [{ size: 5 }, { size: 5.5 }, { size: -1 }, { size: 2 ** 40 }, { size: 2 ** 53 }, { size: 1e30 }, { size: "5" }, { size: null }, { title: "t" }, { title: 5 }, { description: "d", mimeType: "m" }, { mime_type: "m" }, { icons: [] }, { icons: [5] }, { icons: [{ src: "s" }] }, { icons: {} }, { icons: null }, { _meta: {} }, { _meta: 5 }, { annotations: 5 }, { annotations: { priority: 2 } }]) try { content({ type: "resource_link", uri: "u", name: "n", ...l }); } catch (e) { text(JSON.stringify(l) + String(e)); }

// @case content-media-details
for (const m of [{ data: "", mimeType: "image/png" }, { data: "AA", mimeType: "" }, { data: "AA", mimeType: null }, { data: "AA" }, { data: 5, mimeType: "image/png" }, { data: "AA", mimeType: "image/png", annotations: 5 }, { data: "AA", mimeType: "image/png", annotations: { lastModified: 5 } }, { data: "AA", mime_type: "image/png" }, { data: "data:image/png;base64,QQ", mimeType: "x" }, { data: "DATA:x", mimeType: "x" }, { data: "AA", mimeType: "image/png", _meta: 5 }]) for (const type of ["image", "audio"]) try { content({ type, ...m }); } catch (e) { text(type + JSON.stringify(m) + String(e)); }
