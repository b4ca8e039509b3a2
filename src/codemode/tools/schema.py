"""Schemas of arguments and results, made by pydantic of hints. Import it late: it imports pydantic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from ..errors import ToolDefinitionError
from .members import member_texts
from .signature import EMPTY, OMITTED, unresolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..protocol.types import JsonValue
    from .signature import CallableSignature, Parameter
    from .type_hints import Scope

_MODEL = "arguments of a tool"
"""The name of the model of the arguments: no class of an application has this name."""
REST: Final = "**"
"""The key under which the model of the arguments has what ``**kwargs`` takes."""


class _Schemas(GenerateJsonSchema):
    """What members are, said; no titles that only repeat names; no warnings of what is left out."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def bytes_schema(self, schema: Any) -> dict[str, Any]:
        found = super().bytes_schema(schema)
        if found.get("format") == "base64url":
            found.pop("format")
            found["contentEncoding"] = "base64"
        return found

    def dataclass_schema(self, schema: Any) -> dict[str, Any]:
        return _described(super().dataclass_schema(schema), schema["cls"])

    def model_schema(self, schema: Any) -> dict[str, Any]:
        return _described(super().model_schema(schema), schema["cls"])

    def typed_dict_schema(self, schema: Any) -> dict[str, Any]:
        return _described(super().typed_dict_schema(schema), schema.get("cls"))


def _described(schema: dict[str, Any], cls: type | None) -> dict[str, Any]:
    """``schema`` with the author's descriptions in ``cls`` of members that no ``Field`` describes."""
    silent = [key for key, each in schema.get("properties", {}).items() if not _says(each)]
    if cls is None or cls.__qualname__ == _MODEL or not silent:
        return schema
    texts = member_texts(cls)
    told = {
        key: {**schema["properties"][key], "description": texts[key]}
        for key in silent
        if texts.get(key)
    }
    return {**schema, "properties": {**schema["properties"], **told}} if told else schema


def _says(schema: Any) -> bool:
    return bool(schema.get("description"))


def output_schema(name: str, signature: CallableSignature) -> JsonValue:
    """The JSON Schema of the result; None where there is no usable hint.

    Raises:
        ToolDefinitionError: the hint names something unknown.
    """
    hint = signature.returns
    if hint in (EMPTY, Any, None, type(None)):
        return None
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint)
        adapter.rebuild(force=True, _types_namespace=_namespace(signature.scope))
        found = adapter.json_schema(mode="serialization", schema_generator=_Schemas)
    except NameError as error:
        raise unresolved(name, "the return annotation", error) from error
    except (PydanticUserError, PydanticInvalidForJsonSchema):
        return None  # no JSON Schema for it; its values may still have a JSON form
    return found or None


def model_of(
    name: str, signature: CallableSignature, descriptions: Mapping[str, str]
) -> type[BaseModel]:
    """A model with a field ``p<index>`` for each argument, with the script's name as alias.

    Raises:
        ToolDefinitionError: a hint has no JSON form, or names something unknown.
    """
    fields: dict[str, Any] = {
        f"p{index}": _field(parameter, descriptions.get(parameter.name))
        for index, parameter in enumerate(signature.parameters)
        if parameter.source == "argument"
    }
    extra: Any = signature.extra
    if extra is not EMPTY:
        fields["rest"] = (dict[str, extra], Field(alias=REST))
    # Dataclasses and TypedDicts inside have no configuration and so follow this one.
    config = ConfigDict(extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")
    try:
        model: type[BaseModel] = create_model(
            _MODEL, __config__=config, __module__=signature.scope.module, **fields
        )
        model.model_rebuild(force=True, _types_namespace=_namespace(signature.scope))
    except NameError as error:
        raise unresolved(name, "a parameter", error) from error
    except Exception as error:
        raise _no_schema(name, error) from error
    return model


def _field(parameter: Parameter, description: str | None) -> tuple[Any, Any]:
    """The annotation and default of a parameter; what the author wrote wins."""
    metadata = get_args(parameter.hint)[1:] if get_origin(parameter.hint) is Annotated else ()
    options: dict[str, Any] = {}
    written = [*metadata, parameter.default]
    infos = [item for item in written if isinstance(item, FieldInfo)]
    if not any(info.alias or info.validation_alias for info in infos):
        options["alias"] = parameter.name
    if not any(info.description for info in infos):
        told = next(filter(None, map(_told, metadata)), description)
        if told:
            options["description"] = told
    hint = Annotated[parameter.hint, Field(**options)] if options else parameter.hint
    if parameter.default is EMPTY:
        has_own = any(not info.is_required() for info in infos)
        return (hint, next(i for i in infos if not i.is_required())) if has_own else (hint, ...)
    if parameter.default is OMITTED:
        return hint, Field(default=None, json_schema_extra=_without_default)
    return hint, parameter.default


def _told(item: object) -> str | None:
    """The description in ``Annotated[int, "…"]`` or ``Annotated[int, Doc("…")]``."""
    text = item if isinstance(item, str) else getattr(item, "documentation", None)
    return text if isinstance(text, str) else None


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def input_schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of the arguments of tool ``name``.

    Raises:
        ToolDefinitionError: a parameter has no JSON form.
    """
    try:
        schema = model.model_json_schema(schema_generator=_Schemas)
    except Exception as error:
        raise _no_schema(name, error) from error
    rest = schema["properties"].pop(REST, None)
    if rest is not None:
        schema["additionalProperties"] = rest["additionalProperties"]
        schema["required"] = [key for key in schema["required"] if key != REST]
        if not schema["required"]:
            del schema["required"]
    schema.pop("title", None)
    return schema


def _no_schema(name: str, error: Exception) -> ToolDefinitionError:
    reason = str(error).partition("\n")[0].partition(" Set `arbitrary")[0]
    return ToolDefinitionError(
        f"tool `{name}`: a parameter has no JSON form: {reason}"
        "\nHint: use JSON-like types, dataclasses, TypedDicts or pydantic models as hints."
    )


def _namespace(scope: Scope) -> dict[str, Any]:
    return {**scope.globals, **scope.locals}


def is_open(model: type[BaseModel]) -> bool:
    """Whether a type in it accepts unknown members by its own configuration."""
    open_ = {"allow", "ignore"}
    return any(
        {part.get("extra_fields_behavior"), part.get("extra_behavior")} & open_
        for part in _parts(model)
    )


def is_lazy(model: type[BaseModel]) -> bool:
    """Whether a type in it is validated only while it is iterated."""
    return any(part.get("type") == "generator" for part in _parts(model))


def _parts(model: type[BaseModel]) -> Iterator[dict[str, Any]]:
    """The types inside a model, as pydantic writes them down."""
    pending: list[Any] = [model.__pydantic_core_schema__]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            yield part
            pending.extend(v for k, v in part.items() if k != "default")
        elif isinstance(part, list | tuple):
            pending.extend(part)
