"""Results of tools that are an image or a sound: they reach the script as an MCP content block."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing import Self

    from ..protocol.types import ImageDetail


@dataclass(frozen=True, slots=True)
class MediaResult:
    """Bytes with a MIME type."""

    kind: ClassVar[str]

    data: bytes
    mime_type: str

    def block(self) -> dict[str, Any]:
        """The MCP content block."""
        encoded = base64.b64encode(self.data).decode("ascii")
        return {"type": self.kind, "data": encoded, "mimeType": self.mime_type}

    @classmethod
    def from_block(cls, block: Any) -> Self:
        """The value for an MCP content block.

        Raises:
            ValueError: it is no such block.
        """
        if isinstance(block, cls):
            return block
        if not isinstance(block, dict) or block.get("type") != cls.kind:
            raise ValueError(f"should be an MCP {cls.kind} block")
        data, mime_type = block.get("data"), block.get("mimeType")
        if not isinstance(data, str) or not isinstance(mime_type, str):
            raise ValueError(f"should be an MCP {cls.kind} block with data and mimeType")  # noqa: TRY004 - pydantic wants it
        return cls(base64.b64decode(data, validate=True), mime_type)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        from pydantic_core import core_schema  # noqa: PLC0415 - only when pydantic asks

        return core_schema.no_info_plain_validator_function(
            cls.from_block,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.block),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "type": {"const": cls.kind, "type": "string"},
                "data": {"type": "string", "contentEncoding": "base64"},
                "mimeType": {"type": "string"},
            },
            "required": ["type", "data", "mimeType"],
        }


@dataclass(frozen=True, slots=True)
class Image(MediaResult):
    """An image as a tool's result: the script hands it to ``image()``.

    Args:
        data: the file's bytes; they are not looked at.
        mime_type: what they are.
        detail: how closely the model should look.

    Example:
        >>> Image(b"hi", "image/png").block()
        {'type': 'image', 'data': 'aGk=', 'mimeType': 'image/png'}
    """

    kind = "image"

    mime_type: str = "image/png"
    detail: ImageDetail | None = None

    def block(self) -> dict[str, Any]:
        """The MCP image block, with the detail where the reference looks for it."""
        found = MediaResult.block(self)
        if self.detail is not None:
            found["_meta"] = {"codex/imageDetail": self.detail}
        return found


@dataclass(frozen=True, slots=True)
class Audio(MediaResult):
    """A sound as a tool's result: the script hands it to ``audio()``.

    Args:
        data: the file's bytes; they are not looked at.
        mime_type: what they are.
    """

    kind = "audio"

    mime_type: str = "audio/wav"
