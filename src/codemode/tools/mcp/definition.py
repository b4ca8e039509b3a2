"""A tool as its server describes it, made a definition.

A tool with a name and a schema for an object is kept, whatever stands beside these: what is odd there is
left out and told. The texts are a stranger's; no control character in one reaches a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ...lazy_pattern import lazy_pattern
from ...protocol.types import ToolDefinition
from ...surface.text import without_controls, without_hidden

if TYPE_CHECKING:
    from ...protocol.types import JsonValue
    from .naming import Named

NAME_CHARACTERS: Final = 256
AT_ONCE_TOOLS: Final = 50
"""So many tools of a list are read, or made, in the event loop; those of a longer one outside of it."""

_COMBINATORS: Final = ("$ref", "allOf", "anyOf", "oneOf")
_CONTROL: Final = lazy_pattern(
    rb"\\u00[0189][0-9a-f]|\\[rbf]|\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]"
    rb"|\xf3\xa0[\x80\x81]|\\u00[7]f"
)
"""What :func:`without_controls` would change, in JSON as UTF-8."""


class UnfitError(Exception):
    """A tool cannot be used; the text goes on behind its name."""


@dataclass(slots=True)
class Described:
    """What of a tool's description is used.

    Attributes:
        name: the server's own name of it.
        description: the server's description.
        input_schema: of its arguments, an object's.
        output_schema: of its structured content, or None.
        annotations: its hints, as far as they are hints.
        odd: the members that are not used.
    """

    name: str
    description: str = ""
    input_schema: JsonValue = None
    output_schema: JsonValue = None
    annotations: dict[str, JsonValue] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)


def described(said: Any) -> Described:
    """What can be used of ``said``, one member of a list of tools.

    Raises:
        UnfitError: nothing can.
    """
    if not isinstance(said, Mapping):
        raise UnfitError("is no object")
    name = said.get("name")
    if not isinstance(name, str) or not name.strip():
        raise UnfitError("has no name")
    if len(name) > NAME_CHARACTERS:
        raise UnfitError(f"has a name of more than {NAME_CHARACTERS} characters")
    found = Described(name)
    found.input_schema = _input_schema(said, found.odd)
    annotations = _member(said, "annotations", Mapping, found.odd) or {}
    found.annotations = {
        key: value
        for key, value in annotations.items()
        if isinstance(value, str if key == "title" else bool)
    }
    titles = (_member(said, "title", str, found.odd), found.annotations.get("title"))
    descriptions = (_member(said, "description", str, found.odd), *titles)
    found.description = next((each for each in descriptions if isinstance(each, str) and each), "")
    found.output_schema = _member(said, "outputSchema", Mapping, found.odd)
    return found


def definition(server: str, tool: Described, named: Named) -> ToolDefinition:
    """The definition of a tool of ``server`` under the name that it was given."""
    description = tool.description
    if any(each.isalnum() and not each.isascii() for each in tool.name):
        own = " ".join(without_controls(tool.name).split())  # letters that an identifier has not
        description = f"{own}: {description}" if description else own
    return ToolDefinition(
        name=named.public,
        tool_name=named.tool_name,
        description=description,
        input_schema=tool.input_schema,
        output_schema=_UNSTRUCTURED
        if tool.output_schema is None
        else result_schema(tool.output_schema),
        annotations=tool.annotations,
        source=f"mcp {server}",
    )


def result_schema(structured: JsonValue = None) -> dict[str, Any]:
    """The schema of a tool's whole result, around that of its structured content.

    Definitions move to the root, where their references look for them.
    """
    properties: dict[str, Any] = {
        "content": {"type": "array", "items": {"type": "object"}},
        "isError": {"type": "boolean"},
        "_meta": {"type": "object"},
    }
    found: dict[str, Any] = {"type": "object", "properties": properties, "required": ["content"]}
    if isinstance(structured, dict):
        properties["structuredContent"] = structured
        found |= {key: structured[key] for key in ("$defs", "definitions") if key in structured}
    return found


_UNSTRUCTURED: Final = result_schema()
"""The result schema of tools whose servers declare none."""


def without_control_texts(said: Any, encoded: bytes) -> Any:
    """``said`` with no control character in what it is described by.

    Args:
        said: a tool.
        encoded: the same as JSON; most tools need no second look.
    """
    return _cleaned(said) if _CONTROL.search(encoded) else said


def _cleaned(said: Any) -> Any:
    """Without recursion: how deep a schema is, is the server's choice.

    A value that the server compares keeps its line ends, which JSON writes as escapes.
    """
    root = [said]
    left: list[Any] = [root]
    while left:
        each = left.pop()
        pairs = list(each.items() if isinstance(each, dict) else enumerate(each))
        if isinstance(each, dict):
            each.clear()
        for name, value in pairs:
            key = without_hidden(name) if isinstance(name, str) else name
            if isinstance(value, dict | list):
                each[key] = value.copy()
                left.append(each[key])
            elif isinstance(value, str):
                is_prose = name in ("description", "title", "$comment")
                each[key] = without_controls(value) if is_prose else without_hidden(value)
            else:
                each[key] = value
    return root[0]


def _input_schema(said: Mapping[str, Any], odd: list[str]) -> JsonValue:
    """The schema of the arguments, which are an object."""
    key = next((key for key in ("inputSchema", "input_schema") if key in said), "inputSchema")
    schema = said.get(key)
    if schema is None or schema is True:  # it takes anything, and so nothing
        odd.append("inputSchema")
        return {"type": "object"}
    if not isinstance(schema, dict):
        raise UnfitError("has a malformed schema")
    kind = schema.get("type")
    if kind is None and any(each in schema for each in _COMBINATORS):
        return schema
    kinds = kind if isinstance(kind, list) else [kind]
    if kind is not None and "object" not in (str(each).lower() for each in kinds):
        raise UnfitError("takes something else than an object")
    return schema if kind == "object" else {**schema, "type": "object"}


def _member(said: Mapping[str, Any], key: str, kind: type, odd: list[str]) -> Any:
    value = said.get(key)
    if value is None or isinstance(value, kind):
        return value
    odd.append(key)
    return None
