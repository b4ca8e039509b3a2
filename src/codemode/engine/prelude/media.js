// ---------------------------------------------------------------- images and audio

function schemeOf(url) {
  const colon = indexOf(url, ":");
  return colon < 0 ? "" : lower(slice(url, 0, colon));
}

function dataUrl(url, kind) {
  const scheme = schemeOf(url);
  if (scheme === "data") return checked(url);
  if (kind === "image" && (scheme === "http" || scheme === "https")) {
    throw "Tool call failed: remote image URLs are not supported in tool outputs. Pass a base64 data URI instead";
  }
  throw "Tool call failed: invalid " + kind + " output. Pass a base64 data URI instead";
}

const OCTETS = "application/octet-stream";

function blockUrl(data, mime) {
  return lower(slice(data, 0, 5)) === "data:" ? data : "data:" + mime + ";base64," + data;
}

function mediaData(block, kind) {
  const data = own(block, "data");
  if (typeof data !== "string" || data === "") throw kind + " expected MCP " + kind + " data";
  const mime = own(block, hasOwn(block, "mimeType") ? "mimeType" : "mime_type");
  return blockUrl(data, typeof mime === "string" && mime !== "" ? mime : OCTETS);
}

// The JSON image of a value as an object of its own, or undefined if it is no JSON object.
function asBlock(value) {
  const json = toJson(value), block = json === undefined ? undefined : parse(json);
  return isObject(block) && !isArray(block) ? block : undefined;
}

// The three shapes that image() and audio() take: a URL, an object with one, an MCP block.
function media(value, kind, shape) {
  if (typeof value === "string" && value !== "") return { url: value, detail: undefined };
  if (!isObject(value) || isArray(value)) throw shape;
  const url = value[kind + "_url"];
  if (url !== undefined) {
    if (typeof url !== "string" || url === "") throw shape;
    return { url, detail: kind === "image" ? value.detail : undefined };
  }
  const block = asBlock(value), type = block && own(block, "type");
  if (typeof type !== "string") throw shape;
  if (type !== kind) throw kind + " only accepts MCP " + kind + " blocks, got \"" + type + "\"";
  return { url: mediaData(block, kind), detail: blockDetail(block) };
}

function blockDetail(block) {
  const meta = own(block, "_meta"), detail = isObject(meta) ? own(meta, "codex/imageDetail") : undefined;
  return isDetail(detail) ? detail : undefined;
}

function isDetail(detail) { return detail === "auto" || detail === "low" || detail === "high" || detail === "original"; }

const IMAGE_SHAPE = "image expects a non-empty image URL string, an object with image_url and optional detail, or a raw MCP image block";
const AUDIO_SHAPE = "audio expects a non-empty audio URL string, an object with audio_url, or a raw MCP audio block";

function putImage(url, detail) { put(IMAGE, detail + "\n" + dataUrl(url, "image")); }

function image(value, detail) {
  const found = media(value, "image", IMAGE_SHAPE);
  if (typeof (found.detail ?? "") !== "string" || typeof (detail ?? "") !== "string") {
    throw "image detail must be a string when provided";
  }
  const chosen = lower(detail ?? found.detail ?? "high");
  if (!isDetail(chosen)) throw "image detail must be one of: auto, low, high, original";
  putImage(found.url, chosen);
}

function generatedImage(result) {
  if (!isObject(result)) throw "generatedImage expects an image generation result object";
  let hint;
  try {
    hint = result.output_hint;
  } catch {
    throw "failed to read generatedImage output_hint";
  }
  if (hint !== undefined && typeof hint !== "string") throw "generatedImage output_hint must be a string when provided";
  image(result);
  if (hint !== undefined) put(TEXT, checked(hint));
}

function putAudio(url) {
  const checkedUrl = dataUrl(url, "audio");
  if (isShortWav(checkedUrl)) {
    put(TEXT, "Audio output omitted because the clip is shorter than 25 ms; use a longer clip.");
  } else put(AUDIO, checkedUrl);
}

function audio(value) { putAudio(media(value, "audio", AUDIO_SHAPE).url); }

