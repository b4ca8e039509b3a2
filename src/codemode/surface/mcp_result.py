"""The result of an MCP tool as a type: known by its schema, declared once for all tools."""

from __future__ import annotations

from typing import Final

from ..protocol.types import JsonValue

MCP_RESULT: Final = "CallToolResult"
MCP_TYPES: Final = """\
type Role = "user" | "assistant";
type MetaObject = { [key: string]: unknown; };
type Annotations = { audience?: Role[]; priority?: number; lastModified?: string; };
type Icon = { src: string; mimeType?: string; sizes?: string[]; theme?: "light" | "dark"; };
type TextResourceContents = { uri: string; mimeType?: string; _meta?: MetaObject; text: string; };
type BlobResourceContents = { uri: string; mimeType?: string; _meta?: MetaObject; blob: string; };
type TextContent = {
  type: "text"; text: string; annotations?: Annotations; _meta?: MetaObject;
};
type ImageContent = {
  type: "image"; data: string; mimeType: string; annotations?: Annotations; _meta?: MetaObject;
};
type AudioContent = {
  type: "audio"; data: string; mimeType: string; annotations?: Annotations; _meta?: MetaObject;
};
type ResourceLink = {
  type: "resource_link"; uri: string; name: string; title?: string; description?: string;
  mimeType?: string; size?: number; icons?: Icon[]; annotations?: Annotations; _meta?: MetaObject;
};
type EmbeddedResource = {
  type: "resource"; resource: TextResourceContents | BlobResourceContents;
  annotations?: Annotations; _meta?: MetaObject;
};
type ContentBlock = TextContent | ImageContent | AudioContent | ResourceLink | EmbeddedResource;
type CallToolResult<TStructured = { [key: string]: unknown }> = {
  _meta?: MetaObject; content: ContentBlock[]; isError?: boolean;
  structuredContent?: TStructured; [key: string]: unknown;
};"""
"""The types that ``CallToolResult`` needs; a description carries them once."""


def is_mcp_result(schema: JsonValue) -> bool:
    """Whether an output schema is that of an MCP tool's result."""
    properties = _member(schema, "properties")
    content = _member(properties, "content")
    types = (
        _member(content, "type"),
        _member(_member(content, "items"), "type"),
        _member(_member(properties, "isError"), "type"),
        _member(_member(properties, "_meta"), "type"),
    )
    return types == ("array", "object", "boolean", "object")


def _member(value: JsonValue, key: str) -> JsonValue:
    return value.get(key) if isinstance(value, dict) else None