// Models cannot hear a clip of less than 25 ms. Only RIFF/WAVE with plain samples is measured;
// whatever cannot be read is passed on.
function isShortWav(url) {
  const comma = indexOf(url, ",");
  if (comma < 0 || !startsWith(url, "UklGR", comma + 1)) return false;  // "RIFF"
  if (indexOf(lower(slice(url, 0, comma)) + ";", ";base64;") < 0) return false;
  const data = slice(url, comma + 1);
  if (exec(new RegExpOf("\\s"), data) !== null) return false;  // fromBase64 would skip it
  let bytes;
  try {
    bytes = fromBase64(data, { __proto__: null, lastChunkHandling: "strict" });
  } catch {
    return false;
  }
  return isShortRiff(bytes, byteLength(bytes));
}

function isShortRiff(bytes, end) {
  const word = (at) => bytes[at] | bytes[at + 1] << 8;
  const long = (at) => (word(at) | word(at + 2) << 16) >>> 0;
  const name = (at) => fromCharCode(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
  if (name(0) !== "RIFF" || name(8) !== "WAVE") return false;
  let rate = 0, align = 0;
  for (let at = 12; at + 8 <= end;) {
    const size = long(at + 4), start = at + 8;
    if (name(at) === "fmt ") {
      if (size < 16 || start + size > end) return false;
      const format = word(start) === 0xfffe && size >= 40 ? subFormat(bytes, start + 24) : word(start);
      if (format !== 1 && format !== 3) return false;
      rate = long(start + 4);
      align = word(start + 12);
      if (rate === 0 || align === 0) return false;
    } else if (name(at) === "data") {
      const present = size < end - start ? size : end - start;
      return rate > 0 && trunc(present / align) / rate < 0.025;
    }
    at = start + size + size % 2;
  }
  return false;
}

// The GUID of an extensible format is a plain tag before a fixed tail.
const GUID_TAIL = [0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113];

function subFormat(bytes, at) {
  for (let i = 0; i < 14; i++) if (bytes[at + 2 + i] !== GUID_TAIL[i]) return 0;
  return bytes[at] | bytes[at + 1] << 8;
}

// ---------------------------------------------------------------- MCP blocks

const CONTENT_SHAPE = "content expects one MCP ContentBlock";

function isString(value) { return typeof value === "string"; }
function isNullish(value) { return value === undefined || value === null; }
function isOptional(object, key) { return isNullish(own(object, key)) || isString(object[key]); }

function isResource(resource) {
  return isObject(resource) && !isArray(resource) && isString(own(resource, "uri"))
  && (isString(own(resource, "text")) || isString(own(resource, "blob"))) && isOptional(resource, "mimeType");
}

// The reference reads it as a signed integer of 64 bits.
function isSize(size) { return isInteger(size) && size > -(2 ** 63) && size < 2 ** 63; }

function isLink(block) {
  return isString(own(block, "uri")) && isString(own(block, "name"))
  && isOptional(block, "title") && isOptional(block, "description") && isOptional(block, "mimeType")
  && (isNullish(own(block, "size")) || isSize(block.size))
  && (isNullish(own(block, "icons")) || isArray(block.icons));
}

function isMedia(block) {
  return isString(own(block, "data")) && isOptional(block, "mimeType") && isOptional(block, "mime_type")
  && !(hasOwn(block, "mimeType") && hasOwn(block, "mime_type"));
}

function emitBlock(value) {
  let block;
  try {
    block = asBlock(value);
  } catch (error) {
    throw asText(error);
  }
  if (block === undefined) throw CONTENT_SHAPE;
  const type = own(block, "type");
  if (type === "text" && isString(own(block, "text"))) put(TEXT, checked(block.text));
  else if ((type === "image" || type === "audio") && isMedia(block)) {
    const url = blockUrl(block.data, own(block, "mimeType") ?? own(block, "mime_type") ?? OCTETS);
    if (type === "image") putImage(url, blockDetail(block) ?? "high");
    else putAudio(url);
  } else if (type === "resource" && isResource(own(block, "resource")) || type === "resource_link" && isLink(block)) {
    put(TEXT, checked(stringify(block)));
  } else throw CONTENT_SHAPE;
}

function showBlocks(blockOrBlocks) {
  const iterate = isObject(blockOrBlocks) ? blockOrBlocks[iteratorKey] : undefined;
  if (typeof iterate !== "function") emitBlock(blockOrBlocks);
  else for (const block of { __proto__: null, [iteratorKey]: () => apply(iterate, blockOrBlocks, []) }) emitBlock(block);
}
